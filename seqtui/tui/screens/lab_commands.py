"""The commands of the Lab: those of its panes, of its focus and of its arrangement, and those of every view."""

from typing import Protocol

from seqtui.tui.commands.choices import CHOICES
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.view import View
from seqtui.tui.commands.views import VIEWS
from seqtui.tui.dialogs.temperature import COLDEST, HOTTEST
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.panes.beam_tree import BEAM, GREEDY, BeamTree
from seqtui.tui.panes.loss import LossPane
from seqtui.tui.panes.score import ScorePane
from seqtui.tui.panes.translation import TranslationPane
from seqtui.tui.registry import Commands, Group

NO_ALIGNMENT = "No attention: the decoder has only the state at the bar. Press m and set attention to general."
WARMTH = 0.1  # change of the temperature per key press


class LabView(View, Protocol):
    """What these commands ask of the Lab."""

    loss: LossPane
    score: ScorePane
    frozen: bool
    zoomed: str | None  # the pane that has the whole screen
    current: str  # the pane with the focus
    second: str  # the pane beside the loss

    def next_page(self) -> None:
        """Show the next page of the pane beside the loss."""

    @property
    def translation(self) -> TranslationPane | None:
        """The pane of translations, if it stands beside the loss."""

    def go_to(self, name: str) -> None:
        """Focus a pane."""

    def cycle(self, direction: int) -> None:
        """Focus the next or the previous pane."""

    def zoom(self, name: str | None) -> None:
        """Give the whole screen to one pane, or show all."""

    def freeze(self, frozen: bool) -> None:
        """Freeze or unfreeze the panes."""


LAB: Commands[LabView] = Commands(TRAINING, CHOICES)
_command = LAB.command


@_command("comma", "Cooler", Group.WRITING, label="cooler warmer", rank=1, pane="writing tune", needs="prompt")
def cooler(lab: LabView) -> None:
    """Lower the temperature by 0.1: more predictable."""
    lab.session.set_temperature(max(COLDEST, round(lab.newest.temperature - WARMTH, 2)))


@_command("full_stop", "Warmer", Group.WRITING, label="cooler warmer", rank=1, pane="writing tune", needs="prompt")
def warmer(lab: LabView) -> None:
    """Raise the temperature by 0.1: more varied."""
    lab.session.set_temperature(min(HOTTEST, round(lab.newest.temperature + WARMTH, 2)))


@_command("V", "Next page of the second pane", Group.EXAMPLE, label="page", rank=4, needs="pages")
def next_page(lab: LabView) -> None:
    """Show the next page: confusion matrix, accuracy by length; another column; the tune as text, its faults."""
    lab.next_page()


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


def _walked(lab: LabView, across: int, down: int) -> bool:
    """Walk through the beam if it has the focus; return whether it has."""
    pane = lab.translation
    walks = pane is not None and pane.beam is not None and lab.current == lab.second
    if pane is not None and walks:
        pane.walk(across, down)
    return walks


@_command("b", "Loss: scale", Group.LOSS, label="scale", rank=1, pane="loss")
def loss_scale(lab: LabView) -> None:
    """Switch the loss axis between logarithmic and linear."""
    lab.loss.toggle_scale()


@_command("v", "Loss: smoothing", Group.LOSS, label="smooth", rank=1, pane="loss")
def loss_smoothing(lab: LabView) -> None:
    """Switch between the smoothed and the raw loss."""
    lab.loss.toggle_smoothing()


@_command("plus equals_sign", "Loss: zoom in", Group.LOSS, label="range", rank=1, pane="loss")
def loss_zoom_in(lab: LabView) -> None:
    """Show fewer, more recent steps of the loss."""
    lab.loss.zoom(1)


@_command("minus", "Loss: zoom out", Group.LOSS, label="range", rank=1, pane="loss")
def loss_zoom_out(lab: LabView) -> None:
    """Show more steps of the loss."""
    lab.loss.zoom(-1)


@_command("d", "Loss: by position", Group.LOSS, label="positions", rank=2, pane="loss", needs="passages")
def loss_positions(lab: LabView) -> None:
    """Show the loss over training, or by position in the text."""
    lab.loss.toggle_positions()


@_command("left h", "Playhead left", Group.SCORE, label="playhead", rank=1, pane="score")
def left(lab: LabView) -> None:
    """Move the playhead one timestep back; in the beam, go left."""
    if not _walked(lab, -1, 0):
        lab.score.move(-1)


@_command("right l", "Playhead right", Group.SCORE, label="playhead", rank=1, pane="score")
def right(lab: LabView) -> None:
    """Move the playhead one timestep forward; in the beam, go right."""
    if not _walked(lab, 1, 0):
        lab.score.move(1)


@_command("H ctrl+left", "Playhead a word back", Group.SCORE)
def word_left(lab: LabView) -> None:
    """Move the playhead to the previous word."""
    lab.score.move_word(-1)


@_command("L ctrl+right", "Playhead a word forward", Group.SCORE)
def word_right(lab: LabView) -> None:
    """Move the playhead to the next word."""
    lab.score.move_word(1)


@_command("0 home", "Playhead to the start", Group.SCORE)
def start(lab: LabView) -> None:
    """Move the playhead to the first timestep."""
    lab.score.move_edge(-1)


@_command("dollar_sign end", "Playhead to the end", Group.SCORE)
def end(lab: LabView) -> None:
    """Move the playhead to the last timestep."""
    lab.score.move_edge(1)


