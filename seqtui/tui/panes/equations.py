"""The panes of the equations of a unit, and of the terms or factors of the one that is picked."""

from collections.abc import Sequence
from functools import partial
from math import isfinite

from seqcore.cellwork.records import Gradient, Quantity, sum_of
from textual import events
from textual.message import Message

from seqtui.tui.panes.celled import Celled
from seqtui.tui.panes.drawing import bare
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import counted
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import visible

EQUATIONS, TERMS = "2 equations", "3 terms"


def number(value: float) -> str:
    """Return a number with its sign in ten cells."""
    if not isfinite(value):
        return f"{value:>10}"
    return f"{value:+10.5f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:+10.2e}"


class EquationsPane(Pane):
    """Lists the equations in the order of computation, or the steps of the chain rule from the loss backwards."""

    class Picked(Message):
        """Posted when the user points at an equation."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Celled()
        self._first = 0
        self.set_titles(EQUATIONS)

    def take(self, subject: Celled) -> None:
        """Draw another frame."""
        self.subject = subject
        seen = subject.seen
        losses = seen.back.losses if subject.back and seen is not None and seen.back is not None else ""
        self.set_titles(EQUATIONS if not subject.back else "2 chain rule", f"L: {losses}" if losses else "")
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the equations with their values as text, and what it is."""
        return "\n".join(
            f"{visible(one.formula)} = {number(one.value).strip()}" for one in self.subject.lines
        ), "equations"

    def data(self) -> Arrays:
        """Return the equations with their values."""
        lines = self.subject.lines
        return flat({name: [getattr(one, name) for one in lines] for name in ("name", "label", "formula", "value")})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return a line per equation: its value, and the formula, or its label where there is no room for both."""
        lines = self.subject.lines
        if not lines:
            return waiting_rows(waiting_for(self.subject.phase, "waiting for a probe"), width, self.ink.muted)
        picked = min(self.subject.picked, len(lines) - 1)
        self._first = max(0, min(self._first, picked), picked - height + 1)
        return [self._line(one, place == picked, width) for place, one in enumerate(lines)][self._first :][:height]

    def _line(self, one: Quantity | Gradient, picked: bool, width: int) -> Row:
        ink, room = self.ink, width - 14
        value = number(one.value)
        formula, label = visible(one.formula), visible(one.label)
        text = f"{formula}   {label}" if len(formula) + len(label) + 3 <= room else formula
        style = ink.accent if picked else ink.text
        parts = (("▸ " if picked else "  ", ink.accent), (value, ink.lit(style) if picked else style), ("  ", ink.text),
                 (fit(text, max(1, room)), style if picked else ink.muted))  # fmt: skip
        return Row((value, text, picked, room), partial(pieces, *parts))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Pick the equation under the pointer."""
        at = event.get_content_offset(self)
        if at is not None and self._first + at.y < len(self.subject.lines):
            self.post_message(self.Picked(self._first + at.y))


class TermsPane(Pane):
    """Lists the terms of the equation that is picked, largest first, or its factors, and what they make."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Celled()
        self.set_titles(TERMS)

    def take(self, subject: Celled) -> None:
        """Draw another frame."""
        self.subject = subject
        line = subject.line
        if line is None:
            self.set_titles(TERMS)
        else:
            factors = isinstance(line, Gradient) and bool(line.factors)
            count = (
                counted(len(line.factors), "factor")
                if isinstance(line, Gradient) and factors
                else counted(len(line.terms), "term")
            )
            self.set_titles(
                f"3 what makes {visible(line.name)}", f"{count}, largest first" if not factors else count, count
            )
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return all terms as text, tab-separated, and what it is."""
        line = self.subject.line
        if line is None:
            return "", "terms"
        if isinstance(line, Gradient) and line.factors:
            return "\n".join(f"{factor.name}\t{factor.value:.9g}" for factor in line.factors), "factors"
        rows = (
            f"{term.product:.9g}\t{term.by}\t{term.weight:.9g}\t{visible(term.name)}\t{term.value:.9g}"
            for term in line.terms
        )
        return "\n".join(rows), "terms"

    def data(self) -> Arrays:
        """Return all terms, or the factors."""
        line = self.subject.line
        if line is None:
            return {}
        parts = line.factors if isinstance(line, Gradient) and line.factors else line.terms
        made = {"of": line.name, "made": line.value, "product": [term.product for term in line.terms]}
        return flat(made) | flat(parts)

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return as many terms as fit, the sum of the others, and below a line what they make."""
        line = self.subject.line
        if line is None:
            return waiting_rows(waiting_for(self.subject.phase, "waiting for a probe"), width, self.ink.muted)
        if isinstance(line, Gradient) and line.factors:
            rows = [
                self._row(number(factor.value), factor.name, "×" if place else " ")
                for place, factor in enumerate(line.factors)
            ]
            made = number(line.value)
        elif line.terms:
            shown = line.terms[: max(1, height - 3)]
            rows = [
                self._row(number(term.product), self._named(term.by, term.weight, term.name, term.value, term.at), "+")
                for term in shown
            ]
            if others := line.terms[len(shown) :]:
                rest = sum_of(term.product for term in others)
                rows.append(self._row(number(rest), f"{len(others):,} others", "+"))
            made = number(sum_of(term.product for term in line.terms))
        else:
            rows, made = [], number(line.value)
        rows = rows[: max(0, height - 2)]
        end = line.name if not isinstance(line, Quantity) or not line.function else "the sum"
        rows += [
            Row(("rule",), lambda: pieces(("  " + "─" * 10, self.ink.faint))),
            self._row(made, f"= {visible(end)}", " "),
        ]
        if isinstance(line, Quantity) and line.function and len(rows) < height:
            rows.append(self._row(number(line.value), f"= {visible(line.name)} = {line.function} of it", " "))
        return rows

    @staticmethod
    def _named(by: str, weight: float, name: str, value: float, at: int) -> str:
        """Return a term in words: weight times value, where each comes from."""
        where = f" at t {at}" if at >= 0 and not name.startswith("t=") else ""
        symbol = visible(bare(name)) if len(name) != 1 else visible(name).replace(" ", "␣")
        if by in ("", "1"):
            return f"{symbol}{where}"
        return f"{by} {number(weight).strip()} · {number(value).strip()} {symbol}{where}"

    def _row(self, value: str, text: str, sign: str) -> Row:
        ink = self.ink
        drawn = visible(text)
        return Row(
            (value, drawn, sign), lambda: pieces((f"{sign} ", ink.faint), (value, ink.text), ("  " + drawn, ink.muted))
        )
