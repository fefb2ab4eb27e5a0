"""Every terminal size has a layout, and resizing loses no state."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtui.tui.app import SeqtuiApp
from seqtui.tui.screens.arrangement import ABOVE, PANES, arrange
from tests.tui.panes.made import made_probe
from tests.tui.reading import stage
from tests.tui.scripted import ScriptedSession


@given(
    width=st.integers(60, 300),
    height=st.integers(16, 120),
    zoomed=st.sampled_from((None, *PANES)),
    above=st.sampled_from(ABOVE),
    alone=st.sampled_from(PANES),
)
def test_every_pane_is_seen_or_under_a_tab(width: int, height: int, zoomed: str | None, above: str, alone: str) -> None:
    found = arrange(width, height, zoomed=zoomed, above=above, alone=alone)
    assert not found.too_small
    if zoomed is not None:
        assert found.panes == (zoomed,)
    else:
        assert set(found.panes) | set(found.tabs) == set(PANES)
        assert "score" not in found.panes or height - 2 - bool(found.tabs) - found.above >= 10


@pytest.mark.parametrize("size", [(59, 16), (60, 15), (20, 5), (1, 1)])
async def test_too_small_a_terminal_is_told_what_it_needs_and_training_goes_on(size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        step = s.session.snapshot().step
        words = " ".join(s.text().split())
        if size[0] >= 20:
            assert "seqtui needs 60×16" in words
            assert "Training continues" in words
        await s.press("space", "f", "z", "tab", "2", "right")
        assert ("pause",) in s.session.calls
        await s.press("space")
        await s.frames(1)
        assert s.session.snapshot().step > step


async def test_dragging_to_20x5_and_back_restores_everything() -> None:
    async with stage() as s:
        await s.press("g", "left", "left", "b")
        before = s.lines()
        for size in ((90, 30), (79, 24), (60, 16), (59, 15), (20, 5), (60, 16), (200, 50), (120, 36)):
            await s.pilot.resize_terminal(*size)
            await s.pull()
            assert len(s.lines()) == size[1]
            assert {len(line) for line in s.lines()} == {size[0]}
        assert s.lines() == before
        assert s.app.focused is s.lab.score


async def test_the_focus_comes_back_from_a_size_that_had_no_room_for_it() -> None:
    async with stage() as s:
        await s.press("2")
        for size in ((60, 16), (20, 5), (80, 24), (120, 36)):
            await s.pilot.resize_terminal(*size)
            await s.pull()
            assert s.app.focused is s.lab.writing or size == (20, 5)


async def test_loss_and_writing_are_tabs_on_a_small_screen_and_side_by_side_on_a_large_one() -> None:
    async with stage(size=(80, 24)) as s:
        assert s.lab.loss.display
        assert not s.lab.writing.display
        await s.press("2")
        assert s.lab.writing.display
        assert not s.lab.loss.display
        assert s.lab.score.display
        await s.pilot.resize_terminal(120, 36)
        await s.pull()
        assert s.lab.writing.region.y == s.lab.loss.region.y
        assert s.lab.score.region.y == s.lab.loss.region.bottom
        assert s.app.focused is s.lab.writing


async def test_one_pane_at_a_time_where_there_is_no_room_for_two() -> None:
    async with stage(size=(60, 16)) as s:
        assert [pane.display for pane in s.lab.panes.values()] == [False, False, True]
        await s.press("1")
        assert [pane.display for pane in s.lab.panes.values()] == [True, False, False]
        await s.press("tab")
        assert [pane.display for pane in s.lab.panes.values()] == [False, True, False]


async def test_tabs_and_panes_and_footer_can_be_clicked() -> None:
    async with stage(size=(80, 24)) as s:
        await s.pilot.click(s.lab.tabs, offset=(s.lines()[1].index("writing"), 0))
        assert s.lab.writing.display
        await s.pilot.click(s.lab.score, offset=(30, 4))
        assert s.lab.current == "score"
        await s.pilot.click(s.lab.footer, offset=(s.lines()[-1].index("pause"), 0))
        assert s.last_call() == ("pause",)


async def test_a_pane_that_comes_into_view_shows_the_newest_snapshot() -> None:
    async with stage(size=(80, 24)) as s:
        await s.frames(20)
        sample = s.session.snapshot().sample
        assert sample is not None
        await s.press("2")
        assert sample.prompt + sample.text[:20] in s.text()


async def test_kernels_stand_in_the_place_of_the_writing_while_they_are_compiled() -> None:
    for size in ((80, 24), (120, 36)):
        async with stage(size=size, frames=5) as s:
            assert "compiling" in s.lines()[0]
            assert re.search(r"compiling [a-z ]+, \d of 9", s.text())
            assert "waiting for" in s.text()
            await s.press("question_mark", "escape", "space")
            assert s.last_call() == ("pause",)


async def test_at_80x24_the_score_has_eight_rows_of_a_gate_and_the_state() -> None:
    async with stage(size=(80, 24)) as s:
        assert s.lab.score.region.height > 24 / 2
        lines = s.lines()
        forget, state = (next(y for y, line in enumerate(lines) if name in line) for name in ("forget f", "state c"))
        reach = next(y for y, line in enumerate(lines) if "reach ÷max" in line)
        assert (state - forget, reach - state) == (4, 4)  # of half blocks: eight units each
        await s.press("down")
        assert f"unit {s.lab.score.selection.unit}" in s.text()
        assert "state c" in s.text()
        assert s.lab.score.compact
        await s.press("z")
        assert not s.lab.score.compact, "zoomed there is room for more"


async def test_words_get_a_passage_that_is_longer_than_the_score_is_wide() -> None:
    async with stage() as s:
        s.session.say(tokens_by="word", probe=made_probe(("one", "two", "three"), units=4))
        await s.pull()
        assert s.lab.score.columns < 32
        assert s.session.calls[-1] == ("set_probe_width", 32)


async def test_the_views_are_named_with_their_keys_where_there_is_room_and_lead_there_by_click() -> None:
    async with stage(size=(120, 36)) as s:
        bar = s.lines()[1]
        assert " Lab " in bar
        assert "F2 encodings" in bar
        assert bar.rstrip().endswith("What is it learning?")
        await s.pilot.click(s.lab.bar, offset=(bar.index("encodings"), 0))
        await s.pull()
        assert s.app.view is not s.lab
        assert s.lines()[1].rstrip().endswith("What does it read?")
        await s.pilot.click(s.app.view.bar, offset=(s.lines()[1].index("Lab"), 0))
        await s.pull()
        assert s.app.view is s.lab
        await s.pilot.resize_terminal(80, 24)
        await s.pull()
        assert "encodings" not in s.lines()[1]
        await s.press("f2")
        assert s.app.view is not s.lab, "the keys are the same"


async def test_a_view_can_be_the_first() -> None:
    app = SeqtuiApp(ScriptedSession(), "encodings")
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        await pilot.pause()
        assert app.view.VIEW == "encodings"
        await pilot.press("escape")
        assert app.view is app.lab
