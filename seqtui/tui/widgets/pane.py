"""The base of every pane: rows with keys, strips cached until a key changes, a frame with both titles on top."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from seqtui.live.snapshot import Snapshot
from seqtui.tui.glyphs import ASCII_CLASS
from seqtui.tui.widgets.arrays import Arrays
from seqtui.tui.widgets.ink import Ink, surprise_tints, triplet
from seqtui.tui.widgets.wrap import wrap

# Border types whose edges are drawn here, with both titles on top: corners and line character.
_FRAMES = {"round": "╭╮╰╯─", "solid": "┌┐└┘─", "heavy": "┏┓┗┛━"}


@dataclass(frozen=True)
class Row:
    """One line of a pane. Equal keys mean equal cells, so a strip is painted once per key."""

    key: Hashable
    paint: Callable[[], Sequence[Segment]]
    cells: int | None = None  # number of cells painted, if known in advance: measuring is the most expensive part


BLANK = Row(("blank",), list, 0)


class Pane(Widget, can_focus=True):
    """A widget of rows. A subclass keeps its state and implements `rows`; `redraw` repaints those that changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "pane--muted",
        "pane--faint",
        "pane--accent",
        "pane--warm",
        "pane--second",
        "pane--playhead",
        "pane--edge",
    }
    DEFAULT_CSS = """
    Pane {
        width: 1fr;
        height: 1fr;
        padding: 0 1;
        border: round $frame;
        &:focus { border: round $accent 75%; }
        &:focus:nocolor { border: heavy $accent; }
        .pane--muted { color: $muted; text-style: $quiet; }
        .pane--faint { color: $faint; text-style: $quiet; }
        .pane--accent { color: $accent; }
        .pane--warm { color: $warning; }
        .pane--second { color: $warning; }
        .pane--playhead { background: $playhead; }
        .pane--edge { color: $frame; }
    }
    """

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._rows: Sequence[Row] = ()
        self._strips: list[Strip | None] = []
        self._ink: Ink | None = None
        self._title = ""
        self._subtitles: tuple[str, ...] = ("",)
        self._painted = 0
        self._drawn = Size(-1, -1)  # size that the rows were built for

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest snapshot and repaint what changed."""
        raise NotImplementedError

    follows = False  # whether the pane shows the timestep of the playhead

    def point(self, playhead: int) -> None:
        """Take the timestep of the playhead; a pane that does not show it ignores it."""

    def next_page(self) -> None:
        """Show the next page; a pane that has only one ignores it."""

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the text to copy ("" if there is none yet) and a description of it."""
        raise NotImplementedError

    def data(self) -> Arrays:
        """Return what the pane draws as named arrays; none if it has none, or none yet. No text in it is raw."""
        return {}

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows to show now: at most `height` of them, `width` cells each."""
        raise NotImplementedError

    @property
    def lines_painted(self) -> int:
        """Number of lines painted since the pane was created: the cost of drawing."""
        return self._painted

    @property
    def ink(self) -> Ink:
        """The styles of this pane under the current theme."""
        if self._ink is None:
            part = self.get_component_rich_style
            text = self.rich_style
            few = self.app.console.color_system in ("standard", "windows")
            colourless = self.app.no_color or few or self.app.has_class(ASCII_CLASS)
            self._ink = Ink(
                text=text,
                muted=part("pane--muted"),
                faint=part("pane--faint"),
                accent=part("pane--accent") + Style(bold=colourless or None),
                warm=part("pane--warm"),
                second=part("pane--second"),
                playhead=part("pane--playhead"),
                colourless=colourless,
                tints=surprise_tints(text, triplet(text.bgcolor, (18, 18, 18)), colourless),
            )
        return self._ink

    def redraw(self) -> None:
        """Rebuild the rows and repaint those whose key changed."""
        if self.is_attached and (changed := self._rebuild()):
            self.refresh(*changed)

    def _rebuild(self) -> list[Region]:
        """Rebuild the rows, keep the strips of those with an unchanged key, and return the lines of the others."""
        width, height = self._drawn = self.content_size
        new = self.rows(width, height)[:height] if width > 0 and height > 0 else ()
        old, strips = self._rows, self._strips
        self._rows = new
        self._strips = [None] * height
        changed: list[Region] = []
        for y in range(height):
            fresh = new[y].key if y < len(new) else None
            if y < len(strips) and fresh == (old[y].key if y < len(old) else None):
                self._strips[y] = strips[y]
            else:
                changed.append(Region(0, y, width, 1))
        return changed

    def set_titles(self, title: str, *subtitles: str) -> None:
        """Set the title at the left and, at the right, the first of `subtitles` (longest first) that fits."""
        if (title, subtitles) != (self._title, self._subtitles):
            self._title, self._subtitles = title, subtitles or ("",)
            self.border_title = Content(title)  # Content is never parsed as markup
            self.border_subtitle = Content(self._subtitles[0])

    @property
    def heading(self) -> str:
        """Both titles in one line."""
        return " · ".join(title for title in (self._title, self._subtitles[0]) if title)

    @property
    def framed(self) -> bool:
        """Whether there is a frame, with the titles in its upper edge."""
        return self.styles.border_top[0] in _FRAMES

    def drawn(self) -> list[Strip]:
        """Return the lines of the pane as they are on the screen, its frame included."""
        return self.render_lines(Region(0, 0, *self.outer_size))

    def title_for(self, room: int) -> str:
        """Return the longest of the subtitles that fits into `room` cells: for tabs, where there is no frame."""
        return next((text for text in self._subtitles if cell_len(text) <= room), "")

    def render_line(self, y: int) -> Strip:
        """Return the strip of content line `y`, painting it if its key changed since it was last painted."""
        width = self.content_size.width
        if y >= len(self._strips):
            return Strip.blank(width, self.ink.text)
        strip = self._strips[y]
        if strip is None or strip.cell_length != width:
            row = self._rows[y] if y < len(self._rows) else BLANK
            strip = Strip(row.paint(), row.cells).adjust_cell_length(width, self.ink.text)
            self._strips[y] = strip
            self._painted += 1
        return strip

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the app's filters, without ANSIToTruecolor if there are no ANSI colours to translate."""
        filters = super().get_line_filters()
        if not self.ink.truecolour:
            return filters
        return [line_filter for line_filter in filters if not isinstance(line_filter, ANSIToTruecolor)]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines as Textual draws them, but with both titles in the upper edge."""
        if not self.is_running:  # styles are gone; the screen may be drawn once more during shutdown
            return [Strip.blank(crop.width)] * crop.height
        if self._drawn != self.content_size:  # shown again after being hidden, or the theme changed
            self._rebuild()
        strips = super().render_lines(crop)
        kind, _ = self.styles.border_top
        if kind not in _FRAMES or not strips:
            return strips
        frame = _FRAMES[kind]
        height = self.outer_size.height
        for y, line in ((0, 0), (height - 1, 1)):
            if crop.y <= y < crop.bottom:
                corners = frame[2 * line : 2 * line + 2]
                strips[y - crop.y] = self._edge(corners, frame[4], titled=line == 0).crop(crop.x, crop.right)
        return strips

    def _edge(self, corners: str, line: str, titled: bool) -> Strip:
        """Return the upper or lower edge of the frame."""
        width = self.outer_size.width
        base, _ = self.background_colors
        edge = Style(color=(base + self.styles.border_top[1]).rich_color, bgcolor=self.ink.text.bgcolor)
        inner = max(0, width - 2)
        segments = [Segment(line * inner, edge)]
        if titled and inner >= 5:
            segments = self._titled(inner, line, edge)
        strip = Strip([Segment(corners[0], edge), *segments, Segment(corners[1], edge)]).adjust_cell_length(width)
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, self.background_colors[1])
        return strip

    def _titled(self, inner: int, line: str, edge: Style) -> list[Segment]:
        name = self.ink.accent if self.has_focus else self.ink.text
        title = self._title if cell_len(self._title) <= inner - 4 else set_cell_size(self._title, inner - 4)
        room = inner - cell_len(title) - 4
        subtitle = next((text for text in self._subtitles if text and cell_len(text) <= room - 5), "")
        left = [Segment(f"{line} ", edge), Segment(title, name), Segment(" ", edge)]
        if not subtitle:
            return [*left, Segment(line * (room + 1), edge)]
        right = [Segment(" ", edge), Segment(subtitle, self.ink.muted), Segment(f" {line}", edge)]
        return [*left, Segment(line * (room - cell_len(subtitle) - 2), edge), *right]

    def notify_style_update(self) -> None:
        """Discard cached colours and strips after a change of theme or style."""
        super().notify_style_update()
        self._ink = None
        self._rows, self._strips, self._drawn = (), [], Size(-1, -1)

    def on_resize(self, event: events.Resize) -> None:
        """Rebuild the rows for the new size."""
        self.redraw()


def pieces(*parts: tuple[str, Style]) -> list[Segment]:
    """Return segments from (text, style) pairs, without empty ones."""
    return [Segment(text, style) for text, style in parts if text]


def joined(left: Row, right: Row, at: int) -> Row:
    """Return a row of two, the second one from cell `at` on."""

    def paint() -> list[Segment]:
        first, second = list(left.paint()), list(right.paint())
        gap = max(0, at - sum(cell_len(segment.text) for segment in first))
        return [*first, Segment(" " * gap, second[0].style), *second] if second else first

    return Row((left.key, right.key, at), paint)


def waiting_rows(text: str, width: int, style: Style) -> list[Row]:
    """Return the rows of an empty pane: a blank line, then the text saying what it is waiting for."""
    lines = ["  " + text[start:end] for start, end in wrap(text, width - 3)]
    return [BLANK, *(Row((line,), partial(pieces, (line, style))) for line in lines)]


def fit(text: str, width: int) -> str:
    """Return `text` truncated with an ellipsis or padded to exactly `width` cells."""
    if width <= 0:
        return ""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + "…"
    return set_cell_size(text, width)
