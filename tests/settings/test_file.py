"""The settings file: what it sets, and how a mistake in it is reported."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.errors import SeqError

from seqtui.folders import config_folder, state_folder
from seqtui.settings.file import Settings, Source, read_settings, settings_path
from seqtui.settings.sheet import sheet, toml
from seqtui.settings.table import GLYPHS, SETTINGS, THEMES

GOOD: dict[str, tuple[str, Any]] = {
    "theme": ('"contrast"', "contrast"),
    "corpus": ('"copy:100"', "copy:100"),
    "frame-rate": ("4", 4.0),
    "glyphs": ('"ascii"', "ascii"),
}
BAD = {
    "unknown": ("themes = 1", ":3: themes is not a setting: did you mean theme?"),
    "far from any": ("zzz = 1", ":3: zzz is not a setting: choose one of theme, corpus, frame-rate, glyphs, keys"),
    "strange name": ('"\\u001b[31m" = 1', ":3: '\\x1b[31m' is not a setting: choose one of"),
    "theme": ('theme = "drak"', ":3: theme is 'drak': did you mean dark?"),
    "no theme": ('theme = "solarized"', ":3: theme is 'solarized': choose one of dark, light, contrast, terminal"),
    "theme of another type": ("theme = 3", ":3: theme must be a word in quotes: dark, light, contrast, terminal"),
    "glyphs": ('glyphs = "brail"', ":3: glyphs is 'brail': did you mean braille?"),
    "rate": ("frame-rate = 0", ":3: frame-rate is 0: give a number from 1 to 30"),
    "no rate": ("frame-rate = true", ":3: frame-rate must be a number from 1 to 30"),
    "endless rate": ("frame-rate = inf", ":3: frame-rate must be a number from 1 to 30"),
    "rate with an underscore": ("frame_rate = 8", ":3: frame_rate is not a setting: did you mean frame-rate?"),
    "corpus": ('corpus = "talse"', ":3: corpus is 'talse', which is no sample corpus: did you mean tales?"),
    "relative corpus": ('corpus = "my/book.txt"', "give a path from / or ~, or a name that seqtui corpora lists"),
    "no corpus": ("corpus = []", ':3: corpus must be a name or a path in quotes, as "tales" or "~/book.txt"'),
    "keys": ("keys = 1", ':3: keys must be a table: [keys], and below it lines like pause = "space"'),
    "syntax": ("theme = dark", ":3: not valid TOML: Invalid value (at line 3, column 9)"),
    "unfinished": ('theme = """', ":3: not valid TOML:"),
    "twice": ("frame-rate = 2\nframe-rate = 3", ":4: not valid TOML: Cannot overwrite a value"),
}


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = read_settings(tmp_path / "no" / "file.toml")
    assert {setting.name: getattr(settings, setting.field) for setting in SETTINGS} == {
        setting.name: setting.default for setting in SETTINGS
    }
    assert settings.keys == {}


@pytest.mark.parametrize("name", GOOD)
def test_the_file_sets_what_it_says(name: str, tmp_path: Path) -> None:
    text, value = GOOD[name]
    settings = read_settings(written(tmp_path / "s.toml", f"# first\n{name} = {text}\n"))
    for setting in SETTINGS:
        assert getattr(settings, setting.field) == (value if setting.name == name else setting.default)


def test_every_setting_has_a_case_here() -> None:
    assert set(GOOD) == {setting.name for setting in SETTINGS}


def test_a_path_from_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_settings(written(tmp_path / "s.toml", 'corpus = "~/book.txt"')).corpus == str(tmp_path / "book.txt")


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_reported_with_file_line_and_what_is_right(case: str, tmp_path: Path) -> None:
    text, said = BAD[case]
    path = written(tmp_path / "s.toml", f"# a comment\n\n{text}\n")
    with pytest.raises(SeqError) as error:
        read_settings(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)
    assert str(error.value).isprintable()


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    cases = {
        written(tmp_path / "latin", b'# a\ntheme = "\xe9"'): ":2: the text is not UTF-8",
        written(tmp_path / "long", b"#" * (1 << 21)): "is longer than 1 MiB",
        tmp_path: "is not a file",
        written(tmp_path / "deep", "theme = " + "[" * 5000): "nested too deep",
    }
    for path, said in cases.items():
        with pytest.raises(SeqError, match=said):
            read_settings(path)
    assert read_settings(written(tmp_path / "mark", b'\xef\xbb\xbftheme = "light"')).theme == "light"


@given(st.text())
def test_any_text_is_read_or_refused_with_one_line(text: str) -> None:
    settings = _read(text)
    if isinstance(settings, str):
        assert re.match(r"s\.toml:\d+: ", settings), settings
        assert settings.isprintable()


def _read(text: str) -> Settings | str:
    from seqtui.settings import file

    source = Source(Path("s.toml"), text)
    try:
        return Settings(keys=file._parsed(source), source=source)
    except SeqError as error:
        return str(error)


def test_what_is_printed_sets_the_same_again(tmp_path: Path) -> None:
    text = "\n".join(f"{name} = {value}" for name, (value, _) in GOOD.items())
    settings = read_settings(written(tmp_path / "s.toml", text))
    again = read_settings(written(tmp_path / "t.toml", sheet(settings, ['pause = "p"'])))
    for setting in SETTINGS:
        assert getattr(again, setting.field) == getattr(settings, setting.field)
    assert again.keys == {"pause": "p"}


def test_what_is_printed_for_the_defaults_sets_nothing_and_shows_everything() -> None:
    text = sheet(Settings(), [])
    assert tomllib.loads(text) == {"keys": {}}
    for setting in SETTINGS:
        assert f"\n# {setting.name} = {setting.example}\n" in text
        assert setting.check(tomllib.loads(f"x = {setting.example}")["x"]) is not None
    for word in (*THEMES, *GLYPHS):
        assert word in text
    assert max(len(line) for line in text.splitlines()) <= 100


@given(st.text())
def test_a_string_is_written_as_toml_reads_it(text: str) -> None:
    assert tomllib.loads(f"x = {toml(text)}")["x"] == text


def test_the_folders_are_those_of_the_variables_else_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQTUI_CONFIG_DIR", "/config")
    monkeypatch.setenv("SEQTUI_STATE_DIR", "/state")
    assert settings_path() == Path("/config/settings.toml")
    assert state_folder() == Path("/state")
    monkeypatch.delenv("SEQTUI_CONFIG_DIR")
    monkeypatch.delenv("SEQTUI_STATE_DIR")
    assert config_folder().name == state_folder().name == "seqtui"
    assert config_folder() != state_folder()
