"""The loss pane draws every spike, and its axes can be read."""

import dataclasses
import math
from functools import partial

import numpy as np
import pytest
from seqcore.records import History

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.loss import WINDOWS, LossPane
from seqtui.tui.standpoint import AXES, SMOOTHING, Lens
from seqtui.tui.widgets.plot import TICKS_WIDTH
from tests.tui.panes.drawn import cell_at, cells, line_with, lines, staged, text
from tests.tui.panes.made import made_history, made_snapshot, n_grams


def dots(line: str) -> int:
    return sum(0x2800 < ord(glyph) <= 0x28FF for glyph in line)


def flat(steps: int, spike_at: int, spike: float) -> History:
    train = np.full(steps, 1.5, np.float32)
    train[spike_at] = spike
    step = np.arange(1, steps + 1, dtype=np.int64)
    none = np.zeros(0, np.float32)
    return History(step, train, train, train, np.zeros(0, np.int64), none)


@pytest.mark.parametrize("smoothing", range(len(SMOOTHING)))
@pytest.mark.parametrize("logarithmic", [False, True])
async def test_a_spike_of_one_step_survives_any_zoom(smoothing: int, logarithmic: bool) -> None:
    pane = LossPane()
    history = flat(100_000, 99_961, 6.0)
    async with staged(pane, made_snapshot(history=history, references=None), (90, 18)):
        pane.look(Lens(smoothing=smoothing))
        if not logarithmic:
            pane.toggle_scale()
        for _ in range(len(WINDOWS) + 1):
            top = [dots(line) for line in lines(pane)[1:5]]
            assert sum(top) > 0, pane.window
            assert max(float(line[:5] or 0) for line in lines(pane)[1:5] if line[:5].strip()) >= 5  # not averaged away
            assert pane.window is None or max(top) <= 2, pane.window
            pane.zoom(1)
        assert pane.window == WINDOWS[0]


async def test_zooming_goes_through_the_windows_and_back_to_all() -> None:
    pane = LossPane()
    async with staged(pane, made_snapshot(history=made_history(1240))):
        seen = [pane.window]
        for _ in range(3):
            pane.zoom(1)
            seen.append(pane.window)
        assert seen == [None, 1000, 300, 100]
        for _ in range(4):
            pane.zoom(-1)
        assert pane.window is None
        assert "last" not in (pane.border_subtitle or "")


async def test_reference_lines_are_labelled_where_they_lie() -> None:
    pane = LossPane()
    async with staged(pane, made_snapshot(), (100, 24)):
        at = [line_with(pane, name) for name in ("uniform 4.17", "unigram 3.31", "bigram 2.45", "trigram 1.93")]
        assert at == sorted(at)
        assert all("┄" in lines(pane)[y] for y in at)


async def test_validation_is_marked_apart_from_training() -> None:
    pane = LossPane()
    async with staged(pane, made_snapshot(history=made_history(1000, 100)), (100, 24)):
        marks = [(g, s) for y in range(1, 20) for g, s in cells(pane, y) if g in "●•"]
        assert [g for g, _ in marks].count("●") == 1
        assert 8 <= len(marks) <= 10
        assert {s.color for _, s in marks} == {pane.ink.second.color}
        assert pane.ink.second.color != pane.ink.accent.color


async def test_the_current_numbers_stand_where_they_stood() -> None:
    pane = LossPane()
    async with staged(pane, made_snapshot(history=made_history(1240))):
        places = set()
        for steps in (400, 1200, 1201, 1240):
            history = made_history(steps)
            pane.show(made_snapshot(history=history))
            head = lines(pane)[0]
            assert f"{history.train_loss[-1]:.2f}" in head
            assert f"{history.validation_loss[-1]:.2f}" in head
            places.add((head.index("train"), head.index("valid")))
        assert len(places) == 1


async def test_what_is_not_finite_is_a_gap_and_is_counted() -> None:
    history = made_history(40, 50)
    train = history.train_loss.copy()
    train[15:25] = math.nan
    pane = LossPane()
    async with staged(pane, made_snapshot(history=dataclasses.replace(history, train_loss=train), references=None)):
        assert "10 not finite" in lines(pane)[0]
        plot = [line[5:] for line in lines(pane)[1:-1]]
        drawn = [any(dots(line[x : x + 1]) for line in plot) for x in range(100)]
        first, last = drawn.index(True), len(drawn) - 1 - drawn[::-1].index(True)
        assert drawn[first:last].count(False) > 10


async def test_the_loss_by_position_can_be_seen() -> None:
    pane = LossPane()
    positions = np.linspace(3.0, 1.5, 64).astype(np.float32)
    async with staged(pane, made_snapshot(position_loss=positions)):
        pane.toggle_positions()
        assert "3.00 at the first position" in lines(pane)[0]
        assert "1.50 at the last" in lines(pane)[0]
        assert lines(pane)[-1].split()[0] == "1"
        rows = [line[6:] for line in lines(pane)[1:-1]]
        tops = [next(y for y, row in enumerate(rows) if dots(row[x])) for x in (0, 30, 60, 90)]
        assert tops == sorted(set(tops))


async def test_ticks_are_even_numbers_on_their_lines() -> None:
    pane = LossPane()
    async with staged(pane, made_snapshot(references=None), (100, 30)):
        for _ in range(2):
            ticks = [float(line[:5]) for line in lines(pane)[1:-1] if line[:5].strip()]
            assert 3 <= len(ticks) <= 20
            assert ticks == sorted(ticks, reverse=True)
            *_, below, verdict = lines(pane)
            assert "still falling" in verdict
            steps = [int(part.replace(",", "")) for part in below.split()]
            assert steps[0] == 0
            assert len(set(np.diff(steps).tolist())) == 1
            pane.toggle_scale()


