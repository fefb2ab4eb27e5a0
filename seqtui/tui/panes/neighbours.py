"""The nearest neighbours of a token: those whose vectors point in the most similar direction."""

from collections.abc import Sequence

from textual import events
from textual.message import Message

from seqtui.live.embedding import EmbeddingMap
from seqtui.tui.panes.embedding_map import NEIGHBOURS
from seqtui.tui.panes.subject import Subject, waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import UNKNOWN
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import visible

TITLE = "3 nearest neighbours"
_NAME = 14  # cells of a token's name, at most
_LEAST_BAR, _BAR = 4, 20  # cells of a bar
_READ = 8  # cells of the last column


class NeighboursPane(Pane):
    """Lists the tokens with the highest cosine similarity to the subject's, with their numbers."""

    class Picked(Message):
        """Posted when the user points at a token."""

        def __init__(self, token: int) -> None:
            super().__init__()
            self.token = token

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Subject()
        self._listed: list[int] = []
        self.set_titles(TITLE)

    def take(self, subject: Subject) -> None:
        """Draw another frame, unless nothing changed that is shown here."""
        old, self.subject = self.subject, subject
        if old.embedding is not subject.embedding or (old.token, old.phase) != (subject.token, subject.phase):
            self._retitle()
            self.redraw()

    def _retitle(self) -> None:
        vectors, token = self.subject.vectors, self.subject.token
        if vectors is None or token is None:
            self.set_titles(TITLE)
        else:
            name = fit(self.subject.name(vectors.symbols[token]), _NAME).strip()
            self.set_titles(f"{TITLE} of `{name}`", "cosine similarity", "cosine")

    def said(self) -> tuple[str, str]:
        """Return the neighbours and their similarities as text, and what it is."""
        vectors, token = self.subject.vectors, self.subject.token
        if vectors is None or token is None:
            return "", "neighbours"
        found = vectors.nearest(token, 20)
        return "\n".join(f"{visible(vectors.symbols[other])}\t{value:.4f}" for other, value in found), "neighbours"

    def data(self) -> Arrays:
        """Return all neighbours, nearest first."""
        vectors, token = self.subject.vectors, self.subject.token
        if vectors is None or token is None:
            return {}
        found = vectors.nearest(token, len(vectors.symbols))
        others = [other for other, _ in found]
        return flat(
            {
                "of": vectors.symbols[token],
                "symbol": tuple(vectors.symbols[other] for other in others),
                "cosine": [value for _, value in found],
                "count": vectors.counts[others],
            }
        )

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return a line per neighbour: cosine similarity, a bar, the token, and how often it is read."""
        vectors, token = self.subject.vectors, self.subject.token
        self._listed = []
        if vectors is None or token is None:
            missing = "waiting for the vectors" if vectors is None else "this token has no vector"
            return waiting_rows(waiting_for(self.subject.phase, missing), width, self.ink.muted)
        found = vectors.nearest(token, height - 1)
        if not found:
            return waiting_rows("no vector to compare with: it is zero or not finite", width, self.ink.muted)
        self._listed = [other for other, _ in found]
        return [
            self._heading(width, vectors.least),
            *(self._line(vectors, rank, *one, width) for rank, one in enumerate(found)),
        ]

    def _heading(self, width: int, least: int) -> Row:
        bar, name = self._columns(width)
        read = f"read ≥{least}" if least else "read"
        text = f"{'cos':>5}  {'':{bar}}{'  ' if bar else ''}{fit('token', name)} {read:>{_READ}}"
        return Row(("heading", bar, name, least), lambda: pieces((text, self.ink.faint)))

    def _columns(self, width: int) -> tuple[int, int]:
        """Return the widths of the bar and of the name; a narrow pane has no bars."""
        rest = width - 8 - _READ
        name = max(4, min(_NAME, rest))
        bar = rest - name - 2
        return min(_BAR, bar) if bar >= _LEAST_BAR else 0, name

    def _line(self, vectors: EmbeddingMap, rank: int, other: int, similarity: float, width: int) -> Row:
        ink = self.ink
        bar, size = self._columns(width)
        name = fit(self.subject.name(vectors.symbols[other]), size)
        filled = round(max(0.0, similarity) * bar)
        style = ink.accent if rank < NEIGHBOURS else ink.text
        number = f"{similarity:5.2f}" if similarity == similarity else f"{UNKNOWN:>5}"
        read = f"{int(vectors.counts[other]):>{_READ},}"
        parts = ((number, ink.text), ("  ", ink.text), ("━" * filled, style), (" " * (bar - filled), ink.text),
                 ("  " if bar else "", ink.text), (name, style), (" ", ink.text), (read, ink.muted))  # fmt: skip
        return Row((number, bar, filled, name, read, rank < NEIGHBOURS), lambda: pieces(*parts))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Pick the neighbour under the pointer."""
        at = event.get_content_offset(self)
        if at is not None and 0 < at.y <= len(self._listed):
            self.post_message(self.Picked(self._listed[at.y - 1]))
