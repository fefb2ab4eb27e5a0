"""Generation speed of one stream, one sampled character at a time, compared with PyTorch in the same run.

Each side runs in its own processes, which block on a pipe while another one computes; rounds alternate between them.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cases import Case, recipe, recurrent
from processes import Children
from reporting import machine, main_guard, note, table, tell
from sides import NO_PYTORCH, Sides, add_arguments, medians, parsed, ratio, threads_told

if TYPE_CHECKING:
    from rich.table import Table

CASES = {  # by the name on the command line
    "rnn256": recurrent("rnn", (256, 1, 1)),
    "gru256": recurrent("gru", (256, 1, 1)),
    "lstm128": recurrent("lstm", (128, 1, 1)),
    "lstm256": recurrent("lstm", (256, 1, 1)),
    "lstm512": recurrent("lstm", (512, 1, 1)),
    "attention": recipe(),
}
TARGETS = {"lstm": 10.0}  # speed relative to PyTorch
TARGET = 5.0  # for the other families
WAYS = (0, 1)  # PyTorch implementations: the one that targets refer to, and a faster one


@dataclass
class Row:
    """The measurements of one case: characters per second, one value per round."""

    name: str
    case: Case
    ours: list[float] = field(default_factory=list)
    pytorch: dict[str, dict[int, list[float]]] = field(default_factory=dict)  # by implementation and thread count

    def result(self) -> dict[str, Any]:
        """Return the JSON row. Each PyTorch implementation is represented by its faster thread count."""
        found: dict[str, Any] = {
            "name": self.name, "family": self.case.family, "hidden": self.case.model.hidden,
            "ours_per_second": statistics.median(self.ours), "ours_rounds": self.ours, "pytorch": {},
        }  # fmt: skip
        for way, by_threads in self.pytorch.items():
            rates = medians(by_threads)
            best = max(rates, key=lambda threads: rates[threads])
            found["pytorch"][way] = {
                "per_second": rates[best], "threads": best, "ratio": ratio(self.ours, by_threads[best]),
                "rounds": by_threads,
            }  # fmt: skip
        if found["pytorch"]:
            first = next(iter(found["pytorch"].values()))
            target = TARGETS.get(self.case.family, TARGET)
            found |= {"ratio": first["ratio"], "target": target, "reached": first["ratio"] >= target}
        return found


def measure(sides: Sides, name: str, case: Case) -> Row:
    """Measure ours (always one thread) and PyTorch (every implementation and thread count) in alternation."""
    row, model = Row(name, case), case.model.to_dict()
    for side, threads in sides.turns([1]):
        if side == "ours":
            row.ours.append(sides.ask(side, threads, do="write", model=model)["rate"])
            continue
        for way in WAYS:
            found = sides.ask(side, threads, do="write", model=model, way=way)
            row.pytorch.setdefault(found["way"], {}).setdefault(threads, []).append(found["rate"])
    return row


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table with one row per model, and a note on PyTorch."""
    theirs = ["PyTorch", "method", "ratio", "target", "faster way", "method", "ratio"] if document["pytorch"] else []
    made = table("characters/s", "ours", *theirs)
    for row in document["rows"]:
        cells = [f"{row['ours_per_second']:,.0f}"]
        for number, (way, found) in enumerate(row["pytorch"].items()):
            cells += [
                f"{found['per_second']:,.0f}",
                f"{way}, {threads_told(found['threads'])}",
                f"{found['ratio']:.1f}x",
            ]
            if number == 0:
                cells.append(f"{row['target']:g}x: {'reached' if row['reached'] else 'missed'}")
        made.add_row(row["name"], *cells)
    yield made
    yield f"PyTorch {document['pytorch']}, with its faster thread count" if document["pytorch"] else NO_PYTORCH


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Generation speed of one stream, compared with PyTorch.")
    parser.add_argument("--model", nargs="+", choices=CASES, default=list(CASES), metavar="NAME",
                        help=f"{', '.join(CASES)}; default: all")  # fmt: skip
    add_arguments(parser, 2.0)
    return parsed(parser, words)


def main() -> None:
    arguments = parse()
    found = machine()
    chosen = {name: CASES[name] for name in arguments.model}
    with Children() as children:
        sides = Sides(children, sorted({case.family for case in chosen.values()}), arguments)
        rows = []
        for name, case in chosen.items():
            note(f"measuring {name}")
            rows.append(measure(sides, name, case).result())
    document = {"benchmark": "generation", "machine": found, "pytorch": sides.version, "threads": sides.threads,
                "seconds": arguments.seconds, "rounds": arguments.rounds, "rows": rows}  # fmt: skip
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
