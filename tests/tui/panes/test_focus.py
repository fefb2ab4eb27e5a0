"""The line below the staves reads out the stave that has the focus, and what can be picked is said."""

import dataclasses

import numpy as np
import pytest

from seqtui.live.snapshot import Snapshot
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.widgets.numbers import percent, significant
from tests.tui.panes.drawn import cell_at, line_with, lines, staged, text
from tests.tui.panes.made import TEXT, made_probe, made_snapshot

GUTTER = 13


def title(pane: ScorePane) -> str:
    return str(pane.border_subtitle)


def looking_at_hidden() -> ScorePane:
    pane = ScorePane()
    pane.selection.reach = 0
    return pane


def with_reach(values: np.ndarray, t: int) -> Snapshot:
    probe = made_probe(units=4)
    reach = probe.reach_hidden.copy()
    reach[0, t, :t] = values
    return made_snapshot(dataclasses.replace(probe, reach_hidden=reach))


async def test_each_stave_has_a_readout_of_its_own() -> None:
    pane, probe = ScorePane(), made_probe()
    async with staged(pane, made_snapshot(probe), (140, 30)):
        pane.playhead = 37
        pane.focus_stave("loss")
        loss = lines(pane)[-1].strip()
        pane.focus_stave("gate")
        gate = lines(pane)[-1].strip()
        pane.focus_stave("reach")
        reach = lines(pane)[-1].strip()
    assert loss.startswith(f"`{TEXT[37]}` (t 37): loss ")
    assert f"guessed `{probe.top_symbols[37][0]}`" in loss
    forget = probe.stave("forget", 0).values[37]
    assert gate.startswith(f"`f` of 256 units at `{TEXT[37]}` (t 37): mean ")
    assert f"open {percent(float((forget > 0.9).mean()))}, closed {percent(float((forget < 0.1).mean()))}" in gate
    row = probe.reach_input[37]
    assert "|dL/dx| 1 back" in reach
    for back in (1, 2, 5, 10):
        assert f"{back} back {significant(float(row[37 - back])):>7}" in reach


async def test_the_loss_is_read_out_without_the_unit_that_is_picked() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot()):
        pane.move_unit(1)
        assert "of unit" in lines(pane)[-1]
        pane.focus_stave("loss")
        assert "of unit" not in lines(pane)[-1]


async def test_a_state_is_read_out_with_its_spread() -> None:
    pane, probe = ScorePane(), made_probe()
    async with staged(pane, made_snapshot(probe), (140, 30)):
        pane.focus_stave("c")
        pane.playhead = 20
        c = probe.stave("c", 0).values[20].astype(np.float64)
        said = lines(pane)[-1]
        assert f"from {significant(float(c.min())):>6} to {significant(float(c.max())):>6}" in said


@pytest.mark.parametrize("size", [(80, 15), (120, 24), (200, 34)])
async def test_the_title_says_how_to_pick_a_unit_and_then_which_it_is(size: tuple[int, int]) -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(), size) as pilot:
        edge = pilot.app.screen._compositor.render_strips()[0].text
        assert "↑ ↓ pick a unit" in edge
        pane.move_unit(1)
        await pilot.pause()
        edge = pilot.app.screen._compositor.render_strips()[0].text
        assert f"↑ ↓ unit {pane.selection.unit:>3}" in edge
        assert f"unit {pane.selection.unit}" in lines(pane)[1]  # its trace, right under the text


async def test_a_gradient_that_explodes_is_marked_and_announced() -> None:
    values = np.full(40, 1e-4, np.float32)
    values[[3, 4]] = (1.5, 250.0)
    pane = looking_at_hidden()
    async with staged(pane, with_reach(values, 40)):
        pane.playhead = 40
        y = line_with(pane, "reach h")
        within, above, far = (cell_at(pane, GUTTER + t, y)[1] for t in (5, 3, 4))
        assert above == far != within
        assert "above 1e0 at 2, up to 250" in text(pane)
        pane.playhead = 39
        assert "above 1e0 at 2, up to 250" not in text(pane)


async def test_without_colour_a_gradient_that_explodes_has_a_glyph_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    values = np.full(40, 1e-4, np.float32)
    values[3] = np.inf
    pane = looking_at_hidden()
    async with staged(pane, with_reach(values, 40)):
        pane.playhead = 40
        y = line_with(pane, "reach h")
        assert cell_at(pane, GUTTER + 3, y)[0] == "▲"
        assert "up to ∞" in text(pane)


