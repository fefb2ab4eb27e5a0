"""The pane of saturated gates: how often each unit is nearly shut, to the right, and nearly open, upwards."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from seqcore.health.saturation import LEFT, RIGHT, Saturation
from seqcore.health.sentences import GOOD

from seqtui.tui.panes.healthy import Healthy
from seqtui.tui.panes.plane import Plane
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.numbers import percent
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.plot import TICKS_WIDTH
from seqtui.tui.widgets.wrap import wrap

TITLE = "2 saturated gates"
_EDGE, _DOTS, _MARK = 1, 2, 3  # styles
_LEAST = 6  # lines of the plane
_WIDEST = 2.4  # columns of the plane for each of its lines: shares of the same size then look alike


class SaturationPane(Pane):
    """A dot for each unit of a gate, in a triangle: no unit is both shut and open."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Healthy()
        self.set_titles(TITLE)

    def take(self, subject: Healthy) -> None:
        """Draw another frame."""
        self.subject = subject
        shown = subject.saturation
        if shown is None:
            self.set_titles(TITLE)
        else:
            short = f"{shown.gate}, layer {shown.layer + 1}"
            self.set_titles(f"{TITLE}: {short}", self._refining().removeprefix(" · "))
        self.redraw()

    def _refining(self) -> str:
        seen = self.subject.seen
        return f" · held-out part {seen.percent}%" if seen is not None and seen.percent is not None else ""

    def said(self) -> tuple[str, str]:
        """Return the shares of every unit, tab-separated, and what it is."""
        shown = self.subject.saturation
        if shown is None:
            return "", "saturation"
        rows = (f"{n}\t{left:.6f}\t{right:.6f}" for n, (left, right) in enumerate(zip(*shown[2:], strict=True)))
        return "\n".join(["unit\tleft\tright", *rows]), "saturation"

    def data(self) -> Arrays:
        """Return the shares of every unit."""
        shown = self.subject.saturation
        return flat(shown) if shown is not None else {}

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the plane, what its axes are, the numbers, and what is good."""
        subject, shown, ink = self.subject, self.subject.saturation, self.ink
        if shown is None:
            if subject.step < 0:
                return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, ink.muted)
            return waiting_rows("This model has no gates that could saturate.", width, ink.muted)
        over = f"over {subject.over}{self._refining()}"
        said = [*self._named(shown), self._counted(shown)]
        said += [over[a:b] for a, b in wrap(over, width)]
        good = [GOOD["saturation"][start:end] for start, end in wrap(GOOD["saturation"], width)]
        if height - len(said) - len(good) - 1 >= _LEAST:
            said += good
        lines = max(2, height - len(said) - 1)
        columns = max(4, min(width - TICKS_WIDTH, round(2 * _WIDEST * lines)))
        rows = self._plane(shown, columns, lines).rows((ink.text, ink.faint, ink.accent, ink.warm), ink.muted)
        for number, line in enumerate(said):
            style = ink.text if number == 0 else ink.muted
            rows.append(Row(("said", number, line, width), partial(pieces, (fit(line, width), style))))
        return rows

    def _plane(self, shown: Saturation, columns: int, lines: int) -> Plane:
        plane = Plane(columns, lines, Axis(0.0, 1.0, False), Axis(0.0, 1.0, False))
        edge = np.linspace(0, 1, 2 * columns)
        plane.path(np.stack([edge, 1 - edge], axis=1), _EDGE)
        plane.path(np.stack([shown.left, shown.right], axis=1).astype(np.float64), _DOTS, joined=False)
        unit = self._unit(shown)
        if unit is not None:
            plane.mark(np.array([shown.left[unit], shown.right[unit]], np.float64), "●", _MARK)
        return plane

    def _unit(self, shown: Saturation) -> int | None:
        unit = self.subject.unit
        return None if unit is None else min(unit, len(shown.left) - 1)

    def _named(self, shown: Saturation) -> list[str]:
        """Return what the axes are, and of the picked unit the shares."""
        axes = f"→ below {LEFT:g} (shut)   ↑ above {RIGHT:g} (open)"
        unit = self._unit(shown)
        if unit is None:
            return [f"{axes}   a dot a unit"]
        left, right = float(shown.left[unit]), float(shown.right[unit])
        return [axes, f"● unit {unit}: shut {percent(left).strip()}, open {percent(right).strip()}"]

    @staticmethod
    def _counted(shown: Saturation) -> str:
        shut, opened = shown.extreme
        return (
            f"nearly always shut: {percent(shut).strip()} of {len(shown.left)} units, open: {percent(opened).strip()}"
        )
