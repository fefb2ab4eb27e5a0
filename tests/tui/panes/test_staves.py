"""Units are folded into rows as the label says, and a row maps back to its units."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.records import Stave

from seqtui.tui.panes.layout import Kind, Wish, arrange
from seqtui.tui.panes.playhead import Place, word_start
from seqtui.tui.panes.staves import Fold, fold, row_of, saturation, stave_label, unit_in

NAMES = ("input", "forget", "cell", "output", "c", "h")


def test_strongest_is_the_signed_value_of_largest_magnitude() -> None:
    values = np.array([[0.1, -0.9, 0.5, 0.2], [0.3, 0.2, -0.1, math.nan]], np.float32)
    assert np.allclose(fold(values, 2, Fold.STRONGEST, 0), [[-0.9, 0.3], [0.5, -0.1]])


def test_the_mean_is_over_finite_values() -> None:
    values = np.array([[1.0, 3.0, math.inf, 5.0, math.nan, math.nan]], np.float32)
    assert np.allclose(fold(values, 3, Fold.MEAN, 0), [[2.0], [5.0], [math.nan]], equal_nan=True)


def test_near_shows_single_units_and_stays_in_range() -> None:
    values = np.arange(10, dtype=np.float32)[None]
    assert fold(values, 4, Fold.NEAR, 5)[:, 0].tolist() == [3, 4, 5, 6]
    assert fold(values, 4, Fold.NEAR, 0)[:, 0].tolist() == [0, 1, 2, 3]
    assert fold(values, 4, Fold.NEAR, 9)[:, 0].tolist() == [6, 7, 8, 9]


def test_few_units_are_not_folded() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    for how in Fold:
        assert np.array_equal(fold(values, 4, how, 0), values.T)


@given(st.integers(1, 40), st.integers(1, 12), st.sampled_from(list(Fold)), st.data())
def test_a_row_maps_back_to_one_of_its_units(units: int, rows: int, how: Fold, data: st.DataObject) -> None:
    unit = data.draw(st.integers(0, units - 1))
    row = row_of(unit, units, rows, how)
    assert 0 <= row < min(rows, units)
    values = np.zeros(units)
    values[unit] = -5.0
    found = unit_in(values, row, 1, min(rows, units), how, unit)
    assert found == unit


def test_saturated_gates_are_counted_among_the_finite() -> None:
    values = np.array([0.05, 0.95, 0.5, 0.99, math.nan, math.inf])
    assert saturation(values) == (0.5, 0.25)
    assert all(math.isnan(share) for share in saturation(np.array([math.nan])))


def test_the_label_says_how_units_are_folded_and_what_matters_first() -> None:
    stave = Stave("forget", 0, np.full((3, 256), 0.95, np.float32), False, 1.0)
    assert stave_label(stave, 12, Fold.MEAN, None, 1.0, 9) == [
        "forget f",
        "256 units",
        "mean of 22",
        "open 100%",
        "closed  0%",
    ]
    assert stave_label(stave, 12, Fold.STRONGEST, None, 1.0, 2) == ["forget f", "strongest"]
    assert stave_label(stave, 12, Fold.NEAR, 118, 1.0, 2) == ["forget f", "near 118"]
    assert stave_label(stave, 12, Fold.NEAR, None, 1.0, 1) == ["forget f"]


def test_the_label_of_an_unbounded_state_gives_the_share_within_the_scale() -> None:
    values = np.linspace(-100, 100, 400, dtype=np.float32).reshape(4, 100)
    stave = Stave("c", 0, values, True, math.inf)
    assert stave_label(stave, 12, Fold.MEAN, None, 50.0, 9)[-2:] == ["50% in ±50", "log over 1"]
    assert stave_label(stave, 12, Fold.MEAN, None, 100.0, 9)[-2:] == ["100% ±100", "log over 1"]
    assert stave_label(stave, 12, Fold.MEAN, None, 0.5, 9)[-1] == "0% in ±0.5"
    unknown = Stave("c", 0, np.full((2, 3), np.nan, np.float32), True, math.inf)
    assert "–% in ±1" in stave_label(unknown, 12, Fold.MEAN, None, 1.0, 9)


@given(st.integers(1, 250), st.integers(1, 70), st.integers(1, 600), st.booleans(), st.booleans(), st.booleans())
def test_a_layout_never_exceeds_its_area(
    width: int, height: int, units: int, trace: bool, triangle: bool, compact: bool
) -> None:
    layout = arrange(width, height, 1, Wish(NAMES, "forget", units, trace, triangle, compact))
    assert sum(band.lines for band in layout.bands) <= height
    assert layout.bands[0].kind is Kind.TEXT
    assert all(band.lines > 0 for band in layout.bands)
    assert height < 6 or layout.bands[-1].kind is Kind.READOUT
    assert layout.gutter + layout.columns <= max(width, 1)


def test_more_height_shows_more_staves() -> None:
    def shown(height: int) -> int:
        return len(arrange(200, height, 1, Wish(NAMES, "forget", 256, False, False, False)).staves)

    counts = [shown(height) for height in range(6, 60)]
    assert counts == sorted(counts)
    assert (counts[3], counts[-1]) == (1, 6)
    assert shown(19) == 2


@given(st.integers(1, 300), st.integers(1, 100), st.lists(st.integers(-50, 350), max_size=20))
def test_the_playhead_is_always_in_view(steps: int, columns: int, moves: list[int]) -> None:
    place = Place()
    for to in moves:
        place = place.at(to, steps, columns)
        assert 0 <= place.playhead < steps
        assert 0 <= place.playhead - place.scroll < columns
        assert 0 <= place.scroll <= max(0, steps - columns)


@pytest.mark.parametrize(("symbols", "stops"), [("ab, cd", [4, 5]), (("one", "two", ",", "three"), [1, 3, 3])])
def test_words_begin_after_separators(symbols: tuple[str, ...], stops: list[int]) -> None:
    at, found = 0, []
    for _ in stops:
        at = word_start(symbols, at, 1)
        found.append(at)
    assert found == stops
