"""What the programs that make corpora share: writing a corpus and its line of index.json, or checking both."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def finish(name: str, description: str, text: str, arguments: list[str]) -> int:
    """Writes NAME.txt and its entry, or with --check only compares them. Returns the exit status."""
    if arguments not in ([], ["--check"]):
        print(f"usage: make_{name}.py [--check]", file=sys.stderr)
        return 2
    index = HERE / "index.json"
    entries = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    entry = {"description": description, "characters": len(text)}
    target = HERE / f"{name}.txt"
    if arguments:
        same = target.exists() and target.read_bytes() == text.encode("ascii") and entries.get(name) == entry
        print(f"{target.name} is {'as it is made' if same else 'not what is made: run this program without --check'}")
        return 0 if same else 1
    entries[name] = entry
    target.write_bytes(text.encode("ascii"))
    index.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{target.name}: {len(text):,} characters, {len(set(text))} distinct")
    return 0
