"""The styles that a pane draws with: text colours from the theme, and their variants under the playhead."""

from dataclasses import dataclass, field

from rich.color import Color
from rich.style import Style

from seqtui.tui.widgets.colours import Triplet, lightness, mix

_CALM: Triplet = (128, 128, 128)  # fallback for the terminal's default colour, which is unknown


def triplet(colour: Color | None, otherwise: Triplet = _CALM) -> Triplet:
    """Convert a rich colour to red, green, blue; `otherwise` if it has no known value."""
    if colour is None or colour.triplet is None:
        return otherwise
    red, green, blue = colour.triplet
    return red, green, blue


def rgb(colour: Triplet) -> Color:
    """Convert red, green, blue to a rich colour."""
    return Color.from_rgb(*colour)


@dataclass
class Ink:
    """Styles including their background. `colourless` means that hue and half blocks must not carry information."""

    text: Style
    muted: Style
    faint: Style
    accent: Style
    warm: Style
    second: Style
    playhead: Style  # its background is the playhead's colour
    colourless: bool = False
    tints: tuple[Style, ...] = ()  # text styles from expected to surprising
    _lit: dict[Style, Style] = field(default_factory=dict)

    @property
    def background(self) -> Triplet:
        """The background colour."""
        return triplet(self.text.bgcolor, (18, 18, 18))

    @property
    def truecolour(self) -> bool:
        """Whether every colour is given as red, green and blue, rather than an ANSI or default terminal colour."""
        styles = (self.text, self.muted, self.faint, self.accent, self.warm, self.second, self.playhead)
        colours = [colour for style in styles for colour in (style.color, style.bgcolor)]
        return all(colour is not None and colour.triplet is not None for colour in colours)

    @property
    def shaded(self) -> bool:
        """Whether text may have shades between two colours: not where the terminal chooses what they are."""
        return self.truecolour and not self.colourless

    @property
    def highlight(self) -> Triplet:
        """The playhead's colour, blended into the heatmap cells under it."""
        return triplet(self.accent.color)

    def lit(self, style: Style) -> Style:
        """Return `style` as drawn under the playhead."""
        known = self._lit.get(style)
        if known is None:
            self._lit[style] = known = style + self._under(style)
        return known

    def _under(self, style: Style) -> Style:
        """Return what the playhead changes of a style. Quiet text is as readable there as any other."""
        ground = self.playhead.bgcolor
        if self.colourless or ground is None or ground.triplet is None:
            return Style(reverse=True)
        quiet = style.color in (self.muted.color, self.faint.color)
        return Style(bgcolor=ground, color=self.text.color if quiet else None)


def surprise_tints(text: Style, background: Triplet, colourless: bool, levels: int = 8) -> tuple[Style, ...]:
    """Return text styles from expected (plain) to surprising (warm); without colour the unlikely half is underlined.

    On the terminal's own colours there are three steps, in colours that it has.
    """
    if colourless:
        return tuple(text if level < levels // 2 else text + Style(underline=True) for level in range(levels))
    if text.color is None or text.color.triplet is None:
        unlikely = (text + Style(color="yellow"), text + Style(color="red"))
        return tuple(text if level < levels // 2 else unlikely[level >= 3 * levels // 4] for level in range(levels))
    plain = triplet(text.color)
    warm: Triplet = (240, 138, 93) if lightness(background) < 0.6 else (176, 64, 20)
    return tuple(text + Style(color=rgb(mix(plain, warm, level / (levels - 1)))) for level in range(levels))
