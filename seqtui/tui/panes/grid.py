"""Where the thumbnails of all heads stand: plain numbers."""

from dataclasses import dataclass

_NARROWEST = 8  # cells: a caption of a name and a number
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
    """The grid that shows all heads largest, or else as many as fit of those beside `picked`; None without room."""
    total, room = layers * heads, lines - _LEGEND
    if width < _NARROWEST or room < 2 or total < 1:
        return None
    best: tuple[int, Grid] | None = None
    for columns in (*(n for n in range(1, heads) if heads % n == 0), *(n * heads for n in range(1, layers + 1))):
        each = room // -(-total // columns)
        cells = _cells(width, columns, each)
        if cells >= _NARROWEST and each >= 2 and (best is None or min(cells, 2 * each - 2) > best[0]):
            best = min(cells, 2 * each - 2), Grid(columns, cells, each, 0, total, total)
    if best is not None:
        return best[1]
    columns = min(heads, (width + _GAP) // (_NARROWEST + _GAP))
    rows = max(1, room // 3)
    count = min(columns * rows, total)
    first = max(0, min(picked // columns - rows // 2, -(-total // columns) - rows)) * columns
    each = room // rows
    return Grid(columns, _cells(width, columns, each), each, first, min(count, total - first), total)


def _cells(width: int, columns: int, lines: int) -> int:
    """The cells of a thumbnail: as wide as it is high, a cell being twice as high as wide, or a little more."""
    return min((width + _GAP) // columns - _GAP, max(_WIDEST, 2 * lines))
