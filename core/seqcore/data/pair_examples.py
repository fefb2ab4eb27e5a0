"""Pairs of symbol sequences, and batches of pairs of similar lengths for an encoder-decoder.

A batch has T = S + U timesteps: S for the source, U for the target and the end symbol, each rounded up to a multiple of
`ROUND`. What the decoder reads is numbered from the number of source symbols on. With pairs `ab` -> `xyz` and
`c` -> `x`, the end symbol $ and S = U = 4:

    inputs     -1 -1  a  b   $  x  y  z        -1 -1 -1  c   $  x  $  $
    targets    -1 -1 -1 -1   x  y  z  $        -1 -1 -1 -1   x  $ -1 -1

Padding stands before a source and after a target, and is masked: it changes nothing of a pair's results.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqcore.data.batches import Batch
from seqcore.data.score_layout import joined
from seqcore.records import I32, I64, Inputs

ROUND = 4  # timesteps: so many different lengths of batches are avoided that memory for each can be kept


@dataclass(frozen=True)
class Targets:
    """The targets of n pairs, joined, and what follows from them; a subclass has the sources."""

    targets: I32  # (total,) without the end symbol
    target_starts: I64  # (n + 1,) the target of pair i is targets[target_starts[i] : target_starts[i + 1]]
    end: int  # the number of the end symbol, among those of the target

    @property
    def count(self) -> int:
        """The number of pairs."""
        return len(self.target_starts) - 1

    @property
    def source_lengths(self) -> I64:
        """The timesteps of each source, (n,)."""
        raise NotImplementedError

    @property
    def target_lengths(self) -> I64:
        """The symbols of each target without the end symbol, (n,)."""
        return np.diff(self.target_starts)

    @property
    def lengths(self) -> I64:
        """The timesteps of each pair without padding, (n,): those of its source, its target and the end symbol."""
        return self.source_lengths + self.target_lengths + 1

    @property
    def order(self) -> I64:
        """A key for each pair, (n,): sorted by it, pairs of similar lengths are neighbours."""
        targets = self.target_lengths
        return self.source_lengths * (int(targets.max(initial=0)) + 1) + targets

    @property
    def batch_lengths(self) -> tuple[int, ...]:
        """All T = S + U that batches of these pairs can have, ascending; some of them may not occur."""
        if not self.count:
            return ()
        sources, targets = self._steps(self.source_lengths), rounded(self.target_lengths + 1)
        return tuple(range(int((sources + targets).min()), int(sources.max() + targets.max()) + 1, ROUND))

    def some(self, which: Sequence[int]) -> "Targets":
        """Return some of the pairs."""
        raise NotImplementedError

    def read(self, i: int) -> Inputs:
        """Return a source as the model reads it, (length, ...)."""
        raise NotImplementedError

    def target(self, i: int) -> I32:
        """Return the target of a pair without the end symbol, (length,)."""
        return self.targets[self.target_starts[i] : self.target_starts[i + 1]]

    def score(self, i: int) -> Inputs:
        """Return the score of a pair, (T, ...): its source as the model reads it, and the target after an end symbol.

        See `data.score_layout`. After the target, the decoder reads the end symbol once more.
        """
        symbols = np.concatenate([[self.end], self.target(i), [self.end]]).astype(np.int32)
        return joined(self.read(i), symbols, self._first)

    def batch(self, which: I64, rows: int) -> Batch:
        """Return the pairs `which` (n,), n >= 1, as a batch (S + U, rows, ...) in the layout above.

        Rows without a pair have no source and no targets; their decoder reads end symbols.
        """
        S = int(self._steps(self.source_lengths[which]).max())
        starts = self.target_starts[which]
        lengths = self.target_starts[which + 1] - starts
        U = int(rounded(lengths + 1).max())
        symbols, targets = np.full((U, rows), self.end, np.int32), np.full((S + U, rows), -1, np.int32)
        place = np.arange(U)[:, None]
        inside = place < lengths
        found = self.targets[(starts + place)[inside]]
        symbols[1:, : which.size][inside[:-1]] = found  # the last timestep has none
        targets[S:, : which.size][inside] = found
        targets[S + lengths, np.arange(which.size)] = self.end
        return Batch(self._inputs(which, S, symbols), targets, True, which=which)

    @property
    def measured_lengths(self) -> I64:
        """The lengths by which results are divided into bands, (n,): those of the sources."""
        return self.source_lengths

    @property
    def _first(self) -> int:
        """The number of source symbols, from which on inputs of the decoder are numbered."""
        raise NotImplementedError

    def _steps(self, lengths: I64) -> I64:
        """Return the timesteps of a batch whose longest source has each of these lengths."""
        return rounded(lengths)

    def _inputs(self, which: I64, S: int, symbols: I32) -> Inputs:
        """Return the inputs (S + U, rows, ...) of pairs, given those of the decoder (U, rows)."""
        raise NotImplementedError


@dataclass(frozen=True)
class PairExamples(Targets):
    """n pairs of symbols, joined; the source of pair i is sources[source_starts[i] : source_starts[i + 1]]."""

    sources: I32  # (total,)
    source_starts: I64  # (n + 1,)
    first: int = 0  # the number of source symbols, from which on inputs of the decoder are numbered
    reverse: bool = False  # whether batches hold the sources backwards

    @staticmethod
    def of(pairs: Sequence[tuple[I32, I32]], end: int, first: int = 0, reverse: bool = False) -> "PairExamples":
        """Join pairs of a source and a target; either may be empty."""
        sources, targets = concatenated([source for source, _ in pairs]), concatenated([target for _, target in pairs])
        return PairExamples(*targets, end, *sources, first, reverse)

    def some(self, which: Sequence[int]) -> "PairExamples":
        """Return some of the pairs."""
        return PairExamples.of([(self.source(i), self.target(i)) for i in which], self.end, self.first, self.reverse)

    @property
    def source_lengths(self) -> I64:
        """The symbols of each source, (n,)."""
        return np.diff(self.source_starts)

    def source(self, i: int) -> I32:
        """Return the source of a pair, (length,), never backwards."""
        return self.sources[self.source_starts[i] : self.source_starts[i + 1]]

    @property
    def _first(self) -> int:
        return self.first

    def read(self, i: int) -> I32:
        """Return a source as the model reads it."""
        return np.ascontiguousarray(self.source(i)[::-1]) if self.reverse else self.source(i)

    def _inputs(self, which: I64, S: int, symbols: I32) -> I32:
        starts, lengths = self.source_starts[which], self.source_starts[which + 1] - self.source_starts[which]
        inputs = np.full((S + len(symbols), symbols.shape[1]), -1, np.int32)
        place = np.arange(S)[:, None] - (S - lengths)  # in the source; < 0: padding
        inside = place >= 0
        at = starts + (lengths - 1 - place if self.reverse else place)
        inputs[:S, : which.size][inside] = self.sources[at[inside]]
        inputs[S:] = self.first + symbols
        return inputs


def concatenated(parts: list[I32]) -> tuple[I32, I64]:
    """Return sequences joined (total,), and where each starts (n + 1,)."""
    starts = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=starts[1:])
    return np.concatenate([np.zeros(0, np.int32), *parts], dtype=np.int32), starts


def rounded(lengths: I64) -> I64:
    """Return lengths rounded up to a multiple of ROUND, at least ROUND."""
    return np.maximum(ROUND, -(-lengths // ROUND) * ROUND)
