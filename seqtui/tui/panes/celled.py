"""What the view of the cell is about: a unit at a timestep, its equations or its chain rule, and one of them picked."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqcore.cellwork.records import Gradient, Quantity
from seqcore.records import Probe

from seqtui.live.cell_watch import CellSeen
from seqtui.live.snapshot import Phase


@dataclass(frozen=True, eq=False)
class Celled:
    """One frame."""

    phase: Phase = Phase.LOADING
    probe: Probe | None = None
    playhead: int = 0
    seen: CellSeen | None = None
    back: bool = False  # whether the chain rule is shown
    picked: int = 0  # number of the equation

    @property
    def lines(self) -> Sequence[Quantity | Gradient]:
        """The equations, or the steps of the chain rule; those of the output last."""
        if self.seen is None:
            return ()
        if self.back:
            return self.seen.back.gradients if self.seen.back is not None else ()
        end = self.seen.facts.end
        return (*self.seen.facts.quantities, *(end.outputs if end is not None else ()))

    @property
    def line(self) -> Quantity | Gradient | None:
        """The one that is picked."""
        lines = self.lines
        return lines[min(self.picked, len(lines) - 1)] if lines else None

    @property
    def about(self) -> str:
        """Which unit it is, in words."""
        if self.seen is None:
            return ""
        facts = self.seen.facts
        words = [facts.part, f"layer {facts.layer + 1}", f"unit {facts.unit}"]
        words += [f"head {facts.head + 1}"] if facts.head >= 0 else []
        return " · ".join(word for word in words if word)
