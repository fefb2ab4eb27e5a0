"""The equations of one unit at one timestep of the example, with the weights of the newest probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from seqcore.cellwork.records import CellBack, CellFacts
from seqcore.errors import SeqError

from seqtui.live.worked import Worked

if TYPE_CHECKING:
    from seqcore.cellwork.work import Cellwork
    from seqcore.records import Probe
    from seqcore.run import Run

    from seqtui.live.lookers import Scene


class CellAsked(NamedTuple):
    """A unit at a timestep."""

    t: int
    layer: int = 0
    unit: int | None = None  # None: the one that varies most
    second: bool = False  # in the second direction of an encoder
    back: bool = False  # the chain rule, too


@dataclass(frozen=True, eq=False)
class CellSeen:
    """What was found for a unit at a timestep."""

    step: int
    asked: CellAsked
    facts: CellFacts
    back: CellBack | None
    said: str = ""  # why something else is shown than was asked for


class CellWatch:
    """Explains the cells of one run. While no unit is picked, the one that was shown first for a layer stays."""

    def __init__(self, run: Run) -> None:
        self._worked = Worked(run)
        self._shown: tuple[Probe | None, CellAsked | None] = None, None
        self._first: dict[tuple[str, int], int] = {}  # unit by part and layer

    def rest(self) -> None:
        """Let the arrays go: nobody looks."""
        self._worked.rest()

    def look(self, scene: Scene, asked: CellAsked) -> CellSeen | None:
        """Return the equations of a unit, if it or the probe is another one than before."""
        probe = scene.probe
        if probe is None or (probe is self._shown[0] and asked == self._shown[1]):
            return None
        self._shown = probe, asked  # before the work: what is refused once is not tried at every turn
        return seen(self._worked.of(scene), probe.step, asked, self._first)


def seen(work: Cellwork, step: int, asked: CellAsked, first: dict[tuple[str, int], int]) -> CellSeen:
    """Return the equations of a unit; those of the nearest one that there is, if there is none where it was asked.

    If no unit is asked for, it is that in `first`, by part and layer, where the one that varies most is put otherwise.
    """
    config = work.config
    t = max(0, min(asked.t, work.timesteps - 1))
    layer = max(0, min(asked.layer, work.layers(t) - 1))
    unit = asked.unit if asked.unit is None else max(0, min(asked.unit, config.hidden - 1))
    second, said = asked.second, ""
    try:
        part = work.part(t, second)
    except SeqError as error:
        second, said = False, str(error)
        part = work.part(t)
    facts = work.forward(t, layer, first.get((part, layer)) if unit is None else unit, second)
    if unit is None:
        first[part, layer] = facts.unit
    back = work.backward(t, layer, facts.unit, second) if asked.back else None
    return CellSeen(step, asked, facts, back, said)
