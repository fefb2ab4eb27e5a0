"""Shared by the corpus generators: write a corpus and its entry in index.json, or check both."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def finish(name: str, description: str, text: str, arguments: list[str], file: str = "", task: str = "language") -> int:
    """Write NAME.txt, or `file`, and its entry, or with --check only compare them. Return the exit status.

    A table has its rows counted, any other text its characters.
    """
    if arguments not in ([], ["--check"]):
        print(f"usage: make_{name}.py [--check]", file=sys.stderr)
        return 2
    index = HERE / "index.json"
    entries = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    entry: dict[str, object] = {"description": description}
    if file.endswith((".tsv", ".csv")):
        entry["rows"] = text.count("\n") - 1
    else:
        entry["characters"] = len(text)
    entry |= {"file": file} if file else {}
    entry |= {"task": task} if task != "language" else {}
    target = HERE / (file or f"{name}.txt")
    if arguments:
        same = target.exists() and target.read_bytes() == text.encode("utf-8") and entries.get(name) == entry
        print(f"{target.name} is {'up to date' if same else 'out of date: run this program without --check'}")
        return 0 if same else 1
    entries[name] = entry
    target.write_bytes(text.encode("utf-8"))
    index.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{target.name}: {len(text):,} characters, {len(set(text))} distinct")
    return 0
