"""Shared by the programs that make tables of numbers: chance, and writing a table with its entry in index.json."""

import json
import math
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent


def between(chance: random.Random, low: float, high: float) -> float:
    """Return a number that is uniform from `low` to `high`."""
    return low + (high - low) * chance.random()


def normal(chance: random.Random) -> float:
    """Return a number from the standard normal distribution (Box-Muller)."""
    radius = math.sqrt(-2 * math.log(1 - chance.random()))
    return radius * math.cos(2 * math.pi * chance.random())


def table_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return CSV without quotes: no cell needs any."""
    return "".join(",".join(map(str, row)) + "\n" for row in (header, *rows))


def finish_table(
    name: str,
    task: str,
    description: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    arguments: list[str],
) -> int:
    """Write NAME.csv and its entry in index.json, or with --check only compare them. Return the exit status."""
    if arguments not in ([], ["--check"]):
        print(f"usage: make_{name}.py [--check]", file=sys.stderr)
        return 2
    index = HERE / "index.json"
    entries = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    target = HERE / f"{name}.csv"
    entry = {"description": description, "rows": len(rows), "task": task, "file": target.name}
    data = table_text(header, rows).encode("ascii")
    if arguments:
        same = target.exists() and target.read_bytes() == data and entries.get(name) == entry
        print(f"{target.name} is {'up to date' if same else 'out of date: run this program without --check'}")
        return 0 if same else 1
    entries[name] = entry
    target.write_bytes(data)
    index.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{target.name}: {len(rows):,} rows of {', '.join(header)}")
    return 0
