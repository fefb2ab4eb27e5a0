"""Pairs of sequences without their padding: the rows of a batch that a transformer's encoder and decoder compute.

A row is a timestep of a pair. They follow each other pair by pair, so padding costs nothing and changes no bit.
"""

from typing import NamedTuple

import numpy as np

from seqcore.layers.block import ROWS
from seqcore.records import I32, I64, Bools, Targets


class Rows(NamedTuple):
    """The rows of one side of B pairs."""

    starts: I64  # (B + 1,) the first row of each, and the number of rows
    places: I64  # (M,) of each row: t B + b

    @staticmethod
    def of(inside: Bools) -> "Rows":
        """Return the rows that are inside, (T, B)."""
        b, t = np.nonzero(inside.T)
        starts = np.zeros(inside.shape[1] + 1, np.int64)
        np.cumsum(np.count_nonzero(inside, axis=0), out=starts[1:])
        return Rows(starts, t * inside.shape[1] + b)

    @property
    def size(self) -> int:
        """The number of rows."""
        return self.places.size

    @property
    def longest(self) -> int:
        """The rows of the longest sequence."""
        return int(np.diff(self.starts).max(initial=0))

    def values(self, array: I32 | Targets) -> I32:
        """Return the values (M,) of an array (T, B)."""
        found: I32 = array.reshape(-1)[self.places]
        return found


class PairLayout(NamedTuple):
    """The rows of a batch, and which pairs a worker takes at a time."""

    source: Rows
    target: Rows  # up to the last timestep with a target
    chunks: I64  # the first pair of each chunk, and B

    @staticmethod
    def of(inputs: I32, targets: Targets, S: int) -> "PairLayout":
        """Return the layout of a batch (T, B) with the bar after S timesteps."""
        source, target = np.zeros(inputs.shape, np.bool_), np.zeros(inputs.shape, np.bool_)
        source[:S] = inputs[:S] >= 0
        asked = targets[S:] >= 0
        target[S:] = np.logical_or.accumulate(asked[::-1], axis=0)[::-1]
        rows = Rows.of(source), Rows.of(target)
        return PairLayout(*rows, _chunks(*(np.diff(one.starts) for one in rows)))


def most_chunks(T: int, B: int) -> int:
    """Return the most chunks of a batch of (T, B) timesteps."""
    return min(B, 2 * T * B // ROWS + 1)


def _chunks(sources: I64, targets: I64) -> I64:
    """Return chunks of neighbouring pairs with up to ROWS rows on either side, or of a single longer pair.

    Two neighbouring chunks have more than ROWS rows together: hence `most_chunks`.
    """
    firsts, rows = [0], [0, 0]
    for pair, (S, U) in enumerate(zip(sources.tolist(), targets.tolist(), strict=True)):
        if pair > firsts[-1] and max(rows[0] + S, rows[1] + U) > ROWS:
            firsts.append(pair)
            rows = [0, 0]
        rows = [rows[0] + S, rows[1] + U]
    return np.array([*firsts, len(sources)], np.int64)
