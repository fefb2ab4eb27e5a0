"""The pane of a text on its way into the model, under the playhead that all views share."""

from collections.abc import Sequence

import numpy as np
from textual import events

from seqtui.tui.panes.encoding_rows import (
    Frame,
    column_width,
    index_row,
    one_hot_rows,
    sentence_row,
    shares,
    text_row,
    token_row,
    vector_rows,
)
from seqtui.tui.panes.encoding_said import padding_said, token_said, vector_said
from seqtui.tui.panes.playhead import Place
from seqtui.tui.panes.pointed import Pointed
from seqtui.tui.panes.subject import Subject, waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.colours import SIGNED
from seqtui.tui.widgets.heatmap import HeatmapPainter
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import SteadyLimit
from seqtui.tui.widgets.pane import BLANK, Pane, Row, waiting_rows
from seqtui.visible import visible

TITLE = "1 encoding: what does it read?"
_GUTTER, _NARROW_GUTTER, _NARROW = 13, 12, 80
_PLAIN_ROWS = 6  # text, tokens, indices, and three sentences


class EncodingPane(Pane):
    """Draws text, tokens, indices, one-hot vectors and embeddings, one column per timestep."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Subject()
        self._place = Place()
        self._limit = SteadyLimit(1.0, least=0.01, over=1.1, empty=0.5)
        self._painter: tuple[Ink, int, HeatmapPainter] | None = None
        self.set_titles(TITLE)

    def take(self, subject: Subject) -> None:
        """Draw another frame."""
        old, self.subject = self.subject, subject
        same = old.probe is subject.probe and old.embedding is subject.embedding
        if same and (old.playhead, old.picked, old.phase) == (subject.playhead, subject.picked, subject.phase):
            return
        if subject.probe is None:
            self.set_titles(TITLE)
        else:
            last = len(subject.probe.symbols) - 1
            place = f"playhead {subject.playhead:>{len(str(last))}}/{last}"
            self.set_titles(TITLE, f"{place} · step {subject.probe.step:,}", place)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the tokens and their indices as text, and what it is."""
        probe = self.subject.probe
        if probe is None:
            return "", "tokens"
        pairs = zip(probe.tokens.tolist(), probe.symbols, strict=True)
        return "\n".join(f"{token}\t{visible(symbol)}" for token, symbol in pairs), "tokens"

    def data(self) -> Arrays:
        """Return each token of the text with its index and its vector."""
        probe, vectors = self.subject.probe, self.subject.vectors
        if probe is None:
            return {}
        tokens = [self.subject.known(t) for t in range(len(probe.symbols))]
        arrays = flat({"step": probe.step, "token": probe.tokens, "symbol": probe.symbols})
        if vectors is not None:
            rows = [vectors.vectors[token] if token is not None else np.full_like(vectors.vectors[0], np.nan)
                    for token in tokens]  # fmt: skip
            arrays["vector"] = np.stack(rows)
        return arrays

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows from the text down to the sentences."""
        subject = self.subject
        if subject.probe is None or subject.size <= 0:
            return waiting_rows(waiting_for(subject.phase, "waiting for the first probe"), width, self.ink.muted)
        frame = self._frame(width, height)
        gap = [BLANK] if frame.gaps else []
        return [
            text_row(frame),
            token_row(frame),
            index_row(frame),
            *gap,
            *one_hot_rows(frame),
            *gap,
            *vector_rows(frame, self._limit, self._painter_for(frame.column)),
            sentence_row(frame, token_said(subject)),
            sentence_row(frame, vector_said(subject)),
            sentence_row(frame, padding_said(subject), faint=True),
        ]

    def _frame(self, width: int, height: int) -> Frame:
        subject = self.subject
        assert subject.probe is not None
        gutter = _GUTTER if width > _NARROW else _NARROW_GUTTER
        column, steps = column_width(subject), len(subject.probe.symbols)
        columns = max(1, (width - gutter) // column)
        self._place = self._place.at(subject.playhead, steps, columns)
        start = self._place.scroll
        numbers = subject.vectors.vectors.shape[1] if subject.vectors is not None else 2 * height
        one_hot, vector, gaps = shares(height - _PLAIN_ROWS, subject.size, numbers, not self.ink.colourless)
        return Frame(
            subject, self.ink, width, gutter, column, start, min(start + columns, steps), one_hot, vector, gaps
        )

    def _painter_for(self, column: int) -> HeatmapPainter:
        if self._painter is None or self._painter[:2] != (self.ink, column):
            self._painter = (self.ink, column, HeatmapPainter(self.ink, SIGNED, column))
        return self._painter[2]

    # The mouse

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Point at a timestep."""
        at, probe = event.get_content_offset(self), self.subject.probe
        if at is None or probe is None:
            return
        frame = self._frame(*self.content_size)
        t = frame.start + (at.x - frame.gutter) // frame.column
        if at.x >= frame.gutter and at.y > 0 and frame.start <= t < frame.stop:
            self.post_message(Pointed(t))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Move the playhead forward."""
        event.stop()
        self.post_message(Pointed(self.subject.playhead + 1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Move the playhead back."""
        event.stop()
        self.post_message(Pointed(self.subject.playhead - 1))
