"""Text that came from a corpus or a model, made safe to draw: no character of it is obeyed by the terminal."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

REPLACEMENT = "�"
_IN_A_CELL = {"\n": "↵", "\t": "⇥"}

# Drawn as nothing although their category is that of letters and marks: grapheme joiner, Hangul and Khmer fillers,
# Mongolian and other variation selectors (which also change how wide the character before them is).
_BLANK_LETTERS = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0)
).union(range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
# Controls, formats (zero width, bidirectional), surrogates, private use, unassigned, line and paragraph separators.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def visible(text: str, *, keep: str = "") -> str:
    """`text` with one printable symbol in the place of every character that a terminal would obey or not show.

    The result is as long as `text`. Characters in `keep` stay as they are ("\\n\\t" for text that is laid out).
    """
    return text if text.isascii() and text.isprintable() else text.translate(_table(keep))


def cell(symbol: str) -> str:
    """What to draw for one token in a column of the score.

    A character takes one terminal cell, or two where it is a wide one; a line end is ↵ and a tab ⇥. A mark that
    combines with what is before it stands on a dotted circle. A token of several characters is drawn one after another.
    """
    return _cell(symbol)[0]


def cell_width(symbol: str) -> int:
    """How many terminal cells `cell(symbol)` takes, at least 1."""
    return _cell(symbol)[1]


@lru_cache(maxsize=1 << 16)
def _cell(symbol: str) -> tuple[str, int]:
    drawn = visible("".join(_IN_A_CELL.get(character, character) for character in symbol)) or " "
    if unicodedata.category(drawn[0])[0] == "M" or cell_len(drawn[0]) == 0:
        drawn = "◌" + drawn
    width = cell_len(drawn)
    if width < 1 or (len(symbol) == 1 and width > 2):
        return REPLACEMENT, 1
    return drawn, width


class _Symbols(dict[int, str]):
    """What `str.translate` looks every character up in; each is judged once."""

    def __missing__(self, code: int) -> str:
        symbol = self[code] = _symbol(code)
        return symbol


@lru_cache(maxsize=64)
def _table(keep: str) -> _Symbols:
    """The table in which the characters of `keep` stand for themselves."""
    return _Symbols({ord(character): character for character in keep})


def _symbol(code: int) -> str:
    """The character itself, or the symbol it is shown as: Unicode's control pictures where there are any."""
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(chr(code)) in _UNSEEN or code in _BLANK_LETTERS:
        return REPLACEMENT
    return chr(code)
