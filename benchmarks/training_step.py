"""Training step time, compared with PyTorch and with the machine's measured peak in the same run.

Recurrent families: embedding, one layer, linear head, cross-entropy, clipping and Adam in float32 over a vocabulary of
65, at six sizes. Attention: nanoGPT's CPU recipe with AdamW.
Each side runs in its own processes, which block on a pipe while another one computes; rounds alternate between them.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cases import FAMILIES, SIZES, Case, cases, size
from processes import Children
from reporting import against, machine, main_guard, note, table, tell
from sides import NO_PYTORCH, Sides, add_arguments, geometric_mean, medians, parsed, ratio, threads_told

if TYPE_CHECKING:
    from rich.table import Table

TARGETS = {"lstm": 3.0, "gru": 5.0, "rnn": 4.0, "attention": 1.7}  # speed relative to PyTorch, geometric mean
TARGETS_LEAST = {"lstm": 2.2}  # minimum at every size
TARGET_SCALING = 1.85  # speed-up from one thread to two
TARGET_SHARE, WIDE = 0.75, 256  # share of the peak, for this hidden size and above
PEAK_SECONDS = 0.2


@dataclass
class Row:
    """The measurements of one case: seconds per step, one value per round, by thread count."""

    case: Case
    ours: dict[int, list[float]] = field(default_factory=dict)
    pytorch: dict[int, list[float]] = field(default_factory=dict)
    phases: dict[int, list[dict[str, float]]] = field(default_factory=dict)
    adam: dict[int, str] = field(default_factory=dict)
    work: float = 0.0  # floating-point operations per step
    phase_work: dict[str, float] = field(default_factory=dict)

    def result(self, peaks: dict[int, float]) -> dict[str, Any]:
        """Return the JSON row, with the ratio to PyTorch at its faster thread count.

        `peaks` holds floating-point operations per second by thread count.
        """
        H, B, T = self.case.size
        ours, most = medians(self.ours), max(self.ours)
        limit, parts = self.work / peaks[most], self.phases[most]
        phases = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
        shares = {name: work / peaks[most] / phases[name] for name, work in self.phase_work.items()}
        found: dict[str, Any] = {
            "family": self.case.family, "layers": self.case.model.layers, "hidden": H, "batch": B, "length": T,
            "ours_seconds": ours, "ours_rounds": self.ours, "scaling": ratio(self.ours[min(ours)], self.ours[most]),
            "limit_seconds": limit, "peak_share": limit / ours[most], "phases": phases, "phase_shares": shares,
        }  # fmt: skip
        if self.pytorch:
            theirs = medians(self.pytorch)
            best = min(theirs, key=lambda threads: theirs[threads])
            found |= {
                "pytorch_seconds": theirs, "pytorch_rounds": self.pytorch, "pytorch_threads": best,
                "pytorch_optimizer": self.adam[best], "ratio": ratio(self.pytorch[best], self.ours[most]),
            }  # fmt: skip
        return found


class Comparison:
    """Both sides, and the machine's peak, measured before each case."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.peaks = dict.fromkeys(sides.threads, 0.0)

    def measure(self, case: Case) -> Row:
        """Measure all sides and thread counts in alternation. Raises BenchmarkError."""
        row, sides = Row(case), self.sides
        for threads in sides.threads:
            found = sides.ours.ask(60.0, do="peak", threads=threads, seconds=min(PEAK_SECONDS, sides.seconds))
            self.peaks[threads] = max(self.peaks[threads], found["peak"])
        request = {"do": "step", "model": case.model.to_dict(), "training": case.training.to_dict()}
        for name, threads in sides.turns(sides.threads):
            found = sides.ask(name, threads, **request)
            if name == "ours":
                row.ours.setdefault(threads, []).append(found["seconds"])
                row.phases.setdefault(threads, []).append(found["phases"])
                row.work, row.phase_work = found["work"], found["phase_work"]
            else:
                row.pytorch.setdefault(threads, []).append(found["seconds"])
                row.adam[threads] = found["adam"]
        return row


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return, by family, the values that have targets; ratios only where PyTorch was measured."""
    found: dict[str, dict[str, Any]] = {}
    for family in dict.fromkeys(row["family"] for row in rows):
        own = [row for row in rows if row["family"] == family]
        entry: dict[str, Any] = {
            "least_scaling": min(row["scaling"] for row in own), "target_scaling": TARGET_SCALING,
        }  # fmt: skip
        wide = [row["peak_share"] for row in own if row["hidden"] >= WIDE]
        if wide:
            entry |= {"least_peak_share": min(wide), "target_peak_share": TARGET_SHARE}
        ratios = [row["ratio"] for row in own if "ratio" in row]
        if ratios:
            entry |= {"geometric_mean": geometric_mean(ratios), "least": min(ratios), "target_mean": TARGETS[family]}
            if family in TARGETS_LEAST:
                entry["target_least"] = TARGETS_LEAST[family]
        found[family] = entry
    return found


def told(family: str, entry: dict[str, Any], threads: int) -> str:
    """Format a family's summary as one line."""
    parts = []
    if "geometric_mean" in entry:
        least = f"minimum {entry['least']:.2f}x"
        if "target_least" in entry:
            least += f" ({against(entry['least'], entry['target_least'], 'x')})"
        mean = against(entry["geometric_mean"], entry["target_mean"], "x")
        parts.append(f"{entry['geometric_mean']:.2f}x as fast as PyTorch, geometric mean ({mean}), {least}")
    if threads > 1:
        scaling = against(entry["least_scaling"], entry["target_scaling"], "x") if threads == 2 else "no target"
        parts.append(f"{threads} threads at least {entry['least_scaling']:.2f}x as fast as one ({scaling})")
    if "least_peak_share" in entry:
        share = against(100 * entry["least_peak_share"], 100 * entry["target_peak_share"], "%")
        parts.append(f"at least {entry['least_peak_share']:.0%} of the peak for H >= {WIDE} ({share})")
    return f"{family}: {'; '.join(parts)}" if parts else ""


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield the comparison, the summary against the targets, and our time per phase."""
    threads = document["threads"]
    yield _steps(document)
    for family, entry in document["summary"].items():
        if line := told(family, entry, threads[-1]):
            yield line
    yield f"PyTorch {document['pytorch']}, with its faster thread count" if document["pytorch"] else NO_PYTORCH
    peaks = ", ".join(f"{peak / 1e9:.0f} GFLOP/s with {threads_told(n)}" for n, peak in document["peak"].items())
    yield f"measured peak: {peaks}; limit: time of a step's arithmetic at that peak (see README.md)"
    for family in document["summary"]:
        yield _phases([row for row in document["rows"] if row["family"] == family], threads[-1])
    yield "phases in ms; phases that multiply matrices also show their share of the measured peak"


def _steps(document: dict[str, Any]) -> Table:
    ours = [f"ours, {threads_told(count)} ms" for count in document["threads"]]
    theirs = ["PyTorch ms", "config", "ratio"] if document["pytorch"] else []
    made = table("H, B, T", *ours, "scaling", *theirs, "limit ms", "of peak")
    for row in document["rows"]:
        cells = [f"{seconds * 1e3:.2f}" for seconds in row["ours_seconds"].values()] + [f"{row['scaling']:.2f}"]
        if theirs:
            best = row["pytorch_threads"]
            cells += [f"{row['pytorch_seconds'][best] * 1e3:.2f}"]
            cells += [f"{threads_told(best)}, {row['pytorch_optimizer']} Adam", f"{row['ratio']:.2f}x"]
        made.add_row(_named(row), *cells, f"{row['limit_seconds'] * 1e3:.2f}", f"{row['peak_share']:.0%}")
    return made


def _phases(rows: Sequence[dict[str, Any]], threads: int) -> Table:
    """Return a table with one row per size and one column per phase."""
    names = list(rows[0]["phases"])
    made = table(f"ours, {threads_told(threads)}", *names)
    for row in rows:
        shares = row["phase_shares"]
        cells = (f"{row['phases'][n] * 1e3:.2f}" + (f" {shares[n]:4.0%}" if n in shares else "") for n in names)
        made.add_row(_named(row), *cells)
    return made


def _named(row: dict[str, Any]) -> str:
    return f"{row['family']} {row['hidden']}, {row['batch']}, {row['length']}"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Training step time, compared with PyTorch and the measured peak.")
    add = parser.add_argument
    add("--model", nargs="+", choices=FAMILIES, default=list(FAMILIES), metavar="NAME",
        help=f"{', '.join(FAMILIES)}; default: all")  # fmt: skip
    add("--sizes", type=size, nargs="+", metavar="H,B,T", default=SIZES,
        help="sizes of the recurrent families; default: six sizes; attention always uses nanoGPT's recipe")  # fmt: skip
    add_arguments(parser, 2.0)
    arguments = parsed(parser, words)
    arguments.model = list(dict.fromkeys(arguments.model))
    return arguments


def main() -> None:
    arguments = parse()
    found = machine()
    with Children() as children:
        comparison = Comparison(Sides(children, arguments.model, arguments))
        measured = []
        for case in cases(arguments.model, arguments.sizes):
            note(f"measuring {case}")
            measured.append(comparison.measure(case))
    rows = [row.result(comparison.peaks) for row in measured]
    document = {
        "benchmark": "training_step", "machine": found, "pytorch": comparison.sides.version,
        "threads": comparison.sides.threads, "seconds": arguments.seconds, "rounds": arguments.rounds,
        "peak": comparison.peaks, "rows": rows, "summary": summary(rows),
    }  # fmt: skip
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
