"""The state at the bar, unit by unit: as many numbers for any source, and compared with those of the source before."""

import numpy as np
import pytest
from seqcore.records import Probe, Stave

from seqtui.tui.panes.bar_state import valued
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.widgets.numbers import significant
from tests.tui.paired import PairingSession, paired, paired_snapshot
from tests.tui.panes.drawn import lines, staged, text
from tests.tui.reading import SIZES, stage

LONG, SHORT = paired("abcdefgh", "hgfedcba", seed=1), paired("abc", "cba", seed=2)


def handed(probe: Probe, name: str = "h", layer: int = 0) -> np.ndarray:
    assert probe.translation is not None
    found: Stave = next(s for s in probe.translation.handed if (s.name, s.layer) == (name, layer))
    return found.values[0]


def table(pane: ScorePane) -> dict[int, str]:
    """The values that are drawn, by unit."""
    found: dict[int, str] = {}
    below = max(
        y for y, line in enumerate(lines(pane)) if ("unit" in line and "value" in line) or "now and before" in line
    )
    for line in lines(pane)[below + 1 :]:
        words = line.replace("▀", " ").split()
        if len(words) >= 2 and all(word.isdigit() for word in words[::2]):
            found |= {int(unit): value for unit, value in zip(words[::2], words[1::2], strict=True)}
    return found


async def test_every_unit_is_there_with_its_value() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(LONG), (120, 36)) as pilot:
        pane.toggle_state()
        await pilot.pause()
        values = handed(LONG)
        assert table(pane) == {unit: valued(float(value)) for unit, value in enumerate(values)}
        assert "32 numbers (c and h of 16 units) carry 8 characters, 4.00 for each" in text(pane)


async def test_a_shorter_source_has_as_many_numbers_and_is_compared() -> None:
    pane = ScorePane()
    async with staged(pane, paired_snapshot(LONG), (120, 36)) as pilot:
        pane.toggle_state()
        pane.move_unit(1)
        pane.show(paired_snapshot(SHORT))
        await pilot.pause()
        assert "32 numbers (c and h of 16 units) carry 3 characters, 10.7 for each" in text(pane)
        now, before = handed(SHORT), handed(LONG)
        cosine = float(now @ before) / float(np.linalg.norm(now) * np.linalg.norm(before))
        assert f"cosine {significant(cosine)} with `abcdefgh` (step 600); unit, now and before" in text(pane)
        unit = pane.selection.unit
        assert unit is not None
        said = next(line for line in lines(pane) if "at the bar, unit" in line)
        assert f"unit {unit}:" in said
        assert valued(float(now[unit])) in said
        assert f"for `abcdefgh` {valued(float(before[unit])):>6}" in said


async def test_units_and_states_are_walked() -> None:
    pane = ScorePane()
    probe = paired(layers=2)
    async with staged(pane, paired_snapshot(probe), (120, 36)) as pilot:
        pane.toggle_state()
        pane.selection.unit = 3
        pane.move_unit(1)
        await pilot.pause()
        assert "`h` of layer 1 at the bar, unit 4" in lines(pane)[-1]
        assert valued(float(handed(probe)[4])) in lines(pane)[-1]
        pane.cycle_gate()
        await pilot.pause()
        assert "`c` of layer 1 at the bar, unit 4" in lines(pane)[-1]
        pane.cycle_layer()
        await pilot.pause()
        assert valued(float(handed(probe, "c", 1)[4])) in lines(pane)[-1]
        assert "layer 2" in lines(pane)[-1]
        pane.toggle_state()
        await pilot.pause()
        assert "4 state c" in text(pane)


async def test_many_units_scroll_to_the_picked_one() -> None:
    pane = ScorePane()
    probe = paired(hidden=300)
    async with staged(pane, paired_snapshot(probe), (80, 22)) as pilot:
        pane.toggle_state()
        for unit in (0, 150, 299):
            pane.selection.unit = unit - 1
            pane.move_unit(1)
            await pilot.pause()
            assert table(pane)[unit] == valued(float(handed(probe)[unit]))
            assert len(table(pane)) < 300


async def test_a_model_that_hands_no_state_over_says_so() -> None:
    pane = ScorePane()
    probe = paired()
    assert probe.translation is not None
    object.__setattr__(probe.translation, "handed", ())
    async with staged(pane, paired_snapshot(probe), (120, 30)) as pilot:
        pane.toggle_state()
        await pilot.pause()
        assert "no state is handed over" in text(pane)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_keys_show_it_and_the_next_example_is_compared(size: tuple[int, int]) -> None:
    async with stage(PairingSession(), size) as s:
        await s.press("7", "down")
        assert "at the bar, unit" in s.text()
        assert "carry 3 characters" in s.text()
        await s.press("n")
        await s.frames(1)
        assert "carry 4 characters" in s.text()
        assert "for `abc` " in s.text()
        before = s.text()
        await s.press("g")
        assert s.text() != before
        await s.press("7")
        assert "carry" not in s.text()


async def test_a_task_without_pairs_says_that_it_has_no_bar() -> None:
    async with stage() as s:
        await s.press("7")
        assert "no encoder and decoder" in s.lines()[-1]
