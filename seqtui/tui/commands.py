"""Every command of the Lab, once. The name is its id, the docstring its help; see `registry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.command import CommandPalette

from seqtui.snapshot import ModelChoice, Phase
from seqtui.tui import taking
from seqtui.tui.registry import Group, command
from seqtui.tui.screens.corpus import CorpusPicker
from seqtui.tui.screens.diverged import BackDialog
from seqtui.tui.screens.help import HelpScreen
from seqtui.tui.screens.model import ModelPicker
from seqtui.tui.screens.temperature import COLDEST, HOTTEST, TemperatureDialog
from seqtui.tui.screens.text import TextDialog
from seqtui.tui.theme import DARK, LIGHT

if TYPE_CHECKING:
    from seqtui.tui.screens.lab import Lab

SLOWER, FASTER = 0.8, 1.25  # what a press does to the learning rate: one undoes the other
WARMTH = 0.1  # what a press does to the temperature


@command("space", "Pause or resume", Group.TRAINING, label="pause", alternate="resume", rank=0)
def pause(lab: Lab) -> None:
    """Pause the training, or let it go on."""
    if lab.newest.phase is Phase.PAUSED:
        lab.session.resume()
    else:
        lab.session.pause()


@command("s", "One step", Group.TRAINING, label="step", rank=2)
def step(lab: Lab) -> None:
    """Train a single step, and pause after it."""
    lab.session.one_step()


@command("left_square_bracket", "Learning rate down", Group.TRAINING, label="rate", rank=3)
def rate_down(lab: Lab) -> None:
    """Lower the learning rate by a fifth."""
    lab.session.scale_rate(SLOWER)


@command("right_square_bracket", "Learning rate up", Group.TRAINING, label="rate", rank=3)
def rate_up(lab: Lab) -> None:
    """Raise the learning rate by a quarter."""
    lab.session.scale_rate(FASTER)


@command("w", "Save", Group.TRAINING, label="save", rank=7)
def save(lab: Lab) -> None:
    """Write a checkpoint now."""
    lab.session.save()


@command("R", "Recover", Group.TRAINING)
def recover(lab: Lab) -> None:
    """Go back to the last checkpoint, at half its rate."""

    def go(back: bool | None) -> None:
        if back:
            lab.session.recover()

    now = lab.newest
    if now.phase is Phase.DIVERGED:
        lab.session.recover()
    elif now.checkpoint_step is None or now.checkpoint_step >= now.step:
        lab.say("No step was made since the last checkpoint.")
    else:
        lab.app.push_screen(BackDialog(now), go)


@command("c", "Corpus", Group.CHOICE, label="corpus", rank=1)
def corpus(lab: Lab) -> None:
    """Choose another corpus: a sample, or texts of your own."""

    def change(name: str | None) -> None:
        if name is not None:
            lab.session.change_corpus(name)

    lab.app.push_screen(CorpusPicker(lab.session.corpora(), lab.newest.corpus), change)


@command("m", "Model", Group.CHOICE, label="model", rank=1)
def model(lab: Lab) -> None:
    """Choose another model: its family, and how large it is."""

    def change(choice: ModelChoice | None) -> None:
        if choice is not None:
            lab.session.change_model(choice)

    lab.app.push_screen(ModelPicker(lab.newest), change)


@command("e", "Edit the text", Group.CHOICE, label="text", rank=4)
def probe_text(lab: Lab) -> None:
    """Write the text that the score is played on."""

    def change(text: str | None) -> None:
        if text is not None:
            lab.session.set_probe_text(text)

    hint = "What the model reads. Empty: a passage of the validation part."
    lab.app.push_screen(TextDialog("the text of the score", taking.score_text(lab.newest), hint), change)


@command("n", "Next passage", Group.CHOICE, label="next text", rank=8)
def next_passage(lab: Lab) -> None:
    """Play the score on another passage of the corpus."""
    lab.session.next_passage()


@command("p", "Prompt", Group.CHOICE, label="prompt", rank=7)
def prompt(lab: Lab) -> None:
    """Choose how the writing begins."""

    def change(text: str | None) -> None:
        if text is not None:
            lab.session.set_prompt(text)

    hint = "The model goes on from here."
    lab.app.push_screen(TextDialog("the beginning of the writing", lab.newest.prompt, hint), change)


@command("t", "Temperature", Group.CHOICE, label="temperature", rank=6)
def temperature(lab: Lab) -> None:
    """Set the temperature that the writing is drawn with."""

    def change(value: float | None) -> None:
        if value is not None:
            lab.session.set_temperature(value)

    lab.app.push_screen(TemperatureDialog(lab.newest.temperature), change)


@command("comma", "Cooler", Group.WRITING, label="cooler warmer", rank=1, pane="writing")
def cooler(lab: Lab) -> None:
    """Lower the temperature by 0.1: safer words."""
    lab.session.set_temperature(max(COLDEST, round(lab.newest.temperature - WARMTH, 2)))


@command("full_stop", "Warmer", Group.WRITING, label="cooler warmer", rank=1, pane="writing")
def warmer(lab: Lab) -> None:
    """Raise the temperature by 0.1: bolder words."""
    lab.session.set_temperature(min(HOTTEST, round(lab.newest.temperature + WARMTH, 2)))


@command("b", "Loss: scale", Group.LOSS, label="scale", rank=1, pane="loss")
def loss_scale(lab: Lab) -> None:
    """Draw the loss on a logarithmic or an even scale."""
    lab.loss.toggle_scale()


@command("v", "Loss: smoothing", Group.LOSS, label="smooth", rank=1, pane="loss")
def loss_smoothing(lab: Lab) -> None:
    """Smooth the loss, or show it raw."""
    lab.loss.toggle_smoothing()


@command("plus equals_sign", "Loss: nearer", Group.LOSS, label="range", rank=1, pane="loss")
def loss_zoom_in(lab: Lab) -> None:
    """Show fewer, later steps of the loss."""
    lab.loss.zoom(1)


@command("minus", "Loss: farther", Group.LOSS, label="range", rank=1, pane="loss")
def loss_zoom_out(lab: Lab) -> None:
    """Show more steps of the loss."""
    lab.loss.zoom(-1)


@command("d", "Loss: by position", Group.LOSS, label="positions", rank=2, pane="loss")
def loss_positions(lab: Lab) -> None:
    """Show the loss over training, or by place in the text."""
    lab.loss.toggle_positions()


@command("left h", "Playhead left", Group.SCORE, label="playhead", rank=1, pane="score")
def left(lab: Lab) -> None:
    """Move the playhead a timestep back."""
    lab.score.move(-1)


@command("right l", "Playhead right", Group.SCORE, label="playhead", rank=1, pane="score")
def right(lab: Lab) -> None:
    """Move the playhead a timestep on."""
    lab.score.move(1)


@command("H ctrl+left", "Playhead a word back", Group.SCORE)
def word_left(lab: Lab) -> None:
    """Move the playhead to the word before."""
    lab.score.move_word(-1)


@command("L ctrl+right", "Playhead a word on", Group.SCORE)
def word_right(lab: Lab) -> None:
    """Move the playhead to the next word."""
    lab.score.move_word(1)


@command("0 home", "Playhead to the start", Group.SCORE)
def start(lab: Lab) -> None:
    """Move the playhead to the first timestep."""
    lab.score.move_edge(-1)


@command("dollar_sign end", "Playhead to the end", Group.SCORE)
def end(lab: Lab) -> None:
    """Move the playhead to the last timestep."""
    lab.score.move_edge(1)


@command("up k", "Unit above", Group.SCORE, label="unit", rank=2, pane="score")
def unit_up(lab: Lab) -> None:
    """Pick the unit above."""
    lab.score.move_unit(-1)


@command("down j", "Unit below", Group.SCORE, label="unit", rank=2, pane="score")
def unit_down(lab: Lab) -> None:
    """Pick the unit below."""
    lab.score.move_unit(1)


@command("g", "Next gate", Group.SCORE, label="gate", rank=1, pane="score")
def gate(lab: Lab) -> None:
    """Show the next gate or state."""
    lab.score.cycle_gate()


@command("G", "Next layer", Group.SCORE, label="layer", rank=4, pane="score")
def layer(lab: Lab) -> None:
    """Show the next layer."""
    lab.score.cycle_layer()


@command("u", "Fold units", Group.SCORE, label="fold", rank=4, pane="score")
def fold(lab: Lab) -> None:
    """Fold units to rows: strongest, mean, around the picked."""
    lab.score.cycle_fold()


@command("r", "Reach", Group.SCORE, label="reach", rank=3, pane="score")
def reach(lab: Lab) -> None:
    """Show how gradients reach into the next layer, or input."""
    lab.score.cycle_reach()


@command("o", "Reach from everywhere", Group.SCORE, label="triangle", rank=5, pane="score")
def triangle(lab: Lab) -> None:
    """Show the reach of every timestep, or the playhead's."""
    lab.score.toggle_triangle()


