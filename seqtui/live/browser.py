"""Walking through the held-out examples of a run: by length, and to the next one that the model gets wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from seqtui.live.seen import Weights

if TYPE_CHECKING:
    from seqcore.run import Run
    from seqcore.serial import SerialModel

TURN = 0.03  # seconds of searching at a time


class Browser:
    """Knows the lengths of the held-out examples of a run, and searches them for errors."""

    def __init__(self, run: Run) -> None:
        self._data, self._config = run.data, run.config.model
        self._lengths = run.data.example_lengths
        self._model: SerialModel | None = None  # made for the first search
        self._waiting: list[int] = []  # examples to look at, the next one last
        self.step: int | None = None  # of the weights that are searched with; None: there is no search
        self.looked = 0

    @property
    def count(self) -> int:
        """The number of examples; 0 if the held-out part is one text."""
        return int(self._lengths.size)

    def by_length(self, number: int, direction: int) -> int | None:
        """Return the nearest example that is longer, or shorter (direction < 0); None if there is none.

        Of several of that length it is the first after `number`.
        """
        lengths = self._lengths
        other = lengths > lengths[number] if direction > 0 else lengths < lengths[number]
        if not other.any():
            return None
        nearest = lengths[other].min() if direction > 0 else lengths[other].max()
        found = np.flatnonzero(lengths == nearest)
        after = found[found > number]
        return int(after[0] if after.size else found[0])

    def search(self, weights: Weights, number: int) -> None:
        """Begin to look at the examples after `number`, with these weights."""
        from seqcore.serial import serial_model

        if self._model is None:
            self._model = serial_model(self._config)
        self._model.load(weights.flat)
        self._waiting = [(number + 1 + n) % self.count for n in reversed(range(self.count))]
        self.step, self.looked = weights.step, 0

    def stop(self) -> None:
        """End the search."""
        self.step = None

    def look(self) -> int | None:
        """Look at a few more examples; return one that is wrong, and end the search. It also ends without any."""
        until = time.monotonic() + TURN
        assert self._model is not None  # there is a search
        while self._waiting and time.monotonic() < until:
            number = self._waiting.pop()
            self.looked += 1
            if self._data.errs(self._model, number):
                self.stop()
                return number
        if not self._waiting:
            self.stop()
        return None
