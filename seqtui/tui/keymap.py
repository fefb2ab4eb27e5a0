"""The keys that the settings give to commands, by id: checked against the commands of every view."""

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from seqcore.data.quoting import quoted
from textual.binding import Binding
from textual.keys import Keys, _character_to_key

from seqtui.settings.file import Settings
from seqtui.settings.table import KEYS, nearest
from seqtui.tui.commands.general import ALWAYS_QUIT
from seqtui.tui.registry import KEY_LABELS, key_label
from seqtui.views import VIEWS

Keymap = Mapping[str, tuple[str, ...]]  # Textual's names of the keys, by command; () for none

_MODIFIERS = ("ctrl", "shift", "alt")
_NAMES = {key.value for key in Keys if key.value.isalnum()} - {"ignore", "return"} | {"space"}
_BY_LABEL = {label.lower(): name for name, label in KEY_LABELS.items()}


def bindings_by_view() -> dict[str, dict[str, Binding]]:
    """Return the bindings of each view's commands, by id. This imports every view."""
    found = {}
    for name, line in VIEWS.items():
        module, _, kind = line.screen.partition(":")
        view = getattr(importlib.import_module(f"seqtui.tui.screens.{module}"), kind)
        found[name] = {binding.id: binding for binding in view.BINDINGS if binding.id}
    return found


def key_name(text: str) -> str:
    """Return Textual's name of a key: `left_square_bracket` for `[`, `f2` for `F2`. Raises ValueError."""
    if len(text) == 1 and text.isprintable():
        return {**_BY_LABEL, " ": "space"}.get(text, _character_to_key(text))
    *modifiers, last = text.split("+") if text not in _BY_LABEL else [text]
    if len(last) == 1 and last.isprintable() and last != " ":
        name = last if last.isalnum() else _character_to_key(last)
    else:
        name = _BY_LABEL.get(last.lower(), last.lower())
        if name not in _NAMES and name not in KEY_LABELS:
            raise ValueError(f"{quoted(text, 40)} is not a key: {_nearest_key(last)}")
    for modifier in modifiers:
        if modifier.lower() not in _MODIFIERS:
            raise ValueError(f"{quoted(text, 40)} is not a key: before + stands one of {', '.join(_MODIFIERS)}")
    return "+".join([*(modifier.lower() for modifier in modifiers), name])


def written_key(key: str) -> str:
    """Return how a key is written in the file: a sign as itself, else its name."""
    *modifiers, last = key.split("+")
    label = key_label(last)
    return "+".join([*modifiers, label if len(label) == 1 and label.isascii() else last])


def _nearest_key(word: str) -> str:
    near = nearest(word, _NAMES)
    return near if near.startswith("did") else "a key is one sign, or a name like space, left, pageup, f5, ctrl+k"


def keymap(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the keys of the commands that the settings change. Raises SeqError, which names the line."""
    if not settings.keys:
        return {}
    wrong, views = settings.source.wrong, bindings_by_view()
    ids = list(dict.fromkeys(id for view in views.values() for id in view))
    chosen = {}
    for id, value in settings.keys.items():
        if id not in ids:
            raise wrong(f"is not a command: {_nearest_command(id, ids)}", KEYS, id)
        try:
            chosen[id] = _keys(value, id)
        except ValueError as error:
            raise wrong(str(error), KEYS, id) from None
    for name, view in views.items():
        if clash := _clash({id: chosen.get(id, tuple(view[id].key.split(","))) for id in view}, chosen):
            key, mine, other = clash
            also = f"is {quoted(written_key(key))}, also the key of {other} in the view {name}"
            raise wrong(f"{also}: take another, or give {other} another", KEYS, mine)
    return chosen


def _nearest_command(id: str, ids: Iterable[str]) -> str:
    near = nearest(id, ids)
    return near if near.startswith("did") else "seqtui settings lists them"


def _keys(value: Any, id: str) -> tuple[str, ...]:
    """Return the keys in a value of the file: one, or a list; and those that always quit. Raises ValueError."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('must be a key in quotes, as "p", or a list of keys, as ["p", "ctrl+p"]; [] for none')
    keys = [key_name(text) for text in texts]
    if id == "quit":
        keys += ALWAYS_QUIT
    elif always := [key for key in keys if key in ALWAYS_QUIT]:
        raise ValueError(f"is {quoted(always[0])}, which always quits: take another")
    return tuple(dict.fromkeys(keys))


def _clash(keys: Keymap, chosen: Keymap) -> tuple[str, str, str] | None:
    """Return a key that two commands have, the one of them that was chosen, and the other; None if there is none."""
    owners: dict[str, str] = {}
    for id, names in keys.items():
        for key in names:
            other = owners.setdefault(key, id)
            if other != id:
                return (key, id, other) if id in chosen else (key, other, id)
    return None