async def test_the_colour_of_a_reach_means_the_same_in_every_frame() -> None:
    styles = []
    for largest in (1e-5, 0.9):  # of the rest of the row
        values = np.full(40, largest, np.float32)
        values[10] = 1e-3
        async with staged(pane := looking_at_hidden(), with_reach(values, 40)):
            pane.playhead = 40
            styles.append(cell_at(pane, GUTTER + 10, line_with(pane, "reach h"))[1])
    assert styles[0] == styles[1]


async def test_an_infinite_loss_is_a_full_bar_and_is_counted() -> None:
    probe = made_probe(units=4)
    loss = probe.loss.copy()
    loss[[7, 9]] = np.inf
    pane = ScorePane()
    async with staged(pane, made_snapshot(dataclasses.replace(probe, loss=loss)), (120, 30)):
        y = line_with(pane, "3 loss")
        assert "2 are ∞" in lines(pane)[y + 1]
        pane.playhead = 0
        assert [cell_at(pane, GUTTER + 7, y)[0], cell_at(pane, GUTTER + 9, y)[0]] == ["█", "█"]


async def test_a_few_units_that_integrate_do_not_hide_the_others() -> None:
    probe = made_probe(units=12)
    values = np.random.default_rng(4).normal(0, 0.7, (len(TEXT), 12)).astype(np.float32)
    values[:, 0] = np.linspace(0, 90, len(TEXT))
    staves = tuple(dataclasses.replace(s, values=values) if s.name == "c" else s for s in probe.staves)
    pane = ScorePane()
    async with staged(pane, made_snapshot(dataclasses.replace(probe, staves=staves)), (120, 40)):
        y = line_with(pane, "state c")
        colours = {cell_at(pane, GUTTER + t, y + 2)[1].color.triplet for t in range(len(TEXT))}  # type: ignore[union-attr]  # every cell has one
        assert len(colours) >= 5
        held = float((np.abs(values) <= 50).mean())
        assert f"{percent(held)} in ±50" in text(pane)


async def test_the_scale_of_a_state_does_not_jitter() -> None:
    probe = made_probe(units=12)

    def scaled(factor: float) -> Snapshot:
        values = np.full((len(TEXT), 12), factor, np.float32)
        staves = tuple(dataclasses.replace(s, values=values) if s.name == "c" else s for s in probe.staves)
        return made_snapshot(dataclasses.replace(probe, staves=staves))

    pane, seen = ScorePane(), []
    async with staged(pane, None, (120, 40)):
        for factor in (1.9, 2.1, 1.8, 2.2, 1.0, 0.7, 5.0, 1.8, 0.5):
            pane.show(scaled(factor))
            seen.append(next(line for line in lines(pane) if "±" in line and "%" in line).split("±")[1].split()[0])
    assert seen == ["2", "2", "2", "2", "2", "2", "5", "5", "0.5"]


async def test_words_are_drawn_without_their_spaces_and_bytes_by_their_digits() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe((" a", " Tuesday", " "), units=4), tokens_by="word")):
        assert lines(pane)[0][GUTTER:].rstrip() == "a       Tuesday"
    pane = ScorePane()
    async with staged(pane, made_snapshot(made_probe(("a", "\\xc3", "\\xa9", "\\"), units=4), tokens_by="byte")):
        assert lines(pane)[0][GUTTER:].rstrip() == "a c3a9\\"


async def test_the_focused_pane_has_a_heavier_frame_where_there_is_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    pane = ScorePane()
    async with staged(pane, made_snapshot()) as pilot:
        pane.focus()
        await pilot.pause()
        rows = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
        assert (rows[0][0], rows[0][-1], rows[-1][0], rows[5][0]) == ("┏", "┓", "┗", "┃")
        pilot.app.set_focus(None)
        await pilot.pause()
        rows = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
        assert (rows[0][0], rows[5][0]) == ("╭", "│")


@pytest.mark.parametrize("name", ["loss", "gate", "unit", "reach"])
async def test_a_readout_ends_where_its_line_does(name: str) -> None:
    """It says less where there is less room, and is never cut."""
    probe = made_probe()
    exploding = made_snapshot(dataclasses.replace(probe, reach_hidden=probe.reach_hidden * 300))
    ends = {
        "loss": ("%",),
        "gate": ("%", significant(float(probe.loss[40]))),
        "unit": ("%", significant(float(probe.loss[40]))),
        "reach": (f"up to {significant(float(np.nanmax(probe.reach_hidden[0, 40]) * 300))}",),
    }
    for width in (80, 90, 120, 200):
        pane = looking_at_hidden()
        async with staged(pane, exploding, (width, 15)):
            pane.set_compact()
            pane.focus_stave("gate" if name == "unit" else name)
            if name == "unit":
                pane.move_unit(1)
            pane.playhead = 40
            assert lines(pane)[-1].rstrip().endswith(ends[name]), lines(pane)[-1]
