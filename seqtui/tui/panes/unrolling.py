"""What the view of the unrolled network is about: a network over a text, and how much of it has been played."""

import math
from dataclasses import dataclass

import numpy as np
from seqcore.cellwork.unrolled import Output, Strand, Unrolled
from seqcore.records import Probe, Stave

from seqtui.live.snapshot import Phase
from seqtui.live.unrolled_watch import UnrolledSeen
from seqtui.tui.widgets.arrays import Arrays, flat


@dataclass(frozen=True, eq=False)
class Unrolling:
    """One frame."""

    phase: Phase = Phase.LOADING
    probe: Probe | None = None
    playhead: int = 0
    layer: int = 0  # counted from 0, in front where not all layers fit
    second: bool = False  # the second direction of an encoder
    seen: UnrolledSeen | None = None
    computed: int = 0  # the forward pass is drawn up to this timestep, exclusive
    returned: int = 0  # the way back is drawn from this timestep on
    played: str = ""  # what is being played, in words; "": the whole is shown

    @property
    def net(self) -> Unrolled | None:
        """The network, if it belongs to the probe."""
        if self.seen is None or self.probe is None:
            return None
        return self.seen.unrolled if len(self.seen.unrolled.outputs) == len(self.probe.symbols) else None

    @property
    def layers(self) -> int:
        """The number of layers."""
        return 1 + max((one.layer for one in self.net.strands), default=0) if self.net is not None else 0

    def name(self, layer: int) -> str:
        """Return the name of the states of a layer: h, or h2 of the second of several; of attention x″."""
        state = self.net.strands[0].state.removesuffix("_t") if self.net is not None else "h"
        return f"{state}{layer + 1}" if self.layers > 1 else state

    def strand(self, t: int, layer: int) -> Strand | None:
        """Return a layer at a timestep."""
        if self.net is None:
            return None
        return next((one for one in self.net.at(t, self.second) if one.layer == layer), None)

    def nearest(self, t: int, layer: int) -> Strand | None:
        """Return a layer at a timestep, or the top one if this part of the model has fewer."""
        found = [one for n in range(layer + 1) if (one := self.strand(t, n)) is not None]
        return found[-1] if found else None

    def cell(self, t: int, layer: int) -> Stave | None:
        """Return the cell state of a layer, if it has one that is known there."""
        strand = self.strand(t, layer)
        if self.probe is None or strand is None or strand.second:
            return None
        return next((one for one in self.probe.staves if (one.name, one.layer) == ("c", layer)), None)

    def gradient(self, t: int, layer: int) -> float:
        """Return |dL/dh| of a layer after a timestep; NaN where there is none."""
        strand = self.strand(t, layer)
        return strand.steps[t - strand.first].gradient if strand is not None else float("nan")

    def share(self, t: int, layer: int) -> float:
        """Return |the part of the gradient of W_hh that comes from a timestep|; NaN where there is none."""
        strand = self.strand(t, layer)
        return strand.steps[t - strand.first].weights if strand is not None else float("nan")

    def arrays(self) -> Arrays:
        """Return what is known of every timestep: of outputs (T,), of layers (L, T); NaN where there is none."""
        net, probe = self.net, self.probe
        if net is None or probe is None:
            return {}
        nothing = Output("", math.nan, "", math.nan, math.nan)
        said = [one if one is not None else nothing for one in net.outputs]
        times, layers = range(len(said)), range(self.layers)
        return flat(
            {
                "t": list(times),
                "symbol": tuple(probe.symbols),
                "output": said,
                "gradient": np.array([[self.gradient(t, n) for t in times] for n in layers]),
                "of_dW_hh": np.array([[self.share(t, n) for t in times] for n in layers]),
            }
        )
