"""The values pane draws the past, what came and the forecast, and says how wrong it is, at any size."""

import numpy as np
import pytest
from seqcore.records import CompileProgress

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.forecast import forecast_at
from seqtui.tui.panes.values import ValuesPane
from tests.tui.panes.drawn import cells, lines, staged, text
from tests.tui.valued import STEPS, shown, summed, thrown


async def test_the_plane_shows_where_the_ball_is_and_where_the_model_thinks_it_goes() -> None:
    pane = ValuesPane()
    async with staged(pane, shown(thrown(off=-0.3)), (60, 16)):
        pane.point(STEPS // 2)
        assert "2 values · x, y" in str(pane.border_title)
        assert "example 2 of 40 · 24 rows" in str(pane.border_subtitle)
        marks = [(y, x) for y in range(12) for x, (glyph, _) in enumerate(cells(pane, y)) if glyph == "●"]
        assert len(marks) == 1
        column = marks[0][1]
        assert 24 < column < 40, "in the middle of the flight"
        colours = {name: getattr(pane.ink, name).color for name in ("muted", "faint", "accent")}
        drawn = [
            (x, style.color) for y in range(12) for x, (glyph, style) in enumerate(cells(pane, y)) if glyph >= "\u2800"
        ]
        where = {name: [x for x, other in drawn if other == colour] for name, colour in colours.items()}
        assert max(where["muted"]) <= column <= min(where["faint"]), "the past is at the left, what came at the right"
        assert min(where["accent"]) < column, "the forecast flies back"


async def test_the_errors_of_the_forecast_are_those_of_its_distance() -> None:
    pane = ValuesPane()
    async with staged(pane, shown(thrown(off=0.01)), (110, 16)):
        pane.point(10)
        said = next(line for line in lines(pane) if line.startswith("from 10 on"))
        assert "in deviations" not in said
        assert "+1 0.0100" in said
        assert "+2 0.0200" in said
        assert "+8 0.0800" in said
        assert "same velocity  +1 0.00" in said
        pane.point(STEPS - 1)
        assert "the error is unknown: this is the last row" in text(pane)
        assert "valid at 200  rmse 0.0137  x 0.0142  y 0.0132" in text(pane)


async def test_each_page_is_another_column_over_time() -> None:
    pane = ValuesPane()
    async with staged(pane, shown(thrown()), (60, 14)):
        titles = []
        for _ in range(4):
            titles.append(str(pane.border_title).partition(" · ")[2])
            pane.next_page()
        assert titles == ["x, y", "x", "y", "x, y"]
        pane.page = 1
        pane.point(8)
        assert any("┊" in line for line in lines(pane)), "a rule at the playhead"
        assert lines(pane)[-3].split() == ["0", "8", "23"]


@pytest.mark.parametrize("known", [True, False])
async def test_an_answer_is_drawn_beside_what_is_right(known: bool) -> None:
    pane = ValuesPane()
    async with staged(
        pane, shown(summed(known=known), measures={"loss": 0.01, "rmse": 0.1, "accuracy": 0.5}), (90, 14)
    ):
        pane.point(12)
        assert "after 12 says 0.8" in text(pane)
        assert ("at the end 1.23, right is 1.25, off by 0.0200" in text(pane)) == known
        assert any(line.rstrip().endswith("right") for line in lines(pane)[:11]) == known
        assert "accuracy 50.0%" in text(pane)


@pytest.mark.parametrize("size", [(4, 1), (6, 4), (14, 3), (30, 5), (58, 9), (98, 20)])
@pytest.mark.parametrize("made", [thrown, summed])
async def test_any_size(size: tuple[int, int], made: object) -> None:
    pane = ValuesPane()
    async with staged(pane, shown(made()), size):  # type: ignore[operator]  # a function of probes
        for playhead in (0, 5, STEPS - 1, 99):
            pane.point(playhead)
            for _ in range(3):
                pane.next_page()
                assert len(lines(pane)) == max(0, size[1] - 2), "all but the frame"


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        (Snapshot(phase=Phase.LOADING), "waiting for the corpus and the model"),
        (
            Snapshot(phase=Phase.COMPILING, compiling=CompileProgress(1, 3, ("a", "squared error", "c"))),
            "squared error",
        ),
        (Snapshot(phase=Phase.TRAINING), "waiting for the first probe"),
    ],
)
async def test_an_empty_pane_says_what_it_waits_for(snapshot: Snapshot, words: str) -> None:
    pane = ValuesPane()
    async with staged(pane, snapshot, (60, 12)):
        assert words in text(pane)


async def test_values_that_are_not_finite_are_gaps() -> None:
    probe = thrown()
    assert probe.series is not None
    probe.series.predicted[5:9] = np.nan
    probe.series.ran[:] = np.inf
    pane = ValuesPane()
    async with staged(pane, shown(probe), (60, 14)):
        for playhead in (0, 6, 20):
            pane.point(playhead)
            pane.next_page()
            assert text(pane)


def test_a_forecast_from_few_starts_is_the_last_one_before_the_playhead() -> None:
    probe = thrown()
    series = probe.series
    assert series is not None
    few = type(series)(**(vars(series) | {"starts": series.starts[::6], "ran": series.ran[::6]}))
    assert [forecast_at(few, t).start for t in (0, 5, 6, 13, 23)] == [0, 0, 6, 12, 18]  # type: ignore[union-attr]
