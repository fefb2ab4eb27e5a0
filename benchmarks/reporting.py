"""How a benchmark tells what it found: the machine, tables for people, one JSON document for programs."""

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
TINYSHAKESPEARE = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"  # SHA-256: targets are on it


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_name() -> str:
    """What the processor calls itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def machine() -> dict[str, Any]:
    """CPU, cores, system, versions, and how busy the machine was: numbers of a busy one mean little."""
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
    """The same in a line."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    load = f"; load before {found['load_before']}" if "load_before" in found else ""
    return f"{found['cpu']}, {found['cores']} cores, {found['system']}; {versions}{load}"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value below which `percent` of `values` lie, interpolated."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, ends, and every value, in the order of measuring."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values), "all": list(values)}


def note(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def tell(document: dict[str, Any], as_json: bool, tables: Callable[[], Iterable[Table | str]]) -> None:
    """The document as JSON, or the tables and lines with the machine on top."""
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
    """An empty table with quiet lines; numbers to the right, but for the first `left` columns."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number < left else "right", no_wrap=True)
    return made


def print_table(made: Table) -> None:
    """Print a table as wide as it is: numbers that are cut off are worth nothing."""
    from rich.console import Console

    print()
    Console(markup=False, highlight=False, emoji=False, width=400).print(made)
    print()


def positive(kind: type[int] | type[float]) -> Callable[[str], float]:
    """An argument that is a number above 0."""

    def convert(text: str) -> float:
        value = kind(text)
        if not 0 < value < 1e6:
            raise argparse.ArgumentTypeError(f"{text}: a number above 0 is needed")
        return value

    convert.__name__ = "number"  # argparse's word for what it could not read
    return convert


def main_guard(main: Callable[[], None]) -> None:
    """Run `main` and exit: one line for what went wrong; 128 and its number after a signal."""

    def ended(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, ended)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup: what is ignored stays so
        signal.signal(signal.SIGHUP, ended)
    try:
        main()
    except KeyboardInterrupt:
        note("interrupted")
        sys.exit(130)
    except (BenchmarkError, OSError) as error:
        note(f"{Path(sys.argv[0]).name}: {error}")
        sys.exit(1)
