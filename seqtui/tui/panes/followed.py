"""What the view of neurons is about: the text, one unit of the model, what it follows, and a selection."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from seqcore.records import F32, Probe

from seqtui.live.neurons_watch import NeuronsSeen
from seqtui.live.snapshot import Phase

if TYPE_CHECKING:
    from seqcore.neurons.contrast import Separation
    from seqcore.neurons.search import Finding

    from seqtui.live.selected import Separated


@dataclass(frozen=True, eq=False)
class Followed:
    """One frame."""

    phase: Phase = Phase.LOADING
    probe: Probe | None = None
    playhead: int = 0
    seen: NeuronsSeen | None = None
    layer: int = 0
    unit: int | None = None  # None: that of the first finding, or the one that varies most
    stretch: tuple[int, int] | None = None  # the timesteps [first, last) that are selected
    threshold: float = 0.3
    other: tuple[int, int] | None = None  # a second selection

    @property
    def findings(self) -> Sequence["Finding"]:
        """What was found; if nothing holds, the best unit of each feature."""
        searched = self.seen.searched if self.seen is not None else None
        return (searched.findings or searched.best) if searched is not None else ()

    @property
    def separated(self) -> "Separated | None":
        """What tells the two selections apart, if it is of these."""
        found = self.seen.separated if self.seen is not None else None
        return found if found is not None and (found.stretch, found.other) == (self.stretch, self.other) else None

    @property
    def separations(self) -> "Sequence[Separation]":
        """The units that do."""
        return self.separated.units if self.separated is not None else ()

    @cached_property
    def values(self) -> F32 | None:
        """The values of all units over the text, (T, layers, units), if they are of this text."""
        if self.seen is None or self.seen.values is None or self.probe is None:
            return None
        return self.seen.values if len(self.seen.values) == len(self.probe.symbols) else None

    @cached_property
    def chosen(self) -> tuple[int, int] | None:
        """The layer and the unit by which the text is tinted; None without values."""
        if self.values is None:
            return None
        _, layers, units = self.values.shape
        if self.unit is not None:
            return min(self.layer, layers - 1), min(self.unit, units - 1)
        if self.findings:
            return self.findings[0].layer, self.findings[0].unit
        layer = min(self.layer, layers - 1)
        return layer, int(np.argmax(self.values[:, layer].std(axis=0)))

    @property
    def tint(self) -> F32 | None:
        """The values of that unit, (T,)."""
        if self.values is None or self.chosen is None:
            return None
        found: F32 = self.values[:, self.chosen[0], self.chosen[1]]
        return found

    @property
    def follows(self) -> "Finding | None":
        """What was found of that unit."""
        return next((one for one in self.findings if (one.layer, one.unit) == self.chosen), None)