async def test_nothing_is_painted_when_nothing_is_new() -> None:
    pane, snapshot = LossPane(), made_snapshot()
    async with staged(pane, snapshot) as pilot:
        painted = pane.lines_painted
        pane.show(dataclasses.replace(snapshot, serial=9, tokens_per_second=5.0))
        await pilot.pause()
        assert pane.lines_painted == painted


async def test_one_more_step_repaints_few_lines() -> None:
    pane = LossPane()
    longer = made_history(901, 100)
    cut = History(*(getattr(longer, f.name)[:900] for f in dataclasses.fields(longer)))
    async with staged(pane, made_snapshot(history=cut), (100, 30)) as pilot:
        painted = pane.lines_painted
        pane.show(made_snapshot(history=longer))
        await pilot.pause()
        assert pane.lines_painted - painted <= 6


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        (Phase.LOADING, "waiting for the corpus and the model"),
        (Phase.COMPILING, "waiting for the kernels"),
        (Phase.TRAINING, "waiting for the first training step"),
        (Phase.PAUSED, "paused before the first training step"),
        (Phase.DIVERGED, "the first training step was not finite"),
        (Phase.FAILED, "no loss: training failed"),
    ],
)
@pytest.mark.parametrize("by_position", [False, True])
async def test_an_empty_pane_says_what_it_waits_for(phase: Phase, said: str, by_position: bool) -> None:
    pane = LossPane()
    pane.by_position = by_position
    async with staged(pane, Snapshot(phase=phase)):
        assert said in text(pane)


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [(3.0, 1.2, "falls as context builds up"), (1.0, 1.01, "level"), (1.0, 1.4, "rises with context")],
)
async def test_what_is_said_of_the_positions_follows_from_them(first: float, last: float, said: str) -> None:
    pane = LossPane()
    pane.by_position = True
    async with staged(pane, made_snapshot(position_loss=np.linspace(first, last, 64).astype(np.float32))):
        assert said in lines(pane)[0]


async def test_small_losses_keep_the_plot_in_its_columns() -> None:
    """Ticks of many cells would push their lines to the right."""
    history = made_history()
    tiny = dataclasses.replace(history, train_loss=history.train_loss * np.float32(1e-5))
    pane = LossPane()
    async with staged(pane, made_snapshot(history=tiny, references=n_grams(1e-4, 5e-5, 4.12e-5, 3e-5)), (90, 30)):
        plot = lines(pane)[1:-1]
        assert any(line[:TICKS_WIDTH].strip() for line in plot)
        for line in plot:
            assert line[TICKS_WIDTH - 1] == " "
            assert not dots(line[:TICKS_WIDTH])
        assert "bigram 4.12e-5" in text(pane)


async def test_a_low_plot_labels_no_reference_at_another_height() -> None:
    pane = LossPane()
    near = n_grams(4.2, 1.602, 1.601, 1.600)
    async with staged(pane, made_snapshot(references=near), (90, 8)):
        labelled = [line for line in lines(pane) if "gram 1.60" in line]
        assert len(labelled) == 1
    async with staged(pane := LossPane(), made_snapshot(references=near), (90, 30)):
        assert sum("gram 1.60" in line for line in lines(pane)) == 3


def odd_histories() -> list[History]:
    one = flat(1, 0, 4.0)
    nothing = dataclasses.replace(flat(50, 3, 1.0), train_loss=np.full(50, np.nan, np.float32))
    endless = dataclasses.replace(flat(50, 3, 1.0), train_loss=np.full(50, np.inf, np.float32))
    negative = dataclasses.replace(flat(50, 3, 1.0), train_loss=np.linspace(-1, 1, 50).astype(np.float32))
    return [History.empty(), one, nothing, endless, negative, flat(3, 1, 1e30), flat(5, 1, 1e-30), made_history(5000)]


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (8, 4), (20, 6), (45, 9), (200, 50)])
async def test_any_size_holds_any_history(size: tuple[int, int]) -> None:
    pane = LossPane()
    worst = n_grams(math.nan, math.inf, 2.0, 0.0)
    async with staged(pane, Snapshot(), size) as pilot:
        for history in odd_histories():
            pane.show(made_snapshot(history=history, references=worst, position_loss=np.full(3, np.nan, np.float32)))
            looks = (partial(pane.look, Lens(axis, n, 2)) for n, axis in enumerate(AXES))
            for act in (pane.toggle_scale, *looks, pane.toggle_positions, pane.toggle_positions):
                act()
                pane.zoom(1)
                await pilot.pause()
                for y in range(pane.content_size.height):
                    assert pane.render_line(y).cell_length == pane.content_size.width
                    assert pane.render_line(y).text.isprintable()


async def test_the_titles_say_how_the_curve_is_drawn() -> None:
    pane = LossPane()
    async with staged(pane, made_snapshot()) as pilot:

        def edge() -> str:
            return pilot.app.screen._compositor.render_strips()[0].text

        await pilot.pause()
        assert edge().startswith("╭─ 1 loss ─")
        assert edge().endswith("─ log · raw ─╮")
        pane.toggle_scale()
        pane.look(Lens(smoothing=2))
        await pilot.pause()
        assert edge().endswith("─ linear · medium: mean of 50 steps ─╮")
        assert cell_at(pane, 0, 0)[0] == " "
