"""Commands that choose what is trained, probed and generated."""

from seqtui.tui.commands.view import View
from seqtui.tui.dialogs.corpus import CorpusPicker
from seqtui.tui.dialogs.model import ModelPicker
from seqtui.tui.dialogs.temperature import TemperatureDialog
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.registry import Command, Commands, Group

CHOICES: Commands[View] = Commands()
_command = CHOICES.command


@_command("c", "Corpus", Group.CHOICE, label="corpus", rank=1)
def corpus(view: View) -> None:
    """Choose another corpus: a sample, or your own text or table."""
    picker = CorpusPicker(view.session.corpora(), view.newest.corpus, view.newest.task.dial)
    view.ask(picker, view.session.change_corpus)


@_command("m", "Model", Group.CHOICE, label="model", rank=1)
def model(view: View) -> None:
    """Choose another model: its family and size."""
    view.ask(ModelPicker(view.newest), view.session.change_model)


@_command("e", "Edit the text", Group.CHOICE, label="text", rank=4)
def probe_text(view: View) -> None:
    """Edit the text of the score."""
    of = "an example" if "examples" in view.features else "a passage"
    hint = f"What the model reads. Leave it empty for {of} of the validation part."
    view.ask(TextDialog("text of the score", view.newest.score_text, hint), view.session.set_probe_text)


@_command("n", "Next passage or example", Group.CHOICE, label="next text", rank=8)
def next_passage(view: View) -> None:
    """Show another passage, or the next held-out example."""
    view.session.next_passage()


@_command("N", "Previous passage or example", Group.CHOICE)
def previous_passage(view: View) -> None:
    """Show the passage or the held-out example before."""
    view.session.previous_passage()


@_command("E", "Next error", Group.EXAMPLE, label="next error", rank=2, needs="examples")
def next_error(view: View) -> None:
    """Show the next held-out example that the model gets wrong."""
    view.session.next_error()


@_command("left_parenthesis", "Shorter example", Group.EXAMPLE, label="length", rank=5, needs="examples")
def shorter(view: View) -> None:
    """Show the next shorter held-out example."""
    view.session.next_by_length(-1)


@_command("right_parenthesis", "Longer example", Group.EXAMPLE, label="length", rank=5, needs="examples")
def longer(view: View) -> None:
    """Show the next longer held-out example."""
    view.session.next_by_length(1)


@_command("left_curly_bracket", "Dial down", Group.TRAINING, label="dial", rank=2, needs="dial")
def dial_down(view: View) -> None:
    """Turn the dial down: easier sequences, same weights."""
    view.session.turn_dial(-1)


@_command("right_curly_bracket", "Dial up", Group.TRAINING, label="dial", rank=2, needs="dial")
def dial_up(view: View) -> None:
    """Turn the dial up: harder sequences, same weights."""
    view.session.turn_dial(1)


@_command("p", "Prompt", Group.CHOICE, label="prompt", rank=7, needs="prompt")
def prompt(view: View) -> None:
    """Set the prompt of the generated text."""
    hint = "The model continues this text."
    view.ask(TextDialog("prompt", view.newest.prompt, hint), view.session.set_prompt)


@_command("t", "Temperature", Group.CHOICE, label="temperature", rank=6, needs="prompt")
def temperature(view: View) -> None:
    """Set the sampling temperature of the generated text."""
    view.ask(TemperatureDialog(view.newest.temperature), view.session.set_temperature)


OF_A_TEXT = ("corpus", "model", "probe_text", "next_passage", "previous_passage")  # for a view about one text
BROWSING = (*OF_A_TEXT, "next_error", "shorter", "longer")  # and that browses held-out examples


def chosen(*ids: str) -> list[Command[View]]:
    """Return the commands with these ids."""
    return [one for one in CHOICES if one.id in ids]
