"""The encoder of a picture on one thread: see `models.patches`."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.linear import Linear
from seqcore.layers.tanh import tanh_forward_serial
from seqcore.models.encoder import State
from seqcore.models.pairs_reach import lengths_of
from seqcore.models.stack import CELLS
from seqcore.packing import BothWays
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs


class PatchTrace(NamedTuple):
    """What was computed for a picture."""

    notes: F32  # (P, H) the annotations
    mean: F32  # (1, H)


class SerialPatches:
    """The layer over views into a parameter buffer."""

    def __init__(self, config: ModelConfig, p: Parameters) -> None:
        self.linear = Linear(p["patches.W"], NO_VECTOR, NO_MATRIX, NO_VECTOR)
        self.e, self.inputs = p["patches.position"], config.inputs
        self.carries_c = CELLS[config.family].carries_c

    def factors(self) -> Iterator[BothWays]:
        """Yield the layer, whose matrix is packed."""
        yield self.linear

    def nothing(self) -> Inputs:
        """Return a picture whose numbers are all 0."""
        picture = np.zeros((len(self.e), self.inputs + 1), np.float32)
        picture[:, -1] = -1
        return picture

    def read(self, source: Inputs) -> PatchTrace:
        """Read a picture (P, F + 1)."""
        P, H = self.e.shape
        z, notes = zeros(P, padded(H)), zeros(P, H)
        self.linear.forward_serial(np.ascontiguousarray(source, np.float32), z)
        z[:, :H] += self.e
        tanh_forward_serial(z, notes)
        return PatchTrace(notes, np.add.reduce(notes, axis=0, keepdims=True) * np.float32(1 / P))

    def last(self, n: int, trace: PatchTrace) -> State:
        """Return the mean of the annotations, (1, H)."""
        return State(trace.mean, trace.mean if self.carries_c else NO_MATRIX)

    def shown(self, n: int, trace: PatchTrace) -> list[tuple[str, dict[str, F32]]]:
        """Return the annotations as the state h of the lowest layer: there is nothing else before the bar."""
        return [("", {} if n else {"h": trace.notes})]

    def back(self, trace: PatchTrace, last: list[State], dnotes: F32, hidden: F32, inputs: F32) -> None:
        """Take N losses back to the patches, and fill in how long their gradients are.

        Given those of the last state of each layer, (N, padded H), and of the annotations, dnotes (N, P, padded H).
        hidden (layers, N, P and more) is of the annotations, the same for all layers, inputs (N, P and more) of x_p.
        """
        P, H = self.e.shape
        dmean = zeros(len(dnotes), H)
        for state in last:
            dmean += state.h[:, :H]
            if self.carries_c:
                dmean += state.c[:, :H]
        for p in range(P):
            d = dnotes[:, p]
            d[:, :H] += dmean * np.float32(1 / P)
            hidden[:, :, p] = lengths_of(d, H)
            dz, dx = zeros(*d.shape), zeros(len(d), self.linear.input_width)
            dz[:, :H] = d[:, :H] * (1 - trace.notes[p] ** 2)
            self.linear.backward_input_serial(dz, dx)
            inputs[:, p] = lengths_of(dx, self.inputs)
