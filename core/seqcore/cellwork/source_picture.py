"""The equations of the encoder of a picture, a dense layer over its patches; see `models.patches`."""

import numpy as np

from seqcore.cellwork.crossing import Crossing
from seqcore.cellwork.paths import plain_path
from seqcore.cellwork.place import Backward, Forward, Place, input_read
from seqcore.cellwork.points import through_tanh
from seqcore.cellwork.records import Factor, Gradient, Quantity, Term
from seqcore.cellwork.recurrent import no_second
from seqcore.cellwork.terms import Names, bias, largest, timed_terms, unit_name
from seqcore.models.encoder import State
from seqcore.models.patches_serial import PatchTrace, SerialPatches
from seqcore.records import F32, Inputs


class SourcePicture:
    """A look at one picture of P patches; see `source.SourceWork`."""

    layers = 1

    def __init__(self, encoder: SerialPatches, trace: PatchTrace, source: Inputs, names: Names) -> None:
        self.encoder, self.names = encoder, names
        self.notes, self.patches = trace.notes, source[:, : encoder.inputs]

    def part(self, second: bool) -> str:
        """See `SourceWork`."""
        no_second(second)
        return "encoder"

    def states(self, layer: int, second: bool) -> F32:
        """See `SourceWork`."""
        return self.notes

    def note_name(self, j: int) -> str:
        """See `SourceWork`."""
        return unit_name(j)

    def last_name(self, state: str) -> str:
        """See `SourceWork`: the mean of the annotations, whichever the state."""
        return "ā"

    def handed(self, unit: int) -> tuple[Quantity, ...]:
        """See `SourceWork`: the mean of the annotations."""
        P, own = len(self.notes), self.notes[:, unit]
        terms = timed_terms("a", self.names.symbol, "1/P", np.full(P, 1 / P), own, 0)
        value = float(own.mean(dtype=np.float64))
        return (Quantity("ā", "mean over the patches", "ā = Σ_t a_t / P", "", value, largest(terms)),)

    def forward(self, place: Place) -> Forward:
        """See `SourceWork`."""
        t, unit = place.t, place.unit
        x = input_read(self.patches, t, None, self.names, t)
        terms = [*x.terms("W", self.encoder.linear.W[:, unit]), *bias("e_t", self.encoder.e[t], unit)]
        value = float(self.notes[t, unit])
        formula = "a_t = tanh(W x_t + e_t)"
        return Forward((Quantity("a_t", "annotation", formula, "tanh", value, largest(terms)),), cell="patches")

    def back(self, last: list[State], dnotes: F32) -> F32:
        """See `SourceWork`: of the annotations, (P, H)."""
        P, H = self.notes.shape
        dmean = np.zeros(H, np.float32)
        for one in last:
            dmean += one.h[0, :H]
            if self.encoder.carries_c:
                dmean += one.c[0, :H]
        found: F32 = dnotes[:, :H] + dmean * np.float32(1 / P)
        return found

    def backward(self, place: Place, back: F32, crossing: Crossing) -> Backward:
        """See `SourceWork`."""
        t, unit, da = place.t, place.unit, back
        value, a = float(da[t, unit]), float(self.notes[t, unit])
        terms = [*crossing.at_note(t, unit), *self._through_mean(unit, crossing)]
        factors = Factor("dL/da_t", value), through_tanh("a_t", a)
        gradients = (
            Gradient(
                "dL/da_t", "annotation", "dL/da_t = through attention + through ā", value, terms=largest(terms)
            ),
            Gradient(
                "dL/dz_t", "before tanh", "dL/dz_t = dL/da_t · (1 - a_t²)", value * factors[1].value, factors
            ),
        )  # fmt: skip
        depth = (Factor("the annotations", float(np.linalg.norm(da[t]))),)
        return Backward(gradients, plain_path(da, da, unit, self.names), depth, state="a_t")

    def _through_mean(self, unit: int, crossing: Crossing) -> list[Term]:
        """Return the terms of dL/da_t through the mean, which starts every layer of the decoder."""
        P, found = len(self.notes), []
        for layer in range(len(crossing.decoder)):
            for state in ("h", "c"):
                found += crossing.at_last(layer, unit, state, 1 / P, "W/P")
        return found