@_command("up k", "Unit above", Group.SCORE, label="unit", rank=2, pane="score")
def unit_up(lab: LabView) -> None:
    """Select the unit above; in the beam, go up."""
    if not _walked(lab, 0, -1):
        lab.score.move_unit(-1)


@_command("down j", "Unit below", Group.SCORE, label="unit", rank=2, pane="score")
def unit_down(lab: LabView) -> None:
    """Select the unit below; in the beam, go down."""
    if not _walked(lab, 0, 1):
        lab.score.move_unit(1)


@_command("g", "Next gate", Group.SCORE, label="gate", rank=1, pane="score")
def gate(lab: LabView) -> None:
    """Show the next gate or state."""
    lab.score.cycle_gate()


@_command("G", "Next layer", Group.SCORE, label="layer", rank=4, pane="score")
def layer(lab: LabView) -> None:
    """Show the next layer."""
    lab.score.cycle_layer()


@_command("u", "Fold units", Group.SCORE, label="fold", rank=4, pane="score")
def fold(lab: LabView) -> None:
    """Fold units into rows: strongest, mean, near the selected."""
    lab.score.cycle_fold()


@_command("r", "Reach", Group.SCORE, label="reach", rank=3, pane="score")
def reach(lab: LabView) -> None:
    """Show the reach by another layer's state, or by the input."""
    lab.score.cycle_reach()


@_command("o", "Reach of all timesteps", Group.SCORE, label="triangle", rank=5, pane="score")
def triangle(lab: LabView) -> None:
    """Show the reach of all timesteps, or of the playhead's."""
    lab.score.toggle_triangle()


@_command("a", "Attention", Group.SCORE, label="attention", rank=0, pane="score", when="attention")
def attention(lab: LabView) -> None:
    """Show the map of the selected head, all heads or their mean, or staves."""
    if _has_heads(lab):
        lab.score.cycle_attention()


@_command("less_than_sign", "Previous head", Group.SCORE, label="head", rank=2, pane="score", when="attention")
def head_before(lab: LabView) -> None:
    """Select the previous attention head."""
    if _has_heads(lab):
        lab.score.move_head(-1)


@_command("greater_than_sign", "Next head", Group.SCORE, label="head", rank=2, pane="score", when="attention")
def head_next(lab: LabView) -> None:
    """Select the next attention head of the layer."""
    if _has_heads(lab):
        lab.score.move_head(1)


def _has_heads(lab: LabView) -> bool:
    """Return whether the model has attention; say so if not, and what would give it."""
    if not lab.score.attends:
        lab.say(
            NO_ALIGNMENT if lab.newest.task.decodes else "This model has no attention: press m to choose one that has."
        )
    return lab.score.attends


@_command("z", "Zoom", Group.SCREEN, label="zoom", alternate="unzoom", rank=3)
def zoom(lab: LabView) -> None:
    """Give one pane the whole screen, or show all panes."""
    lab.zoom(None if lab.zoomed else lab.current)


@_command("escape", "Back", Group.SCREEN)
def back(lab: LabView) -> None:
    """Leave zoom, then freeze."""
    if lab.zoomed:
        lab.zoom(None)
    elif lab.frozen:
        lab.freeze(False)


@_command("1", "Go to loss", Group.SCREEN)
def focus_loss(lab: LabView) -> None:
    """Focus the loss over training."""
    lab.go_to("loss")


@_command("2", "Go to writing or verdict", Group.SCREEN)
def focus_second(lab: LabView) -> None:
    """Focus the generated text, or what the task has instead."""
    lab.go_to(lab.second)


@_command("3", "Go to the score", Group.SCREEN)
def focus_score(lab: LabView) -> None:
    """Focus the score and read out its loss."""
    lab.go_to("score")
    lab.score.focus_stave("loss")


@_command("4", "Go to the gates", Group.SCREEN)
def focus_gates(lab: LabView) -> None:
    """Focus the score and read out the gate."""
    lab.go_to("score")
    lab.score.focus_stave("gate")


@_command("5", "Go to the reach", Group.SCREEN)
def focus_reach(lab: LabView) -> None:
    """Focus the score and read out the reach."""
    lab.go_to("score")
    lab.score.focus_stave("reach")


@_command("6", "Go to the attention", Group.SCREEN)
def focus_attention(lab: LabView) -> None:
    """Focus the score and read out the selected head."""
    if _has_heads(lab):
        lab.go_to("score")
        lab.score.focus_stave("attention")


@_command("7", "State at the bar", Group.SCORE, label="bar", rank=3, pane="score", needs="pairs")
def bar_state(lab: LabView) -> None:
    """Show the numbers that the encoder hands to the decoder, or staves."""
    lab.go_to("score")
    lab.score.toggle_state()


@_command("tab", "Next pane", Group.SCREEN)
def focus_next(lab: LabView) -> None:
    """Focus the next pane."""
    lab.cycle(1)


@_command("shift+tab", "Previous pane", Group.SCREEN)
def focus_previous(lab: LabView) -> None:
    """Focus the previous pane."""
    lab.cycle(-1)


@_command("f", "Freeze", Group.SCREEN, label="freeze", alternate="unfreeze", rank=5)
def freeze(lab: LabView) -> None:
    """Freeze the display while training continues."""
    lab.freeze(not lab.frozen)


LAB.include(VIEWS)
LAB.include(GENERAL)
