"""The equations of a recurrent model."""

import functools

import numpy as np

from seqcore.arrays import zeros
from seqcore.cellwork.cells import EQUATIONS
from seqcore.cellwork.ends import Losses, Top, head_terms
from seqcore.cellwork.layer_back import LayerBack, layer_back
from seqcore.cellwork.paths import recurrent_path
from seqcore.cellwork.place import Backward, Forward, Place, input_read
from seqcore.cellwork.points import Point, above_terms, back_of
from seqcore.cellwork.records import Factor, Term
from seqcore.cellwork.terms import Names, Read, unit_name
from seqcore.errors import SeqError
from seqcore.gemm import padded
from seqcore.models.recurrent_serial import RecurrentLook, SerialRecurrent
from seqcore.records import F32, Inputs


def nothing() -> list[Term]:
    """Return no terms."""
    return []


def no_second(second: bool) -> None:
    """Raise SeqError if a second direction is asked for."""
    if second:
        raise SeqError("this part of the model reads in one direction only")


class RecurrentWork:
    """A look of a recurrent model at one sequence; see `place.Work`."""

    def __init__(self, model: SerialRecurrent, look: RecurrentLook, inputs: Inputs, names: Names) -> None:
        self.model, self.look, self.inputs, self.names = model, look, inputs, names
        self.config = model.config
        self.equations = EQUATIONS[model.config.family]

    def layers(self, t: int) -> int:
        """See `Work`."""
        return self.config.layers

    def part(self, t: int, second: bool) -> str:
        """See `Work`."""
        no_second(second)
        return ""

    def states(self, t: int, layer: int, second: bool) -> F32:
        """See `Work`."""
        return self.look.layers[layer].h[1:, 0]

    def top(self, t: int) -> Top:
        """See `Work`."""
        p = self.model.parameters
        return Top(self._h(len(self.look.layers) - 1, t), p["head.W_hy"], p["head.b_y"])

    def _h(self, layer: int, t: int, source: str = "h") -> Read:
        """Return h of a layer after timestep t; the initial state has no elements."""
        h = self.look.layers[layer].h[t + 1, 0]
        return Read.whole(source, t, h if t >= 0 else h[:0], unit_name)

    def point(self, layer: int, t: int, unit: int) -> Point:
        """Return a unit at a timestep."""
        E = self.model.parameters["embedding.E"] if self.config.embedding else None
        x = self._h(layer - 1, t, "x") if layer else input_read(self.inputs, t, E, self.names, t)
        work, before = self.look.layers[layer], self._h(layer, t - 1)
        return Point(self.equations, self.model.layers[layer], work, t, unit, t, t + 1, x, before)

    def forward(self, place: Place) -> Forward:
        """See `Work`."""
        return Forward(tuple(self.equations.forward(self.point(place.layer, place.t, place.unit))))

    def back(self, losses: Losses) -> list[LayerBack]:
        """See `Work`."""
        model = self.model
        model.pack_backward()
        above = zeros(len(losses.dlogits), padded(self.config.hidden))
        model.head.backward_input_serial(losses.dlogits, above)
        found: list[LayerBack] = []
        for layer, work in zip(model.layers[::-1], self.look.layers[::-1], strict=True):
            found.insert(0, layer_back(layer, work, above, cut=losses.cut))
            above = found[0].dx
        return found

    def backward(self, place: Place, losses: Losses, back: list[LayerBack]) -> Backward:
        """See `Work`."""
        t, layer, unit = place[:3]
        point, T = self.point(layer, t, unit), len(self.inputs)
        entering = functools.partial(self._entering, place, losses, back)
        at = back_of(point, back[layer], entering, nothing)
        kept = [self.equations.kept(one) for one in at.over(range(T))]
        path = recurrent_path(back[layer], range(T), unit, kept, losses.last, self.names)
        depth = [Factor(f"h of layer {n}", float(one.sizes[t])) for n, one in enumerate(back)]
        depth.append(Factor("output", float(np.linalg.norm(losses.dlogits[t]))))
        return Backward(tuple(self.equations.backward(at)), path, tuple(depth[::-1]), self.equations.keep)

    def _entering(self, place: Place, losses: Losses, back: list[LayerBack]) -> list[Term]:
        t, above = place.t, place.layer + 1
        if above == len(back):
            return head_terms(self.top(t), place.unit, losses.dlogits[t], self.names)
        mark = f"layer {above}, "
        return above_terms(place.unit, t, self.model.layers[above], self.equations, back[above].dz[t], mark)
