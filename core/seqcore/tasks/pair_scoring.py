"""Exact match, accuracy and loss of pairs, in all and by length."""

from typing import Any

import numpy as np

from seqcore.data.batches import Batch
from seqcore.data.pair_examples import Targets
from seqcore.records import F32, F64, I64
from seqcore.tasks.scoring import by_bands
from seqcore.tasks.task import Measures


class PairScoring:
    """Accumulates the measures of held-out pairs.

    The decoder reads the true target. Its likeliest symbols are all right exactly if greedy decoding, which reads its
    own, gives the target: up to the first mistake both read the same. So exact match is that of greedy decoding, and
    costs nothing more.
    """

    def __init__(self, examples: Targets, symbols: int) -> None:
        self._examples, self._symbols = examples, symbols
        self._loss: list[F64] = []  # of each pair: the sum over its targets
        self._right: list[I64] = []
        self._asked: list[I64] = []
        self._lengths: list[I64] = []

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add a batch: losses (T, B) and scores (T, B, K and more)."""
        n = batch.which.size
        asked = batch.targets[:, :n] >= 0
        guessed = np.argmax(scores[:, :n, : self._symbols], axis=2)
        self._loss.append(np.where(asked, losses[:, :n], 0).sum(axis=0, dtype=np.float64))
        self._right.append(((guessed == batch.targets[:, :n]) & asked).sum(axis=0))
        self._asked.append(asked.sum(axis=0))
        self._lengths.append(self._examples.measured_lengths[batch.which])

    def result(self) -> Measures:
        """Return loss, token accuracy and exact match, and all of them by bands of length, as a rule of the source."""
        if not self._asked:
            return {}
        loss = np.concatenate(self._loss)
        right, asked, lengths = (np.concatenate(kept) for kept in (self._right, self._asked, self._lengths))
        bands = by_bands(lengths, lambda inside: _measured(loss[inside], right[inside], asked[inside]))
        return _measured(loss, right, asked) | {"examples": int(asked.size), "by_length": bands}


def _measured(loss: F64, right: I64, asked: I64) -> dict[str, Any]:
    return {
        "loss": float(loss.sum() / asked.sum()),
        "token_accuracy": float(right.sum() / asked.sum()),
        "exact_match": float((right == asked).mean()),
    }
