"""What the user takes away from a view: text on the clipboard, a screenshot."""

import re
from pathlib import Path

from seqtui.live.snapshot import Snapshot
from seqtui.tui.commands.view import View
from seqtui.visible import visible


def copy(view: View) -> None:
    """Put the text of the focused pane on the clipboard, through the terminal (OSC 52)."""
    text, name = view.copied_text()
    if not text:
        view.say(f"Nothing to copy yet: there is no {name}.")
        return
    # Control characters would act in whatever the text is pasted into.
    view.app.copy_to_clipboard(visible(text, keep="\n\t"))
    view.say(f"Copied the {name}, {len(text):,} characters.")


def free_path(folder: Path, subject: str, snapshot: Snapshot, ending: str) -> Path:
    """Return a free name in the folder: loss-RUN-step-1240.svg, then -2, -3 and so on."""
    parts = (re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.")[:60] for part in (subject, snapshot.run))
    stem = "-".join(part for part in (*parts, f"step-{snapshot.step}") if part)
    path, number = folder / f"{stem}{ending}", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{ending}"
    return path


def screenshot(view: View) -> None:
    """Save the screen as SVG in the current folder, and say where, or why that failed."""
    path = free_path(Path.cwd(), "seqtui", view.newest, ".svg")
    try:
        path.write_text(view.app.export_screenshot(title="seqtui"), encoding="utf-8")
    except OSError as error:
        view.say(f"No screenshot in {path.parent}: {error.strerror or error}.", error=True)
    else:
        view.say(f"Screenshot saved: {path}")