@command("a", "Attention", Group.SCORE, label="attention", rank=0, pane="score", when="attention")
def attention(lab: Lab) -> None:
    """Show a map of the picked head, then all heads, then staves."""
    if _has_heads(lab):
        lab.score.cycle_attention()


@command("less_than_sign", "Head before", Group.SCORE, label="head", rank=2, pane="score", when="attention")
def head_before(lab: Lab) -> None:
    """Pick the attention head before."""
    if _has_heads(lab):
        lab.score.move_head(-1)


@command("greater_than_sign", "Next head", Group.SCORE, label="head", rank=2, pane="score", when="attention")
def head_next(lab: Lab) -> None:
    """Pick the next attention head of the layer."""
    if _has_heads(lab):
        lab.score.move_head(1)


def _has_heads(lab: Lab) -> bool:
    """Whether there is attention to look at; says so where there is none."""
    if not lab.score.attends:
        lab.say("This model has no attention: m chooses one that has.")
    return lab.score.attends


@command("z", "Zoom", Group.SCREEN, label="zoom", alternate="unzoom", rank=3)
def zoom(lab: Lab) -> None:
    """Give the whole screen to one pane, or back to all."""
    lab.zoom(None if lab.zoomed else lab.current)


@command("escape", "Back", Group.SCREEN)
def back(lab: Lab) -> None:
    """Leave the zoom, then the freeze."""
    if lab.zoomed:
        lab.zoom(None)
    elif lab.frozen:
        lab.freeze(False)


