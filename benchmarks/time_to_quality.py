"""Wall-clock time and final validation loss of each preset.

Every run is the public command `seqtui train CORPUS --preset NAME` in its own process, timed as a whole: interpreter,
imports, loading of compiled kernels, corpus, training, validation and checkpoints.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from processes import BenchmarkError, Children
from reporting import TINYSHAKESPEARE, machine, main_guard, note, positive, table, tell
from seqcore.presets import PRESETS

if TYPE_CHECKING:
    from rich.table import Table

NAMES = tuple(entry.name for entry in PRESETS)
TARGETS = {  # nats per character, seconds of the whole process; on tinyshakespeare
    "quick": (1.88, 8.0),
    "good": (1.55, 45.0),
    "best": (1.4697, 240.0),
    "nanogpt": (1.88, 60.0),  # nanoGPT's CPU recipe; PyTorch takes 106 s on the reference machine
}
WARMUP_TIMEOUT = 300.0


@dataclass(frozen=True)
class Result:
    """One run of a preset."""

    seconds: float  # of the whole process
    training_seconds: float  # within training steps
    tokens: int
    validation_loss: float  # after the last step, nats per character


def train(children: Children, corpus: str, name: str, arguments: argparse.Namespace) -> Result:
    """Train the preset once. Raises BenchmarkError."""
    with tempfile.TemporaryDirectory(prefix="seqtui-benchmark-", ignore_cleanup_errors=True) as folder:
        run = Path(folder) / name
        command = [sys.executable, "-m", "seqtui", "train", corpus, "--preset", name, "--out", str(run), "--quiet"]
        for flag in ("steps", "threads", "seed"):
            if getattr(arguments, flag) is not None:
                command += [f"--{flag}", str(getattr(arguments, flag))]
        seconds, _ = children.run(command, arguments.timeout)
        lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(lines[-1])
    if "validation_loss" not in last:
        raise BenchmarkError(f"the {name} run ended without a validation")
    return Result(seconds, last["seconds"], last["tokens"], last["validation_loss"])


def row(name: str, results: Sequence[Result], comparable: bool) -> dict[str, Any]:
    """Return the JSON row: medians over the runs, and the target if the corpus is the one it applies to."""
    found: dict[str, Any] = {"preset": name, "runs": [result.__dict__ for result in results]}
    for key in ("seconds", "training_seconds", "tokens", "validation_loss"):
        found[key] = statistics.median(getattr(result, key) for result in results)
    if comparable and name in TARGETS:
        loss, seconds = TARGETS[name]
        reached = found["validation_loss"] <= loss and found["seconds"] <= seconds
        found |= {"target_loss": loss, "target_seconds": seconds, "reached": reached}
    return found


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table with one row per preset, and a note if no targets apply."""
    columns = ("characters trained", "training s", "whole process s", "validation loss, nats", "target")
    made = table("preset", *columns)
    for entry in document["rows"]:
        target = "–"
        if "target_loss" in entry:
            sign = "reached" if entry["reached"] else "missed"
            target = f"{entry['target_loss']:g} within {entry['target_seconds']:g} s: {sign}"
        made.add_row(
            entry["preset"],
            f"{entry['tokens']:,.0f}",
            f"{entry['training_seconds']:.1f}",
            f"{entry['seconds']:.1f}",
            f"{entry['validation_loss']:.4f}",
            target,
        )
    yield made
    if not document["comparable"]:
        yield "no targets shown: they apply to tinyshakespeare with all steps of a preset"


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="Wall-clock time and validation loss of each preset.")
    add = parser.add_argument
    add("corpus", metavar="CORPUS", help="a text file; the targets apply to tinyshakespeare")
    add("--preset", nargs="+", choices=[*NAMES, "all"], default=["all"], metavar="NAME",
        help=f"{', '.join(NAMES)} or all; default: all")  # fmt: skip
    add("--runs", type=positive(int), default=1, help="runs per preset, alternating; shown are medians; default 1")
    add("--steps", type=positive(int), help="stop after N steps, to try the benchmark")
    add("--threads", type=positive(int), help="number of training threads; default: all cores")
    add("--seed", type=int, help="random seed of the runs; default: the preset's")
    add("--timeout", type=positive(float), default=1800.0, help="time limit per run in seconds; default 1800")
    add("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args(words)
    arguments.preset = NAMES if "all" in arguments.preset else tuple(dict.fromkeys(arguments.preset))
    return arguments


def digest(corpus: str) -> str | None:
    """Return the SHA-256 of a file; None if the corpus is not a file (a sample's name, a folder)."""
    path = Path(corpus).expanduser()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def main() -> None:
    arguments = parse()
    comparable = digest(arguments.corpus) == TINYSHAKESPEARE and arguments.steps is None
    found = machine()
    results: dict[str, list[Result]] = {name: [] for name in arguments.preset}
    with Children() as children:
        note("compiling kernels that are not cached")
        children.run([sys.executable, "-m", "seqtui", "warmup"], WARMUP_TIMEOUT)
        for number in range(arguments.runs):
            for name in results:
                note(f"training {name}, run {number + 1} of {arguments.runs}")
                results[name].append(train(children, arguments.corpus, name, arguments))
    rows = [row(name, all_, comparable) for name, all_ in results.items()]
    document = {"benchmark": "time_to_quality", "machine": found, "corpus": arguments.corpus,
                "comparable": comparable, "rows": rows}  # fmt: skip
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    main_guard(main)
