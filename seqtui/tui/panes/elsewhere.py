"""The pane of selections: where else in the held-out part the units of one are on, or which units tell two apart."""

from collections.abc import Sequence
from functools import partial

from seqtui.live.selected import Matched, Place, Separated
from seqtui.tui.panes.followed import Followed
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import counted, percent
from seqtui.tui.widgets.pane import BLANK, Pane, Row, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import cell, cell_width, visible

TITLE = "3 where else"
APART = "3 what tells them apart"
LIKELY = 0.05  # a separation that is as frequent elsewhere says little
_LIKE = 5  # cells of the likeness
_NAMED = 10  # units that are listed
HOW = (
    "Select a stretch of the text: i begins it at the playhead, o ends it there. Here appear the places of the "
    "held-out part at which the same units are on, and few others. , and . change the threshold from which a unit "
    "is on. I and O select a second stretch: which units tell the two apart?"
)

_PARTS = ("before", "inside", "after")  # of a place


class ElsewherePane(Pane):
    """Lists the places, best first, each between its surroundings."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Followed()
        self.set_titles(TITLE)

    def take(self, subject: Followed) -> None:
        """Draw another frame."""
        self.subject = subject
        if subject.other is not None:
            self.set_titles(APART, self._stretches(), "")
            self.redraw()
            return
        short = f"on above {subject.threshold:.2f}"
        found = self._found()
        self.set_titles(TITLE, f"{short} · {counted(len(found.units), 'unit')}" if found is not None else short, short)
        self.redraw()

    def _found(self) -> Matched | None:
        """Return the places, if they are those of the selection."""
        found = self.subject.seen.matched if self.subject.seen is not None else None
        asked = (self.subject.stretch, self.subject.threshold)
        return found if found is not None and (found.stretch, found.threshold) == asked else None

    def _stretches(self) -> str:
        """Return the two selections."""
        ends = [f"t {one[0]} to {one[1] - 1}" for one in (self.subject.stretch, self.subject.other) if one is not None]
        return " against ".join(ends)

    def said(self) -> tuple[str, str]:
        """Return the places, or the units that tell two selections apart, a line each, and what it is."""
        if self.subject.other is not None:
            units = self.subject.separations
            lines = (f"{one.layer + 1}.{one.unit}\t{one.sign}\t{one.score:.4f}\t{one.chance:.3g}" for one in units)
            return "\n".join(lines), "units"
        found = self._found()
        places = found.places if found is not None else ()
        rows = (f"{one.first}\t{one.likeness:.3f}\t{''.join(cell(symbol) for symbol in one.inside)}" for one in places)
        return "\n".join(rows), "places"

    def data(self) -> Arrays:
        """Return the places, and the units by which they were found; or the units that tell two selections apart."""
        if self.subject.other is not None:
            return flat(self.subject.separated)
        found = self._found()
        if found is None:
            return {}
        return flat(
            {
                "first": [one.first for one in found.places],
                "likeness": [one.likeness for one in found.places],
                **{part: tuple("".join(getattr(one, part)) for one in found.places) for part in _PARTS},
                "unit": found.units,
            }
        )

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return which units these are, and a line per place."""
        subject, ink = self.subject, self.ink
        seen = subject.seen
        if seen is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, ink.muted)
        if subject.stretch is None:
            said = HOW if seen.values is not None else "There are no units to select by."
            return waiting_rows(said, width, ink.muted)
        if subject.other is not None and subject.separated is not None:
            return self._apart(subject.separated, width, height)
        found = self._found() if subject.other is None else None
        if found is None:
            said = seen.problem or f"reading the held-out part: {seen.percent or 0}%"
            return waiting_rows(visible(said), width, ink.muted)
        head = self._head(found)
        rows = [Row(("head", head[a:b]), partial(pieces, (head[a:b], ink.muted))) for a, b in wrap(head, width)]
        rows += [BLANK] if height > 8 else []
        return [*rows, *(self._line(one, width) for one in found.places)][:height]

    def _apart(self, found: Separated, width: int, height: int) -> Sequence[Row]:
        """Return a line for each unit that tells the selections apart, and how likely that is elsewhere."""
        subject, ink = self.subject, self.ink
        text = (
            f"Units by {found.state}: chosen on the first halves, scored on the second (AUC), and how often the best "
            "unit of all scores so on two stretches like these elsewhere."
        )
        rows = [Row(("head", text[a:b]), partial(pieces, (text[a:b], ink.muted))) for a, b in wrap(text, width)]
        heading = f"  {'unit':<8}{'in the first':<14}{'score':>6}{'elsewhere':>11}"
        rows.append(Row(("heading", heading), partial(pieces, (heading, ink.faint))))
        for one in found.units:
            picked = (one.layer, one.unit) == subject.chosen
            style = ink.accent if picked else ink.text if one.chance < LIKELY else ink.muted
            line = f"{one.layer + 1}.{one.unit}"
            line = f"{line:<8}{'higher' if one.sign > 0 else 'lower':<14}{one.score:6.3f}{percent(one.chance):>11}"
            parts = (("▸ " if picked else "  ", ink.accent), (line, style))
            rows.append(Row(parts, partial(pieces, *parts)))
        return rows[:height]

    @staticmethod
    def _head(found: Matched) -> str:
        if not found.units:
            return (
                f"No unit's {found.state} is above {found.threshold:.2f} all along the stretch: , lowers the threshold."
            )
        named = ", ".join(f"{unit.layer + 1}.{unit.unit}" for unit in found.units[:_NAMED])
        more = f" and {len(found.units) - _NAMED:,} more" if len(found.units) > _NAMED else ""
        just = ", and off just outside it" if found.bounded else ""
        none = "" if found.places else " Nowhere else are half of them on."
        return f"On by {found.state} all along the stretch{just}: {named}{more}.{none}"

    def _line(self, one: Place, width: int) -> Row:
        """Return the likeness, and the stretch between its surroundings; a long one is cut at the right."""
        ink = self.ink
        room = width - _LIKE - 1
        lead = max(4, room // 3)
        before = _ending(one.before, lead)
        inside = _beginning(one.inside, room - lead)
        after = _beginning(one.after, room - lead - sum(map(cell_width, one.inside)))
        parts = (
            (percent(one.likeness).rjust(_LIKE) + " ", ink.muted),
            (before, ink.muted),
            (inside, ink.lit(ink.text)),
            (after, ink.muted),
        )
        return Row((parts, one.first), partial(pieces, *parts))


def _beginning(symbols: Sequence[str], room: int) -> str:
    """Return as many of the first symbols as fit, as drawn."""
    text = ""
    for symbol in symbols:
        room -= cell_width(symbol)
        if room < 0:
            break
        text += cell(symbol)
    return text


def _ending(symbols: Sequence[str], room: int) -> str:
    """Return as many of the last symbols as fit, right-aligned in `room` cells."""
    text = ""
    for symbol in reversed(symbols):
        if cell_width(symbol) > room:
            break
        room -= cell_width(symbol)
        text = cell(symbol) + text
    return " " * room + text