@command("1", "Go to loss", Group.SCREEN)
def focus_loss(lab: Lab) -> None:
    """Focus the loss over training."""
    lab.go_to("loss")


@command("2", "Go to writing", Group.SCREEN)
def focus_writing(lab: Lab) -> None:
    """Focus the writing."""
    lab.go_to("writing")


@command("3", "Go to the score", Group.SCREEN)
def focus_score(lab: Lab) -> None:
    """Focus the score, and read out its loss."""
    lab.go_to("score")
    lab.score.focus_stave("loss")


@command("4", "Go to the gates", Group.SCREEN)
def focus_gates(lab: Lab) -> None:
    """Focus the score, and read out the gate."""
    lab.go_to("score")
    lab.score.focus_stave("gate")


@command("5", "Go to the reach", Group.SCREEN)
def focus_reach(lab: Lab) -> None:
    """Focus the score, and read out the reach."""
    lab.go_to("score")
    lab.score.focus_stave("reach")


@command("6", "Go to the attention", Group.SCREEN)
def focus_attention(lab: Lab) -> None:
    """Focus the score, and read out the picked head."""
    if _has_heads(lab):
        lab.go_to("score")
        lab.score.focus_stave("attention")


@command("tab", "Next pane", Group.SCREEN)
def focus_next(lab: Lab) -> None:
    """Focus the next pane."""
    lab.cycle(1)


@command("shift+tab", "Previous pane", Group.SCREEN)
def focus_previous(lab: Lab) -> None:
    """Focus the pane before."""
    lab.cycle(-1)


@command("f", "Freeze", Group.SCREEN, label="freeze", alternate="unfreeze", rank=5)
def freeze(lab: Lab) -> None:
    """Hold the picture still while training goes on."""
    lab.freeze(not lab.frozen)


@command("y", "Copy", Group.SCREEN)
def copy(lab: Lab) -> None:
    """Copy the writing, the text of the score, or the losses."""
    taking.copy(lab)


@command("x ctrl+s", "Screenshot", Group.SCREEN)
def screenshot(lab: Lab) -> None:
    """Save a picture (SVG) in the current folder."""
    taking.screenshot(lab)


@command("ctrl+t", "Light or dark", Group.SCREEN)
def theme(lab: Lab) -> None:
    """Change between the dark and the light theme."""
    lab.app.theme = LIGHT if lab.app.current_theme.dark else DARK


@command("ctrl+p", "Commands", Group.SCREEN)
def palette(lab: Lab) -> None:
    """Find a command by its name."""
    lab.app.push_screen(CommandPalette(id="--command-palette"))


@command("question_mark f1", "Help", Group.SCREEN, label="help", rank=0)
def help(lab: Lab) -> None:
    """Show every key and what it does."""
    lab.app.push_screen(HelpScreen())


@command("q ctrl+c ctrl+q", "Quit", Group.SCREEN, label="quit", rank=0)
def quit(lab: Lab) -> None:
    """Save the run and leave."""
    lab.app.call_later(lab.app.action_quit)
