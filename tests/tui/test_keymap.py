"""Keys from the settings: what is accepted, what clashes, and what the screen then does and shows."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from seqcore.errors import SeqError

from seqtui.settings.file import Settings, Source
from seqtui.tui.dialogs.help import HelpScreen
from seqtui.tui.keymap import bindings_by_view, key_name, keymap, written_key
from seqtui.tui.keysheet import key_lines
from seqtui.tui.screens.cell import Cell
from seqtui.tui.theme import THEMES
from seqtui.views import VIEWS
from tests.tui.reading import stage


def settings(keys: str, **others: Any) -> Settings:
    text = f"# keys\n[keys]\n{keys}\n"
    return Settings(keys=tomllib.loads(text)["keys"], source=Source(Path("s.toml"), text), **others)


@pytest.mark.parametrize(
    ("written", "name"),
    [("p", "p"), ("P", "P"), ("[", "left_square_bracket"), ("?", "question_mark"), ("F2", "f2"), ("esc", "escape"),
     ("←", "left"), ("space", "space"), (" ", "space"), ("+", "plus"), ("ctrl+p", "ctrl+p"), ("Ctrl+Left", "ctrl+left"),
     ("shift+f3", "shift+f3"), ("!", "exclamation_mark"), ("PageUp", "pageup"), ("left_square_bracket",
     "left_square_bracket"), ("ctrl+[", "ctrl+left_square_bracket")],
)  # fmt: skip
def test_a_key_is_written_as_people_write_it(written: str, name: str) -> None:
    assert key_name(written) == name


def test_every_key_of_a_command_can_be_written() -> None:
    keys = {key for view in bindings_by_view().values() for one in view.values() for key in one.key.split(",")}
    assert len(keys) > 40
    for key in keys:
        assert key_name(written_key(key)) == key


BAD = {
    "no command": ('puase = "p"', "s.toml:3: keys.puase is not a command: did you mean pause?"),
    "far from any": ('frobnicate = "p"', "s.toml:3: keys.frobnicate is not a command: "),
    "no key": ('\npause = "spcae"', "s.toml:4: keys.pause 'spcae' is not a key: did you mean space?"),
    "no name": ('pause = "the key"', "is not a key: a key is one sign, or a name like space, left, pageup, f5, ctrl+k"),
    "no modifier": ('pause = "ctl+p"', "is not a key: before + stands one of ctrl, shift, alt"),
    "a number": ("pause = 1", "s.toml:3: keys.pause must be a key in quotes"),
    "numbers": ("pause = [1]", "s.toml:3: keys.pause must be a key in quotes"),
    "a default's": ('pause = "c"', "s.toml:3: keys.pause is 'c', also the key of corpus in the view lab"),
    "each other's": ('pause = "Z"\nstep = "Z"', "s.toml:4: keys.step is 'Z', also the key of pause in the view lab"),
    "in another view": ('model = "i"', "keys.model is 'i', also the key of "),
    "reserved": ('quit = "Z"\npause = "ctrl+q"', "s.toml:4: keys.pause is 'ctrl+q', which always quits"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_reported_with_its_line(case: str) -> None:
    keys, said = BAD[case]
    with pytest.raises(SeqError) as error:
        keymap(settings(keys))
    assert said in str(error.value)


def test_two_commands_may_swap_keys_and_one_may_have_none() -> None:
    swapped = keymap(settings('pause = "s"\nstep = ["space", "space"]\nprompt = []\nquit = "Z"'))
    assert swapped == {"pause": ("s",), "step": ("space",), "prompt": (), "quit": ("Z", "ctrl+c", "ctrl+q")}


def test_the_printed_table_sets_what_it_shows_and_names_every_command() -> None:
    views = bindings_by_view()
    lines = key_lines(views, {"pause": "P", "step": ["s", "S"], "prompt": []})
    assert tomllib.loads("\n".join(lines)) == {"pause": "P", "step": ["s", "S"], "prompt": []}
    every = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines if " = " in line))
    assert set(every) == {id for view in views.values() for id in view}
    assert set(views) == set(VIEWS)
    defaults = "\n".join(line.removeprefix("# ") for line in key_lines(views, {}) if " = " in line)
    assert keymap(settings(defaults)) == {
        one.id: tuple(one.key.split(",")) for view in views.values() for one in view.values()
    }


async def test_a_chosen_key_works_and_the_old_one_does_not() -> None:
    async with stage(settings=settings('pause = ["P", "f12"]\nprompt = []')) as s:
        calls = len(s.session.calls)
        await s.press("space", "p")
        assert len(s.session.calls) == calls
        assert s.app.screen is s.lab
        await s.press("P")
        assert s.last_call() == ("pause",)
        await s.press("f12")
        assert s.last_call() == ("resume",)


async def test_footer_help_and_palette_show_the_chosen_key() -> None:
    async with stage(settings=settings('pause = "P"\nhelp = "f12"\nview_cell = "f9"')) as s:
        assert "P pause" in s.lines()[-1]
        assert "F12 help" in s.lines()[-1]
        assert "F9 cell" in s.text()
        await s.press("f12")
        assert isinstance(s.app.screen, HelpScreen)
        assert "P  Pause or resume training." in s.text()
        assert "space  Pause" not in s.text()
        await s.press("f12")
        assert s.app.screen is s.lab, "the key that opened the help closes it"
        await s.press("ctrl+p", *"pause")
        (line,) = [line for line in s.lines() if "Pause or resume training." in line]
        assert " P  " in line


async def test_the_keys_hold_in_every_view_and_in_messages() -> None:
    async with stage(settings=settings('pause = "P"\nview_cell = "f9"\nmodel = "M"')) as s:
        await s.press("a")
        assert "press M to choose one that has" in s.text()
        await s.press("f9")
        assert isinstance(s.app.view, Cell)
        assert "P pause" in s.lines()[-1]
        await s.press("P")
        assert ("pause",) in s.session.calls
        await s.press("f9")
        assert s.app.view is s.lab


async def test_a_command_without_a_key_is_in_the_palette() -> None:
    async with stage(settings=settings("pause = []\nhelp = []")) as s:
        await s.press("space")
        assert s.last_call() == ("start",)
        assert " help" in s.lines()[-1]
        assert "pause" not in s.lines()[-1]
        await s.press("ctrl+p", *"pause", "enter")
        assert s.last_call() == ("pause",)


async def test_theme_and_frame_rate_are_those_of_the_settings() -> None:
    async with stage(settings=Settings(theme="light", frame_rate=4)) as s:
        assert s.app.theme == THEMES["light"].name
        assert s.app.pace.interval == 0.25
        assert s.app.pace.tell(0.0) == 0.25
