"""The most memory that the screen takes: the real program in a pseudo-terminal, training at full speed.

Resident memory at its highest, as Linux counts it for the process (VmHWM): shared libraries are in it. Where kernels
have to be compiled, other processes do it: they are counted apart, as they go when they are done.
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
DEFAULT = "lstm"  # what the screen trains where nothing is said: the target is for that one
TARGET = 350e6  # bytes
TRAINS, WARM_TIMEOUT, COLD_TIMEOUT = r"step +[1-9]", 60.0, 300.0
EVERY = 0.1  # seconds between two looks
PROC = Path("/proc")


def peak_memory(process: int) -> int | None:
    """The bytes that a process had resident at most so far; None if it has ended. Raises BenchmarkError."""
    try:
        lines = (PROC / str(process) / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None  # a process that ends has no memory any more


def children_of(process: int) -> list[int]:
    """The processes that it has started and that have not ended."""
    with contextlib.suppress(OSError):
        tasks = (PROC / str(process) / "task").glob("*/children")
        return [int(word) for task in tasks for word in task.read_text(encoding="ascii").split()]
    return []


class Peaks:
    """The highest values so far, of the program and of what it started."""

    def __init__(self) -> None:
        self.program, self.helpers = 0, 0

    def look(self, process: int) -> None:
        """Take down what is there now."""
        self.program = max(self.program, peak_memory(process) or 0)
        helpers = sum(peak_memory(child) or 0 for child in children_of(process))
        self.helpers = max(self.helpers, helpers)


def measure(children: Children, family: str, arguments: argparse.Namespace, cold: bool) -> Peaks:
    """Let the screen train for some seconds, from its first step on."""
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
                terminal.wait_for("(?!)", EVERY)  # never there: it only notices when the screen ends early
            if not trains:
                raise BenchmarkError(f"no training step within {limit:g} s: {terminal.last_words()}")
    return peaks


def row(family: str, cold: bool, found: Sequence[Peaks]) -> dict[str, Any]:
    """All runs of a kind, in bytes, the target beside them where it stands for them."""
    entry: dict[str, Any] = {"family": family, "cold": cold, **spread([peaks.program for peaks in found])}
    entry["helpers"] = max(peaks.helpers for peaks in found)
    if family == DEFAULT:
        entry |= {"target": TARGET, "reached": entry["most"] <= TARGET}
    return entry


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """A line for each model and start."""
    made = table("screen", "median MB", "least", "most", "beside it, compiling", "target")
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
        f"resident memory at its highest, over {document['seconds']:g} s of training with the screen at "
        f"{COLUMNS}x{ROWS}; cold: every kernel is compiled"
    )


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="The most memory that the screen takes.")
    add = parser.add_argument
    add("--model", nargs="+", choices=FAMILIES, default=[DEFAULT], metavar="NAME",
        help=f"{', '.join(FAMILIES)}; default: {DEFAULT}, for which the target is")  # fmt: skip
    add("--corpus", default="tales", help="what the screen trains on; default: the sample corpus tales")
    add("--seconds", type=positive(float), default=30.0, help="of training, each time; default 30")
    add("--runs", type=positive(int), default=3, help="warm starts of each; default 3")
    add("--cold-runs", type=int, choices=range(21), default=1, metavar="N", help="cold starts, 0 to 20; default 1")
    add("--json", action="store_true", help="one JSON document on standard output")
    return parser.parse_args(words)


def main() -> None:
    arguments = parse()
    if not (PROC / "self" / "status").exists():
        raise BenchmarkError("a process's highest memory is read in /proc: this needs Linux")
    found, rows = machine(), []
    with Children() as children:
        note("compiling what is not cached yet")
        children.run([*program(), "warmup"], COLD_TIMEOUT)
        for family in dict.fromkeys(arguments.model):
            for cold, runs in ((False, arguments.runs), (True, arguments.cold_runs)):
                if runs:
                    note(f"{family}, {'cold' if cold else 'warm'}, {runs} times {arguments.seconds:g} s")
                    rows.append(row(family, cold, [measure(children, family, arguments, cold) for _ in range(runs)]))
    document = {"benchmark": "memory", "machine": found, "seconds": arguments.seconds, "rows": rows}
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
