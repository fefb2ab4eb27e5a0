"""A training step of two tasks beside PyTorch: texts of different lengths with a label, and sequences to forecast.

    classification   LSTM 128 over an embedding of 64, one label of two at the end of 32 texts of 3 to 60 words, batches
                     of texts of similar length; PyTorch with packed sequences
    forecast         LSTM 128, 32 sequences of 64 rows of 2 numbers, the squared error of the next row at every timestep

Both sides train on the same batches, clip at norm 1 and update with AdamW, in float32.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from processes import Children, Worker, serve
from reporting import machine, main_guard, note, table, tell
from sides import MOST, NO_PYTORCH, START, add_arguments, parsed, ratio, threads_told

if TYPE_CHECKING:
    from rich.table import Table

TASKS = ("classification", "forecast")
HIDDEN, EMBEDDING, WORDS, CLASSES, ROWS = 128, 64, 2000, 2, 32
SHORTEST, LONGEST, TEXTS = 3, 60, 3200
COLUMNS, STEPS, SEQUENCES = 2, 64, 640
WARM = 20  # steps
TARGET = 3.0  # times as fast as PyTorch


def texts() -> tuple[list[np.ndarray], list[int]]:
    """The texts, (T,) words each, and their labels."""
    draw = np.random.default_rng(1)
    lengths = draw.integers(SHORTEST, LONGEST + 1, TEXTS)
    words = [draw.integers(0, WORDS, length).astype(np.int32) for length in lengths]
    return words, draw.integers(0, CLASSES, TEXTS).tolist()


def sequences() -> np.ndarray:
    """The sequences, (n, T + 1, D): sums of random steps."""
    draw = np.random.default_rng(2)
    return draw.standard_normal((SEQUENCES, STEPS + 1, COLUMNS)).cumsum(axis=1).astype(np.float32) / 8


def batches() -> list[list[int]]:
    """The texts of each batch of one epoch, those of similar length together, as the engine draws them."""
    from seqcore.data.examples import ExampleBatches

    feed = ExampleBatches(examples("classification"), ROWS, 1)
    return [feed.at(step).which.tolist() for step in range(feed.steps_per_epoch)]


def examples(task: str) -> Any:
    """The engine's examples of a task."""
    from seqcore.data.examples import Examples

    if task == "forecast":
        made = sequences()
        return Examples.of([one[:-1] for one in made], [one[1:] for one in made])
    words, labels = texts()
    targets = [np.full(one.size, -1, np.int32) for one in words]
    for target, label in zip(targets, labels, strict=True):
        target[-1] = label
    return Examples.of(words, targets)


class Given:
    """Examples in place of a corpus, for a trainer."""

    def __init__(self, made: Any) -> None:
        self._made = made

    def check(self, config: Any) -> None:
        """Accept them."""

    def feed(self, training: Any) -> Any:
        """Return their batches."""
        from seqcore.data.examples import ExampleBatches

        return ExampleBatches(self._made, training.batch, training.seed)


def our_step(task: str) -> Callable[[], object]:
    """Return a function that makes one training step with the engine."""
    from seqcore import jit
    from seqcore.config import ModelConfig, TrainingConfig
    from seqcore.trainer import Trainer

    ends: dict[str, int] = {"outputs": CLASSES} if task == "classification" else {"inputs": COLUMNS, "values": COLUMNS}
    words = 0 if "inputs" in ends else WORDS
    config = ModelConfig(words, "lstm", hidden=HIDDEN, embedding=EMBEDDING, **ends)
    jit.compile_kernels(jit.kernel_groups(config.kernels, "train"))
    given: Any = Given(examples(task))
    return Trainer(config, TrainingConfig(batch=ROWS, learning_rate=0.001, weight_decay=0.01), given).step


def torch_step(task: str, adam: dict[str, bool], batches: list[list[int]]) -> Callable[[], object]:
    """Return a function that makes one training step with PyTorch; `batches` are those of the texts."""
    torch: Any = importlib.import_module("torch")
    nn, packed = torch.nn, torch.nn.utils.rnn.pack_sequence
    embedding = nn.Embedding(WORDS, EMBEDDING) if task == "classification" else nn.Identity()
    layer = nn.LSTM(EMBEDDING if task == "classification" else COLUMNS, HIDDEN)
    head = nn.Linear(HIDDEN, CLASSES if task == "classification" else COLUMNS)
    module = nn.ModuleList([embedding, layer, head])
    update = torch.optim.AdamW(module.parameters(), lr=0.001, betas=(0.9, 0.99), **adam)

    def classification(words: Any, labels: Any) -> Any:
        read = nn.utils.rnn.PackedSequence(embedding(words.data), *words[1:])
        return nn.functional.cross_entropy(head(layer(read)[1][0][-1]), labels)

    def forecast(rows: Any, following: Any) -> Any:
        return nn.functional.mse_loss(head(layer(rows)[0]), following)

    if task == "classification":
        ids, labels = texts()
        words = [torch.from_numpy(one.astype(np.int64)) for one in ids]
        given = [
            (packed([words[n] for n in one], enforce_sorted=False), torch.tensor([labels[n] for n in one]))
            for one in batches
        ]
    else:
        made = torch.from_numpy(sequences()).transpose(0, 1)
        parts = [made[:, n : n + ROWS] for n in range(0, SEQUENCES, ROWS)]
        given = [(part[:-1].contiguous(), part[1:].contiguous()) for part in parts]
    loss_of, turn = (classification if task == "classification" else forecast), itertools.cycle(given)

    def step() -> None:
        update.zero_grad(set_to_none=True)
        loss_of(*next(turn)).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        update.step()

    return step


