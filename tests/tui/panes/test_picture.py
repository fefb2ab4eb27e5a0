"""A picture is drawn in half blocks of its own colours, as large as fits, and brighter where the model looks."""

import numpy as np
import pytest
from rich.color import Color
from rich.style import Style
from seqcore.records import Picture

from seqtui.tui.panes.picture import picture_rows, scaled_size, seen_weights
from seqtui.tui.widgets.ink import Ink

PIXELS = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
PICTURE = Picture(PIXELS, ((0, 0), (0, 3), (2, 0), (2, 3)), 2)


def ink(colourless: bool = False) -> Ink:
    plain = Style(color=Color.from_rgb(200, 200, 200), bgcolor=Color.from_rgb(10, 10, 10))
    accent = Style(color=Color.from_rgb(90, 180, 200), bgcolor=Color.from_rgb(10, 10, 10))
    lit = Style(bgcolor=Color.from_rgb(70, 70, 70))
    return Ink(plain, plain, plain, accent, accent, accent, lit, colourless)


def cells(rows: object) -> list[list[tuple[str, Style]]]:
    """Every cell of every line."""
    return [[(glyph, s.style) for s in row.paint() for glyph in s.text] for row in rows]  # type: ignore[attr-defined]


def test_two_pixels_are_one_cell_in_their_own_colours() -> None:
    drawn = cells(picture_rows(PICTURE, None, ink(), 6, 2))
    assert [len(line) for line in drawn] == [6, 6]
    for y, line in enumerate(drawn):
        for x, (glyph, style) in enumerate(line):
            assert glyph == "▀"
            assert style.color is not None
            assert style.bgcolor is not None
            assert tuple(style.color.triplet or ()) == tuple(PIXELS[2 * y, x])
            assert tuple(style.bgcolor.triplet or ()) == tuple(PIXELS[2 * y + 1, x])


@pytest.mark.parametrize(
    ("room", "size"), [((6, 2), (6, 2)), ((17, 20), (12, 4)), ((40, 4), (12, 4)), ((5, 9), (3, 1)), ((3, 9), (0, 0))]
)
def test_it_is_scaled_by_a_whole_factor(room: tuple[int, int], size: tuple[int, int]) -> None:
    assert scaled_size(PICTURE, *room) == size
    drawn = cells(picture_rows(PICTURE, None, ink(), *room))
    assert (len(drawn[0]) if drawn else 0, len(drawn)) == size
    if size == (12, 4):
        style = drawn[2][7][1]
        assert style.color is not None
        assert tuple(style.color.triplet or ()) == tuple(PIXELS[2, 3])


def test_patches_that_are_looked_at_are_tinted_and_the_others_dim() -> None:
    weights = np.array([0.1, 0.0, 0.0, 0.9], np.float32)
    seen = seen_weights(PICTURE, weights)
    assert seen is not None
    assert (seen[2:, 3:5] == 1).all()
    assert (seen[:, 5] == 0).all()
    plain = cells(picture_rows(PICTURE, None, ink(), 6, 2))
    drawn = cells(picture_rows(PICTURE, weights, ink(), 6, 2))

    def level(line: list[list[tuple[str, Style]]], y: int, x: int) -> int:
        colour = line[y][x][1].color
        assert colour is not None
        return sum(colour.triplet or ())

    assert level(drawn, 0, 5) < level(plain, 0, 5), "dim where it does not look"
    accent = np.array([90, 180, 200])
    before, after = (np.array(line[1][3][1].color.triplet) for line in (plain, drawn))  # type: ignore[union-attr]
    assert np.abs(after - accent).sum() < np.abs(before - accent).sum(), "tinted where it looks"
    assert seen_weights(PICTURE, np.full(4, np.nan, np.float32)) is None


def test_without_colour_it_is_glyphs_and_reversed_where_the_model_looks() -> None:
    drawn = cells(picture_rows(PICTURE, np.array([0, 0, 0, 1], np.float32), ink(True), 6, 2))
    assert all(style.color == drawn[0][0][1].color for line in drawn for _, style in line)
    assert [[bool(style.reverse) for _, style in line] for line in drawn] == [
        [False] * 6, [False, False, False, True, True, False],
    ]  # fmt: skip
