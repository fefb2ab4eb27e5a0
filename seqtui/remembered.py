"""What was open when the screen was left, kept for the next start in the user's folder of states."""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from seqtui.folders import state_folder
from seqtui.views import LAB, VIEWS

NAME = "screen.json"
_LONGEST = 1 << 16  # bytes: what is remembered is far shorter


@dataclass(frozen=True)
class Remembered:
    """What the screen begins with. The file is ours, but may be of another version, or damaged: see `remembered`."""

    theme: str = ""  # "": the program's
    view: str = LAB
    panes: Mapping[str, str] = field(default_factory=dict)  # the pane with the focus, by view
    zoomed: Mapping[str, bool] = field(default_factory=dict)  # whether it has the whole screen, by view
    hinted: bool = False  # whether the first-time hint was shown

    def changed(self, **fields: Any) -> "Remembered":
        """Return the same with other fields."""
        return replace(self, **fields)


class Memory:
    """The file of what is remembered. A file that cannot be read is ignored, one that cannot be written is left out."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (state_folder() if folder is None else folder) / NAME

    def read(self) -> Remembered:
        """Return what is remembered; a field that makes no sense has its default."""
        try:
            with self._path.open("rb") as file:
                content = json.loads(file.read(_LONGEST))
        except (OSError, ValueError, RecursionError):
            return Remembered()
        return remembered(content)

    def write(self, now: Remembered) -> None:
        """Keep what is to be remembered, in a file that replaces the one before as a whole."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{NAME}-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(asdict(now), file)
                os.replace(name, self._path)
            except OSError:
                os.unlink(name)
                raise


def remembered(content: object) -> Remembered:
    """Return what a parsed file says, without what makes no sense in this version of the program."""
    if not isinstance(content, dict):
        return Remembered()
    theme, view, hinted = content.get("theme"), content.get("view"), content.get("hinted")
    return Remembered(
        theme=theme if isinstance(theme, str) else "",
        view=view if isinstance(view, str) and view in VIEWS else LAB,
        panes=_by_view(content.get("panes"), str),
        zoomed=_by_view(content.get("zoomed"), bool),
        hinted=hinted is True,
    )


def _by_view(content: object, kind: type) -> dict[str, Any]:
    if not isinstance(content, dict):
        return {}
    return {view: value for view, value in content.items() if view in VIEWS and isinstance(value, kind)}
