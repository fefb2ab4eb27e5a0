"""The time of an LSTM training step, beside PyTorch and beside the machine's peak, in one run.

Both compute embedding, one layer, linear head, cross-entropy, clipping and Adam in float32 over a vocabulary of 65.
Each side has processes of its own, blocked on a pipe while the others compute; the rounds alternate between them.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import Children, Worker, serve
from pytorch_step import VOCABULARY, PyTorchWorker

if TYPE_CHECKING:
    from rich.table import Table

SIZES = ((64, 16, 64), (128, 32, 64), (128, 64, 128), (256, 32, 64), (256, 64, 128), (512, 32, 64))  # H, B, T
TARGET_MEAN, TARGET_LEAST = 3.0, 2.2  # how many times faster than PyTorch: geometric mean, and at any size
START, MOST = 180.0, 60.0  # seconds a worker may take to begin, and beyond what it was asked to measure

Size = tuple[int, int, int]


class OurWorker:
    """Answers "hello", "peak" and "measure" with the engine, on the number of threads asked for."""

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        from seqcore import bench, jit  # the first brings the trainer, and so registers the kernels
        from seqcore.config import ModelConfig, TrainingConfig

        if request["do"] == "hello":
            jit.compile_kernels()
            return {"threads": jit.available_threads()}
        jit.set_threads(request["threads"])
        if request["do"] == "peak":
            return {"peak": bench.measure_peak(request["seconds"])}
        H, B, T = request["hidden"], request["batch"], request["length"]
        model = ModelConfig(vocabulary_size=VOCABULARY, hidden=H, layers=1, embedding=H)
        training = TrainingConfig(batch=B, length=T, learning_rate=1e-3, clip=1.0)
        found = bench.time_training(model, training, request["seconds"], peak=1.0)
        work = found.peak_share * found.seconds  # of a peak of one operation a second
        return {"seconds": found.seconds, "work": work, "phases": found.phases}


@dataclass
class Row:
    """What was measured at one size: seconds a step, a value for each round, by number of threads."""

    size: Size
    ours: dict[int, list[float]] = field(default_factory=dict)
    pytorch: dict[int, list[float]] = field(default_factory=dict)
    phases: dict[int, list[dict[str, float]]] = field(default_factory=dict)
    optimizer: dict[int, str] = field(default_factory=dict)
    work: float = 0.0  # floating-point operations of a step

    def result(self, peaks: dict[int, float]) -> dict[str, Any]:
        """The row of the table. PyTorch's better number of threads counts; `peaks` operations a second, by threads."""
        H, B, T = self.size
        ours = {threads: statistics.median(rounds) for threads, rounds in self.ours.items()}
        most = max(ours)
        limit = self.work / peaks[most]
        found: dict[str, Any] = {
            "hidden": H, "batch": B, "length": T,
            "ours_seconds": ours, "ours_rounds": self.ours,
            "scaling": ours[min(ours)] / ours[most],
            "limit_seconds": limit, "peak_share": limit / ours[most],
            "phases": {name: statistics.median(r[name] for r in self.phases[most]) for name in self.phases[most][0]},
        }  # fmt: skip
        if self.pytorch:
            theirs = {threads: statistics.median(rounds) for threads, rounds in self.pytorch.items()}
            best = min(theirs, key=lambda threads: theirs[threads])
            pairs = zip(self.pytorch[best], self.ours[most], strict=True)
            found |= {
                "pytorch_seconds": theirs, "pytorch_rounds": self.pytorch, "pytorch_threads": best,
                "pytorch_optimizer": self.optimizer[best], "ratio": statistics.median(a / b for a, b in pairs),
            }  # fmt: skip
        return found


class Comparison:
    """The workers of both sides, and what they measured."""

    def __init__(self, children: Children, arguments: argparse.Namespace, torch_python: str | None) -> None:
        me = str(Path(__file__).resolve())
        self.ours = Worker(children, "our worker", [sys.executable, me, "--worker", "ours"])
        most = self.ours.ask(START, do="hello")["threads"]
        self.threads = sorted({1, min(most, arguments.threads or most)})
        self.seconds, self.rounds = arguments.seconds / arguments.rounds, arguments.rounds
        self.pytorch: dict[int, Worker] = {}
        self.pytorch_version: str | None = None
        if torch_python:
            for threads in self.threads:
                command = [torch_python, me, "--worker", "pytorch", "--threads", str(threads)]
                self.pytorch[threads] = Worker(children, f"PyTorch ({torch_python})", command)
                self.pytorch_version = self.pytorch[threads].ask(START, do="hello")["version"]
        self.peaks = dict.fromkeys(self.threads, 0.0)

    def measure(self, size: Size) -> Row:
        """All sides at one size: A B A B, every other round backwards, so that a slow drift hits them alike."""
        row = Row(size)
        for threads in self.threads:
            found = self.ours.ask(MOST, do="peak", threads=threads, seconds=min(0.2, self.seconds))
            self.peaks[threads] = max(self.peaks[threads], found["peak"])
        sides = [(name, threads) for threads in self.threads for name in ("ours", "pytorch")]
        for number in range(self.rounds):
            for name, threads in sides if number % 2 == 0 else sides[::-1]:
                if name == "ours":
                    self._ours(row, threads)
                elif threads in self.pytorch:
                    self._pytorch(row, threads)
        return row

    def _ask(self, worker: Worker, size: Size, **more: Any) -> dict[str, Any]:
        H, B, T = size
        timeout = self.seconds + MOST
        return worker.ask(timeout, do="measure", hidden=H, batch=B, length=T, seconds=self.seconds, **more)

    def _ours(self, row: Row, threads: int) -> None:
        found = self._ask(self.ours, row.size, threads=threads)
        row.ours.setdefault(threads, []).append(found["seconds"])
        row.phases.setdefault(threads, []).append(found["phases"])
        row.work = found["work"]

    def _pytorch(self, row: Row, threads: int) -> None:
        found = self._ask(self.pytorch[threads], row.size)
        row.pytorch.setdefault(threads, []).append(found["seconds"])
        row.optimizer[threads] = found["optimizer"]


