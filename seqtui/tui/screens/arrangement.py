"""The layout of the panes for a given terminal size: plain numbers, no widgets."""

from dataclasses import dataclass

MIN_WIDTH, MIN_HEIGHT = 60, 16
SIDE_BY_SIDE_WIDTH, SIDE_BY_SIDE_HEIGHT = 76, 30
STACKED_HEIGHT = 22  # room for the score with another pane above it
SECOND = "writing"  # the pane beside the loss, unless the task has another
ABOVE = ("loss", SECOND)
PANES = (*ABOVE, "score")


@dataclass(frozen=True)
class Arrangement:
    """Which panes are visible, and the height of those above the score."""

    panes: tuple[str, ...]  # visible, in focus order
    tabs: tuple[str, ...] = ()  # panes shown one at a time; () for no tab strip
    above: int = 0  # rows for loss and writing; 0 if one pane has the full height

    @property
    def too_small(self) -> bool:
        """Whether the terminal is too small to show anything."""
        return not self.panes


def arrange(
    width: int, height: int, *, zoomed: str | None, above: str, alone: str, second: str = SECOND
) -> Arrangement:
    """Return the arrangement for a terminal of width x height cells, including status line and footer.

    Args:
        width: columns.
        height: rows.
        zoomed: the pane that fills the screen, or None.
        above: the pane above the score if there is room for only one.
        alone: the pane shown if there is room for only one.
        second: the pane beside the loss.
    """
    if too_small(width, height):
        return Arrangement(())
    if zoomed is not None:
        return Arrangement((zoomed,))
    if width >= SIDE_BY_SIDE_WIDTH and height >= SIDE_BY_SIDE_HEIGHT:
        return Arrangement(("loss", second, "score"), above=above_rows(height))
    if height >= STACKED_HEIGHT:
        return Arrangement((above, "score"), ("loss", second), above=above_rows(height))
    return Arrangement((alone,), ("loss", second, "score"))


def too_small(width: int, height: int) -> bool:
    """Return whether a terminal of width x height cells is too small for any pane."""
    return width < MIN_WIDTH or height < MIN_HEIGHT


def above_rows(height: int) -> int:
    """Return the rows for the panes above the score: a third of the height, within limits useful for a curve.

    Less on low terminals, so that the score has room for a gate stave of eight lines.
    """
    return min(max(round(height * 0.34) - 1, 11), 17) if height >= SIDE_BY_SIDE_HEIGHT else max(height - 18, 5)
