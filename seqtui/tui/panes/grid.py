"""Where the thumbnails of all heads stand: plain numbers."""

from dataclasses import dataclass

_NARROWEST = 7  # cells of a thumbnail: with the gap a caption of a name and a number
_LEGIBLE = (10, 4)  # cells and lines from which on a caption tells the distance too, and a shape is one
_LOWEST = 3  # lines: the caption and four rows of pixels, below which there is nothing to tell apart
_GAP = 1  # cells between thumbnails
_WIDEST = 16  # cells that a thumbnail may have although it is lower than wide
_LEGEND = 1  # line above them all


@dataclass(frozen=True)
class Grid:
    """Thumbnails in rows, below a line that explains their captions. They are numbered layer by layer, from 0."""

    columns: int  # thumbnails a row
    width: int  # cells of one
    lines: int  # of one, with its caption
    first: int  # the number of the first that is shown
    count: int  # how many are shown
    total: int  # how many there are

    @property
    def complete(self) -> bool:
        """Whether all of them are shown."""
        return self.count == self.total

    def has_layer(self, heads: int) -> bool:
        """Whether at least a whole layer of so many heads is shown."""
        return self.count >= heads

    @property
    def rows(self) -> int:
        """Rows of thumbnails."""
        return -(-self.count // self.columns)

    @property
    def height(self) -> int:
        """Lines in all, that of the legend included."""
        return _LEGEND + self.rows * self.lines

    def at(self, x: int, line: int) -> int | None:
        """The head under a cell, counted from the grid's own corner."""
        row, column = (line - _LEGEND) // self.lines, x // (self.width + _GAP)
        if line < _LEGEND or not (0 <= x < self.columns * (self.width + _GAP)):
            return None
        number = row * self.columns + column
        return self.first + number if number < self.count else None

    def place(self, line: int) -> tuple[range, int] | None:
        """The heads that a line crosses, and which of their lines it is: 0 is the caption. None beyond them."""
        row, within = divmod(line - _LEGEND, self.lines)
        if line < _LEGEND or row >= self.rows:
            return None
        start = self.first + row * self.columns
        return range(start, min(start + self.columns, self.first + self.count)), within


def arrange_heads(width: int, lines: int, layers: int, heads: int, picked: int) -> Grid | None:
    """The grid that shows all heads largest, or else those of the layer of `picked`, or else some beside it.

    None without room for any.
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
    """How many thumbnails in a row are largest where all of so many layers are shown, and how many these are."""
    best, found = (False, 0), None
    for columns in (*(n for n in range(1, heads) if heads % n == 0), *(n * heads for n in range(1, layers + 1))):
        each = room // -(-layers * heads // columns)
        cells = _cells(width, columns, each)
        size = (cells >= _LEGIBLE[0] and each >= _LEGIBLE[1], min(cells, 2 * each - 2))
        if cells >= _NARROWEST and each >= _LOWEST and size > best:
            best, found = size, (columns, layers * heads)
    return found


def _cells(width: int, columns: int, lines: int) -> int:
    """The cells of a thumbnail: as wide as it is high, a cell being twice as high as wide, or a little more."""
    return min((width + _GAP) // columns - _GAP, max(_WIDEST, 2 * lines))
