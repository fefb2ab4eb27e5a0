"""Exact match and loss by the length of the source: curves of this run and of earlier ones, by mark and colour."""

from dataclasses import replace

import pytest
from textual.pilot import Pilot

from seqtui.live.earlier import MOST, Band
from seqtui.tui.panes.length_chart import COLOURS, MARKS, NOW
from seqtui.tui.panes.translation import TranslationPane
from tests.tui.paired import EARLIER, MEASURES, paired_snapshot
from tests.tui.panes.drawn import cell_at, line_with, lines, staged, text


async def charted(pane: TranslationPane, pilot: Pilot[None]) -> None:
    pane.compare_lengths()
    await pilot.pause()


def places(pane: TranslationPane, mark: str) -> list[tuple[int, int]]:
    """Where a mark stands in the plot, (column, line), from left to right."""
    first = line_with(pane, "by source length") + 1 + sum(" · " in line for line in lines(pane))
    return sorted((x, y) for y, line in enumerate(lines(pane)) if y >= first for x, c in enumerate(line) if c == mark)


async def test_each_band_of_each_run_has_its_mark_at_its_height() -> None:
    pane = TranslationPane()
    async with staged(pane, paired_snapshot(earlier_runs=(EARLIER,)), (80, 24)) as pilot:
        await charted(pane, pilot)
        assert "exact match, %, by source length in characters" in text(pane)
        assert [y for _, y in places(pane, NOW)] == sorted(y for _, y in places(pane, NOW))  # worse if longer
        (x0, now0), (x1, now1) = places(pane, NOW)
        (o0, old0), (o1, old1) = places(pane, MARKS[0])
        assert (x0, x1) == (o0, o1)
        assert now0 <= old0
        assert now1 < old1
        ticks = lines(pane)[now1].split() + lines(pane)[old1].split()
        assert ticks
        await charted(pane, pilot)
        assert "loss, nats, by source length in characters" in text(pane)
        (_, now0), (_, now1) = places(pane, NOW)
        assert now0 > now1  # a longer source has a higher loss


async def test_the_legend_names_the_runs_with_what_they_reach() -> None:
    pane = TranslationPane()
    async with staged(pane, paired_snapshot(earlier_runs=(EARLIER,)), (90, 24)) as pilot:
        await charted(pane, pilot)
        now, old = lines(pane)[1], lines(pane)[2]
        assert now.startswith(f"{NOW}  62% ")
        assert now.rstrip().endswith("· now")
        assert old.startswith(f"{MARKS[0]}  48% lstm 2×16 without attention · plain-1 at 400")
        colour = cell_at(pane, 0, 2)[1].color
        assert colour is not None
        assert tuple(colour.triplet or ()) == COLOURS[0]
        await charted(pane, pilot)
        assert lines(pane)[2].startswith(f"{MARKS[0]}   1.05 lstm")


async def test_a_low_pane_has_the_legend_in_a_line() -> None:
    pane = TranslationPane()
    async with staged(pane, paired_snapshot(earlier_runs=(EARLIER,)), (80, 11)) as pilot:
        await charted(pane, pilot)
        assert "without attention" in lines(pane)[1]
        assert NOW in lines(pane)[1]
        assert places(pane, NOW)


async def test_names_of_folders_are_data() -> None:
    pane = TranslationPane()
    odd = replace(EARLIER, name="[red]x\x1b[31m")
    async with staged(pane, paired_snapshot(earlier_runs=(odd,)), (90, 24)) as pilot:
        await charted(pane, pilot)
        assert "[red]x␛[31m" in text(pane)


async def test_earlier_runs_are_there_before_the_first_validation() -> None:
    pane = TranslationPane()
    async with staged(pane, paired_snapshot(measures={}, earlier_runs=(EARLIER,)), (80, 24)) as pilot:
        await charted(pane, pilot)
        assert places(pane, MARKS[0])
        pane.show(paired_snapshot(measures={}))
        await pilot.pause()
        assert "waiting for the first validation" in text(pane)


@pytest.mark.parametrize("size", [(30, 8), (40, 12), (78, 7), (120, 36)])
@pytest.mark.parametrize("bands", [1, 2, 8])
async def test_it_fits_any_size(size: tuple[int, int], bands: int) -> None:
    pane = TranslationPane()
    many = tuple(
        replace(EARLIER, slot=n, bands=tuple(Band(3 * b, 3 * b + 2, 9, 0.0, 1.0) for b in range(bands)))
        for n in range(MOST)
    )
    async with staged(pane, paired_snapshot(earlier_runs=many, measures=MEASURES), size) as pilot:
        for _ in range(2):
            await charted(pane, pilot)
            rows = pane.rows(*pane.content_size)
            assert len(rows) <= pane.content_size.height
            assert "by source length" in lines(pane)[0] or size[0] < 40
