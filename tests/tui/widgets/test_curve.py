"""Curves, axes and bars draw every value at its position."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.braille import Braille, glyph
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights
from seqtui.tui.widgets.curve import column_spans, condense, trailing_mean
from seqtui.tui.widgets.plot import dot_edges

maybe = st.one_of(st.floats(-1e6, 1e6), st.just(math.nan), st.just(math.inf))


@given(st.lists(maybe, min_size=1, max_size=400), st.integers(1, 12))
def test_condensing_keeps_the_lowest_and_highest_of_every_column(values: list[float], columns: int) -> None:
    y = np.array(values)
    x = np.arange(len(y))
    edges = dot_edges(0, len(y) - 1, columns)
    at, points = condense(x, y, edges)
    edges[-1] = math.inf  # the last column holds the rest
    for left, right in itertools.pairwise(edges):
        inside = y[(x >= left) & (x < right)]
        kept = points[(at >= left) & (at < right)]
        inside, kept = inside[np.isfinite(inside)], kept[np.isfinite(kept)]
        assert len(kept) == 0 or (kept.min(), kept.max()) == (inside.min(), inside.max())
        assert (len(kept) == 0) == (len(inside) == 0)


def test_neighbours_are_joined_and_gaps_are_not() -> None:
    top, bottom = column_spans(np.array([0, 4, 5, 6]), np.array([0, 8, -1, 3]), 8)
    assert top[0] == 0
    assert all(top[:5] >= 0)
    assert all(bottom[i] >= top[i + 1] - 1 for i in range(4))  # no hole in the line
    assert (top[5], bottom[5]) == (-1, -1)
    assert (top[6], bottom[6]) == (3, 3)
    assert top[7] == -1


def test_a_braille_glyph_has_the_right_dots() -> None:
    canvas = Braille(1, 1)
    canvas.spans(np.array([0, 3]), np.array([1, 3]))
    assert glyph(int(canvas.cells()[0, 0])) == "⢃"
    assert glyph(0) == " "


@pytest.mark.parametrize("steps", [np.arange(40), np.cumsum(np.arange(40) % 7 + 1)], ids=["every step", "some steps"])
@pytest.mark.parametrize("missing", [False, True])
def test_the_trailing_mean_is_that_of_the_last_steps(steps: np.ndarray, missing: bool) -> None:
    values = np.sin(np.arange(40.0))
    if missing:
        values[[0, 5, 6, 7, 20]] = math.nan
    for window in (1, 5, 30, 400):
        mean = trailing_mean(steps, values, window)
        for n, step in enumerate(steps):
            part = values[(steps > step - window) & (steps <= step)]
            part = part[np.isfinite(part)]
            assert mean[n] == pytest.approx(part.mean() if part.size else math.nan, nan_ok=True)


def test_the_trailing_mean_ignores_values_that_are_not_finite() -> None:
    mean = trailing_mean(np.arange(6), np.array([1.0, math.nan, 3.0, 5.0, math.nan, math.nan]), 2)
    assert np.allclose(mean, [1, 1, 3, 4, 5, math.nan], equal_nan=True)


@given(st.floats(1e-6, 1e6), st.floats(0, 1e6), st.booleans(), st.integers(1, 20))
def test_an_axis_holds_its_data_and_its_ticks(low: float, span: float, logarithmic: bool, most: int) -> None:
    axis = Axis.around(low, low + span, logarithmic)
    assert axis.low <= low
    assert axis.high >= (low + span) * (1 - 1e-9)
    assert not logarithmic or axis.low > 0
    for tick in axis.ticks(most):
        assert axis.low * (1 - 1e-6) - 1e-9 <= tick <= axis.high * (1 + 1e-6) + 1e-9


def test_an_axis_stays_the_same_for_small_changes() -> None:
    axes = {Axis.around(1.42 + i * 0.002, 4.1 - i * 0.004, True) for i in range(10)}
    assert len(axes) == 1


def test_rows_run_from_top_to_bottom_and_gaps_have_none() -> None:
    axis = Axis(0.0, 10.0, False)
    assert axis.rows(np.array([10.0, 5.0, 0.0, -3.0, 99.0, math.nan, math.inf]), 11).tolist() == [
        0,
        5,
        10,
        10,
        0,
        -1,
        -1,
    ]


def test_bars_of_several_lines_stand_on_one_another() -> None:
    heights = bar_heights(np.array([0.0, 1.0, 2.0, math.nan]), 0, 2, 2)
    assert heights.tolist() == [1, 8, 16, 0]
    assert bar_glyphs(heights, 0, 2, 1) == [" ", " ", "█", " "]
    assert bar_glyphs(heights, 1, 2, 2) == ["▁▁", "██", "██", "  "]


@pytest.mark.parametrize("most", [1, 3, 8])
def test_a_logarithmic_axis_has_few_ticks(most: int) -> None:
    assert 1 <= len(Axis(0.001, 100.0, True).ticks(most)) <= most + 1
