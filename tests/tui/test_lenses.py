"""Curves over training by keys and mouse: the crosshair with its values, the x axis, the smoothing, in every view."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.style import Style
from seqcore.records import History

from seqtui.live.snapshot import ModelChoice, Phase
from seqtui.tui.panes.curves import CurvesPane
from seqtui.tui.panes.loss import LossPane
from seqtui.tui.panes.timeline import Timeline
from seqtui.tui.screens.health import Health
from seqtui.tui.standpoint import Lens
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.plot import TICKS_WIDTH
from tests.tui.panes.drawn import cells, lines, staged, text
from tests.tui.panes.made import made_history, made_snapshot
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.test_end_to_end import folders, live

__all__ = ["folders"]  # a fixture, applied to every test


@pytest.fixture(autouse=True)
def truecolour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def of(s: Stage) -> History:
    return s.session.snapshot().history


def ticks(pane: CurvesPane) -> str:
    """The line below the plot."""
    return lines(pane)[pane.plot_lines.stop][TICKS_WIDTH:]


def marked(pane: CurvesPane) -> set[int]:
    """The columns of the plot that have the background of the crosshair."""
    found = set()
    for y in pane.plot_lines:
        x = 0
        for part, style, _ in pane.render_line(y):
            if (style or Style()).bgcolor == pane.ink.playhead.bgcolor:
                found |= set(range(x, x + len(part)))
            x += len(part)
    return found


# The crosshair


async def test_the_crosshair_reads_all_curves_at_a_step() -> None:
    async with stage(size=(200, 50)) as s:
        await s.press("space", "1")
        history, pane = of(s), s.lab.loss
        await s.press("shift+left", *["J"] * 9)
        crosshair = s.lab.lens.crosshair
        assert crosshair is not None
        at = int(np.flatnonzero(history.step == crosshair)[0])
        checked = int(np.flatnonzero(history.validation_step <= crosshair)[-1])
        said = " ".join(text(pane).split())
        for words in (
            f"step {crosshair:,}",
            f"{history.tokens[at]:,.0f} tokens",
            f"{significant(float(history.seconds[at]))} s",
            f"train {significant(float(history.train_loss[at]))}",
            f"valid {significant(float(history.validation_loss[checked]))} at {history.validation_step[checked]:,}",
            f"rate {significant(float(history.learning_rate[at]))}",
            f"gradient {significant(float(history.gradient_norm[at]))}",
            "uniform 4.17", "trigram 1.93",
        ):  # fmt: skip
            assert words in said
        (column,) = marked(pane)
        share = (column - TICKS_WIDTH) / (pane.plot_columns - 1)
        timeline = pane.timeline
        assert timeline.first + share * (timeline.last - timeline.first) == pytest.approx(
            crosshair, abs=timeline.last / 100
        )
        await s.press("escape")
        assert not marked(pane)
        assert "┃" not in text(pane)
        assert s.app.view is s.lab


async def test_each_key_moves_the_crosshair_by_a_column_and_not_beyond_the_ends() -> None:
    async with stage() as s:
        await s.press("space", "1", "K")
        pane, last = s.lab.loss, int(of(s).step[-1])
        assert s.lab.lens.crosshair == last
        columns = [marked(pane)]
        for _ in range(5):
            await s.press("shift+left")
            columns.append(marked(pane))
        places = [one for (one,) in columns]
        assert places == [places[0] - n for n in range(6)]
        await s.press("K", "K")
        assert marked(pane) == columns[3]
        await s.press(*["K"] * 9)
        assert s.lab.lens.crosshair == last
        await s.press(*["J"] * 200)
        assert s.lab.lens.crosshair == 1


async def test_a_step_beside_is_reached_where_a_column_is_narrower_than_a_step() -> None:
    async with stage(frames=12) as s:
        await s.press("space", "1", "J", "J")
        assert s.lab.loss.plot_columns > 0
        steps = [s.lab.lens.crosshair]
        for _ in range(4):
            await s.press("J")
            steps.append(s.lab.lens.crosshair)
        assert steps == sorted(set(steps), reverse=True)  # type: ignore[type-var]  # there is one


async def test_the_mouse_puts_and_drags_the_crosshair() -> None:
    async with stage() as s:
        await s.press("space", "1")
        pane = s.lab.loss
        row = pane.plot_lines.start + 2
        left = pane.content_region.x - pane.region.x + TICKS_WIDTH
        top = pane.content_region.y - pane.region.y
        for column in (4, 20):
            await s.pilot.click(pane, offset=(left + column, top + row))
            await s.pull()
            assert marked(pane) == {TICKS_WIDTH + column}
        await s.pilot.mouse_down(pane, offset=(left + 6, top + row))
        await s.pilot.hover(pane, offset=(left + 11, top + row))
        await s.pilot.mouse_up(pane, offset=(left + 11, top + row))
        await s.pull()
        assert marked(pane) == {TICKS_WIDTH + 11}
        await s.pilot.click(pane, offset=(left + 11, top))  # the numbers are no part of the plot
        assert marked(pane) == {TICKS_WIDTH + 11}


async def test_the_crosshair_of_another_run_is_gone() -> None:
    async with stage() as s:
        await s.press("space", "1", "J")
        assert s.lab.lens.crosshair is not None
        s.session.say(step=3, history=made_history(3), run="another")
        await s.pull()
        assert s.lab.lens.crosshair is None
        assert not marked(s.lab.loss)


async def test_there_is_no_crosshair_without_steps_or_by_position() -> None:
    async with stage(frames=0) as s:
        await s.press("J")
        assert "no step to put the crosshair on" in s.text()
    async with stage() as s:
        await s.press("space", "1", "d", "J")
        assert "press d" in s.text()
        assert s.lab.lens.crosshair is None


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_size_shows_the_step_and_the_loss_under_the_crosshair(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        await s.press("space", "J", "J")  # the loss is brought to the front
        step = s.lab.lens.crosshair
        assert step is not None
        assert f"step {step:,}" in s.text()
        history = of(s)
        assert f"train {significant(float(history.train_loss[step - 1]))}" in s.text()
        assert f"rate {significant(float(history.learning_rate[step - 1]))}" in s.text()
        assert f"gradient {significant(float(history.gradient_norm[step - 1]))}" in s.text()
        assert len(marked(s.lab.loss)) == 1


# The x axis


async def test_the_axis_goes_from_steps_to_tokens_to_time_and_back() -> None:
    async with stage() as s:
        await s.press("space", "1")
        pane, history = s.lab.loss, of(s)
        steps = ticks(pane)
        assert steps.split()[-1] == f"{pane.timeline.last:,.0f}"
        await s.press("X")
        assert "by tokens" in s.text()
        assert pane.timeline.last >= history.tokens[-1]
        assert re.search(r"\d(k|M)( |$)", ticks(pane))
        await s.press("X")
        assert "by time" in s.text()
        assert pane.timeline.last == pytest.approx(history.seconds[-1], rel=0.3)
        assert re.search(r"\d s( |$)", ticks(pane))
        await s.press("X")
        assert ticks(pane) == steps


async def test_a_run_without_tokens_says_so_and_offers_what_it_has() -> None:
    async with stage() as s:
        await s.press("space", "1")
        s.session.say(history=replace(of(s), tokens=np.full(len(of(s).step), np.nan)))
        await s.pull()
        await s.press("X")
        assert s.lab.loss.timeline.axis == "time"
        assert "Not every step of this run has its tokens" in s.text()
        s.session.say(history=replace(of(s), seconds=np.zeros(0)))
        await s.pull()
        assert s.lab.loss.timeline.axis == "step"
        await s.press("X")
        assert "its tokens and its time" in s.text()
        assert s.lab.loss.timeline.axis == "step"


def test_unequal_steps_lie_where_their_time_is() -> None:
    history = replace(made_history(100), tokens=np.arange(1, 101) * 10.0, seconds=np.arange(1, 101) ** 2 / 100)
    timeline = Timeline.of(history, "time")
    assert timeline.last == 100
    assert timeline.place(np.array([50, 100])).tolist() == [25, 100]
    assert timeline.at(25, 101) == 50
    assert timeline.nearest(400) == 100
    assert Timeline.of(history, "time", 50).first == pytest.approx(25, abs=10)
    assert timeline.ticks(60).split() == ["0", "s", "20", "s", "40", "s", "60", "s", "80", "s", "100", "s"]
    hours = Timeline.of(replace(history, seconds=np.arange(1, 101) * 100.0), "time")
    assert hours.ticks(60).split()[-2:] == ["2.5", "h"] or hours.ticks(60).split()[-1] in ("min", "h")


# Smoothing


async def test_smoothing_goes_from_none_to_strong_and_says_its_window() -> None:
    history = made_history(1240)
    pane = LossPane()
    async with staged(pane, made_snapshot(history=history), (120, 30)) as pilot:
        shown, windows = [], []
        for level in range(4):
            pane.look(Lens(smoothing=level))
            await pilot.pause()
            window = pane.timeline.window(pane.lens)
            windows.append(window)
            assert f"mean of {window:,} steps" in pane.heading or not level
            part = history.train_loss[-window:].astype(float)
            assert f"train  {significant(float(part.mean()))}" in lines(pane)[0]
            styles = {style.color for y in pane.plot_lines for _, style, _ in pane.render_line(y) if style}
            assert pane.ink.faint.color in styles
            shown.append(text(pane))
        assert windows == [1, 20, 50, 200]
        assert len(set(shown)) == 4


async def test_a_smoothed_curve_is_the_mean_and_the_raw_one_stays_behind_it() -> None:
    history = made_history(1000)
    noisy = replace(history, train_loss=(2 + np.where(history.step % 2, 0.5, -0.5)).astype(np.float32))
    pane = LossPane()
    async with staged(pane, made_snapshot(history=noisy, references=None), (100, 30)) as pilot:
        pane.toggle_scale()
        pane.look(Lens(smoothing=3))
        await pilot.pause()
        rows: dict[bool, set[int]] = {True: set(), False: set()}  # by whether it is the mean
        for y in pane.plot_lines:
            for glyph, style in cells(pane, y)[TICKS_WIDTH + 10 :]:  # the first means are those of few steps
                if 0x2800 < ord(glyph) <= 0x28FF:
                    rows[style.color == pane.ink.accent.color].add(y)
        assert len(rows[True]) <= 3
        assert len(rows[False]) >= 12


# Linked


async def test_axis_smoothing_and_crosshair_travel_between_the_views(tmp_path: Path) -> None:
    async with live(corpus=str(tmp_path / "geese.txt"), choice=ModelChoice("gru", 12, 1, batch=4, length=16),
                    keep=False, size=(140, 50)) as s:  # fmt: skip
        await s.training()
        await s.until(lambda: s.now.step > 240, "lines of metrics")
        await s.press("space")
        await s.until(lambda: s.now.phase is Phase.PAUSED, "the pause")
        await s.press("X", "v", "v", "J", "J", "J")
        lab = s.app.lab
        await s.until(lambda: lab.lens.crosshair is not None and "by tokens" in s.text(), "the lens of the Lab")
        lens = lab.lens
        assert (lens.axis, lens.smoothing) == ("tokens", 2)
        await s.press("f3", "f6")
        await s.until(lambda: isinstance(s.app.view, Health), "the view of health")
        view = s.app.view
        assert isinstance(view, Health)
        assert view.lens == lens
        await s.until(lambda: view.subject.seen is not None, "the sizes of updates")
        await s.until(lambda: f"step {lens.crosshair:,}" in s.text() and "by tokens" in s.text(), "the step")
        updates = view.subject.seen.updates  # type: ignore[union-attr]  # waited for
        near = int(np.argmin(np.abs(updates.step - lens.crosshair)))
        history = s.now.history
        norm = history.gradient_norm[int(np.searchsorted(history.step, lens.crosshair))]
        await s.until(lambda: len(marked(view.curves)) == 1, "the mark")
        said = " ".join(text(view.curves).split())
        assert f"whole model {significant(float(norm))}" in said
        assert f"{updates.names[0]} {significant(float(updates.gradient_norm[near, 0]))}" in said
        await s.press("J", "v")
        await s.until(lambda: view.lens.smoothing == 3 and view.lens.crosshair < lens.crosshair, "moved")
        moved = view.lens
        await s.press("escape")
        await s.until(lambda: view.lens.crosshair is None, "no crosshair")
        assert s.app.view is view
        await s.press("escape")
        await s.until(lambda: s.app.view is lab, "the Lab")
        assert lab.lens == replace(moved, crosshair=None)
        await s.until(lambda: "strong: mean of" in s.text(), "the smoothing in the Lab")
