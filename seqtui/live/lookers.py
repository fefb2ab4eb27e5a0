"""What the observer computes only while a view asks for it, by name. A new kind is a file and a line in `LOOKERS`.

A view asks with `Session.look_for({name: arguments})`; what was found last stands in `Snapshot.looks[name]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from seqtui.live.cell_watch import CellWatch
from seqtui.live.embedding_watch import EmbeddingWatch, TargetEmbeddingWatch
from seqtui.live.health_watch import HealthWatch
from seqtui.live.neurons_watch import NeuronsWatch
from seqtui.live.next_token import NextTokenWatch
from seqtui.live.seen import Weights
from seqtui.live.surgery_watch import SurgeryWatch
from seqtui.live.unrolled_watch import UnrolledWatch

if TYPE_CHECKING:
    from seqcore.records import Example, Probe
    from seqcore.run import Run
    from seqcore.serial import SerialModel
    from seqcore.surgery.context import ContextCut
    from seqcore.surgery.cut import Cut


@dataclass(frozen=True)
class Scene:
    """What there is to look at."""

    weights: Weights  # the newest, with the cuts
    model: SerialModel  # with the weights of the probe
    example: Example  # that is probed
    probe: Probe | None  # the newest; None before the first of this example
    gone: Callable[[], bool] = lambda: False  # whether the observer has left the run: work on other threads must end
    whole: Example | None = None  # the example without the cuts
    probed: Weights | None = None  # those of the probe, without the cuts
    cuts: tuple[Cut | ContextCut, ...] = ()

    @property
    def step(self) -> int:
        """The step of the probe; -1 without one."""
        return self.probe.step if self.probe is not None else -1


class Looker(Protocol):
    """Looks at one run, on the observer's thread, between its other work."""

    def look(self, scene: Scene, asked: Any) -> Any:
        """Return what a view is to show, or None if that is not due or is shown already. Raises SeqError."""


@runtime_checkable
class Resting(Protocol):
    """A looker that holds what takes memory or time only while somebody looks."""

    def rest(self) -> None:
        """Let that go: nobody looks. Called at every turn until somebody looks again."""


LOOKERS: dict[str, Callable[[Run], Looker]] = {
    "embedding": EmbeddingWatch,
    "target embedding": TargetEmbeddingWatch,
    "cell": CellWatch,
    "unrolled": UnrolledWatch,
    "next token": NextTokenWatch,
    "health": HealthWatch,
    "neurons": NeuronsWatch,
    "surgery": SurgeryWatch,
}
FOLLOW_CUTS = frozenset({"surgery"})  # those that know what is cut; the others start over with a model that is cut
