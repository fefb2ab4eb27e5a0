"""The pane of the cuts: those that were made, in their order, and the unit, gate or head that would be cut next."""

from collections.abc import Sequence
from functools import partial

from rich.style import Style
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut, reachable

from seqtui.tui.panes.operated import Operated, layer_name
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import counted
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap

TITLE = "2 cuts"
_LABEL = 10  # cells
Part = tuple[str, Style]


class SurgeryCutsPane(Pane):
    """Draws the layer, the quantity and the unit that are picked, and below the list of cuts, the newest last."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Operated()
        self.set_titles(TITLE)

    def take(self, subject: Operated) -> None:
        """Draw another frame."""
        self.subject = subject
        self.set_titles(TITLE, counted(len(subject.cuts), "cut") if subject.cuts else "nothing is cut")
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the cuts, a line each, and what it is."""
        lines = (one.text() for one in self.subject.cuts)
        return "\n".join(lines), "cuts"

    def data(self) -> Arrays:
        """Return the cuts."""
        return flat({"cut": [one.text() for one in self.subject.cuts]})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return what is picked, what can be done with it, and the cuts."""
        subject, ink = self.subject, self.ink
        place, cut = subject.place, subject.next
        if place is None or cut is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for the model"), width, ink.muted)
        layers = {one.where: layer_name(one) for one in subject.places}
        here = [one for one in subject.places if one.where == place.where]
        line = reachable(place)
        which = "all" if subject.unit is None else str(subject.unit + int(cut.of_heads))
        rows = [
            self._picked("layer", list(layers.values()), layer_name(place), width),
            self._picked("quantity", [one.quantity for one in here], place.quantity, width),
            self._labelled("unit", [(which, ink.accent), (f" of {place.units}", ink.muted)], width),
            self._labelled("next", [(cut.text(1), ink.accent)], width),
            *(self._labelled("", [(line[a:b], ink.muted)], width) for a, b in wrap(line, width - _LABEL)),
            BLANK,
        ]
        if not subject.cuts:
            line = f"Nothing is cut. enter silences {cut.text(1)}; r resets the state at the playhead."
            rows += [self._plain(line[a:b], ink.muted) for a, b in wrap(line, width)]
        room = max(1, height - len(rows))
        first = max(0, len(subject.cuts) - room)
        rows += [self._cut(n, one, width) for n, one in enumerate(subject.cuts) if n >= first]
        return rows[:height]

    def _picked(self, label: str, names: list[str], picked: str, width: int) -> Row:
        """Return names, the picked one marked; those around it if there is no room for all."""
        ink, at = self.ink, names.index(picked)
        first = 0
        while first < at and sum(len(name) + 2 for name in names[first : at + 1]) > width - _LABEL - 2:
            first += 1
        parts: list[Part] = [("… ", ink.faint)] if first else []
        for n in range(first, len(names)):
            parts.append((f"▸{names[n]} " if n == at else f" {names[n]} ", ink.accent if n == at else ink.muted))
        return self._labelled(label, parts, width)

    def _labelled(self, label: str, parts: list[Part], width: int = 10_000) -> Row:
        """Return parts after a label, as many cells of them as there is room for."""
        found: list[Part] = [(fit(label, _LABEL), self.ink.faint)]
        left = width - _LABEL
        for text, style in parts:
            if left > 0:
                found.append((text if len(text) <= left else fit(text, left), style))
            left -= len(text)
        key = tuple(found)
        return Row((label, key), partial(pieces, *key))

    def _cut(self, n: int, one: Cut | ContextCut, width: int) -> Row:
        """Return a line on one cut."""
        if isinstance(one, ContextCut):
            name, said = one.said, {"reset": "nothing before it is read", "keep": "timesteps are read",
                                    "shuffle": "in another order"}[one.kind]  # fmt: skip
        else:
            name, said = one.text(1), f"held at {one.value:g}" if one.value else "silenced"
        ink = self.ink
        parts: list[Part] = [(name, ink.warm), (f"   {said}", ink.muted)]
        return self._labelled(f"cut {n + 1}", parts, width)

    @staticmethod
    def _plain(text: str, style: Style) -> Row:
        return Row((text, style), partial(pieces, (text, style)))
