"""Commands that choose what is trained, probed and generated."""

from seqtui.tui.commands.view import View
from seqtui.tui.dialogs.corpus import CorpusPicker
from seqtui.tui.dialogs.model import ModelPicker
from seqtui.tui.dialogs.temperature import TemperatureDialog
from seqtui.tui.dialogs.text import TextDialog
from seqtui.tui.registry import Commands, Group

CHOICES: Commands[View] = Commands()
_command = CHOICES.command


@_command("c", "Corpus", Group.CHOICE, label="corpus", rank=1)
def corpus(view: View) -> None:
    """Choose another corpus: a sample, or your own text."""
    view.ask(CorpusPicker(view.session.corpora(), view.newest.corpus), view.session.change_corpus)


@_command("m", "Model", Group.CHOICE, label="model", rank=1)
def model(view: View) -> None:
    """Choose another model: its family and size."""
    view.ask(ModelPicker(view.newest), view.session.change_model)


@_command("e", "Edit the text", Group.CHOICE, label="text", rank=4)
def probe_text(view: View) -> None:
    """Edit the text of the score."""
    hint = "What the model reads. Leave it empty for a passage of the validation part."
    view.ask(TextDialog("text of the score", view.newest.score_text, hint), view.session.set_probe_text)


@_command("n", "Next passage", Group.CHOICE, label="next text", rank=8)
def next_passage(view: View) -> None:
    """Show another passage of the corpus in the score."""
    view.session.next_passage()


@_command("p", "Prompt", Group.CHOICE, label="prompt", rank=7)
def prompt(view: View) -> None:
    """Set the prompt of the generated text."""
    hint = "The model continues this text."
    view.ask(TextDialog("prompt", view.newest.prompt, hint), view.session.set_prompt)


@_command("t", "Temperature", Group.CHOICE, label="temperature", rank=6)
def temperature(view: View) -> None:
    """Set the sampling temperature of the generated text."""
    view.ask(TemperatureDialog(view.newest.temperature), view.session.set_temperature)
