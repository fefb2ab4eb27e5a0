"""Reading what a pane has drawn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.cells import cell_len
from rich.style import Style
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from seqtui.live.snapshot import Snapshot
from seqtui.tui.theme import THEMES
from seqtui.tui.widgets.pane import Pane


class Stage(App[None]):
    def __init__(self, pane: Pane) -> None:
        super().__init__()
        self.pane = pane
        self.heard: list[object] = []
        self.register_theme(THEMES["dark"])
        self.theme = THEMES["dark"].name

    def compose(self) -> ComposeResult:
        yield self.pane

    def on_score_pane_playhead_moved(self, message: object) -> None:
        self.heard.append(message)

    def on_score_pane_columns_changed(self, message: object) -> None:
        self.heard.append(message)


@asynccontextmanager
async def staged(
    pane: Pane, snapshot: Snapshot | None = None, size: tuple[int, int] = (120, 24)
) -> AsyncIterator[Pilot[None]]:
    """The pane alone on a screen of `size`, its frame included."""
    async with Stage(pane).run_test(size=size) as pilot:
        await pilot.pause()
        if snapshot is not None:
            pane.show(snapshot)
            await pilot.pause()
        yield pilot


def lines(pane: Pane) -> list[str]:
    return [pane.render_line(y).text for y in range(pane.content_size.height)]


def text(pane: Pane) -> str:
    return "\n".join(lines(pane))


def cell_at(pane: Pane, x: int, y: int) -> tuple[str, Style]:
    """The character that covers cell x of line y, and its style."""
    at = 0
    for part, style, _ in pane.render_line(y):
        for character in part:
            if at <= x < at + max(1, cell_len(character)):
                return character, style or Style()
            at += cell_len(character)
    raise IndexError(x)


def cells(pane: Pane, y: int) -> list[tuple[str, Style]]:
    return [cell_at(pane, x, y) for x in range(pane.content_size.width)]


def line_with(pane: Pane, label: str) -> int:
    return next(y for y, line in enumerate(lines(pane)) if label in line)
