"""Saves the focused pane in a file: as a picture, as text, or its data."""

import asyncio
from pathlib import Path

from seqcore.errors import SeqError

from seqtui.tui.commands.taking import free_path
from seqtui.tui.commands.view import View
from seqtui.tui.dialogs.save import Destination, SaveDialog
from seqtui.tui.widgets.pane import Pane
from seqtui.tui.widgets.saved import FORMATS, TABLES, Saved, write


def save_pane(view: View, name: str, pane: Pane) -> None:
    """Ask for a file name, and save a pane as it was when the user asked."""
    saved = Saved.of(pane)
    suggested = {ending: free_path(Path.cwd(), name, view.shown, ending).name for ending in FORMATS}

    def take(destination: Destination) -> None:
        view.app.run_worker(_write(view, name, saved, destination), exit_on_error=False)

    view.ask(SaveDialog(suggested, () if saved.data else tuple(TABLES)), take)


async def _write(view: View, name: str, saved: Saved, destination: Destination) -> None:
    """Write the file on another thread, and say where it is, or why it is not."""
    path, replace = destination
    try:
        await asyncio.to_thread(write, saved, path, replace)
    except FileExistsError:
        view.say(f"Not saved: {path} is there already.", error=True)
    except (OSError, SeqError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        view.say(f"Not saved: {path}: {reason}." if isinstance(error, OSError) else f"Not saved: {reason}.", error=True)
    else:
        view.say(f"Saved {name}: {path}")
