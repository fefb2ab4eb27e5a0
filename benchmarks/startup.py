"""Start-up times: `seqtui --help`, the first paint, and the first training step."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import BenchmarkError, Children
from reporting import machine, main_guard, note, positive, spread, table, tell
from terminal import Terminal

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS, ROWS = 120, 36
COMMAND_TIMEOUT, WARM_TIMEOUT, COLD_TIMEOUT = 60.0, 60.0, 300.0
TARGETS = {  # seconds
    "seqtui --help": 0.2,
    "first paint, warm": 0.6,
    "first training step, warm": 1.5,
    "first paint, cold": 0.6,
    "first training step, cold": 20.0,
}
IMPORT = "import time; start = time.perf_counter(); import seqcore.jit; print(time.perf_counter() - start)"


class Waits:
    """Measured seconds by name, in order of first measurement."""

    def __init__(self) -> None:
        self.found: dict[str, list[float]] = {}

    def add(self, what: str, seconds: float) -> None:
        """Add one measurement."""
        self.found.setdefault(what, []).append(seconds)

    def rows(self) -> list[dict[str, Any]]:
        """Return medians, all values, and targets as JSON rows."""
        return [{"what": what, **spread(all_), "target": TARGETS.get(what)} for what, all_ in self.found.items()]


def program() -> list[str]:
    """Return the command that starts seqtui: the script installed with this interpreter if there is one."""
    installed = Path(sys.executable).with_name("seqtui")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "seqtui"]


def commands(children: Children, waits: Waits) -> None:
    """Measure the commands without a screen, and the start of the bare interpreter for comparison."""
    waits.add("python -c pass", children.run([sys.executable, "-c", "pass"], COMMAND_TIMEOUT)[0])
    waits.add("seqtui --help", children.run([*program(), "--help"], COMMAND_TIMEOUT)[0])
    _, told = children.run([sys.executable, "-c", IMPORT], COMMAND_TIMEOUT)
    waits.add("import seqcore.jit", float(told))


def screen(children: Children, corpus: str, folder: Path, cache: Path | None) -> tuple[float, float]:
    """Return the seconds from process start to the first paint and to the first training step.

    `cache` is the folder for compiled kernels; None for the user's own. Raises BenchmarkError.
    """
    log = folder / "log"
    environment = {"SEQTUI_RUNS_DIR": str(folder / "runs")}
    if cache is not None:
        environment["SEQTUI_CACHE_DIR"] = str(cache)
    watched = [sys.executable, str(Path(__file__).with_name("watched.py")), "screen", str(log), corpus]
    with Terminal(children, watched, COLUMNS, ROWS, environment) as terminal:
        timeout = WARM_TIMEOUT if cache is None else COLD_TIMEOUT
        paint = terminal.wait_for("seqtui +", timeout)  # the start of the status line
        until = terminal.started + timeout
        while time.monotonic() < until:
            if first := first_step(log):
                break
            terminal.wait_for("(?!)", 0.01)  # never matches: a sleep that notices an early exit
        else:
            raise BenchmarkError(f"no training step within {timeout:g} s: {terminal.last_words()}")
        assert paint is not None  # a screen that trains has been painted
        return paint.time - terminal.started, first - terminal.started


def first_step(log: Path) -> float | None:
    """Return the time.monotonic() of the first logged step; None if there is none yet."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    except FileNotFoundError:
        return None
    whole = (json.loads(line) for line in lines if line.endswith("\n"))
    return next((float(line["time"]) for line in whole if line["step"] >= 1), None)


def measure(children: Children, arguments: argparse.Namespace) -> Waits:
    """Measure everything, `arguments.runs` warm and `arguments.cold_runs` cold starts."""
    waits = Waits()
    note("compiling kernels that are not cached")
    children.run([*program(), "warmup"], COLD_TIMEOUT)
    for number in range(arguments.runs):
        note(f"run {number + 1} of {arguments.runs}")
        commands(children, waits)
        _start(children, waits, arguments.corpus, cold=False)
    for number in range(arguments.cold_runs):
        note(f"cold run {number + 1} of {arguments.cold_runs}: compiling all kernels")
        _start(children, waits, arguments.corpus, cold=True)
    return waits


def _start(children: Children, waits: Waits, corpus: str, cold: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="seqtui-benchmark-", ignore_cleanup_errors=True) as folder:
        cache = Path(folder) / "cache" if cold else None
        paint, step = screen(children, corpus, Path(folder), cache)
    name = "cold" if cold else "warm"
    waits.add(f"first paint, {name}", paint)
    waits.add(f"first training step, {name}", step)


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table of medians, extremes and targets, and a note."""
    made = table("", "median s", "min", "max", "target")
    for row in document["rows"]:
        target = "" if row["target"] is None else f"{row['target']:g}"
        made.add_row(row["what"], *(f"{row[key]:.3f}" for key in ("median", "least", "most")), target)
    yield made
    yield f"the screen at {COLUMNS}x{ROWS}; cold: no kernel is cached, but files are in the system's page cache"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Start-up times of seqtui.")
    add = parser.add_argument
    add("--corpus", default="tales", help="corpus to train on; default: the sample corpus tales")
    add("--runs", type=positive(int), default=7, help="warm starts; default 7")
    add("--cold-runs", type=int, choices=range(21), default=1, metavar="N", help="cold starts, 0 to 20; default 1")
    add("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(words)


def main() -> None:
    arguments = parse()
    found = machine()
    with Children() as children:
        waits = measure(children, arguments)
    document = {"benchmark": "startup", "machine": found, "columns": COLUMNS, "lines": ROWS, "rows": waits.rows()}
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
