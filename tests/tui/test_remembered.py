"""The screen begins where it was left, and gives its hint once."""

from pathlib import Path

import pytest

from seqtui.live.about import TaskInfo
from seqtui.remembered import NAME, Memory, Remembered
from seqtui.settings.file import Settings
from seqtui.tui.screens.cell import Cell
from seqtui.tui.screens.write import Write
from seqtui.tui.theme import THEMES
from tests.tui.judging import JudgingSession
from tests.tui.reading import SIZES, Stage, stage
from tests.tui.scripted import ScriptedSession

HINT = "New here?"


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path)


async def leave(s: Stage) -> None:
    await s.pilot.press("q")
    await s.app.workers.wait_for_complete()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_view_theme_pane_and_zoom_are_as_they_were_left(memory: Memory, size: tuple[int, int]) -> None:
    async with stage(size=size, memory=memory) as s:
        await s.press("1", "f3", "3", "z", "ctrl+t")
        await leave(s)
    async with stage(size=size, memory=memory) as s:
        view = s.app.view
        assert isinstance(view, Cell)
        assert (view.current, view.zoomed) == ("terms", "terms")
        assert [pane.display for pane in view.panes.values()] == [False, False, True]
        assert s.app.focused is view.panes["terms"]
        assert s.app.theme == THEMES["light"].name
        await s.press("z", "f3")
        assert s.lab.current == "loss"
        assert s.lab.zoomed is None
        await leave(s)
    async with stage(size=size, memory=memory) as s:
        assert s.app.view is s.lab
        await s.press("f3")
        assert isinstance(s.app.view, Cell)
        assert (s.app.view.current, s.app.view.zoomed) == ("terms", None)


async def test_a_view_and_a_theme_that_are_asked_for_win(memory: Memory) -> None:
    memory.write(Remembered(theme="light", view="cell"))
    async with stage(memory=memory, view="lab", settings=Settings(theme="contrast")) as s:
        assert s.app.view is s.lab
        assert s.app.theme == THEMES["contrast"].name
    async with stage(memory=memory, view="write") as s:
        assert isinstance(s.app.view, Write)


async def test_a_remembered_view_that_the_task_has_nothing_for_is_left(memory: Memory) -> None:
    memory.write(Remembered(view="write", panes={"lab": "writing"}, zoomed={"lab": True}))
    async with stage(JudgingSession(), memory=memory) as s:
        assert "prompt" not in s.session.snapshot().task.features
        assert s.app.view is s.lab
        assert (s.lab.current, s.lab.zoomed) == ("verdict", "verdict"), "what stands in the place of the writing"
    assert "prompt" in TaskInfo().features


@pytest.mark.parametrize("content", [b"{", b'{"view": "gone", "theme": "gone", "panes": {"lab": "gone"}}'])
async def test_a_damaged_memory_changes_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(content)
    async with stage(memory=Memory(tmp_path)) as s:
        assert s.app.view is s.lab
        assert s.lab.current == "score"
        assert s.app.theme == THEMES["dark"].name
        await leave(s)
    assert Memory(tmp_path).read().view == "lab"


async def test_the_hint_is_given_once_ever(memory: Memory) -> None:
    async with stage(ScriptedSession(), memory=memory) as s:
        text = s.text()
        assert HINT in text
        assert "F2 to F" in text
        assert memory.read().hinted, "kept at once: the program may be killed"
    async with stage(ScriptedSession(), memory=memory) as s:
        assert HINT not in s.text()


async def test_without_a_memory_there_is_no_hint_and_nothing_is_written(tmp_path: Path) -> None:
    async with stage() as s:
        assert HINT not in s.text()
        await leave(s)
    assert list(tmp_path.iterdir()) == []
