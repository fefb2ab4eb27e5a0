"""`seqtui settings`, and what a broken settings file stops."""

import tomllib
from pathlib import Path

import pytest

from tests.cli.conftest import TINY, Call, command
from tests.cli.terminal import Terminal


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEQTUI_CONFIG_DIR", str(tmp_path / "config"))
    return tmp_path / "config" / "settings.toml"


def test_the_path_is_printed_and_its_folder_is_there(call: Call, file: Path) -> None:
    assert call("settings", "--path").out == f"{file}\n"
    assert file.parent.is_dir()
    assert not file.exists()


def test_what_is_printed_can_be_put_in_place(call: Call, file: Path) -> None:
    first = call("settings")
    assert (first.code, first.err) == (0, "")
    assert '# theme = "dark"\n' in first.out
    assert '# pause = "space" ' in first.out
    file.parent.mkdir()
    file.write_text(first.out, encoding="utf-8")
    assert call("settings").out == first.out
    file.write_text('theme = "light"\n[keys]\npause = "P"\n', encoding="utf-8")
    changed = call("settings").out
    assert tomllib.loads(changed) == {"theme": "light", "keys": {"pause": "P"}}
    file.write_text(changed, encoding="utf-8")
    assert call("settings").out == changed


def test_a_mistake_is_one_line_here_and_on_the_screen_and_does_not_stop_a_training(call: Call, file: Path) -> None:
    file.parent.mkdir()
    file.write_text('theme = "light"\n\n[keys]\npause = "c"\n', encoding="utf-8")
    answer = call("settings")
    assert (answer.code, answer.out) == (1, "")
    assert answer.line.startswith(f"seqtui: {file}:4: keys.pause is 'c', also the key of corpus")
    with Terminal(command("tales"), size=(400, 30)) as terminal:
        assert terminal.end() == 1
        assert f"{file}:4: keys.pause is 'c'" in terminal.text
        assert "\x1b[?1049h" not in terminal.text, "the screen did not open"
    assert call("train", "tales", *TINY, "--steps", "2", "--quiet").code == 0
    assert f"{file}:4: " in call("doctor").out
