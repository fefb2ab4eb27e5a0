"""What of a probe the score shows: layer, stave, unit, fold and reach."""

from dataclasses import dataclass

import numpy as np
from seqcore.records import Probe

from seqtui.tui.panes.attention import heads_of
from seqtui.tui.panes.staves import BY_HEAD, HOLDING, Fold, unit_name

FOCUSES = ("loss", "gate", "reach", "attention")
_MEANT = {"attends": "attention", "map": "attention", "triangle": "reach"}  # bands that are read out as another
_PREFERRED = (*HOLDING, "stream", "h")  # the stave to begin with, of those that a model has


@dataclass
class Selection:
    """A choice that outlives the probe: the next one of the same model is looked at in the same places."""

    gate: str = "forget"  # the stave's name
    asked: str = ""  # the stave that a person chose: it comes back with a model that has it
    layer: int = 0
    unit: int | None = None
    fold: Fold = Fold.NEAR  # rows that are units: of many gates the strongest is nearly always open
    reach: int = -1  # the layer whose state is looked back to, -1 for the input: that of all families can be compared
    head: int = 0  # of attention, counted from 0
    focus: str = "loss"  # what is read out: at first what everybody understands

    def names(self, probe: Probe) -> tuple[str, ...]:
        """The layer's staves, in the model's order."""
        return tuple(stave.name for stave in probe.staves if stave.layer == self.layer)

    def units(self, probe: Probe) -> int:
        """Units of the chosen stave, 0 without one."""
        chosen = (self.gate, self.layer)
        return next((stave.values.shape[1] for stave in probe.staves if (stave.name, stave.layer) == chosen), 0)

    def most_units(self, probe: Probe) -> int:
        """The most units that a stave of the layer has."""
        return max((stave.values.shape[1] for stave in probe.staves if stave.layer == self.layer), default=0)

    def unit_said(self, probe: Probe) -> str:
        """The picked unit, as wide whichever it is, or that one can be picked."""
        chosen = next((one for one in probe.staves if (one.name, one.layer) == (self.gate, self.layer)), None)
        if self.unit is None or chosen is None:
            return "pick a unit" if chosen is None else f"pick a {unit_name(chosen, 1).split()[0]}"
        word, _, number = unit_name(chosen, self.unit).partition(" ")
        last = unit_name(chosen, chosen.values.shape[1] - 1).split()[-1]
        return f"{word} {number:>{len(last)}}" if number else word

    def adopt(self, probe: Probe) -> None:
        """Keep what the probe has too, and choose anew what it has not."""
        layers = _layers(probe)
        if self.layer not in layers:
            self.layer = layers[-1] if layers else 0
        names = self.names(probe)
        if names:
            self.gate = next((name for name in (self.asked, *_PREFERRED) if name in names), names[0])
        self.reach = min(self.reach, len(probe.reach_hidden) - 1)
        self.head = min(self.head, max(0, heads_of(probe)[1] - 1))
        self._clip_unit(probe)

    def _clip_unit(self, probe: Probe) -> None:
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
        self._follow_unit()

    def pick_unit(self, probe: Probe, name: str, unit: int) -> None:
        """That unit of that stave; the unit of a stave with one for each head is a head."""
        self.focus_on(name, self.names(probe))
        self.unit = unit
        self._clip_unit(probe)
        self._follow_unit()

    def _follow_unit(self) -> None:
        if self.gate in BY_HEAD and self.unit is not None:
            self.head = self.unit

    def pick_head(self, probe: Probe, layer: int, head: int) -> None:
        """That head of that layer, counted from 0; past the last of a layer comes its first again."""
        layers, heads = heads_of(probe)
        if layers and heads:
            self.layer, self.head, self.focus = layer % layers, head % heads, "attention"
            self.adopt(probe)
            if self.gate in BY_HEAD and self.unit is not None:
                self.unit = self.head

    def cycle_gate(self, probe: Probe, direction: int) -> None:
        """The next stave of the layer."""
        names = self.names(probe)
        self.focus = "gate"
        if self.gate in names:
            self.gate = self.asked = names[(names.index(self.gate) + direction) % len(names)]
            self._clip_unit(probe)
            self._follow_unit()

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
        """Read out "loss", "gate", "reach" or "attention"; a stave's own name chooses it too."""
        name = name if name in names else _MEANT.get(name, name)
        if name in names:
            self.gate = self.asked = name
            self.focus = "gate"
        elif name in FOCUSES:
            self.focus = name


def layer_count(probe: Probe) -> int:
    """How many layers have staves."""
    return len(_layers(probe))


def _layers(probe: Probe) -> list[int]:
    return sorted({stave.layer for stave in probe.staves})
