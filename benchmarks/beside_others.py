"""What a training keeps of its quiet speed beside other programs: a busy process, a second training, a full machine.

The situations take turns within a round, quiet ones among them, and every other round goes backwards.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import Case, recurrent
from processes import BenchmarkError, Children, Worker
from reporting import against, cores, machine, main_guard, note, table, tell
from sides import MOST, START, WORKER, add_rounds, parsed, threads_told

if TYPE_CHECKING:
    from rich.table import Table

BUSY = str(Path(__file__).with_name("busy.py"))
CASES = {
    "lstm256": recurrent("lstm", (256, 32, 64)),
    "lstm64": recurrent("lstm", (64, 16, 64)),
    "gru256": recurrent("gru", (256, 32, 64)),
}
QUIET = "quiet"
SITUATIONS = {
    "free": "one busy process, free to move",
    "pinned": "one busy process, on one core",
    "two": "two trainings, each",
    "full": "a busy process on every core",
}
OF_FAIR, TWO, FULL = 0.8, 0.45, 0.4  # targets: of the fair share beside one process; of the quiet speed
QUICK = 1.2  # seconds


def targets(count: int) -> dict[str, float]:
    """Return the share of the quiet speed to keep in each situation, on `count` cores.

    One busy process takes half of one core if all get the same: a training with a thread per core keeps the rest.
    """
    one = OF_FAIR * (count - 0.5) / count
    return {"free": one, "pinned": one, "two": TWO, "full": FULL}


@dataclass
class Row:
    """The measurements of one case: steps per second by situation, a list per round."""

    name: str
    case: Case
    rates: dict[str, list[list[float]]] = field(default_factory=dict)

    def result(self) -> dict[str, Any]:
        """Return the JSON row; what is kept is relative to the quiet speed of the same round."""
        quiet = [rate for (rate,) in self.rates[QUIET]]
        kept = {
            situation: [rate / before for rates, before in zip(rounds, quiet, strict=True) for rate in rates]
            for situation, rounds in self.rates.items() if situation != QUIET
        }  # fmt: skip
        return {
            "name": self.name, "case": str(self.case), "quiet_per_second": statistics.median(quiet),
            "kept": {situation: statistics.median(values) for situation, values in kept.items()},
            "least": {situation: min(values) for situation, values in kept.items()}, "rates": self.rates,
        }  # fmt: skip


class Neighbours:
    """Two trainings, and as many busy processes as a situation needs."""

    def __init__(self, children: Children, families: Sequence[str], arguments: argparse.Namespace) -> None:
        self._children, self.rounds = children, arguments.rounds
        self.seconds = arguments.seconds / arguments.rounds
        self._both = [Worker(children, "our worker", [sys.executable, WORKER, "ours"]) for _ in range(2)]
        most = min(worker.ask(START, do="hello", families=list(families))["threads"] for worker in self._both)
        self.threads = min(most, arguments.threads or most)
        self.cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
        self.situations = [name for name in (QUIET, *SITUATIONS) if self.cores or name != "pinned"]

    def measure(self, name: str, case: Case) -> Row:
        """Measure all situations in alternation. Raises BenchmarkError."""
        row = Row(name, case)
        for worker in self._both:
            self._train([worker], case, 0.0)  # the first steps, which are slower
        for number in range(self.rounds):
            for situation in self.situations if number % 2 == 0 else self.situations[::-1]:
                row.rates.setdefault(situation, []).append(self._rates(situation, case))
        return row

    def _rates(self, situation: str, case: Case) -> list[float]:
        """Return the steps per second of each training in a situation."""
        match situation:
            case "free":
                places: list[int | None] = [None]
            case "pinned":
                places = [self.cores[-1]]
            case "full":
                places = list(self.cores) or [None] * cores()
            case _:
                places = []
        with self._busy(places):
            return self._train(self._both if situation == "two" else self._both[:1], case, self.seconds)

    def _train(self, workers: Sequence[Worker], case: Case, seconds: float) -> list[float]:
        """Return the steps per second of all `workers` while they train at once."""
        model, training = case.model.to_dict(), case.training.to_dict()
        for worker in workers:
            worker.send(do="rate", threads=self.threads, seconds=seconds, model=model, training=training)
        return [worker.answer(seconds + MOST)["rate"] for worker in workers]

    @contextmanager
    def _busy(self, places: Sequence[int | None]) -> Iterator[None]:
        """Keep a core busy per place, a number or None for any, while the block runs."""
        started = []
        try:
            for core in places:
                words = [sys.executable, BUSY, str(os.getpid()), *([] if core is None else [str(core)])]
                started.append(self._children.start(words, stdout=subprocess.PIPE))
            for process in started:
                assert process.stdout is not None  # a pipe
                if not process.stdout.readline():
                    raise BenchmarkError("a busy process has exited")
            yield
        finally:
            for process in started:
                self._children.end(process)
                if process.stdout is not None:
                    process.stdout.close()


def summary(rows: Sequence[dict[str, Any]], count: int) -> dict[str, dict[str, Any]]:
    """Return, by situation, the least that any model keeps, on `count` cores, and whether that reaches the target."""
    found = {}
    for situation, target in targets(count).items():
        kept = [row["kept"][situation] for row in rows if situation in row["kept"]]
        if kept:
            found[situation] = {"least": min(kept), "target": target, "reached": min(kept) >= target}
    return found


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table with one row per model, and a line per situation with its target."""
    situations = list(document["summary"])
    made = table("H, B, T", "quiet steps/s", *(SITUATIONS[name] for name in situations))
    for row in document["rows"]:
        kept = (f"{row['kept'][name]:.0%}" for name in situations)
        made.add_row(row["case"], f"{row['quiet_per_second']:,.1f}", *kept)
    yield made
    for name, entry in document["summary"].items():
        told = against(100 * entry["least"], round(100 * entry["target"], 1), "%")
        yield f"{SITUATIONS[name]}: at least {entry['least']:.0%} of the quiet speed ({told})"
    yield f"{threads_told(document['threads'])} a training, on {document['machine']['cores']} cores"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="What a training keeps of its quiet speed beside other programs.")
    parser.add_argument("--model", nargs="+", choices=CASES, default=list(CASES), metavar="NAME",
                        help=f"{', '.join(CASES)}; default: all")  # fmt: skip
    add_rounds(parser, 6.0, "situation", QUICK)
    return parsed(parser, words)


def main() -> None:
    arguments = parse()
    found = machine()
    chosen = {name: CASES[name] for name in arguments.model}
    with Children() as children:
        neighbours = Neighbours(children, sorted({case.family for case in chosen.values()}), arguments)
        rows = []
        for name, case in chosen.items():
            note(f"measuring {case}")
            rows.append(neighbours.measure(name, case).result())
    document = {
        "benchmark": "beside_others", "machine": found, "threads": neighbours.threads, "seconds": arguments.seconds,
        "rounds": arguments.rounds, "rows": rows, "summary": summary(rows, found["cores"]),
    }  # fmt: skip
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
