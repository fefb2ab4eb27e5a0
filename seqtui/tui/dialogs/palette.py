"""The command palette: find a command of the view by name.

Textual has a palette too. It collects commands in the background, and stops the app when it is closed, clicked or made
very small meanwhile; a few dozen commands need no background.
"""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.style import Style
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from seqtui.tui.dialogs.dialog import CleanInput, Dialog, SteadyOptionList
from seqtui.tui.registry import Command, key_label

LONGEST = 40  # characters of a query
TITLE_WIDTH, KEYS_WIDTH = 25, 15
_MATCH = Style(bold=True, underline=True)


def matching(commands: Iterable[Command[Any]], query: str) -> list[tuple[Command[Any], Content]]:
    """Return the commands whose title matches, best first, with the match marked; all of them for an empty query."""
    if not query:  # which Textual's matcher cannot take
        return [(one, Content(one.title)) for one in commands]
    matcher = Matcher(query, match_style=_MATCH)
    scored = [(matcher.match(one.title), one) for one in commands]
    return [
        (one, matcher.highlight(one.title)) for score, one in sorted(scored, key=lambda pair: -pair[0]) if score > 0
    ]


def option(command: Command[Any], title: Content) -> Option:
    """Return a line of the list: title, keys, and what the command does."""
    keys = " ".join(key_label(key) for key in command.keys)
    gap = " " * max(1, TITLE_WIDTH - title.cell_length)
    return Option(
        Content.assemble(title, gap, (f"{keys:<{KEYS_WIDTH}}", "bold $accent"), (f" {command.help}", "$muted $quiet")),
        id=command.id,
    )


class Palette(Dialog[Command[Any]]):
    """Asks for a command; Enter runs the highlighted one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move('cursor_up')", show=False, priority=True),
        Binding("down", "move('cursor_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
    ]
    AUTO_FOCUS = "Input"

    def __init__(self, commands: Iterable[Command[Any]]) -> None:
        super().__init__()
        self._commands = {one.id: one for one in sorted(commands, key=lambda one: one.title)}

    def compose(self) -> ComposeResult:
        """Lay out the query and the list."""
        with Vertical(classes="box -palette") as box:
            box.border_title = "commands"
            box.border_subtitle = "type to search · ↑ ↓ choose · enter run · esc back"
            yield CleanInput(placeholder="search", max_length=LONGEST, compact=True)
            listed = SteadyOptionList(compact=True)
            listed.can_focus = False
            yield listed

    def on_mount(self) -> None:
        """List all commands."""
        self._list("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """List the commands that match."""
        self._list(event.value)

    def _list(self, query: str) -> None:
        listed = self.query_one(OptionList)
        listed.clear_options()
        listed.add_options([option(*found) for found in matching(self._commands.values(), query.strip())])
        listed.highlighted = 0 if listed.option_count else None

    def action_move(self, action: str) -> None:
        """Move the highlight while the query has the focus."""
        getattr(self.query_one(OptionList), f"action_{action}")()

    def on_input_submitted(self) -> None:
        """Run the highlighted command."""
        listed = self.query_one(OptionList)
        if listed.highlighted is not None:
            self._take(listed.get_option_at_index(listed.highlighted))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Run the command that was clicked."""
        self._take(event.option)

    def _take(self, chosen: Option) -> None:
        if chosen.id in self._commands:
            self.dismiss(self._commands[chosen.id])
