"""The commands of the Lab: those of its panes, of its focus and of its arrangement, and those of every view."""

from seqtui.tui.commands.choices import CHOICES
from seqtui.tui.commands.curves import CURVES
from seqtui.tui.commands.general import GENERAL
from seqtui.tui.commands.panes import PANES
from seqtui.tui.commands.playhead import PLAYHEAD
from seqtui.tui.commands.training import TRAINING
from seqtui.tui.commands.views import VIEW_COMMANDS
from seqtui.tui.dialogs.temperature import COLDEST, HOTTEST
from seqtui.tui.registry import Commands, Group
from seqtui.tui.screens.lab_view import LabView
from seqtui.tui.screens.pair_commands import PAIRS, walked

NO_ALIGNMENT = "No attention: the decoder has only the state at the bar. Press {} and set attention to general."
NO_ATTENTION = "This model has no attention: press {} to choose one that has."
WARMTH = 0.1  # change of the temperature per key press


LAB: Commands[LabView] = Commands(TRAINING, CHOICES, PLAYHEAD)
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


@_command("b", "Loss: scale", Group.LOSS, label="scale", rank=1, pane="loss")
def loss_scale(lab: LabView) -> None:
    """Switch the loss axis between logarithmic and linear."""
    lab.loss.toggle_scale()


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


@_command("up k", "Unit above", Group.SCORE, label="unit", rank=2, pane="score")
def unit_up(lab: LabView) -> None:
    """Select the unit above; in the beam, go up."""
    if not walked(lab, 0, -1):
        lab.score.move_unit(-1)


@_command("down j", "Unit below", Group.SCORE, label="unit", rank=2, pane="score")
def unit_down(lab: LabView) -> None:
    """Select the unit below; in the beam, go down."""
    if not walked(lab, 0, 1):
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
        lab.say((NO_ALIGNMENT if lab.newest.task.decodes else NO_ATTENTION).format(lab.commands.key("model")))
    return lab.score.attends


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


LAB.include(CURVES)
LAB.include(PAIRS)
LAB.include(PANES)
LAB.include(VIEW_COMMANDS)
LAB.include(GENERAL)
