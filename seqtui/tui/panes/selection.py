"""What of a probe the score shows: layer, stave, unit, fold and reach."""

from dataclasses import dataclass

import numpy as np
from seqcore.records import Probe

from seqtui.tui.panes.staves import Fold

FOCUSES = ("loss", "gate", "reach")
_PREFERRED = ("forget", "update", "h")  # the stave to begin with, of those that a model has


@dataclass
class Selection:
    """A choice that outlives the probe: the next one of the same model is looked at in the same places."""

    gate: str = "forget"  # the stave's name
    layer: int = 0
    unit: int | None = None
    fold: Fold = Fold.NEAR  # rows that are units: of many gates the strongest is nearly always open
    reach: int = 0  # the layer whose h is looked back to, -1 for the input
    focus: str = "loss"  # what is read out: at first what everybody understands

    def names(self, probe: Probe) -> tuple[str, ...]:
        """The layer's staves, in the model's order."""
        return tuple(stave.name for stave in probe.staves if stave.layer == self.layer)

    def units(self, probe: Probe) -> int:
        """Units of the chosen stave, 0 without one."""
        chosen = (self.gate, self.layer)
        return next((stave.values.shape[1] for stave in probe.staves if (stave.name, stave.layer) == chosen), 0)

    def adopt(self, probe: Probe) -> None:
        """Keep what the probe has too, and choose anew what it has not."""
        layers = _layers(probe)
        if self.layer not in layers:
            self.layer = layers[-1] if layers else 0
        names = self.names(probe)
        if self.gate not in names and names:
            self.gate = next((name for name in _PREFERRED if name in names), names[0])
        self.reach = min(self.reach, len(probe.reach_hidden) - 1)
        if self.unit is not None:
            units = self.units(probe)
            self.unit = min(self.unit, units - 1) if units else None

    def move_unit(self, probe: Probe, delta: int) -> None:
        """The unit that many further on; the first pick is the one that changes most over the text."""
        units = self.units(probe)
        self.focus = "gate"
        if units and self.unit is not None:
            self.unit = (self.unit + delta) % units
        elif units:
            values = np.nan_to_num(probe.stave(self.gate, self.layer).values.astype(np.float64), posinf=0, neginf=0)
            self.unit = int(np.argmax(values.std(axis=0)))

    def cycle_gate(self, probe: Probe, direction: int) -> None:
        """The next stave of the layer."""
        names = self.names(probe)
        self.focus = "gate"
        if self.gate in names:
            self.gate = names[(names.index(self.gate) + direction) % len(names)]

    def cycle_layer(self, probe: Probe, direction: int) -> None:
        """The next layer."""
        layers = _layers(probe)
        if self.layer in layers:
            self.layer = layers[(layers.index(self.layer) + direction) % len(layers)]
            self.adopt(probe)

    def cycle_reach(self, probe: Probe) -> None:
        """The next layer's h, after the last one the input."""
        self.reach = self.reach + 1 if self.reach + 1 < len(probe.reach_hidden) else -1
        self.focus = "reach"

    def focus_on(self, name: str, names: tuple[str, ...]) -> None:
        """Read out "loss", "gate" or "reach"; a stave's own name chooses it too."""
        if name in names:
            self.gate, self.focus = name, "gate"
        elif name in FOCUSES:
            self.focus = name


def layer_count(probe: Probe) -> int:
    """How many layers have staves."""
    return len(_layers(probe))


def _layers(probe: Probe) -> list[int]:
    return sorted({stave.layer for stave in probe.staves})
