"""From one long row of tokens to batches (T, B): parallel streams that go on, or random windows.

Both are functions of the step number alone, so that a resumed run sees what it would have seen.

Streams: the row is cut into B pieces; stream b reads piece b, T tokens a step, and its hidden state is carried from
step to step (truncated backpropagation through time). When the pieces are through, an epoch is over: states start from
nothing, and the cuts move to another place (the row is taken as a circle). Windows: T tokens from random places.
"""

from typing import NamedTuple

import numpy as np

from seqcore.errors import SeqError
from seqcore.records import I32


class Batch(NamedTuple):
    """tokens and targets (T, B), targets one place further; `fresh`: the hidden state starts from nothing."""

    tokens: I32
    targets: I32
    fresh: bool


class Batches:
    """Batches of `tokens` (n,). Raises SeqError where n is too short for them, and says what would do."""

    def __init__(self, tokens: I32, batch: int, length: int, sampling: str, seed: int) -> None:
        need = batch * length + 1 if sampling == "streams" else length + 1
        if tokens.size < need:
            raise SeqError(too_short(tokens.size, batch, length, sampling))
        self.tokens, self.batch, self.length, self.sampling, self.seed = tokens, batch, length, sampling, seed
        self._piece = tokens.size // batch  # of a stream
        self.steps_per_epoch = max(
            1, self._piece // length if sampling == "streams" else tokens.size // (batch * length)
        )
        self._turn = (-1, 0)  # an epoch, and how far the circle is turned in it
        self._places = np.arange(length + 1, dtype=np.int64)[:, None]

    def epoch(self, step: int) -> float:
        """How often the tokens were gone through before `step`."""
        return step / self.steps_per_epoch

    def at(self, step: int) -> Batch:
        """The batch of `step`, from 0."""
        n = self.tokens.size
        if self.sampling == "windows":
            starts = np.random.default_rng([self.seed, step]).integers(0, n - self.length, self.batch)
            fresh = True
        else:
            epoch, position = divmod(step, self.steps_per_epoch)
            if epoch != self._turn[0]:
                turn = int(np.random.default_rng([self.seed, epoch]).integers(0, n)) if epoch else 0
                self._turn = (epoch, turn)
            starts = self._turn[1] + np.arange(self.batch) * self._piece + position * self.length
            fresh = position == 0
        text = np.take(self.tokens, self._places + starts, mode="wrap")  # (T + 1, B)
        return Batch(text[:-1], text[1:], fresh)


def too_short(have: int, batch: int, length: int, sampling: str = "streams") -> str:
    """The line for a corpus that is too short: what is needed, what there is, and sizes that would work."""
    if sampling == "windows":
        fits = f"--length {max(1, have - 1)} would work" if have > 1 else "give a longer text"
        return f"the training part has {have:,} tokens: --length {length} needs {length + 1:,}; {fits}"
    fits = "give a longer text"
    if have > 1:
        b = max(1, min(batch, (have - 1) // min(length, max(1, have - 1))))
        fits = f"--batch {b} --length {min(length, (have - 1) // b)} would work"
    return (
        f"the training part has {have:,} tokens: --batch {batch} --length {length} need {batch * length + 1:,}; {fits}"
    )


def validation_batches(tokens: I32, rows: int, length: int, warm: int) -> tuple[list[Batch], int]:
    """The whole of `tokens` (n,) for one reading with the state carried through, in `rows` pieces side by side.

    Every token but the first is a target exactly once. So that a piece does not begin without context, `warm` tokens
    before it are read first with masked targets; that many batches come first, and it is the second value.
    The first piece has nothing before it: reset its row after the warm-up.
    """
    count = tokens.size - 1
    piece = -(-count // rows)
    warm = min(warm, piece) if rows > 1 else 0
    warm_batches = -(-warm // length)
    batches: list[Batch] = []
    for first in range(0, warm_batches * length + piece, length):
        inside = first - warm_batches * length + np.arange(length)[:, None]  # place in the piece; < 0: warm-up
        place = np.arange(rows)[None, :] * piece + inside
        ok = (inside >= 0) & (inside < piece) & (place < count)
        text = np.take(tokens, np.clip(place, 0, count), mode="clip")
        ahead = np.take(tokens, np.clip(place + 1, 0, count), mode="clip")
        batches.append(Batch(text, np.where(ok, ahead, -1).astype(np.int32), not batches))
    return batches, warm_batches
