"""The embedding of one run under observation: mapped while a view shows it, about once a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from seqcore.records import F32, I64

from seqtui.live.embedding import EmbeddingMap, by_frequency, places_of
from seqtui.live.seen import Weights

if TYPE_CHECKING:
    from seqcore.run import Run
    from seqcore.tasks.task import Data

    from seqtui.live.lookers import Scene

SHARE = 0.03  # of one core's time
PAUSE = 0.7  # seconds between two maps, at least


class EmbeddingWatch:
    """Maps the matrix of what a model reads, a row per symbol: the first of `names` that the model has."""

    names: ClassVar[tuple[str, ...]] = ("embedding.E", "layers.0.W_xh")

    def __init__(self, run: Run) -> None:
        self._run, self._symbols = run, self.symbols_of(run)
        self._step, self._due = -1, 0.0
        self._counts: I64 | None = None
        self._places: F32 | None = None

    @staticmethod
    def symbols_of(run: Run) -> tuple[str, ...]:
        """Return the symbols, one for each row; none if the model reads numbers."""
        return run.vocabulary.symbols if run.vocabulary.size else ()

    def counts(self) -> I64:
        """Return how often each symbol is read in an epoch, (V,); zeros if that is not known."""
        return counts_of(self._run.data, len(self._symbols))

    def look(self, scene: Scene, asked: Any) -> EmbeddingMap | None:
        """Return the map of the embedding in the newest weights, if that is due and they are new; asks nothing more."""
        weights, began = scene.weights, time.monotonic()
        if weights.step == self._step or began < self._due or not self._symbols:
            return None
        made = self._map(weights)
        self._step = weights.step
        self._due = began + max(PAUSE, (time.monotonic() - began) / SHARE)
        return made

    def _map(self, weights: Weights) -> EmbeddingMap:
        from seqcore.model import shapes
        from seqcore.parameters import Parameters

        if self._counts is None:
            self._counts = self.counts()
        order = by_frequency(self._counts)
        parameters = Parameters(shapes(self._run.config.model), weights.flat)
        name = next(name for name in self.names if name in parameters)
        vectors = parameters[name][: len(self._symbols)]  # a feedforward model has one more row, for "nothing before"
        places, shares = places_of(vectors, order, self._places)
        if np.isfinite(places).any():
            self._places = places
        return EmbeddingMap(weights.step, name, self._symbols, self._counts, order, vectors, places, shares)


class TargetEmbeddingWatch(EmbeddingWatch):
    """Maps the matrix of what the decoder of an encoder-decoder reads."""

    names = ("decoder.embedding.E", "decoder.0.W_xh")

    @staticmethod
    def symbols_of(run: Run) -> tuple[str, ...]:
        """Return the symbols that are written; none of another model."""
        return tuple(run.config.task.classes) if run.config.model.decodes else ()

    def counts(self) -> I64:
        """Return zeros."""
        return np.zeros(len(self._symbols), np.int64)


def counts_of(data: Data, size: int) -> I64:
    """Return how often each of `size` tokens is read in one epoch, (V,); zeros if the examples never end."""
    from seqcore.data.examples import Examples

    train = getattr(data, "train", None)
    tokens = train.inputs if isinstance(train, Examples) else train
    if not isinstance(tokens, np.ndarray) or tokens.dtype != np.int32:
        return np.zeros(size, np.int64)
    return np.bincount(tokens, minlength=size).astype(np.int64)
