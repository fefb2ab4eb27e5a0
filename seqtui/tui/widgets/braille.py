"""A braille canvas: two dots per column and four per line; one canvas per curve."""

import numpy as np
import numpy.typing as npt

# bit of the dot at (row 0..3, column 0..1) of a cell, as in the Unicode block that starts at U+2800
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)
BLANK = 0x2800


class Braille:
    """Dots of one curve: `dots` (4·lines, 2·columns), row 0 at the top."""

    def __init__(self, columns: int, lines: int) -> None:
        self.dots = np.zeros((4 * lines, 2 * columns), np.bool_)

    def spans(self, first: npt.NDArray[np.int64], last: npt.NDArray[np.int64]) -> None:
        """Fill each dot column from row `first` to row `last` (either may be the larger); -1 leaves it empty."""
        rows = np.arange(self.dots.shape[0])[:, None]
        top, bottom = np.minimum(first, last), np.maximum(first, last)
        self.dots |= (rows >= top) & (rows <= bottom) & (top >= 0)

    def cells(self) -> npt.NDArray[np.uint8]:
        """Return each cell's pattern (lines, columns): its offset into the braille block, 0 if empty."""
        rows, columns = self.dots.shape
        blocks = self.dots.reshape(rows // 4, 4, columns // 2, 2).astype(np.uint8)
        patterns: npt.NDArray[np.uint8] = (blocks * _BITS[None, :, None, :]).sum(axis=(1, 3)).astype(np.uint8)
        return patterns


def glyph(pattern: int) -> str:
    """Return the character of a cell's pattern; a space if empty."""
    return chr(BLANK + pattern) if pattern else " "
