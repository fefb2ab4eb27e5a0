"""Commands of the screen as a whole: help, palette, theme, copy, screenshot, quit."""

from seqtui.tui.commands import taking
from seqtui.tui.commands.view import View
from seqtui.tui.dialogs.help import HelpScreen
from seqtui.tui.dialogs.palette import Palette
from seqtui.tui.registry import Commands, Group, guide
from seqtui.tui.theme import THEMES
from seqtui.views import VIEWS

ALWAYS_QUIT = ("ctrl+c", "ctrl+q")  # whatever the settings say, and from a dialog too

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


@_command("ctrl+t", "Next theme", Group.SCREEN)
def theme(view: View) -> None:
    """Change the colours: dark, light, high contrast, the terminal's."""
    names = [theme.name for theme in THEMES.values()]
    view.app.theme = names[(names.index(view.app.theme) + 1) % len(names)]


@_command("ctrl+p", "Commands", Group.SCREEN)
def palette(view: View) -> None:
    """Find a command by name."""
    offered = (one for one in view.commands if one.id != "palette" and one.offered(view.features))
    view.ask(Palette(offered), lambda command: command.run(view))


@_command("question_mark f1", "Help", Group.SCREEN, label="help", rank=0)
def help(view: View) -> None:
    """Show what this view is for, how to read it, and all keys."""
    offered = [one for one in view.commands if one.offered(view.features)]
    view.ask(HelpScreen(offered, guide(VIEWS[view.VIEW].guide, view.commands)))


@_command(" ".join(("q", *ALWAYS_QUIT)), "Quit", Group.SCREEN, label="quit", rank=0)
def quit(view: View) -> None:
    """Save the run and quit."""
    view.app.call_later(view.app.action_quit)
