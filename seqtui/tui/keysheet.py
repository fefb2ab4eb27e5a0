"""The table of keys in the settings file: a line per command, with what it does."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual.binding import Binding

from seqtui.settings.sheet import toml
from seqtui.tui.keymap import written_key
from seqtui.views import VIEWS

ASSIGNMENTS = 38  # columns up to the sentence


def key_lines(views: Mapping[str, Mapping[str, Binding]], chosen: Mapping[str, Any]) -> Sequence[str]:
    """Return the lines below `[keys]`: the commands that every view has, then those of each view.

    Args:
        views: the bindings of each view's commands, by id.
        chosen: the keys in the settings file, by command.
    """
    everywhere = set.intersection(*(set(view) for view in views.values()))
    first = next(iter(views.values()))
    lines = ["# in every view", *(_line(first[id], chosen) for id in first if id in everywhere)]
    listed = set(everywhere)
    for name, view in views.items():
        own = [id for id in view if id not in listed]
        listed |= set(own)
        if own:
            lines += ["", f"# {VIEWS[name].label}", *(_line(view[id], chosen) for id in own)]
    return lines


def _line(binding: Binding, chosen: Mapping[str, Any]) -> str:
    id = binding.id or ""
    value = chosen.get(id, [written_key(key) for key in binding.key.split(",")])
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    assignment = f"{'' if id in chosen else '# '}{id} = {toml(value)}"
    return f"{assignment:<{ASSIGNMENTS}} # {binding.tooltip}"
