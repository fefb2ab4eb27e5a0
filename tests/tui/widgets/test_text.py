"""Wrapping loses no text; numbers keep their width."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from seqtui.tui.widgets.numbers import SteadyLimit, counted, percent, short, significant
from seqtui.tui.widgets.pane import fit
from seqtui.tui.widgets.wrap import wrap


@given(st.text("ab 日é\n", max_size=80), st.integers(2, 20))
def test_wrapped_lines_fit_and_hold_every_letter(text: str, width: int) -> None:
    spans = wrap(text, width)
    assert all(cell_len(text[a:b].rstrip()) <= width for a, b in spans)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(b <= c for (_, b), (c, _) in itertools.pairwise(spans))


def test_a_word_moves_to_the_next_line_unless_it_is_longer_than_one() -> None:
    def broken(text: str, width: int) -> list[str]:
        return [text[a:b] for a, b in wrap(text, width)]

    assert broken("the river until", 9) == ["the river", "until"]
    assert broken("a\n\nb", 9) == ["a", "", "b"]
    assert broken("abcdefgh", 3) == ["abc", "def", "gh"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.94, "0.940"),
        (2.314, "2.31"),
        (9.996, "10.0"),
        (0.9996, "1.00"),
        (1240, "1,240"),
        (0.0412, "0.0412"),
        (0.000041, "4.10e-5"),
        (0, "0.00"),
        (-3.14159, "-3.14"),
        (math.nan, "–"),
        (math.inf, "∞"),
    ],
)
def test_numbers_have_three_significant_digits(value: float, shown: str) -> None:
    assert significant(value) == shown


def test_shares_and_counts_read_well() -> None:
    assert [percent(share) for share in (0.09, 0.41, 1, math.nan)] == [" 9%", "41%", "100%", " –%"]
    assert [counted(number, "gap") for number in (1, 2, 1000)] == ["1 gap", "2 gaps", "1,000 gaps"]


def test_a_limit_grows_at_once_and_shrinks_late() -> None:
    limit = SteadyLimit()
    assert [limit.update(value) for value in (2.7, 2.9, 1.3, math.nan, 3.1, 1.7, 0.9)] == [3, 3, 3, 3, 4, 4, 1]


@given(st.text(max_size=12), st.integers(0, 9))
def test_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    printable = "".join(character for character in text if character.isprintable() and cell_len(character) > 0)
    assert cell_len(fit(printable, width)) == width


@pytest.mark.parametrize(
    ("value", "shown"),
    [(4, "4.00"), (0.015, "0.015"), (0.0015, ".0015"), (1e-5, "1e-5"), (1.25e-5, ""), (86_000, "86000"), (2e6, "2e6")],
)
def test_a_tick_fits_its_place_and_is_never_rounded_away(value: float, shown: str) -> None:
    assert short(value, 5) == shown
    assert shown == "" or float(shown) == value
