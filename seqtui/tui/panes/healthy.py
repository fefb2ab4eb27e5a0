"""What the view of health is about: saturated gates, the sizes of updates, and the other measures of a model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from seqcore.health.saturation import Saturation
from seqcore.health.verdict import Remark
from seqcore.records import F32, I64, History

from seqtui.live.health_watch import HealthSeen
from seqtui.live.snapshot import Phase
from seqtui.tui.standpoint import Lens


@dataclass(frozen=True, eq=False)
class Healthy:
    """One frame."""

    phase: Phase = Phase.LOADING
    seen: HealthSeen | None = None
    coarse: tuple[Saturation, ...] = ()  # over the timesteps of the text
    timesteps: int = 0  # of the text
    step: int = -1  # of the text
    history: History = field(default_factory=History.empty)
    remarks: Sequence[Remark] = ()
    gate: int = 0
    layer: int = 0
    unit: int | None = None
    curve: int = 0  # 0: of the whole model; then one for each matrix
    ratios: bool = False  # of updates to weights, rather than norms of gradients
    lens: Lens = field(default_factory=Lens)

    @property
    def refined(self) -> bool:
        """Whether the saturation is that over held-out timesteps."""
        return self.seen is not None and self.seen.health is not None and bool(self.seen.health.saturation)

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates of the model."""
        return tuple(dict.fromkeys(one.gate for one in self.coarse))

    @property
    def layers(self) -> int:
        """The layers that have gates."""
        return len({one.layer for one in self.coarse})

    @cached_property
    def saturation(self) -> Saturation | None:
        """That of the gate and the layer that are shown; None if the model has no gates."""
        if not self.gates:
            return None
        gate, layer = self.gates[self.gate % len(self.gates)], min(self.layer, self.layers - 1)
        health = self.seen.health if self.seen is not None else None
        known = health.saturation if health is not None and self.refined else self.coarse
        return next((one for one in known if (one.gate, one.layer) == (gate, layer)), None)

    @property
    def over(self) -> str:
        """What the saturation was measured over."""
        if self.refined and self.seen is not None and self.seen.health is not None:
            return f"{self.seen.health.timesteps:,} held-out timesteps, step {self.seen.step:,}"
        return f"{self.timesteps:,} timesteps of the text, step {self.step:,}"

    @property
    def names(self) -> tuple[str, ...]:
        """The curves that can be picked, in order."""
        matrices = self.seen.updates.names if self.seen is not None else ()
        return matrices if self.ratios else ("whole model", *matrices)

    @property
    def curves(self) -> list[tuple[I64, F32]]:
        """The steps and values of each of them."""
        found: list[tuple[I64, F32]] = []
        if not self.ratios:
            found.append((self.history.step, self.history.gradient_norm))
        if self.seen is not None:
            updates = self.seen.updates
            values = updates.update_ratio if self.ratios else updates.gradient_norm
            found += [(updates.step, values[:, n]) for n in range(len(updates.names))]
        return found
