"""What a person takes away from the screen: text for the clipboard, a picture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from seqtui.snapshot import Snapshot
from seqtui.tui.widgets.numbers import significant
from seqtui.visible import visible

if TYPE_CHECKING:
    from seqtui.tui.screens.lab import Lab


def copied_text(pane: str, snapshot: Snapshot) -> tuple[str, str]:
    """What copying takes from a pane, and what to call it; an empty text where there is nothing yet."""
    if pane == "writing":
        sample = snapshot.sample
        return (sample.prompt + sample.text if sample else ""), "the writing"
    if pane == "loss":
        return losses(snapshot), "the losses"
    return score_text(snapshot), "the text of the score"


def score_text(snapshot: Snapshot) -> str:
    """The text that the score is played on: a person's own, or else the passage that the probe read."""
    if snapshot.probe_text or snapshot.probe is None:
        return snapshot.probe_text
    return (" " if snapshot.tokens_by == "word" else "").join(snapshot.probe.symbols)


def losses(snapshot: Snapshot) -> str:
    """The newest losses in a line: step 1,240, train 1.47, valid 1.62."""
    history = snapshot.history
    if not len(history.train_loss):
        return ""
    parts = [f"step {snapshot.step:,}", f"train {significant(float(history.train_loss[-1]))}"]
    if len(history.validation_loss):
        parts.append(f"valid {significant(float(history.validation_loss[-1]))}")
    return ", ".join(parts)


def copy(lab: Lab) -> None:
    """Puts the text of the focused pane on the clipboard, through the terminal (OSC 52)."""
    text, name = copied_text(lab.current, lab.shown)
    if not text:
        lab.say(f"Nothing to copy yet: {name} has not begun.")
        return
    # Control characters would act in whatever the text is pasted into.
    lab.app.copy_to_clipboard(visible(text, keep="\n\t"))
    lab.say(f"Copied {name}, {len(text):,} characters.")


def picture_path(folder: Path, snapshot: Snapshot) -> Path:
    """A name that is free in the folder: seqtui-RUN-step-1240.svg, then -2, -3 and so on."""
    run = re.sub(r"[^A-Za-z0-9._-]+", "-", snapshot.run).strip("-.")[:60]
    stem = "-".join(part for part in ("seqtui", run, f"step-{snapshot.step}") if part)
    path, number = folder / f"{stem}.svg", 1
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.svg"
    return path


def screenshot(lab: Lab) -> None:
    """Saves the screen as SVG in the current folder and says where, or why it could not."""
    path = picture_path(Path.cwd(), lab.newest)
    try:
        path.write_text(lab.app.export_screenshot(title="seqtui"), encoding="utf-8")
    except OSError as error:
        lab.say(f"No picture: {path.parent} cannot be written ({error.strerror or error}).", error=True)
    else:
        lab.say(f"Picture saved: {path}")
