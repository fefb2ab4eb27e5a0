"""The screen without colour, for NO_COLOR: bold, underlined and reversed cells replace the colours."""

from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

APART = 0.2  # fraction of the brightness range: a background that differs more from its surroundings is drawn reversed


@lru_cache(4096)
def without_colour(style: Style, ground: float) -> Style:
    """Return the style in the terminal's default colours, reversed if its background differs from `ground`."""
    reverse = bool(style.reverse)
    if style.bgcolor is not None and style.bgcolor.triplet is not None:
        reverse ^= abs(Color.from_rich_color(style.bgcolor).brightness - ground) > APART
    plain = Style.from_color(RichColor.default(), RichColor.default())
    return style + plain + Style(reverse=reverse)


class Colourless(LineFilter):
    """Remove all colours from the output to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments without colour."""
        ground = background.brightness
        return [
            Segment(text, None if style is None else without_colour(style, ground), control)
            for text, style, control in segments
        ]
