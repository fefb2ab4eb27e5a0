"""Make text from a corpus or a model safe to draw: the terminal interprets no character of it as a control code."""

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

REPLACEMENT = "�"
_IN_A_CELL = {"\n": "↵", "\t": "⇥"}

# Invisible although their category is letter or mark: grapheme joiner, Hangul and Khmer fillers, Mongolian and other
# variation selectors (which also change the width of the preceding character).
_BLANK_LETTERS = frozenset(
    (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0)
).union(range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
# Controls, formats (zero width, bidirectional), surrogates, private use, unassigned, line and paragraph separators.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def visible(text: str, *, keep: str = "") -> str:
    """Return `text` with every control or invisible character replaced by one printable symbol.

    The result is as long as `text`. Characters in `keep` are left unchanged ("\\n\\t" for text that is laid out).
    """
    return text if text.isascii() and text.isprintable() else text.translate(_table(keep))


def escaped(text: str, *, keep: str = "") -> str:
    r"""Return `text` with every unprintable character replaced by escapes of its UTF-8 bytes (`\x1b`).

    For byte-level text, where invalid bytes are escapes, too. Characters in `keep` are left unchanged.
    """
    seen = visible(text, keep=keep)
    if seen == text:
        return text
    pairs = zip(text, seen, strict=True)
    return "".join(
        c if c == s else "".join(f"\\x{b:02x}" for b in c.encode("utf-8", "surrogatepass")) for c, s in pairs
    )


def cell(symbol: str) -> str:
    """Return the text to draw for one token in a column of the score.

    A character takes one terminal cell, or two if it is wide; a line end is ↵ and a tab ⇥. A leading combining mark is
    drawn on a dotted circle. The characters of a longer token are drawn one after another.
    """
    return _cell(symbol)[0]


def cell_width(symbol: str) -> int:
    """Return the width of `cell(symbol)` in terminal cells, at least 1."""
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
    """A table for `str.translate` that computes the symbol of each character once."""

    def __missing__(self, code: int) -> str:
        symbol = self[code] = _symbol(code)
        return symbol


@lru_cache(maxsize=64)
def _table(keep: str) -> _Symbols:
    """Return the table that maps the characters of `keep` to themselves."""
    return _Symbols({ord(character): character for character in keep})


def _symbol(code: int) -> str:
    """Return the character itself, or the symbol shown instead: a Unicode control picture if there is one."""
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(chr(code)) in _UNSEEN or code in _BLANK_LETTERS:
        return REPLACEMENT
    return chr(code)