def timed(step: Callable[[], object], seconds: float) -> float:
    """Return the mean seconds of a step: lengths differ, and every batch counts alike."""
    for _ in range(WARM):
        step()
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        step()
        count += 1
    return spent / count


class Side:
    """Answers "hello" and "step" requests of one side."""

    def __init__(self, name: str, threads: int) -> None:
        self.name, self.threads = name, threads

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request."""
        if self.name == "ours":
            from seqcore import cores, team

            team.set_threads(self.threads)
            if request["do"] == "hello":
                return {"threads": cores.most_threads(), "batches": batches()}
            return {"seconds": timed(our_step(request["task"]), request["seconds"])}
        torch: Any = importlib.import_module("torch")
        torch.set_num_threads(self.threads)
        if request["do"] == "hello":
            return {"version": torch.__version__}
        ways = ({"fused": True}, {"foreach": True})
        steps = (torch_step(request["task"], way, request["batches"]) for way in ways)
        return {"seconds": min(timed(step, request["seconds"] / 2) for step in steps)}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure both sides in turn, every other round backwards. Raises BenchmarkError."""
    found, torch = machine(), None
    with Children() as children:
        command = [sys.executable, str(Path(__file__)), "--side", "ours"]
        hello = Worker(children, "our worker", [*command, "1"]).ask(START, do="hello")
        threads = sorted({1, min(hello["threads"], arguments.threads or hello["threads"])})
        sides = {("ours", n): Worker(children, "our worker", [*command, str(n)]) for n in threads}
        interpreter = arguments.torch_python or (sys.executable if importlib.util.find_spec("torch") else None)
        if interpreter:
            for n in threads:
                other = [interpreter, str(Path(__file__)), "--side", "pytorch", str(n)]
                sides["pytorch", n] = Worker(children, f"PyTorch ({interpreter})", other)
                torch = sides["pytorch", n].ask(START, do="hello")["version"]
        each, rows = arguments.seconds / arguments.rounds, []
        for task in TASKS:
            note(f"measuring {task}")
            rounds: dict[tuple[str, int], list[float]] = {side: [] for side in sides}
            for number in range(arguments.rounds):
                for side in list(sides)[:: 1 if number % 2 == 0 else -1]:
                    request = {"do": "step", "task": task, "seconds": each, "batches": hello["batches"]}
                    rounds[side].append(sides[side].ask(each + MOST, **request)["seconds"])
            rows.append(row(task, rounds, threads[-1]))
    return {"benchmark": "task_step", "machine": found, "pytorch": torch, "threads": threads,
            "seconds": arguments.seconds, "rounds": arguments.rounds, "rows": rows}  # fmt: skip


def row(task: str, rounds: dict[tuple[str, int], list[float]], most: int) -> dict[str, Any]:
    """Return the medians of a task and, with PyTorch, the ratio against its better number of threads."""
    made: dict[str, Any] = {"task": task, "target": TARGET}
    for name in ("ours", "pytorch"):
        made[f"{name}_rounds"] = {str(n): values for (side, n), values in rounds.items() if side == name}
        made[f"{name}_seconds"] = {n: statistics.median(values) for n, values in made[f"{name}_rounds"].items()}
    if made["pytorch_seconds"]:
        best = min(made["pytorch_seconds"], key=made["pytorch_seconds"].__getitem__)
        faster = ratio(made["pytorch_rounds"][best], made["ours_rounds"][str(most)])
        made |= {"pytorch_threads": int(best), "ratio": faster, "reached": faster >= TARGET}
    return made


def tables(document: dict[str, Any]) -> Iterator[Table | str]:
    """Yield a table with one row per task, and a note on PyTorch."""
    theirs = ["PyTorch ms", "with", "ratio", "target"] if document["pytorch"] else []
    made = table("training step", *[f"ours, {threads_told(n)} ms" for n in document["threads"]], *theirs)
    for row in document["rows"]:
        cells = [f"{1e3 * seconds:.2f}" for seconds in row["ours_seconds"].values()]
        if theirs:
            n = row["pytorch_threads"]
            cells += [f"{1e3 * row['pytorch_seconds'][str(n)]:.2f}", threads_told(n), f"{row['ratio']:.2f}x"]
            cells += [f"{row['target']:g}x: {'reached' if row['reached'] else 'missed'}"]
        made.add_row(row["task"], *cells)
    yield made
    yield f"PyTorch {document['pytorch']}, with its faster thread count" if document["pytorch"] else NO_PYTORCH


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 12.0)
    arguments = parsed(parser, None)
    document = measure(arguments)
    tell(document, arguments.json, lambda: tables(document))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        serve(Side(sys.argv[2], int(sys.argv[3])))
    else:
        main_guard(main)
