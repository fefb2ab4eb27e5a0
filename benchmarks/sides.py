"""Run ours and PyTorch side by side: separate processes, alternating rounds."""

from __future__ import annotations

import argparse
import importlib.util
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from processes import Children, Worker
from reporting import positive

WORKER = str(Path(__file__).with_name("worker.py"))
QUICK = 0.4  # seconds
START, MOST = 300.0, 120.0  # seconds a worker may take to start, and to answer in addition to the measured time
NO_PYTORCH = "measured ours only: PyTorch is not installed (pip install torch==2.13.0, or use --torch-python)"


def ends(most: int) -> list[int]:
    """Return the thread counts 1 and `most`."""
    return sorted({1, most})


class Sides:
    """The workers: one of ours, and one of PyTorch's per thread count. `counts` chooses those, given the maximum."""

    def __init__(
        self, children: Children, families: Sequence[str], arguments: argparse.Namespace,
        counts: Callable[[int], list[int]] = ends,
    ) -> None:  # fmt: skip
        self.ours = Worker(children, "our worker", [sys.executable, WORKER, "ours"])
        most = self.ours.ask(START, do="hello", families=list(families))["threads"]
        self.threads = counts(min(most, arguments.threads or most))
        self.seconds, self.rounds = arguments.seconds / arguments.rounds, arguments.rounds
        self.pytorch: dict[int, Worker] = {}
        self.version: str | None = None
        interpreter = arguments.torch_python or (sys.executable if importlib.util.find_spec("torch") else None)
        if interpreter:
            for threads in self.threads:
                command = [interpreter, WORKER, "pytorch", str(threads)]
                self.pytorch[threads] = Worker(children, f"PyTorch ({interpreter})", command)
                self.version = self.pytorch[threads].ask(START, do="hello")["version"]

    def turns(self, ours: Sequence[int]) -> Iterator[tuple[str, int]]:
        """Yield side and thread count in turn: A B A B, every other round reversed, to spread drift evenly."""
        sides = [(name, n) for n in self.threads for name in ("ours", "pytorch")]
        present = [(name, n) for name, n in sides if n in (ours if name == "ours" else self.pytorch)]
        for number in range(self.rounds):
            yield from present if number % 2 == 0 else present[::-1]

    def ask(self, name: str, threads: int, **request: Any) -> dict[str, Any]:
        """Take one measurement of a round. Raises BenchmarkError."""
        worker = self.ours if name == "ours" else self.pytorch[threads]
        return worker.ask(self.seconds + MOST, threads=threads, seconds=self.seconds, **request)


def add_arguments(parser: argparse.ArgumentParser, seconds: float) -> None:
    """Add the options shared by the comparisons."""
    add = parser.add_argument
    add("--torch-python", metavar="PATH", help="interpreter with torch installed; default: this one, if it has torch")
    add_rounds(parser, seconds, "side and thread count")


def add_rounds(parser: argparse.ArgumentParser, seconds: float, each: str, quick: float = QUICK) -> None:
    """Add the options of what is measured in rounds: per model and `each`, for `quick` seconds with --quick."""
    add = parser.add_argument
    add("--seconds", type=positive(float), default=seconds,
        help=f"seconds to measure per model, {each}; default {seconds:g}")  # fmt: skip
    add("--rounds", type=positive(int), default=4, help="rounds that the seconds are split into; default 4")
    add("--threads", type=positive(int), help="maximum number of threads; default: all cores")
    add("--quick", action="store_const", const=quick, help=f"use {quick:g} seconds in 2 rounds")
    add("--json", action="store_true", help="print one JSON document")


def parsed(parser: argparse.ArgumentParser, words: Sequence[str] | None) -> argparse.Namespace:
    """Parse the command line and apply --quick."""
    arguments = parser.parse_args(words)
    if arguments.quick:
        arguments.seconds, arguments.rounds = arguments.quick, 2
    return arguments


def medians(rounds: dict[int, list[float]]) -> dict[int, float]:
    """Return the median per thread count."""
    return {threads: statistics.median(values) for threads, values in rounds.items()}


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Return the median of the per-round ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean of positive values."""
    return math.exp(statistics.fmean(math.log(value) for value in values))


def threads_told(count: int) -> str:
    """Format a thread count: "1 thread", "2 threads"."""
    return f"{count} thread{'' if count == 1 else 's'}"
