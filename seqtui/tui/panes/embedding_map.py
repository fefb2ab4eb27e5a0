"""The map of the embedding: every token at its place, which moves while the model learns."""

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message

from seqtui.live.embedding import EmbeddingMap
from seqtui.tui.panes.map_layout import Drawn, Window, arranged, extent
from seqtui.tui.panes.subject import Subject, waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import SteadyLimit, percent
from seqtui.tui.widgets.pane import Pane, Row, waiting_rows
from seqtui.visible import visible

TITLE = "2 map of the vectors"
NEIGHBOURS = 8  # that are highlighted
_FINE = (1, 1.2, 1.4, 1.7, 2, 2.4, 2.8, 3.4, 4, 4.8, 5.6, 6.8, 8, 9.2, 10)  # the scale grows in steps of a fifth
_MOST_ZOOM = 32


def _steady() -> SteadyLimit:
    return SteadyLimit(1.0, _FINE, over=1.0, empty=0.55)


class MapPane(Pane):
    """Draws the tokens at their places; the token of the subject and its neighbours stand out."""

    class Picked(Message):
        """Posted when the user points at a token."""

        def __init__(self, token: int) -> None:
            super().__init__()
            self.token = token

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Subject()
        self.magnification = 1
        self._reach = _steady(), _steady()  # half the width and height of the plane that is shown
        self._measured: EmbeddingMap | None = None
        self._names: dict[int, tuple[str, int]] = {}
        self._named: tuple[object, ...] = ()
        self._placed: list[Drawn] = []
        self.set_titles(TITLE)

    def take(self, subject: Subject) -> None:
        """Draw another frame, unless nothing changed that is shown here: placing the labels takes a while."""
        old, self.subject = self.subject, subject
        text = [one.probe.symbols if one.probe is not None else () for one in (old, subject)]
        same = (old.token, old.phase, text[0]) == (subject.token, subject.phase, text[1])
        if not same or old.embedding is not subject.embedding:
            self._retitle()
            self.redraw()

    def zoom(self, direction: int) -> None:
        """Zoom in around the subject's token (1), or out (-1)."""
        factor = 2.0**direction
        self.magnification = int(max(1, min(_MOST_ZOOM, self.magnification * factor)))
        self._retitle()
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the places as text, and what it is."""
        vectors = self.subject.vectors
        if vectors is None:
            return "", "map"
        lines = [f"{visible(vectors.symbols[token])}\t{vectors.places[token, 0]:.4g}\t{vectors.places[token, 1]:.4g}"
                 for token in vectors.order[: vectors.mapped].tolist()]  # fmt: skip
        return "\n".join(lines), "map"

    def data(self) -> Arrays:
        """Return every token with its place on the map and its vector."""
        vectors = self.subject.vectors
        if vectors is None:
            return {}
        columns = {"symbol": vectors.symbols, "count": vectors.counts, "place": vectors.places, "norm": vectors.norms}
        return flat({"step": vectors.step} | columns | {"vector": vectors.vectors})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the map, and place the labels."""
        vectors = self.subject.vectors
        self._placed = []
        if vectors is None:
            return waiting_rows(waiting_for(self.subject.phase, "waiting for the vectors"), width, self.ink.muted)
        if not np.isfinite(vectors.places).any():
            return waiting_rows("no map: the vectors are not finite", width, self.ink.muted)
        token = self.subject.token
        near = [other for other, _ in vectors.nearest(token, NEIGHBOURS)] if token is not None else []
        self._placed = arranged(self._window(vectors, width, height), self._ranked(vectors, near), vectors.places,
                               self._labels(vectors))  # fmt: skip
        styles = self._styles(vectors, near)
        by_line: list[list[Drawn]] = [[] for _ in range(height)]
        for one in self._placed:
            by_line[one.line].append(one)
        return [self._row(sorted(line, key=lambda one: one.column), styles) for line in by_line]

    def _ranked(self, vectors: EmbeddingMap, near: list[int]) -> list[int]:
        """Return the tokens to draw, the most important first: the subject's, its neighbours, those of the text."""
        first = [] if self.subject.token is None else [self.subject.token]
        text = [token for t in self._nearby() if (token := self.subject.known(t)) is not None]
        return list(dict.fromkeys([*first, *near, *text, *vectors.order[: vectors.mapped].tolist()]))

    def _nearby(self) -> range:
        """The timesteps of the text."""
        return range(len(self.subject.probe.symbols) if self.subject.probe is not None else 0)

    def _labels(self, vectors: EmbeddingMap) -> dict[int, tuple[str, int]]:
        """Return the label and width of every token, cached for a vocabulary."""
        key = (vectors.symbols, self.subject.tokens_by)
        if self._named != key:
            named = [self.subject.name(symbol) for symbol in vectors.symbols]
            self._named = key
            self._names = {token: (name[:12], cell_len(name[:12])) for token, name in enumerate(named)}
        return self._names

    def _window(self, vectors: EmbeddingMap, width: int, height: int) -> Window:
        """Return the part of the plane to show: all of it, or that around the token when zoomed in."""
        if self._measured is not vectors:
            self._measured = vectors
            for limit, far in zip(self._reach, extent(vectors.places[vectors.order[: vectors.mapped]]), strict=True):
                limit.update(far)
        token = self.subject.token
        centre = vectors.places[token] if self.magnification > 1 and token is not None else np.zeros(2)
        x, y = np.nan_to_num(centre).tolist()
        across, along = (limit.value / self.magnification for limit in self._reach)
        return Window(x, y, across, along, width, height)

    def _styles(self, vectors: EmbeddingMap, near: list[int]) -> dict[int, Style]:
        """Return the style of every token that does not have the usual one."""
        ink = self.ink
        text = {token: ink.text for t in self._nearby() if (token := self.subject.known(t)) is not None}
        styles = text | dict.fromkeys(near, ink.accent)
        if self.subject.token is not None:
            styles[self.subject.token] = ink.lit(ink.text + Style(bold=True))
        return styles

    def _row(self, line: list[Drawn], styles: dict[int, Style]) -> Row:
        ink = self.ink
        parts = [(one.column, one.label or "·", styles.get(one.token, ink.muted if one.label else ink.faint))
                 for one in line]  # fmt: skip

        def paint() -> list[Segment]:
            segments, at = [], 0
            for column, text, style in parts:
                segments += [Segment(" " * (column - at), ink.text), Segment(text, style)]
                at = column + cell_len(text)
            return segments

        return Row(tuple(parts), paint)

    def _retitle(self) -> None:
        vectors = self.subject.vectors
        if vectors is None or not np.isfinite(vectors.places).any():
            self.set_titles(TITLE)
            return
        first, second = vectors.shares
        size = len(vectors.symbols)
        of = f"the {vectors.mapped} most frequent of {size:,}" if vectors.mapped < size else f"{size:,} tokens"
        variance = f"PCA {percent(first).strip()} + {percent(second).strip()} of the variance"
        zoomed = f" · zoom {self.magnification}×" if self.magnification > 1 else ""
        what = "rows of W_xh" if vectors.one_hot else "the embedding"
        self.set_titles(
            TITLE.replace("the vectors", what),
            f"{variance} · {of}{zoomed} · step {vectors.step:,}",
            f"{variance}{zoomed} · step {vectors.step:,}",
            f"{variance}{zoomed}",
        )

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Pick the token under the pointer."""
        at = event.get_content_offset(self)
        if at is not None:
            for one in self._placed:
                if one.line == at.y and one.column <= at.x < one.column + max(1, cell_len(one.label)):
                    self.post_message(self.Picked(one.token))
                    break

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        event.stop()
        self.zoom(-1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in."""
        event.stop()
        self.zoom(1)
