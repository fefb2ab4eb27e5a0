"""The equations of a recurrent encoder, in both directions."""

import functools

import numpy as np

from seqcore.arrays import zeros
from seqcore.cellwork.cells import EQUATIONS
from seqcore.cellwork.crossing import Crossing
from seqcore.cellwork.layer_back import LayerBack, layer_back
from seqcore.cellwork.mirror import mirrored
from seqcore.cellwork.paths import recurrent_path
from seqcore.cellwork.place import Backward, Forward, Place, input_read
from seqcore.cellwork.points import Point, above_terms, back_of
from seqcore.cellwork.records import Factor, Quantity, Term
from seqcore.cellwork.terms import Names, Read, unit_name
from seqcore.errors import SeqError
from seqcore.gemm import padded
from seqcore.models.encoder import State
from seqcore.models.encoder_serial import SerialEncoder, Trace
from seqcore.records import F32, Inputs

EncoderBack = list[list[LayerBack]]  # by layer and direction


class SourceSymbols:
    """A look of a recurrent encoder at S symbols; see `source.SourceWork`."""

    def __init__(self, encoder: SerialEncoder, trace: Trace, source: Inputs, names: Names) -> None:
        self.config, self.cells, self.trace = encoder.config, encoder.layers, trace
        self.source, self.names, self.E = source, names, encoder.E
        self.layers = self.config.layers
        self.equations = EQUATIONS[self.config.family]

    def part(self, second: bool) -> str:
        """See `SourceWork`."""
        if second and not self.config.bidirectional:
            raise SeqError("the encoder of this model reads in one direction only")
        return "encoder ←" if second else "encoder"

    def states(self, layer: int, second: bool) -> F32:
        """See `SourceWork`."""
        return self.trace.layers[layer][int(second)].h[1:, 0]

    def note_name(self, j: int) -> str:
        """See `SourceWork`."""
        H = self.config.hidden
        return unit_name(j) if j < H else f"{unit_name(j - H)} ←"

    def last_name(self, state: str) -> str:
        """See `SourceWork`."""
        return f"[{state}→ {state}←]"

    def handed(self, unit: int) -> tuple[Quantity, ...]:
        """See `SourceWork`: the bridge reads the states themselves."""
        return ()

    def point(self, place: Place) -> Point:
        """Return a unit at a timestep."""
        t, layer, unit, second = place[:4]
        i, step = (len(self.source) - 1 - t, -1) if second else (t, 1)
        work, cell = self.trace.layers[layer][int(second)], self.cells[layer][int(second)]
        if layer:
            x = Read.whole("x", t, self.trace.notes_of(layer - 1)[t], self.note_name)
        else:
            x = input_read(self.source, t, self.E, self.names, t)
        h = work.h[i, 0]
        return Point(
            self.equations, cell, work, i, unit, t, t + step, x,
            Read.whole("h", t - step, h if i else h[:0], unit_name),
        )  # fmt: skip

    def forward(self, place: Place) -> Forward:
        """See `SourceWork`."""
        quantities = tuple(self.equations.forward(self.point(place)))
        return Forward(mirrored(quantities) if place.second else quantities)

    def back(self, last: list[State], dnotes: F32) -> EncoderBack:
        """See `SourceWork`."""
        found: EncoderBack = []
        H, S = self.config.hidden, len(self.source)
        for n in range(self.layers - 1, -1, -1):
            ways, below = [], zeros(S, padded(self.cells[n][0].input.input_width))
            for way, cell in enumerate(self.cells[n]):
                order = slice(None, None, -1 if way else 1)
                own = np.ascontiguousarray(dnotes[order, way * H : (way + 1) * H])
                half = slice(way * H, (way + 1) * H)
                dh = zeros(1, padded(H))
                dh[0, :H] = last[n].h[0, half]
                direct = last[n].c[0, half] if cell.carries_c else np.zeros(H, np.float32)
                ways.append(layer_back(cell, self.trace.layers[n][way], own, dh[0], direct))
                below[:, : ways[-1].dx.shape[1]] += ways[-1].dx[order]
            found.insert(0, ways)
            dnotes = below
        return found

    def backward(self, place: Place, back: EncoderBack, crossing: Crossing) -> Backward:
        """See `SourceWork`."""
        point, S, way = self.point(place), len(self.source), int(place.second)
        own = back[place.layer][way]
        entering = functools.partial(self._entering, place, back, crossing)
        carried_in = functools.partial(self._from_bridge, place, crossing, "c")
        at = back_of(point, own, entering, carried_in)
        gradients = tuple(self.equations.backward(at))
        times = range(S - 1, -1, -1) if place.second else range(S)
        kept = [self.equations.kept(one) for one in at.over(range(S))]
        path = recurrent_path(own, times, place.unit, kept, S - 1, self.names)
        depth = tuple(Factor(f"h of layer {n}", float(ways[way].sizes[point.i])) for n, ways in enumerate(back))
        shown = mirrored(gradients) if place.second else gradients
        return Backward(shown, path, depth[::-1], self.equations.keep)

    def _entering(self, place: Place, back: EncoderBack, crossing: Crossing) -> list[Term]:
        """Return the terms of dL/dh_t that do not come from the layer's next timestep."""
        above, t, row = place.layer + 1, place.t, place.unit + self.config.hidden * place.second
        found = self._from_bridge(place, crossing, "h")
        if above == self.layers:
            return found + crossing.at_note(t, row)
        for way, cell in enumerate(self.cells[above]):
            dz = back[above][way].dz[len(self.source) - 1 - t if way else t]
            mark = f"layer {above}{' ←' if way else ''}, "
            found += above_terms(row, t, cell, self.equations, dz, mark)
        return found

    def _from_bridge(self, place: Place, crossing: Crossing, state: str) -> list[Term]:
        """Return the terms from the decoder's initial h or c; none before the last timestep of a direction."""
        if place.t != (0 if place.second else len(self.source) - 1):
            return []
        return crossing.at_last(place.layer, place.unit + self.config.hidden * place.second, state)
