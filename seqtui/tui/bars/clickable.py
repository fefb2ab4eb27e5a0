"""Text that runs a command when it is clicked."""

from textual import events
from textual.content import Content
from textual.style import Style
from textual.widget import Widget

META = "command"


def clickable(text: str, style: str, command: str) -> Content:
    """Return styled text that carries the id of a command of the registry."""
    return Content(text).stylize(style).stylize(Style.from_meta({META: command}))


class Clickable(Widget):
    """A widget in which a click on a `clickable` text runs that text's command on the screen."""

    async def on_click(self, event: events.Click) -> None:
        """Run the command under the pointer, if any."""
        if name := event.style.meta.get(META):
            await self.run_action(f"screen.command('{name}')")
