"""No character of a corpus or a model controls the terminal, and cells are as wide as they report."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from seqtui.visible import cell, cell_width, visible

UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1)]
anything = st.text(
    st.characters(categories=None) | st.sampled_from("\x1b\x9b\u202e\u200b\ufeff\ud800\n\t"), max_size=50
)


def test_every_character_maps_to_a_printable_one() -> None:
    shown = visible("".join(CHARACTERS))
    assert len(shown) == len(CHARACTERS)
    assert not {unicodedata.category(character) for character in set(shown)} & UNSEEN
    changed = [a for a, b in zip(CHARACTERS, shown, strict=True) if a != b and unicodedata.category(a) not in UNSEEN]
    assert len(changed) < 300  # fillers and variation selectors; all other readable characters stay
    assert not any(character.isalnum() and character.isascii() for character in changed)


@settings(max_examples=500)
@given(text=anything, keep=st.sampled_from(["", "\n\t", "\n"]))
def test_visible_is_one_to_one_idempotent_and_keeps_the_given_characters(text: str, keep: str) -> None:
    shown = visible(text, keep=keep)
    assert len(shown) == len(text)
    assert visible(shown, keep=keep) == shown
    for before, after in zip(text, shown, strict=True):
        assert after in keep or unicodedata.category(after) not in UNSEEN
        assert (after == before) if before in keep else (after not in keep)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("naïve 中文 🙂", "naïve 中文 🙂"),
        ("\x1b[31m", "␛[31m"),
        ("\0\a\b\r\n\t\x7f", "␀␇␈␍␊␉␡"),
        ("a\u202eb\u200bc\u2028d\x9be", "a�b�c�d�e"),
        ("\ud800\ue000\uffff\ufeff", "����"),
        ("[bold]x[/bold]", "[bold]x[/bold]"),
    ],
)
def test_symbols(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.long
def test_every_character_has_a_cell_of_one_or_two_columns() -> None:
    for character in CHARACTERS:
        drawn = cell(character)
        assert cell_width(character) == cell_len(drawn)
        assert 1 <= cell_width(character) <= 2
        if cell_len(character) == 2 and visible(character) == character:
            assert drawn == character


@pytest.mark.parametrize(
    ("symbol", "drawn", "width"),
    [
        ("a", "a", 1),
        (" ", " ", 1),
        ("\n", "↵", 1),
        ("\t", "⇥", 1),
        ("\r", "␍", 1),
        ("\x1b", "␛", 1),
        ("中", "中", 2),
        ("\u0301", "◌\u0301", 1),
        (" the", " the", 4),
        ("\n\n", "↵↵", 2),
        ("", " ", 1),
    ],
)
def test_cells(symbol: str, drawn: str, width: int) -> None:
    assert (cell(symbol), cell_width(symbol)) == (drawn, width)


@given(symbol=anything)
def test_a_cell_is_as_wide_as_it_reports_and_draws_nothing_invisible(symbol: str) -> None:
    assert cell_width(symbol) == cell_len(cell(symbol)) >= 1
    assert not {unicodedata.category(character) for character in cell(symbol)} & UNSEEN
