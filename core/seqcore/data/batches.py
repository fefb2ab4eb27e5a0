"""Batches (T, B) from one long sequence of tokens: parallel continuing streams, or random windows.

Both depend only on the step number and the seed, so that a resumed run gets the same batches.

Streams: the sequence is cut into B pieces; stream b reads piece b, T tokens per step, and its hidden state is carried
from step to step (truncated backpropagation through time). An epoch ends at the end of the pieces: states are reset to
zero, and the cuts move to new positions (the sequence wraps around). Windows: T tokens from random positions.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from seqcore.errors import SeqError
from seqcore.records import I32, I64, Inputs, Targets

NO_EXAMPLES = np.zeros(0, np.int64)


class Batch(NamedTuple):
    """Inputs and targets of B sequences, see `records`. In language modelling, targets are shifted by one token."""

    inputs: Inputs
    targets: Targets
    fresh: bool  # the hidden state of every row starts at zero
    restart: int = 0  # else so many rows, the first ones, start at zero
    which: I64 = NO_EXAMPLES  # (at most B,) the examples in the rows, if the task has examples


class Batches:
    """Batches of `tokens` (n,). Raises SeqError if n is too small, with sizes that would work."""

    def __init__(self, tokens: I32, batch: int, length: int, sampling: str, seed: int) -> None:
        need = batch * length + 1 if sampling == "streams" else length + 1
        if tokens.size < need:
            raise SeqError(too_short(tokens.size, batch, length, sampling))
        self.text, self.rows, self.length, self.sampling, self.seed = tokens, batch, length, sampling, seed
        self.lengths, self.carries = (length,), True
        self._piece = tokens.size // batch  # tokens per stream
        self.steps_per_epoch = max(
            1, self._piece // length if sampling == "streams" else tokens.size // (batch * length)
        )
        self._turn = (-1, 0)  # an epoch and the offset of its cuts
        self._places = np.arange(length + 1, dtype=np.int64)[:, None]

    def epoch(self, step: int) -> float:
        """Return the number of passes over the tokens before `step`, fractional."""
        return step / self.steps_per_epoch

    def tokens(self, step: int) -> int:
        """Return the number of tokens trained on before `step`."""
        return step * self.rows * self.length

    def at(self, step: int) -> Batch:
        """Return the batch of `step`, from 0."""
        n = self.text.size
        if self.sampling == "windows":
            starts = np.random.default_rng([self.seed, step]).integers(0, n - self.length, self.rows)
            fresh = True
        else:
            epoch, position = divmod(step, self.steps_per_epoch)
            if epoch != self._turn[0]:
                turn = int(np.random.default_rng([self.seed, epoch]).integers(0, n)) if epoch else 0
                self._turn = (epoch, turn)
            starts = self._turn[1] + np.arange(self.rows) * self._piece + position * self.length
            fresh = position == 0
        text = np.take(self.text, self._places + starts, mode="wrap")  # (T + 1, B)
        return Batch(text[:-1], text[1:], fresh)


def too_short(have: int, batch: int, length: int, sampling: str = "streams") -> str:
    """Return the message for a corpus that is too short: tokens needed and available, and sizes that would work."""
    if sampling == "windows":
        fits = f"--length {max(1, have - 1)} would work" if have > 1 else "use a longer text"
        return f"the training part has {have:,} tokens: --length {length} needs {length + 1:,}; {fits}"
    fits = "use a longer text"
    if have > 1:
        b = max(1, min(batch, (have - 1) // min(length, max(1, have - 1))))
        fits = f"--batch {b} --length {min(length, (have - 1) // b)} would work"
    return (
        f"the training part has {have:,} tokens: --batch {batch} --length {length} need {batch * length + 1:,}; {fits}"
    )


def validation_batches(tokens: I32, rows: int, length: int, warm: int) -> Iterator[Batch]:
    """Yield batches for one pass over all of `tokens` (n,) in `rows` parallel pieces.

    The hidden state is carried through. Every token but the first is a target exactly once. To give each piece a
    context, the first batches read the `warm` tokens before it with masked targets (-1).
    The first piece has nothing before it: its row restarts after the warm-up.
    """
    count = tokens.size - 1
    piece = -(-count // rows)
    warm = min(warm, piece) if rows > 1 else 0
    warm_batches = -(-warm // length)
    for first in range(0, warm_batches * length + piece, length):
        inside = first - warm_batches * length + np.arange(length)[:, None]  # position in the piece; < 0: warm-up
        place = np.arange(rows)[None, :] * piece + inside
        ok = (inside >= 0) & (inside < piece) & (place < count)
        text = np.take(tokens, np.clip(place, 0, count), mode="clip")
        ahead = np.take(tokens, np.clip(place + 1, 0, count), mode="clip")
        restart = 1 if first == warm_batches * length else 0
        yield Batch(text, np.where(ok, ahead, -1).astype(np.int32), first == 0, restart)
