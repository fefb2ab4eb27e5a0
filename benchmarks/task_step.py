"""A training step of two tasks beside PyTorch: texts of different lengths with a label, and sequences to forecast.

    classification   LSTM 128 over an embedding of 64, one label of two at the end of 32 texts of 3 to 60 words, batches
                     of texts of similar length; PyTorch with packed sequences
    forecast         LSTM 128, 32 sequences of 64 rows of 2 numbers, the squared error of the next row at every timestep

Both sides train on the same batches, clip at norm 1 and update with AdamW, in float32.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from steps import Steps, main

if TYPE_CHECKING:
    pass

HIDDEN, EMBEDDING, WORDS, CLASSES, ROWS = 128, 64, 2000, 2, 32
SHORTEST, LONGEST, TEXTS = 3, 60, 3200
COLUMNS, STEPS, SEQUENCES = 2, 64, 640
TARGETS = {"classification": 3.0, "forecast": 3.0}  # times as fast as PyTorch


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


if __name__ == "__main__":
    main(Steps(Path(__file__), TARGETS, our_step, torch_step, batches), __doc__)
