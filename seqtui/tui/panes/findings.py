"""The pane of what units follow: found on held-out timesteps, with a score and how likely it is by chance."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message

from seqtui.tui.panes.followed import Followed
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import counted
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

if TYPE_CHECKING:
    from seqcore.neurons.search import Finding

TITLE = "2 what units follow"
_UNIT, _NUMBERS = 8, 25  # cells


class FindingsPane(Pane):
    """Lists the findings, best first; the unit by which the text is tinted is marked."""

    class Picked(Message):
        """Posted when the user points at a finding."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Followed()
        self._first, self._above = 0, 0  # the first finding in view, and the rows above it
        self.set_titles(TITLE)

    def take(self, subject: Followed) -> None:
        """Draw another frame."""
        self.subject = subject
        searched = subject.seen.searched if subject.seen is not None else None
        said = [f"step {searched.step:,} · {counted(searched.timesteps, 'timestep')}"] if searched is not None else []
        if subject.seen is not None and subject.seen.percent is not None:
            said.insert(0, f"reading {subject.seen.percent}%")
        self.set_titles(TITLE, " · ".join(said), said[0] if said else "")
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the findings, tab-separated, and what it is."""
        rows = (
            f"{one.layer + 1}.{one.unit}\t{'' if one.sign > 0 else 'not '}{visible(one.follows)}\t{one.measure}\t"
            f"{one.score:.4f}\t{one.untrained:.4f}\t{one.chance:.2g}"
            for one in self.subject.findings
        )
        return "\n".join(rows), "findings"

    def data(self) -> Arrays:
        """Return all findings."""
        return flat(self.subject.findings)

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return a heading, a line per finding, and what could not be asked for."""
        subject, ink = self.subject, self.ink
        seen = subject.seen
        if seen is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, ink.muted)
        if seen.searched is None:
            if seen.problem:
                return waiting_rows(visible(seen.problem), width, ink.muted)
            said = f"reading the held-out part with this model and with untrained ones: {seen.percent or 0}%"
            return waiting_rows(said, width, ink.muted)
        rows = []
        if not seen.searched.findings:
            reason = "No unit follows any of these better than by chance."
            reason += " The best of each:" if subject.findings else ""
            rows += [self._plain(reason[start:end], "text") for start, end in wrap(reason, width)]
        if subject.findings:
            rows.append(self._plain(self._heading(width), "faint"))
        missing = self._missing(width)
        room = max(1, height - len(rows))
        here = next((n for n, one in enumerate(subject.findings) if one is subject.follows), 0)
        self._above = len(rows)
        self._first = max(0, min(self._first, here), here - room + 1)
        shown = subject.findings[self._first : self._first + room]
        rows += [self._line(one, one is subject.follows, width) for one in shown]
        return (rows + missing)[:height]

    @staticmethod
    def _heading(width: int) -> str:
        numbers = f"{'score':>7}{'untrained':>10}{'chance':>8}"
        return "  " + fit("unit", _UNIT) + fit("follows", max(1, width - _UNIT - _NUMBERS - 2)) + numbers

    def _line(self, one: "Finding", picked: bool, width: int) -> Row:
        ink = self.ink
        style = ink.accent if picked else ink.text if one.holds else ink.muted
        follows = ("" if one.sign > 0 else "not ") + visible(one.follows)
        parts = (
            ("▸ " if picked else "  ", ink.accent),
            (fit(f"{one.layer + 1}.{one.unit}", _UNIT), style),
            (fit(follows, max(1, width - _UNIT - _NUMBERS - 2)), style),
            (f"{one.score:7.3f}", style),
            (f"{one.untrained:10.3f}", ink.muted),
            (f"{one.chance:8.0e}" if one.chance < 0.01 else f"{one.chance:8.2f}", ink.muted),
        )
        return Row((parts, picked), partial(pieces, *parts))

    def _missing(self, width: int) -> list[Row]:
        """Return why features are not among them."""
        searched = self.subject.seen.searched if self.subject.seen is not None else None
        rows: list[Row] = []
        for reason in dict.fromkeys(searched.missing.values()) if searched is not None else ():
            assert searched is not None
            which = ", ".join(name for name, said in searched.missing.items() if said == reason)
            line = f"{which}: {visible(reason)}"
            rows += [self._plain(line[start:end], "faint") for start, end in wrap(line, width)]
        return rows

    def _plain(self, text: str, style: str) -> Row:
        return Row((text, style), partial(pieces, (text, getattr(self.ink, style))))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Pick the finding under the pointer."""
        at = event.get_content_offset(self)
        place = self._first + at.y - self._above if at is not None else -1
        if at is not None and at.y >= self._above and 0 <= place < len(self.subject.findings):
            self.post_message(self.Picked(place))
