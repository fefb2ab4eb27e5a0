"""The settings as a file with comments, to be read, and to be edited."""

import json
import textwrap
from collections.abc import Sequence
from typing import Any

from seqtui.settings.file import Settings
from seqtui.settings.table import KEYS, SETTINGS, Setting
from seqtui.visible import visible

WIDTH = 100  # columns of comments
_INTRODUCTION = (
    "Settings of the screen of seqtui: {}\nA line that begins with # shows a default; remove the # to set it."
)
_KEYS = (
    "Keys by command: one key, or a list of keys; [] for none (the palette has every command).\n"
    "A key is one sign, or a name like space, left, enter, f5, ctrl+k. ctrl+c and ctrl+q always quit."
)


def sheet(settings: Settings, keys: Sequence[str]) -> str:
    """Return the settings as valid TOML that sets the same; `keys` are the lines of the table of keys."""
    lines = [*_comment(_INTRODUCTION.format(visible(str(settings.source.path)))), ""]
    for setting in SETTINGS:
        lines += [*_comment(setting.about), _assignment(setting, getattr(settings, setting.field)), ""]
    return "\n".join([*lines, *_comment(_KEYS), f"[{KEYS}]", *keys])


def toml(value: Any) -> str:
    """Return a string, a number or a list of strings as TOML."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON's strings are TOML's
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(one) for one in value)}]"
    return f"{value:g}"


def _assignment(setting: Setting, value: Any) -> str:
    if value == setting.default:
        return f"# {setting.name} = {setting.example}"
    return f"{setting.name} = {toml(value)}"


def _comment(text: str) -> list[str]:
    return [f"# {line}".rstrip() for part in text.split("\n") for line in textwrap.wrap(part, WIDTH) or [""]]
