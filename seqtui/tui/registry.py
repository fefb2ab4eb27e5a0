"""What a command is, and the one list of all of them, from which keys, footer, help and palette follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingType

if TYPE_CHECKING:
    from seqtui.tui.screens.lab import Lab

# Keys as people write them, where Textual's names are long.
KEY_LABELS = {
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "dollar_sign": "$",
    "question_mark": "?",
    "comma": ",",
    "full_stop": ".",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "escape": "esc",
    "f1": "F1",
}


class Group(StrEnum):
    """The headings of the help screen, in its order."""

    TRAINING = "training"
    CHOICE = "corpus, model, texts"
    SCREEN = "the screen"
    LOSS = "loss"
    WRITING = "writing"
    SCORE = "the score"


@dataclass(frozen=True)
class Command:
    """One thing a person can ask for."""

    id: str
    keys: tuple[str, ...]
    title: str  # in the palette and the help
    help: str  # one sentence
    group: Group
    run: Callable[[Lab], None]
    label: str  # in the footer: neighbours with one label are shown as one; "" keeps it out
    alternate: str  # the label while the state that it toggles is on
    rank: int  # in the footer: 0 is never dropped, the highest goes first
    pane: str  # in the footer only while this pane has the focus; "" for always
    when: str  # in the footer only while this is there: "attention"; "" for always


COMMANDS: dict[str, Command] = {}
"""Every command by its id, in the order in which they were defined. Filled by importing `seqtui.tui.commands`."""


def command(
    keys: str,
    title: str,
    group: Group,
    *,
    label: str = "",
    alternate: str = "",
    rank: int = 9,
    pane: str = "",
    when: str = "",
) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    """Enters a function into the list: its name is the id, its docstring the help.

    Args:
        keys: Textual's names of the keys, separated by spaces.
        title: what the palette and the help call it.
        group: its heading in the help.
        label, alternate, rank, pane, when: see `Command`.
    """

    def enter(run: Callable[[Lab], None]) -> Callable[[Lab], None]:
        sentence = run.__doc__ or ""
        COMMANDS[run.__name__] = Command(
            run.__name__, tuple(keys.split()), title, sentence, group, run, label, alternate, rank, pane, when
        )
        return run

    return enter


def key_label(key: str) -> str:
    """`ctrl+left` as `ctrl+←`, `left_square_bracket` as `[`."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, KEY_LABELS.get(last, last)])


def bindings() -> list[BindingType]:
    """Each command as a key binding with the action `command('ID')`."""
    return [
        Binding(",".join(one.keys), f"command('{one.id}')", one.title, show=False, id=one.id, tooltip=one.help)
        for one in COMMANDS.values()
    ]
