"""The pane of what may follow: the next-token distribution as bars, one of them picked."""

from collections.abc import Sequence
from functools import partial

from seqcore.sampling import Sampling
from textual import events
from textual.message import Message

from seqtui.live.snapshot import Phase
from seqtui.tui.panes.by_hand import Written
from seqtui.tui.panes.drawing import bare
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.panes.writing_tree import WritingTree
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import percent
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import visible

TITLE = "2 what may follow"
_NAME, _NUMBER = 12, 6  # cells of a token and of a number


class BarsPane(Pane):
    """Draws the likeliest tokens with their probability at the temperature; those that are never drawn are dimmed."""

    class Taken(Message):
        """Posted when the user points at a token: its rank."""

        def __init__(self, rank: int) -> None:
            super().__init__()
            self.rank = rank

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Written(Phase.LOADING, WritingTree(), Sampling())
        self._first = 0  # rank in the first line
        self.set_titles(TITLE)

    def take(self, subject: Written) -> None:
        """Draw another frame."""
        self.subject = subject
        sampling = subject.sampling
        said = [f"T {sampling.temperature:.3g}"]
        said += [f"top-k {sampling.top_k}"] if sampling.top_k else []
        said += [f"top-p {sampling.top_p:.3g}"] if sampling.top_p < 1 else []
        short = " · ".join(said)
        if subject.found is None:
            self.set_titles(TITLE, short)
        else:
            self.set_titles(TITLE, f"{short} · entropy {subject.entropy:.2f} nats · step {subject.found.step:,}", short)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the tokens and their probabilities as text, and what it is."""
        subject = self.subject
        if subject.found is None:
            return "", "distribution"
        symbols = subject.found.vocabulary.symbols
        lines = [f"{visible(symbols[token])}\t{subject.shares[token]:.6f}" for token in subject.order[:50].tolist()]
        return "\n".join(lines), "distribution"

    def data(self) -> Arrays:
        """Return every token of the vocabulary, likeliest first."""
        subject = self.subject
        if subject.found is None:
            return {}
        symbols, order = subject.found.vocabulary.symbols, subject.order
        return flat(
            {
                "step": subject.found.step,
                "token": order,
                "symbol": tuple(symbols[token] for token in order.tolist()),
                "logit": subject.found.logits[order],
                "probability": subject.shares[order],
                "sampled": subject.sampled[order],
            }
        )

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return a line per token, likeliest first, scrolled so that the picked one is seen."""
        subject = self.subject
        if subject.found is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe of the model"), width, self.ink.muted)
        picked = min(subject.picked, subject.order.size - 1)
        self._first = max(0, min(self._first, picked), picked - height + 1)
        shown = range(self._first, min(subject.order.size, self._first + height))
        return [self._line(rank, rank == picked, width) for rank in shown]

    def _line(self, rank: int, picked: bool, width: int) -> Row:
        subject, ink = self.subject, self.ink
        assert subject.found is not None
        token = int(subject.order[rank])
        share, drawn = float(subject.shares[token]), float(subject.sampled[token])
        room = max(0, width - _NAME - 2 * _NUMBER - 5)
        filled = round(share * room)
        symbol = subject.found.vocabulary.symbol(token)
        name = fit(visible(bare(symbol) if len(symbol) > 1 else symbol.replace(" ", "␣")), _NAME)
        out = rank >= subject.left
        style = ink.faint if out else ink.accent if picked else ink.text
        other = percent(drawn).rjust(_NUMBER) if subject.sampling.narrows and not out else " " * _NUMBER
        parts = (
            ("▸ " if picked else "  ", ink.accent),
            (name, ink.lit(style) if picked else style),
            (percent(share).rjust(_NUMBER), style),
            (other, ink.muted),
            (" ", ink.text),
            (("─" if out else "━") * filled, style),
        )
        key = ("bar", rank == picked, name, parts[2][0], other, filled, room, out, picked)
        return Row(key, partial(pieces, *parts))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take the token under the pointer."""
        at = event.get_content_offset(self)
        if at is not None and self.subject.found is not None and self._first + at.y < self.subject.order.size:
            self.post_message(self.Taken(self._first + at.y))
