"""Where the timesteps of the unrolled network stand on the screen, and what they are called."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from seqtui.tui.panes.drawing import bare
from seqtui.tui.panes.subject import SPACE
from seqtui.visible import cell

GAP_WIDTH = 3  # cells between two timesteps
_NARROWEST, _WIDEST = 7, 15  # cells of a timestep
GUTTER = 13


@dataclass(frozen=True)
class Columns:
    """Where the timesteps in view stand."""

    first: int = 0
    stop: int = 1
    wide: int = _NARROWEST  # cells of each
    bar: int = 0  # the timestep before which the double bar of a pair stands; 0: none

    @staticmethod
    def around(playhead: int, symbols: Sequence[str], width: int, bar: int) -> "Columns":
        """Return the columns that fit into `width` cells, the playhead among them; words are wider than characters."""
        room, steps = max(_NARROWEST, width - GUTTER), len(symbols)
        needed = max(cell_len(name_of(symbol)) for symbol in symbols) + len(" 100%")
        least = max(_NARROWEST, min(_WIDEST, needed))
        wide = max(least, min(_WIDEST, (room + GAP_WIDTH) // steps - GAP_WIDTH))
        count = max(1, (room + GAP_WIDTH) // (wide + GAP_WIDTH))
        first = max(0, min(playhead - count // 2, steps - count))
        return Columns(first, min(steps, first + count), wide, bar)

    @property
    def times(self) -> range:
        """The timesteps."""
        return range(self.first, self.stop)

    def at(self, x: int) -> int:
        """Return the timestep at a cell."""
        return max(self.first, min(self.stop - 1, self.first + (x - GUTTER) // (self.wide + GAP_WIDTH)))


def name_of(symbol: str) -> str:
    """Return a symbol as it is drawn by itself, sanitised: ␣ for a space."""
    return cell(bare(symbol)).strip() or SPACE
