"""Other characters in place of those that the panes draw with, for terminals whose font lacks some: a line filter.

A braille character has eight dots, two by four. As a quarter block each quarter stands for two dots; in ASCII the sign
is the one whose ink is nearest: a rule at one of three heights, a slope, or an upright.
"""

from collections.abc import Mapping

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

QUADRANTS = " ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"  # 1 upper left, 2 upper right, 4 lower left, 8 lower right
ASCII_CLASS = "-ascii"  # of the app while it draws in ASCII: panes then draw as without half blocks

_BRAILLE = 0x2800
_LEFT, _RIGHT = (0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80)  # bits of the dots of a column, from above
_PLAIN = {  # what else is drawn: the character of each pair in turn
    "lines": "─-━=═=│|┃|┄.┊:║|╭+╮+╯+╰+┌+┐+└+┘+┏+┓+┗+┛+├+┤+┬+┴+┼+",
    "bars": '▁_▂.▃:▄-▅=▆+▇*█#▏:▎:▍:▌|▋=▊#▉#▀"▐|▔-▕|',
    "quarters": "▘'▝'▖.▗.▙#▚#▛#▜#▞#▟#",
    "shades": "░.▒:▓*",
    "arrows": "←<→>↑^↓v▶>◀<▸>◂<▲^△A↵$⇥>⌫<",
    "marks": '●*○o◌.◔o◆D■#□H•*✓v✗x∎#‖"␣_�?✂X',
    "signs": '·.×x÷/±+∓+−-–-≈~≤<≥>√V∞8∂d…~²2″"‴"ᵀT',
    "names": "ΣSσsτtμmθ0αaβb♭b♯#ŷy",
    "quotes": '«<»>‹<›>“"”"„"‘\'’\'',
}


def quarters(pattern: int) -> str:
    """Return the quarter block of a braille pattern, 0 to 255."""
    filled = 0
    for side, bits in enumerate((_LEFT, _RIGHT)):
        for half in range(2):
            filled |= bool(pattern & (bits[2 * half] | bits[2 * half + 1])) << (side + 2 * half)
    return QUADRANTS[filled]


def sign(pattern: int) -> str:
    """Return the ASCII sign of a braille pattern, 0 to 255."""
    left, right = ([row for row, bit in enumerate(bits) if pattern & bit] for bits in (_LEFT, _RIGHT))
    rows = left + right
    if not rows:
        return " "
    if max(rows) - min(rows) < 2:
        return "'-_"[1 if 0 < sum(rows) / len(rows) < 3 else 0 if min(rows) == 0 else 2]
    slope = sum(left) / len(left) - sum(right) / len(right) if left and right else 0.0
    return "/" if slope >= 1 else "\\" if slope <= -1 else "|"


def _ascii() -> dict[int, str]:
    table = {_BRAILLE + pattern: sign(pattern) for pattern in range(256)}
    table |= dict.fromkeys(range(9216, 9280), "?")  # pictures of control characters
    for pairs in _PLAIN.values():
        table |= {ord(glyph): plain for glyph, plain in zip(pairs[::2], pairs[1::2], strict=True)}
    return table | {0x303: ""}  # the tilde of c̃ has no cell of its own


TABLES: Mapping[str, Mapping[int, str]] = {
    "braille": {},
    "blocks": {_BRAILLE + pattern: quarters(pattern) for pattern in range(256)},
    "ascii": _ascii(),
}


class Glyphs(LineFilter):
    """Put other characters of one cell in place of those of a table."""

    def __init__(self, table: Mapping[int, str]) -> None:
        super().__init__()
        self._table = dict(table)

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments with other characters."""
        table = self._table
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(table), segment.style, segment.control)
            for segment in segments
        ]
