"""The commands that go from one view to another; the same key returns to the Lab."""

from seqtui.tui.commands.view import View
from seqtui.tui.registry import Commands, Group

VIEWS: Commands[View] = Commands()
_command = VIEWS.command


@_command("f2", "Encodings", Group.SCREEN, label="encodings", alternate="the Lab", rank=2, needs="tokens")
def encodings(view: View) -> None:
    """Show what the model reads: tokens, vectors, their map."""
    view.look_at("encodings")
