"""The styles that a pane draws with: text colours from the theme, and the same under the playhead."""

from dataclasses import dataclass, field

from rich.color import Color
from rich.style import Style

from seqtui.tui.colours import Triplet, lightness, mix

_CALM: Triplet = (128, 128, 128)  # where the terminal's own colour is in use and so not known


def triplet(colour: Color | None, otherwise: Triplet = _CALM) -> Triplet:
    """A rich colour as red, green, blue."""
    if colour is None or colour.triplet is None:
        return otherwise
    red, green, blue = colour.triplet
    return red, green, blue


def rgb(colour: Triplet) -> Color:
    """Red, green, blue as a rich colour."""
    return Color.from_rgb(*colour)


@dataclass
class Ink:
    """Styles with their background in them. `colourless` means that hue and half blocks may carry nothing."""

    text: Style
    muted: Style
    faint: Style
    accent: Style
    warm: Style
    second: Style
    playhead: Style  # its background is the playhead's
    colourless: bool = False
    tints: tuple[Style, ...] = ()  # of text, from expected to surprising
    _lit: dict[Style, Style] = field(default_factory=dict)

    @property
    def background(self) -> Triplet:
        """What lies behind everything."""
        return triplet(self.text.bgcolor, (18, 18, 18))

    @property
    def truecolour(self) -> bool:
        """Whether every colour is given as red, green and blue, and none is the terminal's own."""
        styles = (self.text, self.muted, self.faint, self.accent, self.warm, self.second, self.playhead)
        colours = [colour for style in styles for colour in (style.color, style.bgcolor)]
        return all(colour is not None and colour.triplet is not None for colour in colours)

    @property
    def highlight(self) -> Triplet:
        """The playhead's colour, to be mixed into the heatmaps below it."""
        return triplet(self.accent.color)

    def lit(self, style: Style) -> Style:
        """`style` under the playhead."""
        known = self._lit.get(style)
        if known is None:
            known = style + (Style(reverse=True) if self.colourless else Style(bgcolor=self.playhead.bgcolor))
            self._lit[style] = known
        return known


def surprise_tints(text: Style, background: Triplet, colourless: bool, levels: int = 8) -> tuple[Style, ...]:
    """Text styles from expected (plain) to surprising (warm); without colour the unlikely half is underlined."""
    if colourless:
        return tuple(text if level < levels // 2 else text + Style(underline=True) for level in range(levels))
    plain = triplet(text.color, (200, 200, 200))
    warm: Triplet = (240, 138, 93) if lightness(background) < 0.6 else (176, 64, 20)
    return tuple(text + Style(color=rgb(mix(plain, warm, level / (levels - 1)))) for level in range(levels))
