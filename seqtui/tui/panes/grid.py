"""Grid layout of the attention heads' thumbnails."""

from dataclasses import dataclass

_NARROWEST = 7  # minimum cells of a thumbnail: with the gap, its caption fits a name and a number
_LEGIBLE = (10, 4)  # minimum cells and lines for a caption with the distance and a recognisable pattern
_LOWEST = 3  # minimum lines: the caption and four rows of pixels; with fewer, heads look the same
_GAP = 1  # cells between thumbnails
_WIDEST = 16  # cells a thumbnail may have even if it is then wider than square
_LEGEND = 1  # lines above all thumbnails


@dataclass(frozen=True)
class Grid:
    """Rows of thumbnails below a line that explains their captions. Heads are numbered layer by layer, from 0."""

    columns: int  # thumbnails per row
    width: int  # cells per thumbnail
    lines: int  # lines per thumbnail, including its caption
    first: int  # number of the first head shown
    count: int  # heads shown
    total: int  # heads of the model

    @property
    def complete(self) -> bool:
        """Whether all heads are shown."""
        return self.count == self.total

    def has_layer(self, heads: int) -> bool:
        """Return whether at least one complete layer of `heads` heads is shown."""
        return self.count >= heads

    @property
    def rows(self) -> int:
        """Number of rows of thumbnails."""
        return -(-self.count // self.columns)

    @property
    def height(self) -> int:
        """Total lines, including the legend."""
        return _LEGEND + self.rows * self.lines

    def at(self, x: int, line: int) -> int | None:
        """Return the number of the head under a cell, relative to the grid's upper left corner; None outside."""
        row, column = (line - _LEGEND) // self.lines, x // (self.width + _GAP)
        if line < _LEGEND or not (0 <= x < self.columns * (self.width + _GAP)):
            return None
        number = row * self.columns + column
        return self.first + number if number < self.count else None

    def place(self, line: int) -> tuple[range, int] | None:
        """Return the heads on a line and which of their lines it is (0 is the caption); None outside."""
        row, within = divmod(line - _LEGEND, self.lines)
        if line < _LEGEND or row >= self.rows:
            return None
        start = self.first + row * self.columns
        return range(start, min(start + self.columns, self.first + self.count)), within


def arrange_heads(width: int, lines: int, layers: int, heads: int, picked: int) -> Grid | None:
    """Return the grid with the largest thumbnails of all heads, else of the layer of `picked`, else of heads near it.

    None if no thumbnail fits.
    """
    total, room = layers * heads, lines - _LEGEND
    if width < _NARROWEST or room < 2 or total < 1:
        return None
    whole = _largest(width, room, layers, heads) or _largest(width, room, 1, heads)
    if whole is not None:
        columns, count = whole
        each = room // -(-count // columns)
        first = 0 if count == total else picked // heads * heads
        return Grid(columns, _cells(width, columns, each), each, first, count, total)
    columns = min(heads, (width + _GAP) // (_NARROWEST + _GAP))
    rows = max(1, room // _LOWEST)
    first = max(0, min(picked // columns - rows // 2, -(-total // columns) - rows)) * columns
    each = room // rows
    return Grid(columns, _cells(width, columns, each), each, first, min(columns * rows, total - first), total)


def _largest(width: int, room: int, layers: int, heads: int) -> tuple[int, int] | None:
    """Return the thumbnails per row that make them largest, with all heads of `layers` layers shown, and their number.

    None if they do not fit.
    """
    best, found = (False, 0), None
    for columns in (*(n for n in range(1, heads) if heads % n == 0), *(n * heads for n in range(1, layers + 1))):
        each = room // -(-layers * heads // columns)
        cells = _cells(width, columns, each)
        size = (cells >= _LEGIBLE[0] and each >= _LEGIBLE[1], min(cells, 2 * each - 2))
        if cells >= _NARROWEST and each >= _LOWEST and size > best:
            best, found = size, (columns, layers * heads)
    return found


def _cells(width: int, columns: int, lines: int) -> int:
    """Return the width of a thumbnail: at most square (a cell is twice as high as wide), or _WIDEST if that is more."""
    return min((width + _GAP) // columns - _GAP, max(_WIDEST, 2 * lines))
