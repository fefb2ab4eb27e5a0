"""Reading the settings file. Errors name the file and the line, and what would be right."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

from seqtui.folders import config_folder
from seqtui.settings.lines import line_of
from seqtui.settings.table import BY_NAME, KEYS, nearest

NAME = "settings.toml"
_LONGEST = 1 << 20  # bytes: no settings are that long


@dataclass(frozen=True)
class Source:
    """Where settings come from: the path of the file and its text."""

    path: Path
    text: str = ""

    def wrong(self, what: str, *key: str) -> SeqError:
        """Return the error for the value of a key: FILE:LINE: KEY WHAT."""
        return SeqError(f"{self.path}:{line_of(self.text, key)}: {shown(key)} {what}")


@dataclass(frozen=True)
class Settings:
    """The settings in force, see `seqtui.settings.table`."""

    theme: str = ""  # "": that of last time
    corpus: str = ""  # "": the program's
    frame_rate: float = 8.0
    glyphs: str = "braille"
    keys: Mapping[str, Any] = field(default_factory=dict)  # as in the file: checked where commands are known
    source: Source = field(default_factory=lambda: Source(Path(NAME)))


def settings_path() -> Path:
    """Return the path of the settings file, which need not exist."""
    return config_folder() / NAME


def shown(key: tuple[str, ...]) -> str:
    """Return the name of a key in its tables, as for messages."""
    return ".".join(part if part.isidentifier() or part in BY_NAME else quoted(part, 40) for part in key)


def read_settings(path: Path | None = None) -> Settings:
    """Return the settings of a file; the defaults if there is none. Raises SeqError."""
    path = settings_path() if path is None else path
    text = _text(path)
    source = Source(path, text)
    content = _parsed(source)
    values = {}
    for name, value in content.items():
        if name == KEYS:
            if not isinstance(value, dict):
                raise source.wrong('must be a table: [keys], and below it lines like pause = "space"', name)
            continue
        if name not in BY_NAME:
            raise source.wrong(f"is not a setting: {nearest(name, [*BY_NAME, KEYS])}", name)
        try:
            values[BY_NAME[name].field] = BY_NAME[name].check(value)
        except ValueError as error:
            raise source.wrong(str(error), name) from None
    return Settings(**values, keys=content.get(KEYS, {}), source=source)


def _text(path: Path) -> str:
    """Return the text of the file, "" if there is none. Raises SeqError."""
    try:
        if not os.path.lexists(path):
            return ""
        if not path.is_file():
            raise SeqError(f"{path} is not a file: remove it, or replace it (seqtui settings prints one)")
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
    except OSError as error:
        raise SeqError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(data) > _LONGEST:
        raise SeqError(f"{path} is longer than {_LONGEST >> 20} MiB: these are no settings")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SeqError(f"{path}:{line}: the text is not UTF-8: save the file as UTF-8") from None


def _parsed(source: Source) -> dict[str, Any]:
    try:
        return tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise SeqError(f"{source.path}:{_place(source.text, str(error))}: not valid TOML: {error}") from None
    except RecursionError:
        raise SeqError(f"{source.path}: not valid TOML: nested too deep") from None


def _place(text: str, said: str) -> int:
    """Return the line that tomllib's message names: "... (at line 3, column 5)" or "(at end of document)"."""
    _, _, place = said.rpartition("(at line ")
    number = place.partition(",")[0]
    return int(number) if number.isdigit() else len(text.splitlines()) or 1
