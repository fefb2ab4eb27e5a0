"""Position of the playhead, and the part of the text in view."""

from collections.abc import Sequence
from dataclasses import dataclass

_MARGIN = 6  # columns of text kept in view on both sides of the playhead


@dataclass(frozen=True)
class Place:
    """The playhead's timestep and the first timestep in view."""

    playhead: int = 0
    scroll: int = 0

    def at(self, playhead: int, steps: int, columns: int) -> "Place":
        """Return the place with the playhead at a timestep (of `steps`), scrolled just enough to keep a margin."""
        playhead = max(0, min(playhead, steps - 1))
        margin = max(0, min(_MARGIN, (columns - 1) // 2))
        scroll = min(self.scroll, playhead - margin)
        scroll = max(scroll, playhead + margin - columns + 1)
        return Place(playhead, max(0, min(scroll, steps - columns)))


def word_start(symbols: Sequence[str], t: int, direction: int) -> int:
    """Return the start of the next word after t (direction > 0) or the last one before t; the text's edge if none."""
    pairs = zip(("", *symbols), symbols, strict=False)
    starts = [i for i, (before, symbol) in enumerate(pairs) if _in_word(symbol) and _breaks(before, symbol)]
    if direction > 0:
        return next((start for start in starts if start > t), max(0, len(symbols) - 1))
    return next((start for start in reversed(starts) if start < t), 0)


def _in_word(symbol: str) -> bool:
    return any(character.isalnum() for character in symbol)


def _breaks(before: str, symbol: str) -> bool:
    """Return whether a word begins between the two symbols: always if the tokens are words."""
    return not _in_word(before) or len(before) > 1 or len(symbol) > 1
