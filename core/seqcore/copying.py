"""How much of a generated text stands word for word in the training part.

The longest stretch that ends at a token and occurs in the training part is at most one token longer than that at the
token before (the matching statistics of Chang and Lawler 1994), so about two searches for each token are enough.
"""

from collections.abc import Sequence

import numpy as np

from seqcore.records import I32, Bools

LEAST = 20  # tokens of a stretch that counts as copied


class Copies:
    """The longest copied stretches of a text that grows or shrinks at its end, token by token."""

    def __init__(self, training: I32) -> None:
        """Keep the tokens of the training part (N,)."""
        self._most = int(training.max(initial=0))
        self._dtype = np.dtype(np.uint8 if self._most < 256 else np.int32)  # the search goes byte by byte
        self._known = training.astype(self._dtype).tobytes()
        self._tokens: list[int] = []
        self._lengths: list[int] = []

    def of(self, tokens: Sequence[int]) -> tuple[int, ...]:
        """Return for each token of a text the length of the longest stretch that ends there and was copied."""
        same = 0
        for before, now in zip(self._tokens, tokens, strict=False):
            if before != now:
                break
            same += 1
        del self._tokens[same:], self._lengths[same:]
        for token in tokens[same:]:
            self._tokens.append(token)
            most = 1 + (self._lengths[-1] if self._lengths else 0)
            self._lengths.append(next((n for n in range(most, 0, -1) if self._occurs(n)), 0))
        return tuple(self._lengths)

    def _occurs(self, length: int) -> bool:
        """Return whether the last tokens of the text stand in the training part."""
        last = np.array(self._tokens[-length:])
        if last.max() > self._most:
            return False
        wanted, size = last.astype(self._dtype).tobytes(), self._dtype.itemsize
        at = self._known.find(wanted)
        while at % size and at >= 0:
            at = self._known.find(wanted, at + 1)
        return at >= 0


def copied_places(lengths: Sequence[int], least: int = LEAST) -> Bools:
    """Return which of a text's tokens lie in a copied stretch of at least that many, (n,); see `Copies.of`."""
    covered: Bools = np.zeros(len(lengths), np.bool_)
    for end, length in enumerate(lengths, start=1):
        if length >= least:
            covered[end - length : end] = True
    return covered


def share_copied(lengths: Sequence[int], least: int = LEAST) -> float:
    """Return the share of a text's tokens that lie in a copied stretch of at least that many; see `Copies.of`."""
    covered = copied_places(lengths, least)
    return float(covered.mean()) if covered.size else 0.0
