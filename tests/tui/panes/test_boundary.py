"""The boundary pane draws what the model says over a plane, the held-out rows on it, and the verdict on one."""

import numpy as np
import pytest

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.boundary import BoundaryPane, level_codes
from seqtui.tui.widgets.colours import SIGNED
from tests.tui.panes.drawn import cells, lines, staged, text
from tests.tui.valued import ROWS, graded, shown

MEASURES = {"loss": 0.3, "accuracy": 0.857, "f1": 0.856, "examples": 300, "confusion": [[118, 25], [18, 139]]}
POINTS = {
    "points": np.array([[1.0, 90.0], [9.0, 10.0], [50.0, 50.0]]), "labels": np.array([0, 1, 1], np.int32),
    "logistic_regression_accuracy": 0.86,
}  # fmt: skip


async def test_rows_stand_where_their_numbers_are_with_the_mark_of_their_class() -> None:
    pane = BoundaryPane()
    async with staged(pane, shown(graded(), ROWS, measures=MEASURES, facts=POINTS), (70, 16)):
        assert "2 boundary · hours × marks" in str(pane.border_title)
        assert "row 2 of 300" in str(pane.border_subtitle)
        drawn = {glyph: (x, y) for y in range(11) for x, (glyph, _) in enumerate(cells(pane, y)) if glyph in "○×◆"}
        assert drawn.keys() == {"○", "×", "◆"}, "the point outside the plane is left out"
        assert drawn["○"][0] < 16, "few hours: at the left"
        assert drawn["○"][1] < 3, "many marks: at the top"
        assert drawn["×"][0] > 56
        assert drawn["×"][1] > 8
        assert 40 < drawn["◆"][0] < 50
        assert "this row: yes 80%, right" in text(pane)
        assert "○ no   × yes" in text(pane)
        assert "accuracy  85.7%" in text(pane)
        left, right = cells(pane, 6)[8][1], cells(pane, 6)[-2][1]
        assert left.bgcolor != right.bgcolor, "no at the left, yes at the right"


async def test_pages_are_the_planes_and_the_confusion_matrix() -> None:
    pane = BoundaryPane()
    async with staged(pane, shown(graded(label=0), ROWS, measures=MEASURES, facts=POINTS), (70, 16)):
        assert "this row: yes 80%, wrong, it is no" in text(pane)
        pane.next_page()
        assert "confusion" in str(pane.border_title)
        assert "118" in text(pane)
        assert "recall" in text(pane)
        pane.next_page()
        assert "hours × marks" in str(pane.border_title)


def test_levels_are_between_those_of_the_grid_with_the_lowest_row_below() -> None:
    shares = np.zeros((3, 3, 2), np.float32)
    shares[..., 1] = np.linspace(0, 1, 3)[:, None]
    shares[..., 0] = 1 - shares[..., 1]
    codes = level_codes(shares, 7, 9)
    assert codes.shape == (9, 7)
    assert (codes[0] == SIGNED.levels - 1).all(), "the last row of the grid is at the top"
    assert (codes[-1] == 0).all()
    assert (np.diff(codes[:, 0].astype(int)) < 0).all(), "and between them it changes evenly"


@pytest.mark.parametrize("size", [(4, 1), (12, 3), (30, 5), (58, 9), (98, 20)])
async def test_any_size(size: tuple[int, int]) -> None:
    pane = BoundaryPane()
    async with staged(pane, shown(graded(None), ROWS, measures={}, facts={}), size):
        for _ in range(3):
            pane.next_page()
            assert len(lines(pane)) == max(0, size[1] - 2), "all but the frame"


async def test_an_empty_pane_says_what_it_waits_for() -> None:
    pane = BoundaryPane()
    async with staged(pane, Snapshot(phase=Phase.LOADING), (60, 12)):
        assert "waiting for the table and the model" in text(pane)
