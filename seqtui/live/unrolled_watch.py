"""The network unrolled over the example, with the weights of the newest probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from seqtui.live.worked import Worked

if TYPE_CHECKING:
    from seqcore.cellwork.unrolled import Unrolled
    from seqcore.records import Probe
    from seqcore.run import Run

    from seqtui.live.lookers import Scene


class UnrolledAsked(NamedTuple):
    """Which gradient flows back."""

    loss: int | None = None  # of the output at this timestep; None: of all losses together
    cut: int = 0  # no state hands a gradient back over multiples of this; 0: no cut


@dataclass(frozen=True, eq=False)
class UnrolledSeen:
    """What was found."""

    step: int
    asked: UnrolledAsked
    unrolled: Unrolled


class UnrolledWatch:
    """Unrolls the network of one run."""

    def __init__(self, run: Run) -> None:
        self._worked = Worked(run)
        self._shown: tuple[Probe | None, UnrolledAsked | None] = None, None

    def rest(self) -> None:
        """Let the arrays go: nobody looks."""
        self._worked.rest()

    def look(self, scene: Scene, asked: UnrolledAsked) -> UnrolledSeen | None:
        """Return the unrolled network, if the probe or the question is another one than before."""
        from seqcore.cellwork.unrolled import unrolled

        probe = scene.probe
        if probe is None or (probe is self._shown[0] and asked == self._shown[1]):
            return None
        self._shown = probe, asked  # before the work: what is refused once is not tried at every turn
        work = self._worked.of(scene)
        loss = asked.loss if asked.loss is None else min(asked.loss, work.timesteps - 1)
        if loss is not None and not work.predicts(loss):
            loss = next((t for t in range(loss, work.timesteps) if work.predicts(t)), None)
        return UnrolledSeen(probe.step, asked, unrolled(work, loss, asked.cut))
