"""What the score shows of a probe: layer, stave, unit, fold, reach and head."""

from dataclasses import dataclass

import numpy as np
from seqcore.records import Probe

from seqtui.tui.panes.attention import heads_of
from seqtui.tui.panes.staves import BY_HEAD, HOLDING, Fold, unit_name
from seqtui.tui.standpoint import Standpoint

FOCUSES = ("loss", "gate", "reach", "attention", "state")
_MEANT = {"attends": "attention", "map": "attention", "triangle": "reach"}  # bands that share a readout
_PREFERRED = (*HOLDING, "stream", "h")  # initial stave: the first of these that the model has


@dataclass
class Selection:
    """What is picked; it outlives the probe, so that the model's next probe is shown with the same selection."""

    gate: str = "forget"  # the stave's name
    asked: str = ""  # the stave chosen by the user, restored with the next model that has it
    layer: int = 0
    unit: int | None = None
    fold: Fold = Fold.NEAR  # one unit per row: with many gates the strongest is nearly always open
    reach: int = -1  # layer of the reach's state, or -1 for the input, which can be compared across families
    head: int = 0  # of attention, counted from 0
    focus: str = "loss"  # what is read out, initially the easiest to understand

    def names(self, probe: Probe) -> tuple[str, ...]:
        """Return the names of the layer's staves, in the model's order."""
        return tuple(stave.name for stave in probe.staves if stave.layer == self.layer)

    def units(self, probe: Probe) -> int:
        """Return the number of units of the chosen stave; 0 if there is none."""
        chosen = (self.gate, self.layer)
        return next((stave.values.shape[1] for stave in probe.staves if (stave.name, stave.layer) == chosen), 0)

    def most_units(self, probe: Probe) -> int:
        """Return the largest number of units of any stave of the layer."""
        return max((stave.values.shape[1] for stave in probe.staves if stave.layer == self.layer), default=0)

    def unit_said(self, probe: Probe) -> str:
        """Return the picked unit at constant width, or a hint to pick one."""
        chosen = next((one for one in probe.staves if (one.name, one.layer) == (self.gate, self.layer)), None)
        if self.unit is None or chosen is None:
            return "pick a unit" if chosen is None else f"pick a {unit_name(chosen, 1).split()[0]}"
        word, _, number = unit_name(chosen, self.unit).partition(" ")
        last = unit_name(chosen, chosen.values.shape[1] - 1).split()[-1]
        return f"{word} {number:>{len(last)}}" if number else word

    def adopt(self, probe: Probe) -> None:
        """Keep what the probe also has, and choose a replacement for the rest."""
        layers = _layers(probe)
        if self.layer not in layers:
            self.layer = layers[-1] if layers else 0
        names = self.names(probe)
        if names:
            self.gate = next((name for name in (self.asked, *_PREFERRED) if name in names), names[0])
        self.reach = min(self.reach, len(probe.reach_hidden) - 1)
        self.head = min(self.head, max(0, heads_of(probe)[1] - 1))
        self._clip_unit(probe)

    def look_at(self, place: Standpoint, probe: Probe | None) -> None:
        """Pick the unit, layer and stave of a standpoint, as far as the probe has them."""
        self.layer, self.unit = place.layer, place.unit
        if place.quantity and place.quantity != self.gate:
            self.gate = self.asked = place.quantity
        if probe is not None:
            self.adopt(probe)

    def _clip_unit(self, probe: Probe) -> None:
        if self.unit is not None:
            units = self.units(probe)
            self.unit = min(self.unit, units - 1) if units else None

    def move_unit(self, probe: Probe, delta: int) -> None:
        """Move the picked unit by `delta`; the first pick is the unit that varies most over the text."""
        units = self.units(probe)
        self.focus = "gate"
        if units and self.unit is not None:
            self.unit = (self.unit + delta) % units
        elif units:
            values = np.nan_to_num(probe.stave(self.gate, self.layer).values.astype(np.float64), posinf=0, neginf=0)
            self.unit = int(np.argmax(values.std(axis=0)))
        self._follow_unit()

    def pick_unit(self, probe: Probe, name: str, unit: int) -> None:
        """Pick a unit of a stave; in a stave with one unit per head this also picks the head."""
        self.focus_on(name, self.names(probe))
        self.unit = unit
        self._clip_unit(probe)
        self._follow_unit()

    def _follow_unit(self) -> None:
        if self.gate in BY_HEAD and self.unit is not None:
            self.head = self.unit

    def pick_head(self, probe: Probe, layer: int, head: int) -> None:
        """Pick a head of a layer, both counted from 0; numbers past the last one wrap around."""
        layers, heads = heads_of(probe)
        if layers and heads:
            self.layer = layer % layers if layers > 1 else self.layer  # one layer looks at what all others compute
            self.head, self.focus = head % heads, "attention"
            self.adopt(probe)
            if self.gate in BY_HEAD and self.unit is not None:
                self.unit = self.head

    def cycle_gate(self, probe: Probe, direction: int) -> None:
        """Choose the next stave of the layer, or the previous one (direction -1)."""
        names = self.names(probe)
        self.focus = "gate"
        if self.gate in names:
            self.gate = self.asked = names[(names.index(self.gate) + direction) % len(names)]
            self._clip_unit(probe)
            self._follow_unit()

    def cycle_layer(self, probe: Probe, direction: int) -> None:
        """Choose the next layer, or the previous one (direction -1)."""
        layers = _layers(probe)
        if self.layer in layers:
            self.layer = layers[(layers.index(self.layer) + direction) % len(layers)]
            self.adopt(probe)

    def cycle_reach(self, probe: Probe) -> None:
        """Choose the next layer's state as the target of the reach; after the last layer, the input."""
        self.reach = self.reach + 1 if self.reach + 1 < len(probe.reach_hidden) else -1
        self.focus = "reach"

    def focus_on(self, name: str, names: tuple[str, ...]) -> None:
        """Read out one of FOCUSES; the name of a stave also chooses that stave."""
        name = name if name in names else _MEANT.get(name, name)
        if name in names:
            self.gate = self.asked = name
            self.focus = "gate"
        elif name in FOCUSES:
            self.focus = name


def layer_count(probe: Probe) -> int:
    """Return the number of layers with staves."""
    return len(_layers(probe))


def _layers(probe: Probe) -> list[int]:
    return sorted({stave.layer for stave in probe.staves})
