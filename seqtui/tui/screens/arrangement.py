"""Where the panes stand at a given size of the terminal: plain numbers, no widget."""

from dataclasses import dataclass

MIN_WIDTH, MIN_HEIGHT = 60, 16
SIDE_BY_SIDE_WIDTH, SIDE_BY_SIDE_HEIGHT = 76, 30
STACKED_HEIGHT = 22  # room for the score with another pane above it
ABOVE = ("loss", "writing")
PANES = (*ABOVE, "score")


@dataclass(frozen=True)
class Arrangement:
    """Which panes are seen, and how high those above the score are."""

    panes: tuple[str, ...]  # seen, in the order of the focus
    tabs: tuple[str, ...] = ()  # of which one is seen at a time; () for no tab strip
    above: int = 0  # rows for the loss and the writing; 0 where one pane has the whole height

    @property
    def too_small(self) -> bool:
        """Nothing can be seen at this size."""
        return not self.panes


def arrange(width: int, height: int, *, zoomed: str | None, above: str, alone: str) -> Arrangement:
    """The arrangement for a terminal of width x height cells, status line and footer included.

    Args:
        width: columns.
        height: rows.
        zoomed: the one pane that has the whole screen, or None.
        above: the pane above the score where there is room for one of them only.
        alone: the pane that is seen where there is room for one at all.
    """
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return Arrangement(())
    if zoomed is not None:
        return Arrangement((zoomed,))
    if width >= SIDE_BY_SIDE_WIDTH and height >= SIDE_BY_SIDE_HEIGHT:
        return Arrangement(PANES, above=above_rows(height))
    if height >= STACKED_HEIGHT:
        return Arrangement((above, "score"), ABOVE, above=above_rows(height))
    return Arrangement((alone,), PANES)


def above_rows(height: int) -> int:
    """A third of the height for what stands above the score, within what a curve can use.

    On low screens less, so that the score has a gate stave of eight lines.
    """
    return min(max(round(height * 0.34), 11), 18) if height >= SIDE_BY_SIDE_HEIGHT else max(height - 18, 5)
