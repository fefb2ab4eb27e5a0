"""Output of a benchmark: the machine, tables to read, or one JSON document for programs."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from processes import BenchmarkError

if TYPE_CHECKING:
    from rich.table import Table

PACKAGES = ("seqtui", "numpy", "numba", "textual")
TINYSHAKESPEARE = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"  # SHA-256; targets are for this


def cores() -> int:
    """Return the number of cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """Return the model name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """Return CPU, cores, system, versions, and the load before: timings on a busy machine mean little."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    found: dict[str, Any] = {"cpu": cpu_name(), "cores": cores(), "system": platform.system(), "versions": versions}
    if hasattr(os, "getloadavg"):
        found["load_before"] = round(os.getloadavg()[0], 2)
    return found


def machine_line(found: dict[str, Any]) -> str:
    """Format the result of `machine` as one line."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    load = f"; load before {found['load_before']}" if "load_before" in found else ""
    return f"{found['cpu']}, {found['cores']} cores, {found['system']}; {versions}{load}"


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the given percentile of `values`, interpolated."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Return median, minimum, maximum, and all values in order of measurement."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "all": list(values)}


def note(line: str) -> None:
    """Print a progress line to standard error."""
    print(line, file=sys.stderr, flush=True)


def tell(document: dict[str, Any], as_json: bool, tables: Callable[[], Iterable[Table | str]]) -> None:
    """Print the document as JSON, or the machine followed by the tables and notes."""
    if as_json:
        print(json.dumps(document, indent=1))
        return
    print(machine_line(document["machine"]))
    for part in tables():
        if isinstance(part, str):
            print(part)
        else:
            print_table(part)


def table(*columns: str, left: int = 1) -> Table:
    """Return an empty table without borders, right-aligned except for the first `left` columns."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    return made


def print_table(made: Table) -> None:
    """Print a table at its full width, so that no number is truncated."""
    from rich.console import Console

    print()
    Console(markup=False, highlight=False, emoji=False, width=400).print(made)
    print()


def against(value: float, target: float, unit: str) -> str:
    """Format a target and whether `value` reaches it."""
    return f"target {target:g}{unit}: {'reached' if value >= target else 'missed'}"


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """Return an argparse type: a number above 0 and below 1e6."""

    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < 1e6:
            raise argparse.ArgumentTypeError(f"{text}: expected a number above 0 and below 1e6")
        return value

    convert.__name__ = "number"  # the type name in argparse's error message
    return convert


def main_guard(main: Callable[[], None]) -> None:
    """Run `main`; report an error in one line and exit with 1, or with 128 + number after a signal."""

    def ended(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, ended)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it stays ignored
        signal.signal(signal.SIGHUP, ended)
    try:
        main()
    except KeyboardInterrupt:
        note("interrupted")
        sys.exit(130)
    except (BenchmarkError, OSError) as error:
        note(f"{Path(sys.argv[0]).name}: {error}")
        sys.exit(1)
