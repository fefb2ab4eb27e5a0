"""The pane of the losses: under each symbol that of the untouched model and that of the cut one, and both guesses."""

from collections.abc import Callable, Sequence
from functools import partial
from math import isfinite

import numpy as np
from rich.style import Style
from seqcore.records import F32
from seqcore.surgery.beside import Beside
from textual import events

from seqtui.tui.panes.operated import Operated
from seqtui.tui.panes.pointed import Pointed
from seqtui.tui.panes.subject import SPACE, waiting_for
from seqtui.tui.panes.tinted_text import laid
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.cells import bar_glyphs, bar_heights
from seqtui.tui.widgets.numbers import nice_ceiling, percent, significant
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import cell, cell_width, visible

TITLE = "1 loss, untouched and cut"
_LABEL = 7  # cells
_TALLEST = 4  # rows of a bar
_WORSE = 0.05  # nats from which a loss counts as higher
Drawn = Callable[[int], tuple[str, Style]]  # what stands at a timestep
Styled = Callable[[int], Style]


class SurgeryLossPane(Pane):
    """Draws the text, wrapped, with bars below: the loss of both; and the guesses where they differ."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Operated()
        self._lines: list[range | None] = []  # the timesteps of each row
        self._first = 0  # line of text
        self._tall = 1  # rows of the bars
        self.set_titles(TITLE)

    def take(self, subject: Operated) -> None:
        """Draw another frame."""
        self.subject = subject
        seen = subject.seen
        if seen is None or not seen.beside.compared:
            self.set_titles(TITLE)
        else:
            before, after = seen.beside.means
            mean = f"mean {significant(before)} → {significant(after)} ({after - before:+.3f})"
            long = f"{mean} over {seen.beside.compared:,} · step {seen.step:,}"
            self.set_titles(TITLE, long, mean)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return both losses of every symbol, tab-separated, and what it is."""
        seen = self.subject.seen
        if seen is None:
            return "", "losses"
        beside = seen.beside
        rows = zip(beside.untouched.symbols, beside.untouched.loss.tolist(), beside.loss.tolist(), strict=True)
        lines = [f"{visible(symbol)}\t{before:.6g}\t{after:.6g}" for symbol, before, after in rows]
        return "\n".join(["symbol\tuntouched\tcut", *lines]), "losses"

    def data(self) -> Arrays:
        """Return both losses of every symbol."""
        seen = self.subject.seen
        if seen is None:
            return {}
        losses = {"untouched": seen.beside.untouched.loss, "cut": seen.beside.loss}
        return flat({"step": seen.step, "symbol": seen.beside.untouched.symbols} | losses)

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the lines around the playhead, and what is under it."""
        subject = self.subject
        if subject.seen is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, self.ink.muted)
        beside = subject.seen.beside
        lines = laid(beside.untouched.symbols, max(1, width - _LABEL))
        self._tall = 1
        free = height - 1 - sum(len(self._line(beside, line)) for line in lines)
        self._tall = max(1, min(_TALLEST, 1 + free // (2 * len(lines))))
        here = next((n for n, line in enumerate(lines) if subject.here in line), 0)
        drawn = [self._line(beside, line) for line in lines]
        self._first = max(0, min(self._first, here))
        while self._first < here and sum(len(rows) for rows in drawn[self._first : here + 1]) > height - 1:
            self._first += 1
        rows: list[Row] = []
        self._lines = []
        for line, group in zip(lines[self._first :], drawn[self._first :], strict=True):
            rows += group
            self._lines += [line] * len(group)
        rows += [BLANK] * (height - 1 - len(rows))
        return [*rows[: height - 1], self._readout(beside, width)]

    def _line(self, beside: Beside, line: range) -> list[Row]:
        """Return the rows of one line of text."""
        ink, before, top = self.ink, beside.untouched, self._highest(beside)
        rows = [self._cells("text", line, lambda t: (cell(before.symbols[t]), self._text_style(t)))]
        if any(self._moved(t) for t in line):
            rows.append(self._cells("read", line, lambda t: (self._read(t), ink.warm if self._moved(t) else ink.faint)))
        rows += self._bars("loss", line, before.loss, top, lambda t: ink.muted)
        if self.subject.seen is not None and self.subject.seen.cuts:
            more = beside.more
            rows += self._bars("cut", line, beside.loss, top, lambda t: self._change_style(float(more[t])))
            if any(self._differ(beside, t) for t in line):
                rows.append(self._guesses("guess", line, beside, False))
                rows.append(self._guesses("cut", line, beside, True))
        elif any(before.top_symbols):
            rows.append(self._cells("guess", line, lambda t: (self._first_of(before.top_symbols[t]), ink.faint)))
        return rows

    def _change_style(self, more: float) -> Style:
        """Return the style of a loss that is so much higher than the untouched model's."""
        return self.ink.warm if more > _WORSE else self.ink.accent if more < -_WORSE else self.ink.muted

    @staticmethod
    def _highest(beside: Beside) -> float:
        losses = np.concatenate([beside.untouched.loss, beside.loss])
        finite = losses[np.isfinite(losses)]
        return nice_ceiling(max(1e-6, float(finite.max()))) if finite.size else 1.0

    def _cells(self, label: str, line: range, drawn: Drawn) -> Row:
        """Return a row of cells, each as wide as its symbol, after a label."""
        assert self.subject.seen is not None
        symbols = self.subject.seen.beside.untouched.symbols
        parts: list[tuple[str, Style]] = [(fit(label, _LABEL), self.ink.faint)]
        for t in line:
            text, style = drawn(t)
            parts.append((fit(text, cell_width(symbols[t])), self.ink.lit(style) if t == self.subject.here else style))
        found = tuple(parts)
        return Row((label, found), partial(pieces, *found))

    def _bars(self, label: str, line: range, loss: F32, top: float, style: Styled) -> list[Row]:
        """Return bars, `_tall` rows of them."""
        assert self.subject.seen is not None
        symbols = self.subject.seen.beside.untouched.symbols
        heights = bar_heights(loss[line.start : line.stop], 0.0, top, self._tall)
        rows = []
        for n in range(self._tall):
            glyphs = bar_glyphs(heights, n, self._tall, 1)

            def drawn(t: int, glyphs: list[str] = glyphs) -> tuple[str, Style]:
                return glyphs[t - line.start] * cell_width(symbols[t]), style(t)

            rows.append(self._cells(label if n == self._tall - 1 else "", line, drawn))
        return rows

    def _guesses(self, label: str, line: range, beside: Beside, cut: bool) -> Row:
        """Return the likeliest symbol of one of the models, where the other has another one."""
        ink = self.ink

        def drawn(t: int) -> tuple[str, Style]:
            if not self._differ(beside, t):
                return "·", ink.faint
            guesses = beside.guesses(t) if cut else beside.untouched.top_symbols[t]
            return self._first_of(guesses), ink.warm if cut else ink.text

        return self._cells(label, line, drawn)

    @staticmethod
    def _first_of(guesses: tuple[str, ...]) -> str:
        return (cell(guesses[0]) if guesses[0] != " " else SPACE) if guesses else " "

    @staticmethod
    def _differ(beside: Beside, t: int) -> bool:
        after = beside.guesses(t)
        return bool(after) and after[:1] != beside.untouched.top_symbols[t][:1]

    def _moved(self, t: int) -> bool:
        """Whether the cut model reads another symbol here."""
        seen = self.subject.seen
        assert seen is not None
        at = t - seen.dropped
        end = seen.beside.untouched.bar or len(seen.beside.untouched.symbols)
        inside = 0 <= at < len(seen.beside.cut.symbols) and t < end
        return inside and seen.beside.cut.symbols[at] != seen.beside.untouched.symbols[t]

    def _read(self, t: int) -> str:
        seen = self.subject.seen
        assert seen is not None
        at = t - seen.dropped
        return cell(seen.beside.cut.symbols[at]) if 0 <= at < len(seen.beside.cut.symbols) else " "

    def _text_style(self, t: int) -> Style:
        """Return the style of a symbol; faint and struck out if it is not read."""
        seen = self.subject.seen
        assert seen is not None
        return self.ink.faint + Style(strike=True) if t < seen.dropped else self.ink.text

    def _readout(self, beside: Beside, width: int) -> Row:
        """Return both losses and guesses at the playhead."""
        ink, subject = self.ink, self.subject
        t = min(subject.here, len(beside.untouched.symbols) - 1)
        before, after = float(beside.untouched.loss[t]), float(beside.loss[t])
        cuts = subject.seen is not None and bool(subject.seen.cuts)
        text = f"t {t} `{cell(beside.untouched.symbols[t])}`"
        if isfinite(before):
            text += f": loss {significant(before)}"
            if cuts:
                change = f" → {significant(after)} ({after - before:+.3f})"
                text += change if isfinite(after) else ", not to be compared here"
        rest = self._guess_said(beside.untouched.top_symbols[t], beside.untouched.top_probability[t])
        if rest and cuts and beside.at[t] >= 0:
            rest += f"  →  {self._guess_said(beside.guesses(t), beside.shares(t))}"
        if not subject.settled:
            rest = "computing …"
        parts = ((text, ink.accent), (fit(f"   {rest}", max(0, width - len(text))), ink.muted))
        return Row(("readout", parts), partial(pieces, *parts))

    @staticmethod
    def _guess_said(symbols: tuple[str, ...], shares: F32) -> str:
        both = zip(symbols[:2], shares.tolist(), strict=False)
        return ", ".join(f"`{cell(symbol)}` {percent(share).strip()}" for symbol, share in both)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Move the playhead to the symbol under the pointer."""
        at, seen = event.get_content_offset(self), self.subject.seen
        line = self._lines[at.y] if at is not None and at.y < len(self._lines) else None
        if at is None or seen is None or line is None or at.x < _LABEL:
            return
        used = _LABEL
        for t in line:
            used += cell_width(seen.beside.untouched.symbols[t])
            if at.x < used:
                if t >= seen.dropped:
                    self.post_message(Pointed(t - seen.dropped))
                return
