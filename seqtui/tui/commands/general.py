"""Commands of the screen as a whole: help, palette, theme, copy, screenshot, quit."""

from seqtui.tui.commands import taking
from seqtui.tui.commands.view import View
from seqtui.tui.dialogs.help import HelpScreen
from seqtui.tui.dialogs.palette import Palette
from seqtui.tui.registry import Commands, Group
from seqtui.tui.theme import DARK, LIGHT

GENERAL: Commands[View] = Commands()
_command = GENERAL.command


@_command("y", "Copy", Group.SCREEN)
def copy(view: View) -> None:
    """Copy the text or the losses of the focused pane."""
    taking.copy(view)


@_command("x ctrl+s", "Screenshot", Group.SCREEN)
def screenshot(view: View) -> None:
    """Save a screenshot (SVG) in the current folder."""
    taking.screenshot(view)


@_command("ctrl+t", "Light or dark", Group.SCREEN)
def theme(view: View) -> None:
    """Switch between the dark and the light theme."""
    view.app.theme = LIGHT if view.app.current_theme.dark else DARK


@_command("ctrl+p", "Commands", Group.SCREEN)
def palette(view: View) -> None:
    """Find a command by name."""
    offered = (one for one in view.commands if one.id != "palette" and one.offered(view.features))
    view.ask(Palette(offered), lambda command: command.run(view))


@_command("question_mark f1", "Help", Group.SCREEN, label="help", rank=0)
def help(view: View) -> None:
    """List all keys."""
    view.ask(HelpScreen([one for one in view.commands if one.offered(view.features)]))


@_command("q ctrl+c ctrl+q", "Quit", Group.SCREEN, label="quit", rank=0)
def quit(view: View) -> None:
    """Save the run and quit."""
    view.app.call_later(view.app.action_quit)
