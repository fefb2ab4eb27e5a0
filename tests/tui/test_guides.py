"""The five lines that each view says of itself."""

import importlib
from string import Formatter

import pytest
from rich.cells import cell_len

from seqtui.tui.registry import Commands, guide
from seqtui.tui.screens.view import ViewScreen
from seqtui.views import LAB, VIEWS
from tests.tui.reading import stage
from tests.tui.scripted import ScriptedSession

LINES, WIDTH = 5, 76


def opened(view: str) -> ViewScreen:
    module, _, kind = VIEWS[view].screen.partition(":")
    screen: ViewScreen = getattr(importlib.import_module(f"seqtui.tui.screens.{module}"), kind)(ScriptedSession())
    return screen


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_five_lines_that_fit_and_name_only_its_own_commands(view: str) -> None:
    commands = opened(view).commands
    lines = VIEWS[view].guide
    assert len(lines) == LINES
    named = {name for line in lines for _, name, _, _ in Formatter().parse(line) if name}
    assert named
    assert named <= {one.id for one in commands}
    for line in guide(lines, commands):
        assert line.strip() == line
        assert line
        assert cell_len(line) <= WIDTH, (cell_len(line), line)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)], ids=["80x24", "200x50"])
@pytest.mark.parametrize("view", VIEWS)
async def test_the_help_of_a_view_begins_with_them(view: str, size: tuple[int, int]) -> None:
    async with stage(size=size) as s:
        if view != LAB:
            await s.press(VIEWS[view].key)
        assert view == s.app.view.VIEW
        await s.press("question_mark")
        text = s.text()
        for line in guide(VIEWS[view].guide, s.app.view.commands):
            assert line in text


def test_a_command_with_other_keys_is_named_by_them() -> None:
    commands: Commands[ViewScreen] = opened(LAB).commands.rebound({"pause": ("f12",), "step": ()})
    assert guide(["{pause} or {step}"], commands) == ["F12 or “One step”"]
