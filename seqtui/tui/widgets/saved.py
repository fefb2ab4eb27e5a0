"""A pane as it was at one moment, and the files that it can be saved as."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.segment import Segment, SegmentLines
from seqcore.errors import SeqError
from textual.strip import Strip

from seqtui.tui.widgets.arrays import Arrays
from seqtui.tui.widgets.pane import Pane
from seqtui.tui.widgets.tables import csv_bytes, npz_bytes


@dataclass(frozen=True)
class Saved:
    """What was drawn in a pane, and the data behind it."""

    title: str
    framed: bool  # whether the title is part of what was drawn
    strips: Sequence[Strip]
    data: Arrays

    @staticmethod
    def of(pane: Pane) -> "Saved":
        """Return a pane that is on the screen as it is now."""
        return Saved(pane.heading, pane.framed, pane.drawn(), pane.data())

    def svg(self) -> bytes:
        """Return the pane as a picture."""
        width = max((strip.cell_length for strip in self.strips), default=1)
        console = Console(
            width=width, height=len(self.strips), file=io.StringIO(), force_terminal=True, color_system="truecolor",
            record=True, legacy_windows=False, safe_box=False,
        )  # fmt: skip
        lines: list[list[Segment]] = [list(strip) for strip in self.strips]
        console.print(SegmentLines(lines, new_lines=True), end="")
        return console.export_svg(title=self.title).encode()

    def txt(self) -> bytes:
        """Return what was drawn as text, with the title above if it was not part of it."""
        lines = [strip.text.rstrip() for strip in self.strips]
        return "\n".join([*([] if self.framed else [self.title, ""]), *lines, ""]).encode()

    def csv(self) -> bytes:
        """Return the data as a table."""
        return csv_bytes(self.data)

    def npz(self) -> bytes:
        """Return the data as NumPy arrays."""
        return npz_bytes(self.data)


PICTURES: dict[str, Callable[[Saved], bytes]] = {".svg": Saved.svg, ".txt": Saved.txt}
TABLES: dict[str, Callable[[Saved], bytes]] = {".csv": Saved.csv, ".npz": Saved.npz}
FORMATS = PICTURES | TABLES


def write(saved: Saved, path: Path, replace: bool) -> None:
    """Write a file in the format that its ending names, all or nothing.

    Raises OSError (a FileExistsError if there is such a file and it is not to be replaced), SeqError.
    """
    from seqcore.checkpoint import write_atomically

    contents = FORMATS[path.suffix.lower()](saved)
    if not replace:
        path.touch(exist_ok=False)
    try:
        write_atomically(path, contents, "another name")
    except SeqError:
        if not replace:
            path.unlink(missing_ok=True)
        raise
