"""Peak memory of the screen: the real program in a pseudo-terminal, training at full speed.

Measured is the peak resident memory of the process as Linux reports it (VmHWM), including shared libraries. Kernels
are compiled by short-lived helper processes, which are counted separately.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import BenchmarkError, Children
from reporting import machine, main_guard, note, positive, spread, table, tell
from startup import COLUMNS, ROWS, program
from terminal import Terminal

if TYPE_CHECKING:
    from rich.table import Table

FAMILIES = ("lstm", "gru", "rnn", "attention", "feedforward")
DEFAULT = "lstm"  # the model the screen trains by default; the target applies to it
TARGET = 350e6  # bytes
TRAINS, WARM_TIMEOUT, COLD_TIMEOUT = r"step +[1-9]", 60.0, 300.0
EVERY = 0.1  # seconds between readings
PROC = Path("/proc")


def peak_memory(process: int) -> int | None:
    """Return the peak resident memory of a process in bytes; None if it has ended."""
    try:
        lines = (PROC / str(process) / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None  # an exiting process has no memory left


def children_of(process: int) -> list[int]:
    """Return the ids of the running child processes of `process`."""
    with contextlib.suppress(OSError):
        tasks = (PROC / str(process) / "task").glob("*/children")
        return [int(word) for task in tasks for word in task.read_text(encoding="ascii").split()]
    return []


class Peaks:
    """Peak memory so far in bytes: of the program, and of its helper processes together."""

    def __init__(self) -> None:
        self.program, self.helpers = 0, 0

    def look(self, process: int) -> None:
        """Update both peaks from the current readings."""
        self.program = max(self.program, peak_memory(process) or 0)
        helpers = sum(peak_memory(child) or 0 for child in children_of(process))
        self.helpers = max(self.helpers, helpers)


def measure(children: Children, family: str, arguments: argparse.Namespace, cold: bool) -> Peaks:
    """Train with the screen for `arguments.seconds` from the first step. Raises BenchmarkError."""
    peaks = Peaks()
    with tempfile.TemporaryDirectory(prefix="seqtui-benchmark-", ignore_cleanup_errors=True) as folder:
        environment = {"SEQTUI_RUNS_DIR": str(Path(folder) / "runs")}
        if cold:
            environment["SEQTUI_CACHE_DIR"] = str(Path(folder) / "cache")
        command = [*program(), arguments.corpus, "--model", family]
        with Terminal(children, command, COLUMNS, ROWS, environment) as terminal:
            limit, trains = COLD_TIMEOUT if cold else WARM_TIMEOUT, False
            until = time.monotonic() + limit
            while time.monotonic() < until:
                peaks.look(terminal.process.pid)
                if not trains and terminal.find_last(TRAINS):
                    trains, until = True, time.monotonic() + arguments.seconds
                terminal.wait_for("(?!)", EVERY)  # never matches: a sleep that notices an early exit
            if not trains:
                raise BenchmarkError(f"no training step within {limit:g} s: {terminal.last_words()}")
    return peaks


def row(family: str, cold: bool, found: Sequence[Peaks]) -> dict[str, Any]:
    """Return the JSON row of all runs of one kind, in bytes; with the target for the default model."""
    entry: dict[str, Any] = {"family": family, "cold": cold, **spread([peaks.program for peaks in found])}
    entry["helpers"] = max(peaks.helpers for peaks in found)
    if family == DEFAULT:
        entry |= {"target": TARGET, "reached": entry["most"] <= TARGET}
    return entry


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table with one row per model and kind of start, and a note."""
    made = table("screen", "median MB", "min", "max", "compilers", "target")
    for entry in document["rows"]:
        name = f"{entry['family']}, {'cold' if entry['cold'] else 'warm'}"
        cells = [f"{entry[key] / 1e6:.0f}" for key in ("median", "least", "most")]
        cells.append(f"{entry['helpers'] / 1e6:.0f}" if entry["helpers"] else "–")
        target = (
            f"{entry['target'] / 1e6:.0f}: {'reached' if entry['reached'] else 'missed'}" if "target" in entry else "–"
        )
        made.add_row(name, *cells, target)
    yield made
    yield (
        f"peak resident memory over {document['seconds']:g} s of training with the screen at "
        f"{COLUMNS}x{ROWS}; cold: all kernels are compiled first"
    )


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Peak memory of the screen while it trains.")
    add = parser.add_argument
    add("--model", nargs="+", choices=FAMILIES, default=[DEFAULT], metavar="NAME",
        help=f"{', '.join(FAMILIES)}; default: {DEFAULT}, to which the target applies")  # fmt: skip
    add("--corpus", default="tales", help="corpus to train on; default: the sample corpus tales")
    add("--seconds", type=positive(float), default=30.0, help="seconds of training per run; default 30")
    add("--runs", type=positive(int), default=3, help="warm starts; default 3")
    add("--cold-runs", type=int, choices=range(21), default=1, metavar="N", help="cold starts, 0 to 20; default 1")
    add("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(words)


def main() -> None:
    arguments = parse()
    if not (PROC / "self" / "status").exists():
        raise BenchmarkError("peak memory is read from /proc: this benchmark needs Linux")
    found, rows = machine(), []
    with Children() as children:
        note("compiling kernels that are not cached")
        children.run([*program(), "warmup"], COLD_TIMEOUT)
        for family in dict.fromkeys(arguments.model):
            for cold, runs in ((False, arguments.runs), (True, arguments.cold_runs)):
                if runs:
                    note(f"{family}, {'cold' if cold else 'warm'}, {runs} x {arguments.seconds:g} s")
                    rows.append(row(family, cold, [measure(children, family, arguments, cold) for _ in range(runs)]))
    document = {"benchmark": "memory", "machine": found, "seconds": arguments.seconds, "rows": rows}
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
