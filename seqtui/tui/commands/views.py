"""The commands that go from one view to another; the same key returns to the Lab."""

from seqtui.tui.commands.view import View
from seqtui.tui.registry import Commands, Group
from seqtui.views import LAB, VIEWS, command_id

VIEW_COMMANDS: Commands[View] = Commands()


def _register(name: str) -> None:
    line = VIEWS[name]

    def go(view: View) -> None:
        view.look_at(name)

    go.__name__, go.__doc__ = command_id(name), f"{line.label.capitalize()}: {line.question}"
    command = VIEW_COMMANDS.command
    command(line.key, f"View: {line.label}", Group.VIEWS, label="views", rank=5, needs=line.needs)(go)


for _name in VIEWS:
    if _name != LAB:  # every view has "Back"
        _register(_name)
