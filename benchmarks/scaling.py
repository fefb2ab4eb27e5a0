"""A training step by number of threads, 1, 2, 4, ... up to all: ours, what our model of the cost expects, and PyTorch.

The models are those of training_step.py at one size each, and an LSTM so large that every core has enough to do.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cases import recipe, recurrent
from processes import Children
from reporting import machine, main_guard, note, table, tell
from sides import NO_PYTORCH, Sides, add_arguments, parsed, ratio, threads_told
from training_step import Comparison, Row

if TYPE_CHECKING:
    from rich.table import Table

CASES = {
    "rnn": recurrent("rnn", (256, 32, 64)),
    "gru": recurrent("gru", (256, 32, 64)),
    "lstm": recurrent("lstm", (256, 32, 64)),
    "attention": recipe(),
    "lstm512": recurrent("lstm", (512, 128, 64)),
}


def result(name: str, row: Row, peaks: Mapping[int, float]) -> dict[str, Any]:
    """Return the JSON row: speed-ups are within a round, PyTorch's ratio is of each side's best number of threads."""
    measured = row.result(dict(peaks))
    ours, expected = measured["ours_seconds"], _expected(row, peaks)
    best = min(ours, key=lambda threads: ours[threads])
    found: dict[str, Any] = {
        "name": name, "case": str(row.case), "ours_seconds": ours, "ours_rounds": row.ours, "ours_threads": best,
        "speed_up": {threads: ratio(row.ours[1], row.ours[threads]) for threads in ours},
        "expected_seconds": expected, "error": {threads: expected[threads] / ours[threads] - 1 for threads in ours},
    }  # fmt: skip
    if row.pytorch:
        theirs = measured["pytorch_threads"]
        found |= {
            "pytorch_seconds": measured["pytorch_seconds"], "pytorch_rounds": row.pytorch, "pytorch_threads": theirs,
            "pytorch_speed_up": {threads: ratio(row.pytorch[1], spent) for threads, spent in row.pytorch.items()},
            "ratio": ratio(row.pytorch[theirs], row.ours[best]),
        }  # fmt: skip
    return found


def _expected(row: Row, peaks: Mapping[int, float]) -> dict[int, float]:
    """Return the seconds that a step should take by number of threads, from the phases with one and the peaks."""
    from seqcore.bench import StepTime
    from seqcore.scaling import expected

    parts = row.phases[1]
    phases = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
    seconds = statistics.median(row.ours[1])
    one = StepTime(row.case.model, row.case.training, seconds, row.work, phases, row.phase_work)
    return {threads: expected(one, threads, peaks[threads] / peaks[1]) for threads in row.ours}


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table with one row per model and number of threads, and a line on each model."""
    beside = ["PyTorch ms", "speed-up"] if document["pytorch"] else []
    made = table("H, B, T", "threads", "ours ms", "speed-up", "efficiency", "expected ms", "error", *beside)
    for row in document["rows"]:
        for threads, seconds in row["ours_seconds"].items():
            gain = row["speed_up"][threads]
            cells = [f"{threads}", f"{seconds * 1e3:.2f}", f"{gain:.2f}x", f"{gain / threads:.0%}"]
            cells += [f"{row['expected_seconds'][threads] * 1e3:.2f}", f"{row['error'][threads]:+.0%}"]
            if beside:
                cells += [f"{row['pytorch_seconds'][threads] * 1e3:.2f}", f"{row['pytorch_speed_up'][threads]:.2f}x"]
            made.add_row(row["case"] if threads == 1 else "", *cells)
    yield made
    for row in document["rows"]:
        if beside:
            ways = f"ours with {threads_told(row['ours_threads'])}, theirs with {threads_told(row['pytorch_threads'])}"
            yield f"{row['case']}: {row['ratio']:.2f}x as fast as PyTorch ({ways})"
    yield f"PyTorch {document['pytorch']}" if beside else NO_PYTORCH
    peaks = ", ".join(f"{peak / 1e9:.0f} GFLOP/s with {threads_told(n)}" for n, peak in document["peak"].items())
    yield f"measured peak: {peaks}; expected: from the phases with one thread, see seqcore/scaling.py"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="A training step by number of threads, compared with PyTorch.")
    parser.add_argument("--model", nargs="+", choices=CASES, default=list(CASES), metavar="NAME",
                        help=f"{', '.join(CASES)}; default: all")  # fmt: skip
    add_arguments(parser, 2.0)
    return parsed(parser, words)


def main() -> None:
    from seqcore.scaling import counts

    arguments = parse()
    found = machine()
    chosen = {name: CASES[name] for name in arguments.model}
    with Children() as children:
        families = list(dict.fromkeys(case.family for case in chosen.values()))
        comparison = Comparison(Sides(children, families, arguments, counts))
        measured = []
        for name, case in chosen.items():
            note(f"measuring {case}")
            measured.append((name, comparison.measure(case)))
    rows = [result(name, row, comparison.peaks) for name, row in measured]
    document = {
        "benchmark": "scaling", "machine": found, "pytorch": comparison.sides.version,
        "threads": comparison.sides.threads, "seconds": arguments.seconds, "rounds": arguments.rounds,
        "peak": comparison.peaks, "rows": rows,
    }  # fmt: skip
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
