"""Attention in the score: what is drawn and said is what the weights are."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.records import Probe

from seqtui.live.snapshot import ModelChoice, Snapshot
from seqtui.tui.panes.attention import distance, entropy, evenness
from seqtui.tui.panes.grid import arrange_heads
from seqtui.tui.panes.layout import Kind
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.widgets.colours import ATTENTION, RAMP
from tests.tui.panes.drawn import cell_at, cells, line_with, lines, staged, text
from tests.tui.panes.made import made_snapshot
from tests.tui.scripted import make_probe

GUTTER = 13
TEXT = "the cat sat on the mat and ate"
T = len(TEXT)


def looking(weights: np.ndarray) -> Probe:
    """A probe whose attention is that, (layers, heads, T, T)."""
    layers, heads = weights.shape[:2]
    probe = make_probe(TEXT, 600, 32, layers, "attention", heads)
    return dataclasses.replace(probe, attention=weights.astype(np.float32))


def back_by(places: int) -> np.ndarray:
    """Weights (T, T) of a head that looks at one place alone, so far back, or at the first."""
    weights = np.where(np.tri(T, dtype=bool), 0.0, np.nan)
    weights[np.arange(T), np.maximum(0, np.arange(T) - places)] = 1.0
    return weights


def evenly() -> np.ndarray:
    """Weights (T, T) of a head that looks at all places alike."""
    return np.where(np.tri(T, dtype=bool), 1 / np.arange(1, T + 1)[:, None], np.nan)


def shown(weights: np.ndarray) -> Snapshot:
    return made_snapshot(looking(weights), model=ModelChoice("attention", 32, weights.shape[0]))


def map_line(pane: ScorePane) -> int:
    return line_with(pane, "t down") - 1


def said(pane: ScorePane) -> str:
    """The readout, the last line that is not empty."""
    return [line for line in lines(pane) if line.strip()][-1]


def colour_at(pane: ScorePane, t: int, y: int, lower: bool = False) -> tuple[int, ...]:
    """The colour of a half cell."""
    style = cell_at(pane, GUTTER + t, y)[1]
    colour = style.bgcolor if lower else style.color
    assert colour is not None
    return tuple(colour.triplet or ())


def test_entropy_evenness_and_distance_are_what_they_are_called() -> None:
    assert np.allclose(entropy(back_by(3)), 0)
    assert np.allclose(distance(back_by(3))[3:], 3)
    assert np.allclose(entropy(evenly()), np.log2(np.arange(1, T + 1)))
    assert np.allclose(evenness(entropy(evenly()))[1:], 1)
    assert np.isnan(evenness(entropy(evenly()))[0])
    assert np.allclose(distance(evenly()), np.arange(T) / 2)


async def test_the_playheads_row_lies_under_its_sources() -> None:
    pane = ScorePane()
    async with staged(pane, shown(back_by(4)[None, None]), (120, 24)):
        pane.playhead = 20
        y = line_with(pane, "6 attends")
        drawn = [glyph for glyph, _ in cells(pane, y)][GUTTER : GUTTER + T]
        assert y == 1, "right under the text"
        assert drawn[16] == "█"
        assert set(drawn[:16] + drawn[17:21]) == {"▁"}
        assert set(drawn[21:]) == {" "}, "nothing is read before its time"


async def test_the_map_has_a_row_for_each_place_and_its_columns_are_the_texts() -> None:
    pane = ScorePane()
    async with staged(pane, shown(back_by(4)[None, None]), (80, 40)):
        pane.cycle_attention()
        assert pane.spread is Kind.MAP
        pane.playhead = 0
        y = map_line(pane)
        assert "per row" not in text(pane)
        for t in range(5, T):
            row = [colour_at(pane, s, y + t // 2, lower=t % 2 == 1) for s in range(1, t - t % 2)]
            assert [s + 1 for s, colour in enumerate(row) if colour == ATTENTION.colours[-1]] == [t - 4]
            assert set(row) == {ATTENTION.colours[-1], ATTENTION.colours[0]}
        assert cell_at(pane, GUTTER + T - 1, y)[0] == " "


async def test_a_map_that_is_too_high_is_folded_and_says_so() -> None:
    pane = ScorePane()
    async with staged(pane, shown(back_by(4)[None, None]), (120, 20)):
        pane.cycle_attention()
        pane.playhead = 25
        y = map_line(pane)
        rows = next(line for line in lines(pane) if "per row" in line)
        count = 2 * (line_with(pane, "reach") - y)
        assert int(rows.split()[0]) == math.ceil(T / count)
        row = max(row for row in range(count) if row * T // count <= 25)
        assert "▸" in lines(pane)[y + row // 2][:GUTTER]
        assert colour_at(pane, 21, y + row // 2, lower=row % 2 == 1) == ATTENTION.colours[-1]


async def test_the_picked_head_is_read_out_at_the_playhead() -> None:
    weights = np.stack([np.stack([back_by(4), evenly()])] * 2)
    pane = ScorePane()
    async with staged(pane, shown(weights), (140, 30)) as pilot:
        pane.playhead = 15
        pane.focus_stave("attention")
        assert f"head 1 of layer 1 at `{TEXT[15]}` (t 15): entropy 0.00 bits,  0% of max,  4.00 char" in text(pane)
        assert f"most at `{TEXT[11]}` (t 11) 100%" in said(pane)
        pane.move_head(1)
        assert "head 2 of layer 1 at" in said(pane)
        assert "entropy 4.00 bits, 100% of max,  7.50 characters back" in said(pane)
        pane.cycle_layer()
        await pilot.pause()
        assert "layer 2 of 2 · head 2 of 2" in pilot.app.screen._compositor.render_strips()[0].text
        pane.move_head(1)
        assert "head 1 of layer 2 at" in said(pane)


async def test_every_head_has_a_thumbnail_with_its_means_and_a_click_picks_it() -> None:
    weights = np.stack([np.stack([back_by(h + 2 * layer) for h in range(2)]) for layer in range(3)])
    weights[2, 1] = evenly()
    pane = ScorePane()
    async with staged(pane, shown(weights), (120, 30)) as pilot:
        pane.cycle_attention()
        pane.cycle_attention()
        assert pane.spread is Kind.HEADS
        far = float(distance(back_by(3)).mean())
        assert "▸1.1  0" in text(pane)
        assert f" 2.2  0 {far:>4.3g}" in text(pane)
        assert f" 3.2 100 {(T - 1) / 4:.3g}" in text(pane)
        assert "entropy in % of uniform · mean distance in tokens" in text(pane)
        y = next(y for y, line in enumerate(lines(pane)) if " 2.2  0" in line)
        x = lines(pane)[y].index("2.2")
        at = pane.playhead
        await pilot.click(pane, offset=(2 + x, 1 + y + 2))
        assert (pane.selection.layer, pane.selection.head, pane.playhead) == (1, 1, at)
        assert "▸2.2" in text(pane)
        assert "▸1.1" not in text(pane)
        assert "head 2 of layer 2" in said(pane)


async def test_where_the_text_ends_early_the_thumbnails_stand_beside_the_map() -> None:
    pane = ScorePane()
    async with staged(pane, shown(np.stack([np.stack([back_by(2), evenly()])] * 2)), (160, 40)) as pilot:
        y = next(y for y, line in enumerate(lines(pane)) if "1.2 100" in line)
        x = lines(pane)[y].index("1.2 100")
        assert x > GUTTER + T
        assert "2.1" in text(pane)
        assert lines(pane)[y][GUTTER : GUTTER + T].strip(), "the map is there, too"
        await pilot.click(pane, offset=(2 + x, 1 + y))
        assert pane.selection.head == 1


async def test_a_weight_that_is_no_number_is_a_gap_and_is_said() -> None:
    weights = back_by(2)[None, None]
    weights[0, 0, 12, 3] = np.nan
    pane = ScorePane()
    async with staged(pane, shown(weights), (80, 40)):
        pane.cycle_attention()
        assert "1 gap" in text(pane)
        pane.playhead = 12
        assert "its weights are not all finite" in said(pane)
        assert cell_at(pane, GUTTER + 3, line_with(pane, "attends"))[0] == " "
        pane.playhead = 13
        assert "0.00 bits" in said(pane)


async def test_without_colour_map_and_thumbnails_are_a_glyph_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    pane = ScorePane()
    async with staged(pane, shown(back_by(4)[None, None]), (80, 50)):
        pane.cycle_attention()
        pane.playhead = 0
        y = map_line(pane)
        for t in range(5, T):
            row = lines(pane)[y + t][GUTTER : GUTTER + t + 1]
            assert row == " " * (t - 4) + "█" + " " * 4
        pane.cycle_attention()
        assert "▀" not in text(pane)
        assert "█" in text(pane)
        caption = line_with(pane, "▸1.1")
        assert set("".join(line[GUTTER:] for line in lines(pane)[caption + 1 : caption + 9])) <= set(RAMP)


async def test_only_what_changed_of_attention_is_painted() -> None:
    pane, snapshot = ScorePane(), shown(np.stack([np.stack([back_by(2), evenly()])] * 2))
    async with staged(pane, snapshot, (160, 40)) as pilot:
        assert snapshot.probe is not None
        painted = pane.lines_painted
        same = dataclasses.replace(snapshot.probe, step=700)
        pane.show(dataclasses.replace(snapshot, serial=2, probe=same))
        await pilot.pause()
        assert pane.lines_painted == painted
        assert snapshot.probe.attention is not None
        other = snapshot.probe.attention.copy()
        other[0, 0, 20, 5:7] = (1.0, 0.0)
        pane.show(dataclasses.replace(snapshot, serial=3, probe=dataclasses.replace(same, attention=other)))
        await pilot.pause()
        assert 0 < pane.lines_painted - painted <= 4  # of the map and the thumbnail, and a caption


@given(st.integers(1, 240), st.integers(1, 50), st.integers(1, 12), st.sampled_from((1, 2, 3, 4, 6, 8, 16)), st.data())
def test_the_grid_of_heads_fits_and_every_thumbnail_can_be_pointed_at(
    width: int, height: int, layers: int, heads: int, data: st.DataObject
) -> None:
    picked = data.draw(st.integers(0, layers * heads - 1))
    grid = arrange_heads(width, height, layers, heads, picked)
    if grid is None:
        assert width < 7 or height < 3
        return
    assert grid.height <= height
    assert grid.columns * (grid.width + 1) - 1 <= width
    found = {
        head
        for line in range(height)
        for x in range(grid.columns * (grid.width + 1))
        if (head := grid.at(x, line)) is not None
    }
    assert found == set(range(grid.first, grid.first + grid.count))
    assert picked in found
    assert grid.complete == (len(found) == layers * heads)


@pytest.mark.parametrize("size", [(1, 1), (5, 4), (16, 7), (40, 9), (64, 17), (120, 24), (200, 60)])
@pytest.mark.parametrize("colour", [True, False])
async def test_any_size_holds_any_attention(
    size: tuple[int, int], colour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    wrong = dataclasses.replace(looking(back_by(1)[None, None]), attention=np.zeros((1, 1, 3, 3), np.float32))
    odd = [
        made_snapshot(make_probe(words, 50, 32, 12, "attention", heads))
        for words, heads in (("a", 1), (TEXT * 4, 16), (TEXT, 3))
    ]
    pane = ScorePane()
    async with staged(pane, None, size) as pilot:
        for snapshot in (Snapshot(model=ModelChoice("attention", 32, 4)), *odd, made_snapshot(wrong)):
            pane.show(snapshot)
            for act in (pane.cycle_attention, pane.cycle_attention, lambda: pane.move_head(1), pane.cycle_attention):
                act()
                await pilot.pause()
                for y in range(pane.content_size.height):
                    assert pane.render_line(y).cell_length == pane.content_size.width