def geometric_mean(values: Sequence[float]) -> float:
    """The mean of ratios."""
    return math.exp(statistics.fmean(math.log(value) for value in values))


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The mean line: empty where PyTorch was not measured."""
    ratios = [row["ratio"] for row in rows if "ratio" in row]
    if not ratios:
        return {}
    return {"geometric_mean": geometric_mean(ratios), "least": min(ratios), "target_mean": TARGET_MEAN,
            "target_least": TARGET_LEAST}  # fmt: skip


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """The comparison, its mean, and where our time goes."""
    from reporting import table

    threads, rows, version = document["threads"], document["rows"], document["pytorch"]
    ours = [f"ours, {_threads(count)} ms" for count in threads]
    columns = [*ours, "scaling", *(["PyTorch ms", "with", "ratio"] if version else []), "limit ms", "of peak"]
    made = table("H, B, T", *columns)
    for row in rows:
        cells = [f"{row['ours_seconds'][count] * 1e3:.2f}" for count in threads] + [f"{row['scaling']:.2f}"]
        if version:
            best = row["pytorch_threads"]
            cells += [f"{row['pytorch_seconds'][best] * 1e3:.2f}", f"{_threads(best)}, {row['pytorch_optimizer']} Adam"]
            cells.append(f"{row['ratio']:.2f}x")
        made.add_row(_size(row), *cells, f"{row['limit_seconds'] * 1e3:.2f}", f"{row['peak_share']:.0%}")
    yield made
    if version:
        mean = document["summary"]
        yield (
            f"PyTorch {version}, its better number of threads: ours is {mean['geometric_mean']:.2f}x as fast in the "
            f"geometric mean (target {TARGET_MEAN}x), {mean['least']:.2f}x at least (target {TARGET_LEAST}x)"
        )
    else:
        yield "only ours was measured: PyTorch is not installed here (pip install torch==2.13.0; or --torch-python)"
    peaks = ", ".join(f"{peak / 1e9:.0f} GFLOP/s with {_threads(n)}" for n, peak in document["peak"].items())
    yield f"measured peak {peaks}; the limit is the work without the first layer's input product, at that peak"
    names = list(rows[0]["phases"])
    phases = table(f"ours, {_threads(threads[-1])}, ms", *names)
    for row in rows:
        phases.add_row(_size(row), *(f"{row['phases'][name] * 1e3:.2f}" for name in names))
    yield phases


def _size(row: dict[str, Any]) -> str:
    return f"{row['hidden']}, {row['batch']}, {row['length']}"


def _threads(count: int) -> str:
    return f"{count} thread{'' if count == 1 else 's'}"


def size(text: str) -> Size:
    """H,B,T of the command line."""
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() and 0 < int(part) <= 8192 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: H,B,T is needed, for instance 128,32,64")
    H, B, T = (int(part) for part in parts)
    return H, B, T


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    from reporting import positive

    parser = argparse.ArgumentParser(
        description="The time of an LSTM training step, beside PyTorch and beside the peak."
    )
    add = parser.add_argument
    add("--torch-python", metavar="PATH", help="an interpreter that can import torch; default: this one, if it can")
    add("--sizes", type=size, nargs="+", metavar="H,B,T", default=SIZES, help="what to measure; default: six sizes")
    add("--seconds", type=positive(float), default=2.0, help="for each size, side and number of threads; default 2")
    add("--rounds", type=positive(int), default=4, help="parts that the seconds are split into; default 4")
    add("--threads", type=positive(int), help="the larger number of threads; default: all cores")
    add("--quick", action="store_true", help="the same with 0.4 seconds in 2 rounds")
    add("--json", action="store_true", help="one JSON document on standard output")
    add("--worker", choices=["ours", "pytorch"], help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    if arguments.quick:
        arguments.seconds, arguments.rounds = 0.4, 2
    return arguments


def main() -> None:
    from reporting import machine, note, tell

    arguments = parse()
    here = sys.executable if importlib.util.find_spec("torch") else None
    with Children() as children:
        found = machine()
        comparison = Comparison(children, arguments, arguments.torch_python or here)
        measured = []
        for each in arguments.sizes:
            note("measuring H {}, B {}, T {}".format(*each))
            measured.append(comparison.measure(each))
    rows = [row.result(comparison.peaks) for row in measured]
    document = {
        "benchmark": "training_step", "machine": found, "pytorch": comparison.pytorch_version,
        "threads": comparison.threads, "seconds": arguments.seconds, "rounds": arguments.rounds,
        "peak": comparison.peaks, "rows": rows, "summary": summary(rows),
    }  # fmt: skip
    tell(document, arguments.json, lambda: tables(document))


def work(words: Sequence[str]) -> None:
    """The hidden face of this file. A worker parses by itself: its interpreter may have PyTorch and nothing else."""
    side, threads = words[1], int(words[3]) if len(words) > 3 else 1
    serve(OurWorker() if side == "ours" else PyTorchWorker(threads))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[1:])
    else:
        from reporting import main_guard

        main_guard(main)
