"""Commands: what a command is, and the table of a view, from which its keys, footer, help and palette are made."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Generic, TypeVar

from textual.binding import Binding, BindingType

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
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "escape": "esc",
    "backspace": "⌫",
    "f1": "F1",
    **{f"f{n}": f"F{n}" for n in range(2, 13)},
    "slash": "/",
}


# What a task may lack, and what is said then.
MISSING = {
    "prompt": "This task generates no text.",
    "passages": "This task has no loss at every position.",
    "examples": "This task has passages of a text, no examples.",
    "verdict": "This task has no verdict.",
    "dial": "This task has no dial.",
    "pages": "This task has no other page beside the loss.",
    "pairs": "This task has no encoder and decoder.",
    "tokens": "This model reads numbers: there are no tokens to encode.",
}


class Group(StrEnum):
    """The headings of the help screen, in order."""

    TRAINING = "training"
    CHOICE = "corpus, model, texts"
    SCREEN = "the screen"
    CURVES = "curves over training"
    LOSS = "loss"
    WRITING = "writing"
    EXAMPLE = "examples and verdict"
    PLAYHEAD = "the playhead"
    SCORE = "the score"
    ENCODINGS = "the encodings"
    WRITE = "writing with it"
    CELL = "the cell"
    UNROLLED = "the unrolled network"
    NEURONS = "the neurons"
    HEALTH = "health"
    SURGERY = "surgery"
    VIEWS = "views"


ViewT = TypeVar("ViewT")
ViewT_contra = TypeVar("ViewT_contra", contravariant=True)
Action = Callable[[ViewT], None]


@dataclass(frozen=True)
class Command(Generic[ViewT_contra]):
    """One action that the user can ask for, on a view of some kind."""

    id: str
    keys: tuple[str, ...]  # () for none: the palette still has it
    title: str  # in the palette and the help
    help: str  # one sentence
    group: Group
    run: Callable[[ViewT_contra], None]
    label: str  # in the footer: neighbours with the same label are shown as one; "" keeps it out
    alternate: str  # the label while the state that it toggles is on
    rank: int  # in the footer: 0 is never dropped, the highest is dropped first
    panes: tuple[str, ...]  # show it in the footer only while one of these panes has the focus; () for always
    when: str  # show it in the footer only if the view has this: "attention"; "" for always
    needs: str  # what the task must have (see `TaskInfo.features`), or it is not listed anywhere; "" for nothing

    def offered(self, features: Collection[str]) -> bool:
        """Return whether a task with these features has what the command needs."""
        return self.needs in ("", *features)


class Commands(Generic[ViewT]):
    """The commands of one kind of view, by id, in the order in which they are listed.

    `included` are commands that any view of this kind has, too: a command for a wider protocol fits every narrower one.
    """

    def __init__(self, *included: Iterable[Command[ViewT]]) -> None:
        self._commands: dict[str, Command[ViewT]] = {}
        for table in included:
            self.include(table)

    def include(self, table: Iterable[Command[ViewT]]) -> None:
        """Append the commands of another table."""
        self._commands |= {one.id: one for one in table}

    def __iter__(self) -> Iterator[Command[ViewT]]:
        return iter(self._commands.values())

    def __getitem__(self, id: str) -> Command[ViewT]:
        return self._commands[id]

    def rebound(self, keys: Mapping[str, tuple[str, ...]]) -> "Commands[ViewT]":
        """Return the same commands with other keys, by id; those that are not named keep theirs."""
        return Commands(replace(one, keys=keys.get(one.id, one.keys)) for one in self)

    def key(self, id: str) -> str:
        """Return the label of the first key of a command; its title if it has no key."""
        one = self[id]
        return key_label(one.keys[0]) if one.keys else f"“{one.title}”"

    def command(
        self,
        keys: str,
        title: str,
        group: Group,
        *,
        label: str = "",
        alternate: str = "",
        rank: int = 9,
        pane: str = "",
        when: str = "",
        needs: str = "",
    ) -> Callable[[Action[ViewT]], Action[ViewT]]:
        """Register the decorated function: its name is the id, its docstring the help.

        Args:
            keys: Textual's names of the keys, separated by spaces.
            title: the name in the palette and the help.
            group: the heading in the help.
            label, alternate, rank, when, needs: see `Command`.
            pane: the names of its panes, separated by spaces.
        """

        def register(run: Action[ViewT]) -> Action[ViewT]:
            name, sentence = run.__name__, run.__doc__ or ""
            self._commands[name] = Command(
                name, tuple(keys.split()), title, sentence, group, run, label, alternate, rank, tuple(pane.split()),
                when, needs,
            )  # fmt: skip
            return run

        return register

    def bindings(self) -> list[BindingType]:
        """Return a key binding for each command, with the action `command('ID')`."""
        return [
            Binding(",".join(one.keys), f"command('{one.id}')", one.title, show=False, id=one.id, tooltip=one.help)
            for one in self
        ]


def guide(lines: Iterable[str], commands: Commands[Any]) -> list[str]:
    """Return lines of text with the key of a command wherever they name it as {ID}."""
    keys = {one.id: commands.key(one.id) for one in commands}
    return [line.format_map(keys) for line in lines]


def key_label(key: str) -> str:
    """Return the label of a key: `ctrl+←` for `ctrl+left`, `[` for `left_square_bracket`."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, KEY_LABELS.get(last, last)])
