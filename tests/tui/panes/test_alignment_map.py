"""The alignment of a pair on the score: rows of the target under the columns of the source, by head or their mean."""

import numpy as np
import pytest

from seqtui.tui.panes.drawing import BAR
from seqtui.tui.panes.score import ScorePane
from tests.tui.paired import paired, paired_snapshot
from tests.tui.panes.drawn import cell_at, line_with, lines, staged

GUTTER = 13


def rows_of_map(pane: ScorePane, name: str, count: int) -> list[int]:
    first = max(y for y, line in enumerate(lines(pane)) if name in line[:GUTTER]) + 1
    return list(range(first, first + count))


def brightness(pane: ScorePane, x: int, y: int) -> float:
    style = cell_at(pane, x, y)[1]
    assert style.color is not None
    return float(sum(style.color.triplet or ()))


def brightest(pane: ScorePane, y: int, S: int) -> int:
    return int(np.argmax([brightness(pane, GUTTER + s, y) for s in range(S)]))


async def test_each_row_is_a_symbol_of_the_target_under_the_source() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 40)) as pilot:
        pane.cycle_attention()
        await pilot.pause()
        above = line_with(pane, "map")
        assert lines(pane)[above][GUTTER : GUTTER + 6] == "abcde" + BAR
        ys = rows_of_map(pane, "map", 6)
        assert [lines(pane)[y][2:GUTTER].split()[0] for y in ys] == ["e", "d", "c", "b", "a", "<end>"]
        assert [brightest(pane, y, 5) for y in ys] == [4, 3, 2, 1, 0, 0]
        for n, y in enumerate(ys):  # the symbol again, in its own column
            assert lines(pane)[y][GUTTER + 7 + n].strip()
            assert lines(pane)[y][GUTTER + 5] == BAR


async def test_the_playheads_row_is_marked_and_lit() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 40)) as pilot:
        pane.cycle_attention()
        dark = {}
        for t in (8, 9):
            pane.playhead = t
            await pilot.pause()
            y = rows_of_map(pane, "map", 6)[t - 6]
            assert "▸" in lines(pane)[y][:GUTTER]
            dark[t] = brightness(pane, GUTTER + 4, rows_of_map(pane, "map", 6)[2])
        assert dark[8] > dark[9]  # lit while the playhead is on that row


async def test_the_attends_row_lies_over_the_source() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 24)) as pilot:
        pane.playhead = 8  # `c`, the third symbol
        await pilot.pause()
        row = lines(pane)[line_with(pane, "6 attends")][GUTTER:]
        assert int(np.argmax([" ▁▂▃▄▅▆▇█".index(glyph) for glyph in row[:5]])) == 2
        assert row[5:].strip() == BAR
        pane.focus_stave("attention")
        await pilot.pause()
        assert "`c` (t  8) looked at `c` 90%" in lines(pane)[-1]
        assert "entropy 0.67 bits" in lines(pane)[-1]


async def test_heads_are_picked_and_averaged() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(paired(heads=(2, 2), layers=2)), (120, 40)) as pilot:
        pane.cycle_attention()
        await pilot.pause()
        assert brightest(pane, rows_of_map(pane, "head 1.1", 6)[0], 5) == 4
        pane.move_head(1)
        await pilot.pause()
        assert {brightest(pane, y, 5) for y in rows_of_map(pane, "head 1.2", 6)} == {1}
        pane.cycle_layer()
        await pilot.pause()
        assert {brightest(pane, y, 5) for y in rows_of_map(pane, "head 2.2", 6)} == {3}
        assert "head 2 of 2" in str(pane.border_title)
        pane.cycle_attention()
        await pilot.pause()
        y = rows_of_map(pane, "mean of 4", 6)[2]
        weights = pane._probe.translation.alignment[8]  # type: ignore[union-attr,index]  # it has attention
        levels = [brightness(pane, GUTTER + s, y) for s in range(5)]
        assert int(np.argmax(weights)) == int(np.argmax(levels))
        pane.cycle_attention()
        await pilot.pause()
        assert "mean of" not in "\n".join(lines(pane))


async def test_one_head_has_no_mean() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 40)):
        pane.cycle_attention()
        pane.cycle_attention()
        assert pane.spread is None


async def test_a_long_target_scrolls_with_the_playhead() -> None:
    pane = ScorePane()
    probe = paired("abcdefghij" * 3, "jihgfedcba" * 3)
    async with staged(pane, paired_snapshot(probe), (120, 20)) as pilot:
        pane.cycle_attention()
        for t in (31, 45, 61):
            pane.playhead = t
            await pilot.pause()
            marked = [line for line in lines(pane) if "▸" in line[:GUTTER]]
            assert len(marked) == 1
            assert marked[0][2] == probe.symbols[t][0]


async def test_a_source_out_of_view_gives_the_map_its_own_columns() -> None:
    pane = ScorePane()
    source, target = tuple(f" word{n}" for n in range(12)), tuple(f" mot{n}" for n in range(12))
    async with staged(pane, paired_snapshot(paired(source, target), tokens_by="word"), (80, 24)) as pilot:
        pane.cycle_attention()
        pane.playhead = 20
        await pilot.pause()
        y = next(y for y, line in enumerate(lines(pane)) if line.startswith("mot7 "))
        assert lines(pane)[y - 1].startswith("mot6 ")
        header = next(line for line in lines(pane) if line.count("wor") > 9)
        levels = [brightness(pane, x, y) if cell_at(pane, x, y)[0] == "▀" else 0 for x in range(len(header))]
        first = next(x for x, level in enumerate(levels) if level == max(levels))
        assert header[first:].startswith("w")
        assert header[:first].count("w") == 4  # before the word that it looks at: the fifth of twelve


@pytest.mark.parametrize("size", [(80, 12), (80, 20), (120, 20), (200, 44)])
async def test_it_fits_any_size(size: tuple[int, int]) -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(paired(heads=(2, 4), layers=2)), size) as pilot:
        for compact in (True, False):
            pane.set_compact(compact)
            for _ in range(3):
                pane.cycle_attention()
                await pilot.pause()
                assert len(pane.rows(*pane.content_size)) <= pane.content_size.height
                assert lines(pane)[-1].strip()


async def test_a_pair_of_words_is_shown_as_a_whole_if_it_can() -> None:
    pane = ScorePane()
    source, target = tuple(f" word{n}" for n in range(8)), tuple(f" mot{n}" for n in range(8))
    async with staged(pane, paired_snapshot(paired(source, target), tokens_by="word"), (120, 24)):
        assert pane.columns >= 18
        assert BAR in lines(pane)[0]
        assert "wor… " in lines(pane)[0]
