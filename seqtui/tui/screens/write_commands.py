"""The commands of the view of writing: take, type, go back, branches, sampling, and those of every view."""

from typing import Protocol

from seqcore.sampling import Sampling

from seqtui.tui.commands.choices import chosen
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES, PanesView, numbered
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.registry import Commands, Group

_KS = (0, 1, 2, 3, 5, 10, 20, 50, 100)  # 0: all


class WriteView(PanesView, Protocol):
    """What these commands ask of the view."""

    sampling: Sampling
    running: bool

    def take_picked(self) -> None:
        """Go on with the token that is picked."""

    def type_in(self, text: str) -> None:
        """Go on with a text."""

    def pick(self, by: int) -> None:
        """Pick another token."""

    def step_back(self) -> None:
        """Go back a token."""

    def to_edge(self, direction: int) -> None:
        """Go to the prompt, or to the end of the branch."""

    def next_branch(self, direction: int) -> None:
        """Go to another branch."""

    def run_on(self, running: bool) -> None:
        """Let the model write, or stop it."""

    def set_sampling(self, **values: float) -> None:
        """Change temperature, top-k or top-p."""


WRITE: Commands[WriteView] = Commands(TRAINING, chosen("corpus", "model", "prompt"))
_command = WRITE.command


@_command("up k", "Pick the token above", Group.WRITE, label="pick", rank=1)
def pick_above(view: WriteView) -> None:
    """Pick a likelier token."""
    view.pick(-1)


@_command("down j", "Pick the token below", Group.WRITE, label="pick", rank=1)
def pick_below(view: WriteView) -> None:
    """Pick a less likely token."""
    view.pick(1)


@_command("enter right l", "Take the token", Group.WRITE, label="take", rank=0)
def take(view: WriteView) -> None:
    """Go on with the picked token."""
    view.take_picked()


@_command("left h backspace", "Back a token", Group.WRITE, label="back", rank=1)
def step_back(view: WriteView) -> None:
    """Go back a token; what was written stays as a branch."""
    view.step_back()


@_command("0 home", "To the prompt", Group.WRITE)
def to_start(view: WriteView) -> None:
    """Go back to the prompt."""
    view.to_edge(-1)


@_command("dollar_sign end", "To the end", Group.WRITE)
def to_end(view: WriteView) -> None:
    """Go to the end of this branch."""
    view.to_edge(1)


@_command("g", "Let it write", Group.WRITE, label="let it write", alternate="stop", rank=1)
def run_on(view: WriteView) -> None:
    """Let the model write on, or stop it."""
    view.run_on(not view.running)


@_command("slash i", "Type", Group.WRITE, label="type", rank=2)
def type_in(view: WriteView) -> None:
    """Go on with a text of your own."""
    view.ask(TextDialog("go on with", "", "What comes next, spaces included."), view.type_in)


@_command("b", "Next branch", Group.WRITE, label="branch", rank=3)
def next_branch(view: WriteView) -> None:
    """Go to the end of the next branch."""
    view.next_branch(1)


@_command("B", "Previous branch", Group.WRITE)
def previous_branch(view: WriteView) -> None:
    """Go to the end of the previous branch."""
    view.next_branch(-1)


@_command("comma", "Cooler", Group.WRITE, label="temperature", rank=2)
def cooler(view: WriteView) -> None:
    """Lower the temperature by 0.1: more predictable."""
    view.set_sampling(temperature=view.sampling.temperature - 0.1)


@_command("full_stop", "Warmer", Group.WRITE, label="temperature", rank=2)
def warmer(view: WriteView) -> None:
    """Raise the temperature by 0.1: more varied."""
    view.set_sampling(temperature=view.sampling.temperature + 0.1)


@_command("less_than_sign", "Smaller top-k", Group.WRITE, label="top-k", rank=5)
def fewer(view: WriteView) -> None:
    """Draw only from fewer of the likeliest tokens."""
    view.set_sampling(top_k=_next_k(view.sampling.top_k, -1))


@_command("greater_than_sign", "Larger top-k", Group.WRITE, label="top-k", rank=5)
def more(view: WriteView) -> None:
    """Draw from more of the likeliest tokens, in the end from all."""
    view.set_sampling(top_k=_next_k(view.sampling.top_k, 1))


@_command("minus", "Smaller top-p", Group.WRITE, label="top-p", rank=5)
def smaller_p(view: WriteView) -> None:
    """Draw only from the likeliest tokens with a smaller total probability."""
    view.set_sampling(top_p=view.sampling.top_p - 0.05)


@_command("plus equals_sign", "Larger top-p", Group.WRITE, label="top-p", rank=5)
def larger_p(view: WriteView) -> None:
    """Draw from tokens with a larger total probability, in the end from all."""
    view.set_sampling(top_p=view.sampling.top_p + 0.05)


def _next_k(k: int, direction: int) -> int:
    """Return the next value of top-k: smaller ones end at 1, larger ones at 0, which is all."""
    ladder = (*_KS[1:], 0)
    at = ladder.index(k) if k in ladder else len(ladder) - 1
    return ladder[max(0, min(at + direction, len(ladder) - 1))]


WRITE.include(PANES)
numbered(WRITE, {"text": "the text so far", "bars": "what may follow", "branches": "the branches"})
WRITE.include(VIEW_COMMANDS)
WRITE.include(GENERAL)
