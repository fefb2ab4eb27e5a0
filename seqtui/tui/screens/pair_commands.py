"""The commands of the Lab for tasks on pairs: by length, the state at the bar, and the beam."""

from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.panes.beam_tree import BEAM, GREEDY, BeamTree
from seqtui.tui.registry import Commands, Group
from seqtui.tui.screens.lab_view import LabView

PAIRS: Commands[LabView] = Commands()
_command = PAIRS.command


@_command("7", "State at the bar", Group.SCORE, label="bar", rank=3, pane="score", needs="pairs")
def bar_state(lab: LabView) -> None:
    """Show the numbers that the encoder hands to the decoder, or staves."""
    lab.go_to("score")
    lab.score.toggle_state()


@_command("D", "By length: exact match or loss", Group.EXAMPLE, label="by length", rank=3, needs="pairs")
def by_length(lab: LabView) -> None:
    """Compare exact match, or loss, by length with earlier runs."""
    lab.go_to(lab.second)
    if lab.translation is not None:
        lab.translation.compare_lengths()


@_command("enter", "Go on from here", Group.EXAMPLE, label="go on", rank=2, pane="translation", needs="pairs")
def go_on(lab: LabView) -> None:
    """In the beam, choose the symbol; the model goes on after it."""
    if (tree := _tree(lab)) is not None:
        _write_after(lab, tree, tree.at)


@_command("backspace", "Take a symbol back", Group.EXAMPLE, label="back", rank=3, pane="translation", needs="pairs")
def take_back(lab: LabView) -> None:
    """In the beam, take back the last symbol chosen by hand."""
    tree = _tree(lab)
    if tree is not None and not tree.begun:
        lab.say("No symbol was chosen by hand: walk with the arrows, and press enter to choose one.")
    elif tree is not None:
        _write_after(lab, tree, tree.begun[:-1])


@_command("i", "Type symbols", Group.EXAMPLE, label="type", rank=3, pane="translation", needs="pairs")
def type_symbols(lab: LabView) -> None:
    """In the beam, type what stands at this place; the model goes on."""
    tree = _tree(lab)
    if tree is None:
        return
    begun = tree.at[:-1]

    def take(text: str) -> None:
        tree.ask(begun, typed=True)
        lab.session.write_after(begun, text, tree.width)

    hint = "What is written from the cursor on, instead of what stands there; the model goes on after it."
    lab.ask(TextDialog(f"symbol {len(tree.at)} and on", "", hint), take)


@_command("B", "Beam or greedy", Group.EXAMPLE, label="beam greedy", rank=4, pane="translation", needs="pairs")
def beam_or_greedy(lab: LabView) -> None:
    """In the beam, go on with beam search or with the likeliest symbol."""
    if (tree := _tree(lab)) is not None:
        tree.width = GREEDY if tree.width == BEAM else BEAM
        _write_after(lab, tree, tree.begun)


def _tree(lab: LabView) -> BeamTree | None:
    """Return the beam if it is shown and has the focus; else show it."""
    pane = lab.translation
    shown = pane.beam if pane is not None and lab.current == lab.second else None
    if pane is not None and shown is None:
        lab.go_to(lab.second)
        pane.show_tree()
    return shown


def _write_after(lab: LabView, tree: BeamTree, begun: tuple[int, ...]) -> None:
    """Let the model write on after symbols, and say so until it has."""
    tree.ask(begun)
    lab.session.write_after(begun, "", tree.width)
    if lab.translation is not None:
        lab.translation.redraw()


def walked(lab: LabView, across: int, down: int) -> bool:
    """Walk through the beam if it has the focus; return whether it has."""
    pane = lab.translation
    walks = pane is not None and pane.beam is not None and lab.current == lab.second
    if pane is not None and walks:
        pane.walk(across, down)
    return walks
