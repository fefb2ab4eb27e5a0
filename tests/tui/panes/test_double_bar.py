"""The double bar of a pair on the score: one cell wide, through all staves, and never in the way of the columns."""

import pytest

from seqtui.tui.panes.drawing import ACROSS, BAR
from seqtui.tui.panes.score import ScorePane
from tests.tui.paired import paired, paired_snapshot
from tests.tui.panes.drawn import cell_at, line_with, lines, staged, text
from tests.tui.panes.made import made_snapshot

GUTTER = 13
WORDS = paired(("the", " old", " dog"), (" le", " vieux", " chien"))


def bars(pane: ScorePane, x: int) -> list[str]:
    """The characters at that cell of all lines but the last one, the readout."""
    return [cell_at(pane, x, y)[0] for y in range(len([line for line in lines(pane) if line.strip()]) - 1)]


@pytest.mark.parametrize("size", [(120, 36), (80, 20), (80, 12)])
async def test_the_bar_goes_through_every_line_between_source_and_target(size: tuple[int, int]) -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(paired("abcde")), size):
        column = bars(pane, GUTTER + 5)
        assert set(column[:-1]) <= {BAR, ACROSS}
        assert column.count(BAR) >= 6
        assert lines(pane)[0][GUTTER:].rstrip() == "abcde║›edcba∎"


async def test_the_states_that_are_handed_over_cross_the_bar() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 60)):
        crossed = [y for y, mark in enumerate(bars(pane, GUTTER + 5)) if mark == ACROSS]
        first = [line_with(pane, label) for label in ("state c", "hidden h")]
        assert len(crossed) == 2
        assert all(0 <= at - start <= 8 for at, start in zip(crossed, first, strict=True))


async def test_the_bar_moves_with_the_text_and_leaves_with_it() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(paired("a" * 60, "b" * 60)), (80, 20)) as pilot:
        pane.move_edge(-1)
        await pilot.pause()
        assert lines(pane)[0].index(BAR) == GUTTER + 60
        pane.move_edge(1)
        await pilot.pause()
        assert lines(pane)[0][GUTTER:].rstrip() == "b" * 60 + "∎" or BAR in lines(pane)[0]
        assert BAR not in lines(pane)[0][GUTTER + 6 :]


async def test_words_keep_their_columns_beside_the_bar() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(WORDS, tokens_by="word"), (120, 20)):
        assert lines(pane)[0][GUTTER:].rstrip() == "the   old   dog   ║›     le    vieux chien <end>"


async def test_the_playhead_lights_its_own_column_on_both_sides() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 30)) as pilot:
        for t, x in ((4, GUTTER + 4), (5, GUTTER + 6), (8, GUTTER + 9)):
            pane.playhead = t
            await pilot.pause()
            lit = [
                at for at in range(GUTTER, GUTTER + 13) if cell_at(pane, at, 0)[1].bgcolor == pane.ink.playhead.bgcolor
            ]
            assert lit == [x]


@pytest.mark.parametrize(("x", "t"), [(4, 4), (5, 5), (6, 5), (7, 6), (11, 10)])
async def test_a_click_takes_the_column_under_it(x: int, t: int) -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 30)) as pilot:
        offset = (pane.content_region.x - pane.region.x + GUTTER + x, pane.content_region.y - pane.region.y)
        await pilot.mouse_down(pane, offset=offset)
        await pilot.mouse_up(pane, offset=offset)
        assert pane.playhead == t


async def test_the_readout_says_which_part_a_column_belongs_to() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 30)) as pilot:
        for t, said in ((2, "read by the encoder"), (5, "the decoder begins"), (6, "loss ")):
            pane.playhead = t
            await pilot.pause()
            assert said in lines(pane)[-1]
        assert "encoder ║ decoder" in str(pane.border_title)


async def test_other_tasks_have_no_bar() -> None:
    pane = ScorePane()
    async with staged(pane, made_snapshot(), (120, 36)):
        assert BAR not in text(pane)


async def test_no_loss_is_missing_where_the_encoder_reads() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(), (120, 36)):
        assert "gap" not in text(pane)
