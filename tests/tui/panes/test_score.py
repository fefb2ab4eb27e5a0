"""The score draws a probe: one column a timestep, one playhead through every stave."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
from seqcore.records import Probe
from textual import events

from seqtui.live.snapshot import ModelChoice, Phase, Snapshot
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.panes.staves import Fold
from seqtui.tui.widgets.colours import GATE, RAMP
from seqtui.tui.widgets.numbers import significant
from tests.tui.panes.drawn import Stage, cell_at, cells, line_with, lines, staged, text
from tests.tui.panes.made import TEXT, made_probe, made_snapshot

GUTTER = 13


def hexes(style: object) -> tuple[str, str]:
    return str(style.color.name), str(style.bgcolor.name)  # type: ignore[attr-defined]  # every cell drawn has both


async def test_every_stave_repeats_the_texts_columns() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot()):
        assert lines(pane)[0][GUTTER:].rstrip() == TEXT
        forget = line_with(pane, "forget f")
        drawn = [glyph for glyph, _ in cells(pane, forget)][GUTTER : GUTTER + len(TEXT)]
        assert drawn == ["▀"] * len(TEXT)
        assert cell_at(pane, GUTTER + len(TEXT), forget)[0] == " "


async def test_the_playhead_is_one_column_through_every_stave() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(), (120, 40)):
        pane.move_unit(1)
        staves = range(line_with(pane, "before the playhead"))
        pane.playhead = 20
        before = [cells(pane, y) for y in staves]
        pane.playhead = 50
        after = [cells(pane, y) for y in staves]
        reach = line_with(pane, "reach ÷max")
        for y in staves:
            changed = {x for x, (old, new) in enumerate(zip(before[y], after[y], strict=True)) if old != new}
            assert {GUTTER + 20, GUTTER + 50} <= changed, lines(pane)[y]
            if y != reach and y > 0:
                assert changed == {GUTTER + 20, GUTTER + 50}, lines(pane)[y]


async def test_a_wide_text_scrolls_under_the_playhead() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe((TEXT + " ") * 4, units=8)), (80, 24)):
        pane.move_edge(-1)
        assert lines(pane)[0][GUTTER:].startswith("The fox")
        pane.move_edge(1)
        assert pane.playhead == len(TEXT) * 4 + 3
        assert lines(pane)[0].rstrip().endswith("the snow began")
        for _ in range(40):
            pane.move(-1)
        shown = lines(pane)[0][GUTTER : GUTTER + pane.columns]
        assert shown == ((TEXT + " ") * 4)[-pane.columns :]  # the playhead moved within what was in view


async def test_moving_by_words_goes_to_word_starts() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe(units=8))):
        pane.playhead = 0
        stops = []
        for _ in range(3):
            pane.move_word(1)
            stops.append(TEXT[pane.playhead :].split()[0])
        pane.move_word(-1)
        assert stops == ["fox", "had", "promised"]
        assert TEXT[pane.playhead :].startswith("had")


async def test_a_new_probe_of_the_same_text_keeps_playhead_unit_gate_and_scroll() -> None:
    pane, long = ScorePane(), TEXT * 3
    async with staged(pane, made_snapshot(made_probe(long, units=64)), (80, 24)):
        pane.move_edge(1)
        pane.focus_stave("output")
        for _ in range(5):
            pane.move_unit(1)
        kept = pane.playhead, pane.selection.unit, pane.selection.gate, lines(pane)[0]
        pane.show(made_snapshot(made_probe(long, units=64, seed=9)))
        assert (pane.playhead, pane.selection.unit, pane.selection.gate, lines(pane)[0]) == kept


async def test_a_click_sets_the_playhead_and_on_a_gate_stave_the_unit() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe(units=256))) as pilot:
        pane.cycle_fold()
        assert pane.selection.fold is Fold.STRONGEST
        y = line_with(pane, "forget f") + 1
        await pilot.click(pane, offset=(2 + GUTTER + 31, 1 + y))
        assert pane.playhead == 31
        stave = pane._probe.stave("forget", 0) if pane._probe else None
        assert stave is not None
        assert pane.selection.unit is not None
        shown = GATE.codes(stave.values[31:32, pane.selection.unit], 0, 1)[0]
        lit = cell_at(pane, GUTTER + 31, line_with(pane, "forget f") + 1)
        pane.move(1)
        y = line_with(pane, "forget f") + 1
        assert lit != cell_at(pane, GUTTER + 31, y)
        colours = {GATE.colours[shown]}
        style = cell_at(pane, GUTTER + 31, y)[1]
        assert style.color is not None
        assert style.bgcolor is not None
        assert colours & {tuple(style.color.triplet or ()), tuple(style.bgcolor.triplet or ())}


async def test_the_wheel_moves_the_playhead_and_the_app_hears_of_it() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe(units=8))) as pilot:
        at = pane.playhead
        pane.post_message(events.MouseScrollDown(pane, 20, 3, 0, 1, 0, False, False, False))
        await pilot.pause()
        assert pane.playhead == at + 1
        assert isinstance(pilot.app, Stage)
        moved = [m for m in pilot.app.heard if isinstance(m, ScorePane.PlayheadMoved)]
        assert moved[-1].playhead == at + 1


async def test_a_resize_tells_how_many_columns_fit() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe(units=8)), (120, 24)) as pilot:
        assert pane.columns == 120 - 4 - GUTTER
        await pilot.resize_terminal(90, 24)
        await pilot.pause()
        assert isinstance(pilot.app, Stage)
        told = [m.columns for m in pilot.app.heard if isinstance(m, ScorePane.ColumnsChanged)]
        assert pane.columns == told[-1] == 90 - 4 - GUTTER


async def test_what_is_not_finite_is_a_gap_and_is_counted() -> None:
    probe = made_probe(units=4)
    values = probe.staves[1].values.copy()
    values[10, :2] = math.nan
    values[11, :2] = math.inf
    loss = probe.loss.copy()
    loss[5] = math.nan
    staves = (*probe.staves[:1], dataclasses.replace(probe.staves[1], values=values), *probe.staves[2:])
    pane = ScorePane()
    async with staged(pane, made_snapshot(dataclasses.replace(probe, staves=staves, loss=loss)), (120, 30)):
        y = line_with(pane, "forget f")
        assert cell_at(pane, GUTTER + 9, y)[0] == "▀"
        assert cell_at(pane, GUTTER + 10, y)[0] == " "
        assert cell_at(pane, GUTTER + 11, y)[0] == " "
        assert "4 gaps" in lines(pane)[y + 1]
        assert "1 gap " in lines(pane)[line_with(pane, "3 loss") + 1]
        bars = line_with(pane, "input i" if "input i" in text(pane) else "forget f") - 1
        assert [cell_at(pane, GUTTER + t, bars)[0] == " " for t in (0, 4, 5, 6)] == [True, False, True, False]


@pytest.mark.parametrize(
    "symbol", ["\x1b[31m", "\x07", "\x9b", "\u202e", "\n", "[red]", "[/]", "[@click=app.quit]x[/]"]
)
@pytest.mark.parametrize("tokens_by", ["char", "word"])
async def test_text_is_drawn_and_never_obeyed(symbol: str, tokens_by: str) -> None:
    probe = made_probe((symbol, "a", symbol, "b"), units=4)
    guesses = tuple((symbol, "[b]", "\x1b") for _ in range(4))
    probe = dataclasses.replace(probe, top_symbols=((), *guesses[1:]), warning=f"unknown: {symbol}")
    pane = ScorePane()
    async with staged(pane, made_snapshot(probe, tokens_by=tokens_by)):
        for t in range(4):
            pane.playhead = t
            assert all(line.isprintable() for line in lines(pane))
            assert "\u202e" not in text(pane)
        if symbol.startswith("[") and tokens_by == "word":
            assert symbol[:4] in lines(pane)[0]
        for y in range(pane.content_size.height):
            assert not any(style and (style.meta or style.link) for _, style, _ in pane.render_line(y))


async def test_without_colour_heatmaps_are_a_glyph_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    pane = ScorePane()
    probe = made_probe(units=4)
    values = np.tile(np.array([[0.05, 0.3, 0.5, 0.95]], np.float32), (len(TEXT), 1))
    staves = tuple(dataclasses.replace(s, values=values) if s.name == "forget" else s for s in probe.staves)
    async with staged(pane, made_snapshot(dataclasses.replace(probe, staves=staves)), (120, 40)):
        y = line_with(pane, "forget f")
        pane.playhead = 60
        assert [cell_at(pane, GUTTER + 3, y + unit)[0] for unit in range(4)] == list(" ░▒█")
        assert "▀" not in text(pane)
        assert set(lines(pane)[line_with(pane, "state c")][GUTTER : GUTTER + len(TEXT)]) <= set(RAMP)
        reach = line_with(pane, "reach ÷max")
        assert {cell_at(pane, GUTTER + t, reach)[0] for t in range(61, len(TEXT))} == {" "}  # nothing lies there
        for row in range(line_with(pane, "before the playhead")):
            assert cell_at(pane, GUTTER + 60, row)[1].reverse
            assert not cell_at(pane, GUTTER + 59, row)[1].reverse


async def test_a_terminal_of_sixteen_colours_gets_the_glyph_ramp_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLORTERM")
    monkeypatch.setenv("TERM", "xterm")
    pane = ScorePane()
    async with staged(pane, made_snapshot()):
        assert "▀" not in text(pane)
        assert "▓" in text(pane)


async def test_only_lines_that_changed_are_painted() -> None:
    pane, probe = ScorePane(), made_probe(units=64)
    snapshot = made_snapshot(probe)
    async with staged(pane, snapshot) as pilot:
        painted = pane.lines_painted
        pane.show(dataclasses.replace(snapshot, serial=2, step=1250))
        await pilot.pause()
        assert pane.lines_painted == painted
        loss = probe.loss.copy()
        loss[7] = 2.9
        pane.show(made_snapshot(dataclasses.replace(probe, loss=loss)))
        await pilot.pause()
        assert 0 < pane.lines_painted - painted <= 2  # the loss stave's
        painted = pane.lines_painted
        pane.show(made_snapshot(dataclasses.replace(probe, loss=loss, step=1300)))
        await pilot.pause()
        assert pane.lines_painted == painted


async def test_the_loss_scale_does_not_jitter() -> None:
    pane, probe = ScorePane(), made_probe(units=8)
    async with staged(pane, made_snapshot(probe)):
        scale = lines(pane)[line_with(pane, "nats")][:GUTTER]
        for factor in (0.95, 0.8, 0.9, 0.6):
            pane.show(made_snapshot(dataclasses.replace(probe, loss=probe.loss * np.float32(factor))))
            assert lines(pane)[line_with(pane, "nats")][:GUTTER] == scale
        pane.show(made_snapshot(dataclasses.replace(probe, loss=probe.loss * 3)))
        assert lines(pane)[line_with(pane, "nats")][:GUTTER] != scale


async def test_the_compact_score_has_a_stave_of_eight_rows() -> None:
    pane = ScorePane()
    pane.compact = True
    async with staged(pane, made_snapshot(), (80, 11)):
        drawn = lines(pane)
        assert "forget f" in drawn[3]
        assert "first 8" in drawn[4]
        assert all(set(line[GUTTER:].rstrip()) == {"▀"} for line in drawn[3:7])
        assert "reach ÷max" in drawn[7]
        assert "loss" in drawn[8]
        pane.focus_stave("reach")
        assert "to a tenth" in lines(pane)[-1]


async def test_a_compact_score_with_room_shows_the_state_too() -> None:
    pane = ScorePane()
    pane.compact = True
    async with staged(pane, made_snapshot(), (80, 16)):
        first, second = line_with(pane, "forget f"), line_with(pane, "state c")
        assert second - first == 4
        assert all(set(line[GUTTER:].rstrip()) == {"▀"} for line in lines(pane)[first : second + 4])


async def test_a_large_screen_shows_every_stave() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(), (200, 34)):
        for name in ("input i", "forget f", "cell g", "output o", "state c", "hidden h"):
            assert name in text(pane)


async def test_layers_and_reaches_can_be_gone_through() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe(units=8, layers=2))) as pilot:
        assert "reach ÷max" in text(pane)
        pane.cycle_reach()
        assert "reach h 1" in text(pane)
        pane.cycle_reach()
        assert "reach h 2" in text(pane)
        pane.cycle_reach()
        assert "reach ÷max" in text(pane)
        before = [cells(pane, line_with(pane, "forget f"))]
        pane.cycle_layer()
        await pilot.pause()
        assert [cells(pane, line_with(pane, "forget f"))] != before
        assert "layer 2 of 2" in pilot.app.screen._compositor.render_strips()[0].text
        pane.cycle_gate()
        assert pane.selection.gate == "cell"


async def test_the_reach_lies_under_its_sources_and_is_put_into_words() -> None:
    probe = made_probe(units=4)
    row = np.full(len(TEXT), np.nan, np.float32)
    row[:40] = 1e-4
    row[9:40] = 0.5
    reach = probe.reach_hidden.copy()
    reach[0, 40] = row
    pane = ScorePane()
    async with staged(pane, made_snapshot(dataclasses.replace(probe, reach_hidden=reach))):
        pane.cycle_reach()
        pane.playhead = 40
        assert "31 characters to a tenth" in text(pane)
        y = line_with(pane, "reach h")
        assert cell_at(pane, GUTTER + 39, y)[0] == "▀"
        assert cell_at(pane, GUTTER + 41, y)[0] == " "
        assert hexes(cell_at(pane, GUTTER + 8, y)[1]) != hexes(cell_at(pane, GUTTER + 9, y)[1])


async def test_the_triangle_has_sources_only_to_the_left_of_each_row() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe(TEXT[:20], units=8)), (120, 30)):
        pane.toggle_triangle()
        first = line_with(pane, "triangle")
        heights = [sum(glyph != " " for glyph, _ in cells(pane, first + row)[GUTTER:]) for row in range(10)]
        assert heights == [1 + 2 * row for row in range(10)]


async def test_the_readout_says_what_the_playhead_crosses() -> None:
    pane, probe = ScorePane(), made_probe()
    async with staged(pane, made_snapshot(probe)):
        pane.move_unit(1)
        pane.playhead = 37
        unit = pane.selection.unit or 0
        value = float(probe.stave("forget", 0).values[37, unit])
        said = lines(pane)[-1].strip()
        assert said.startswith(f"`f` of unit {unit} at `{TEXT[37]}` (t 37): ")
        assert f"(t 37): {significant(value)}, " in said
        assert f"loss {significant(float(probe.loss[37]))}" in said
        assert f"guessed `{probe.top_symbols[37][0]}`" in said


async def test_guesses_are_dim_where_right_and_tinted_where_wrong() -> None:
    pane, probe = ScorePane(), made_probe(units=4)
    async with staged(pane, made_snapshot(probe)):
        pane.playhead = 0
        y = line_with(pane, "guess")
        for t in range(1, len(TEXT)):
            glyph, style = cell_at(pane, GUTTER + t, y)
            assert glyph == probe.top_symbols[t][0]
            assert (style == pane.ink.faint) == (glyph == TEXT[t])


async def test_words_get_columns_of_up_to_eight_cells() -> None:
    pane = ScorePane()
    words = ("the", "river", "extraordinarily", "ran")
    async with staged(pane, made_snapshot(made_probe(words, units=4), tokens_by="word")):
        assert lines(pane)[0][GUTTER:].rstrip() == "the     river   extrao… ran"
        forget = lines(pane)[line_with(pane, "forget f")]
        assert forget[GUTTER:].rstrip() == "▀" * 32


async def test_wide_characters_widen_every_column() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe("a日b", units=4))):
        assert lines(pane)[0][GUTTER:].rstrip() == "a 日b"
        assert lines(pane)[line_with(pane, "forget f")][GUTTER:].rstrip() == "▀" * 6


async def test_an_empty_score_names_its_staves_and_says_what_it_waits_for() -> None:
    pane = ScorePane()
    snapshot = Snapshot(phase=Phase.COMPILING, model=ModelChoice("gru"))
    async with staged(pane, snapshot):
        assert "waiting for the kernels" in text(pane)
        assert "update z" in text(pane) or "hidden h" in text(pane)
        assert "forget" not in text(pane)


def broken_probe() -> Probe:
    probe = made_probe("ab日", units=3, layers=2)
    nothing = tuple(dataclasses.replace(s, values=np.full_like(s.values, np.nan)) for s in probe.staves)
    return dataclasses.replace(
        probe,
        staves=nothing,
        loss=np.full(3, np.inf, np.float32),
        top_probability=np.full((3, 3), np.nan, np.float32),
        reach_hidden=np.full((2, 3, 3), np.nan, np.float32),
        reach_input=np.full((3, 3), -np.inf, np.float32),
    )


def odd_snapshots() -> list[Snapshot]:
    bare = dataclasses.replace(made_probe(units=2), staves=(), reach_hidden=np.zeros((0, 82, 82), np.float32))
    return [
        Snapshot(),
        made_snapshot(),
        made_snapshot(made_probe("a", units=1)),
        made_snapshot(broken_probe()),
        made_snapshot(bare),
    ]


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (5, 4), (16, 7), (40, 9), (64, 17), (200, 50)])
@pytest.mark.parametrize("colour", [True, False])
async def test_any_size_holds_any_probe(size: tuple[int, int], colour: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    pane = ScorePane()
    async with staged(pane, None, size) as pilot:
        for snapshot in odd_snapshots():
            pane.show(snapshot)
            acts: tuple[Callable[[], object], ...] = (
                lambda: pane.move_unit(1),
                pane.cycle_fold,
                pane.cycle_reach,
                pane.cycle_gate,
                pane.cycle_layer,
                pane.toggle_triangle,
                lambda: pane.move_edge(1),
                lambda: pane.move_word(-1),
                pane.set_compact,
            )
            for act in acts:
                act()
                await pilot.pause()
                for y in range(pane.content_size.height):
                    assert pane.render_line(y).cell_length == pane.content_size.width
