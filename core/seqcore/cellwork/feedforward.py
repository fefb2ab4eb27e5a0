"""The equations of a feed-forward model; see `models.feedforward`."""

import functools

import numpy as np

from seqcore.arrays import zeros
from seqcore.cellwork.ends import Losses, Top, head_terms
from seqcore.cellwork.paths import plain_path
from seqcore.cellwork.place import Backward, Forward, Place
from seqcore.cellwork.points import through_tanh
from seqcore.cellwork.records import Factor, Gradient, Quantity, Term
from seqcore.cellwork.recurrent import no_second
from seqcore.cellwork.terms import Names, Read, bias, largest, terms_of, unit_name
from seqcore.gemm import padded
from seqcore.models.feedforward_serial import FeedForwardLook, SerialFeedForward
from seqcore.records import F32, Inputs


class FeedForwardWork:
    """A look of a feed-forward model at one sequence; see `place.Work`."""

    def __init__(self, model: SerialFeedForward, look: FeedForwardLook, inputs: Inputs, names: Names) -> None:
        self.model, self.look, self.names = model, look, names
        self.config = model.config

    def layers(self, t: int) -> int:
        """See `Work`."""
        return self.config.layers

    def part(self, t: int, second: bool) -> str:
        """See `Work`."""
        no_second(second)
        return ""

    def states(self, t: int, layer: int, second: bool) -> F32:
        """See `Work`."""
        return self.look.h

    def top(self, t: int) -> Top:
        """See `Work`."""
        head = self.model.head
        return Top(Read.whole("h", t, self.look.h[t], unit_name), head.W, head.b)

    def forward(self, place: Place) -> Forward:
        """See `Work`."""
        t, unit, model = place.t, place.unit, self.model
        terms: list[Term] = bias("b", model.input.b, unit)
        n, width = self.config.context, self.config.input_width
        for slot in range(n):
            at, own = t - n + 1 + slot, np.arange(slot * width, (slot + 1) * width)
            values, weights = self.look.x[t, own], model.input.W[own, unit]
            terms += terms_of("x", at, functools.partial(self._name, at), "W_xh", weights, values)
        formula = f"h_t = tanh(W_xh [x_{{t-{n - 1}}} … x_t] + b)" if n > 1 else "h_t = tanh(W_xh x_t + b)"
        return Forward((Quantity("h_t", "hidden unit", formula, "tanh", float(self.look.h[t, unit]), largest(terms)),))

    def _name(self, at: int, i: int) -> str:
        """Return the name of number i of what was read at a timestep; before the first, nothing was."""
        if at < 0:
            return f"nothing[{i}]"
        return self.names.inputs[i] if i < len(self.names.inputs) else f"x[{i}]"

    def back(self, losses: Losses) -> F32:
        """Return the gradients of the hidden units, (T, padded H)."""
        self.model.pack_backward()
        dh = zeros(len(losses.dlogits), padded(self.config.hidden))
        self.model.head.backward_input_serial(losses.dlogits, dh)
        return dh

    def backward(self, place: Place, losses: Losses, back: F32) -> Backward:
        """See `Work`."""
        t, unit, H = place.t, place.unit, self.config.hidden
        dh, h = back[t, unit], self.look.h[t, unit]
        terms = largest(head_terms(self.top(t), unit, losses.dlogits[t], self.names))
        factors = Factor("dL/dh_t", float(dh)), through_tanh("h_t", float(h))
        dz, formula = float(dh * (1 - h * h)), "dL/dz_t = dL/dh_t · (1 - h_t²)"
        gradients = (
            Gradient("dL/dh_t", "hidden unit", "dL/dh_t = W_hy dL/dlogits", float(dh), terms=terms),
            Gradient("dL/dz_t", "before tanh", formula, dz, factors),
        )
        depth = (
            Factor("output", float(np.linalg.norm(losses.dlogits[t]))),
            Factor("h of layer 0", float(np.linalg.norm(back[t, :H]))),
        )
        return Backward(gradients, plain_path(back[:, :H], back[:, :H], unit, self.names), depth)
