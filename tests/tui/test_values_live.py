"""The screen with real runs of tasks with real values: sequences to forecast, the adding problem, rows of numbers."""

from pathlib import Path

import pytest
from seqcore.folder import RunFolder

from seqtui.live.snapshot import ModelChoice
from seqtui.tui.panes.boundary import BoundaryPane
from seqtui.tui.panes.values import ValuesPane
from tests.core.tasks.test_tasks import pupils, swings
from tests.tui.test_end_to_end import HANGS, Live, live

SMALL = ModelChoice(family="lstm", hidden=16, layers=1, batch=8)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setattr("seqtui.tui.app.CLOSING_SECONDS", float(HANGS))  # the machine may be busy
    (tmp_path / "swings.csv").write_text(swings())
    (tmp_path / "pupils.csv").write_text(pupils())


async def valued(s: Live) -> None:
    await s.until(lambda: s.now.probe is not None and s.now.probe.series is not None, "values")
    await s.until(lambda: isinstance(s.app.lab.panes.get("values"), ValuesPane), "their pane")


async def test_sequences_are_forecast_from_the_playhead_on(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "swings.csv"), choice=SMALL) as s:
        await s.training()
        await valued(s)
        await s.until(lambda: "same velocity" in s.text() and "same as last" in s.text(), "the baselines")
        await s.until(lambda: "rows/s" in s.lines()[0], "the units")
        await s.until(lambda: "valid at " in s.text() and "rmse " in s.text(), "the measures")
        await s.until(lambda: "example 1 of 4" in s.text(), "which example it is")
        await s.press("0")
        await s.until(lambda: "from 0 on, error" in s.text(), "the forecast from the start")
        await s.press("right", "right", "right")
        await s.until(lambda: "from 3 on, error" in s.text(), "the forecast from the playhead")
        assert "t  3: x " in s.text() or "t 3: x " in s.text()
        await s.press("V")
        await s.until(lambda: "2 values · x " in s.text(), "a column over time")
        await s.press("n")
        await s.until(lambda: "example 2 of 4" in s.text(), "the next example")
        await s.open("e")
        await s.press(*"1000,0.01;1100,0", "enter")
        await s.until(lambda: "typed · 2 rows" in s.text(), "the typed rows")
        await s.open("e")
        for _ in range(20):
            await s.press("backspace")
        await s.press(*"1,2,3", "enter")
        await s.until(lambda: "row 1: 3 numbers instead of 2" in s.now.message, "what is wrong with a row")
        await s.quit()
    assert RunFolder.find(s.now.run).config().task.name == "forecast"
    async with live(run=s.now.run, paused=True) as s:
        await valued(s)


async def test_the_sum_is_drawn_beside_what_is_right_and_the_dial_turns() -> None:
    async with live(corpus="adding:10", choice=SMALL, keep=False) as s:
        await s.training()
        await valued(s)
        await s.until(lambda: "no memory 0.167" in s.text(), "the line of a model without memory")
        await s.until(lambda: "right is " in s.text() and "mark" in s.text(), "the answer and the marks")
        await s.press("right_curly_bracket")
        await s.until(lambda: "adding:11 " in s.lines()[0], "a longer one")
        await s.until(lambda: s.now.probe is not None and len(s.now.probe.symbols) == 11, "its sequence")
        await s.press("E")
        await s.until(lambda: s.now.searched is None and s.now.example != 0, "an error")


async def test_rows_have_a_boundary_and_their_pages(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "pupils.csv"), choice=SMALL, keep=False) as s:
        await s.training()
        await s.until(lambda: isinstance(s.app.lab.panes.get("boundary"), BoundaryPane), "the pane")
        await s.until(lambda: "2 boundary · hours × points" in s.text(), "its plane")
        await s.until(lambda: "○ no" in s.text() and s.text().count("×") > 3, "the held-out rows")
        await s.until(lambda: "logistic regression" in s.text(), "the reference")
        await s.press("V")
        await s.until(lambda: "2 boundary · confusion" in s.text() and "truth" in s.text(), "the confusion matrix")
        await s.press("V", "E")
        await s.until(lambda: "wrong, it is " in s.text(), "a row that is wrong")


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_other_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    async with live(size, corpus=str(tmp_path / "swings.csv"), choice=SMALL, keep=False) as s:
        await s.training()
        await s.press("2")
        await valued(s)
        await s.until(lambda: "from " in s.text() and "error" in s.text(), "the errors of the forecast")
        assert len(s.lines()) == size[1]
