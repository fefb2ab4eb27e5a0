"""The embedding of one run under observation: mapped while a view shows it, about once a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from seqcore.records import F32, I64

from seqtui.live.embedding import EmbeddingMap, by_frequency, places_of
from seqtui.live.seen import Weights

if TYPE_CHECKING:
    from seqcore.parameters import Parameters
    from seqcore.run import Run
    from seqcore.tasks.task import Data

SHARE = 0.03  # of one core's time
PAUSE = 0.7  # seconds between two maps, at least
# The matrix with a row per token: the first that the model has.
NAMES = ("embedding.E", "layers.0.W_xh")
TARGET_NAMES = ("decoder.embedding.E", "decoder.0.W_xh")


class Publisher(Protocol):
    """Where maps are published: the observer."""

    def publish(self, run: Run, **changes: Any) -> None:
        """Publish changes of `Seen`."""


class EmbeddingWatch:
    """Maps the embedding of a run; of an encoder-decoder, that of either side."""

    def __init__(self, desk: Publisher, run: Run) -> None:
        self._desk, self._run = desk, run
        self._step, self._due = -1, 0.0
        symbols = run.vocabulary.symbols if run.vocabulary.size else ()
        self._tables = {"embedding": _Table(NAMES, symbols)}
        if run.config.model.decodes:
            self._tables["target_embedding"] = _Table(TARGET_NAMES, run.config.task.classes)

    def turn(self, weights: Weights) -> None:
        """Map the embedding in these weights, if that is due and they are new."""
        began = time.monotonic()
        if weights.step == self._step or began < self._due or not self._run.vocabulary.size:
            return
        from seqcore.model import shapes
        from seqcore.parameters import Parameters

        parameters = Parameters(shapes(self._run.config.model), weights.flat)
        source = self._tables["embedding"]
        if source.counts is None:
            source.counts = counts_of(self._run.data, len(source.symbols))
        made = {field: table.map(weights.step, parameters) for field, table in self._tables.items()}
        self._step = weights.step
        self._due = began + max(PAUSE, (time.monotonic() - began) / SHARE)
        self._desk.publish(self._run, **made)


class _Table:
    """A matrix with a row per symbol, the first of `names` that the model has, and its last map."""

    def __init__(self, names: tuple[str, ...], symbols: tuple[str, ...]) -> None:
        self.names, self.symbols = names, symbols
        self.counts: I64 | None = None  # None: not counted
        self._places: F32 | None = None

    def map(self, step: int, parameters: Parameters) -> EmbeddingMap:
        """Return the map of these weights."""
        counts = np.zeros(len(self.symbols), np.int64) if self.counts is None else self.counts
        order = by_frequency(counts)
        name = next(name for name in self.names if name in parameters)
        vectors = parameters[name][: len(self.symbols)]  # a feedforward model has one more row, for "nothing before"
        places, shares = places_of(vectors, order, self._places)
        if np.isfinite(places).any():
            self._places = places
        return EmbeddingMap(step, name, self.symbols, counts, order, vectors, places, shares)


def counts_of(data: Data, size: int) -> I64:
    """Return how often each of `size` tokens is read in one epoch, (V,); zeros if the examples never end."""
    from seqcore.data.examples import Examples

    train = getattr(data, "train", None)
    tokens = train.inputs if isinstance(train, Examples) else train
    if not isinstance(tokens, np.ndarray) or tokens.dtype != np.int32:
        return np.zeros(size, np.int64)
    return np.bincount(tokens, minlength=size).astype(np.int64)
