"""The encoder of a picture: one dense layer over its patches.

    a_p = tanh(x_p W + e_p)        the annotation of patch p; e_p, learned, says where the patch is
    s = mean over p of a_p         the last state of every layer, from which the bridge starts the decoder

as Xu et al. 2015 have it, with a dense layer in the place of their convolutions. Backward, with z_p = x_p W + e_p:

    da_p += ds / P        dz_p = da_p (1 - a_p^2)        dW = sum over p of x_p^T dz_p        de_p = dz_p

summed over the batch. Shapes: a picture has P patches of F numbers, which are the timesteps before the bar: inputs
(P, B, F + 1), see `data.score_layout`. Parameters: patches.W (F, H), patches.position (P, H).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, flat, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.dropout import dropout
from seqcore.layers.linear import Linear
from seqcore.layers.tanh import tanh_backward, tanh_forward
from seqcore.models.clocked import Clocked
from seqcore.models.encoder import State
from seqcore.models.stack import CELLS, Key
from seqcore.packing import BothWays
from seqcore.parameters import Parameters
from seqcore.records import F32, I64, Inputs
from seqcore.team import team


class Patches(NamedTuple):
    """The pictures of a batch."""

    pixels: F32  # (P * B, F + 1), whose first F columns are read
    lengths: I64  # (B,) P


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the encoder's parameters."""
    return {"patches.W": (config.inputs, config.hidden), "patches.position": (config.patches, config.hidden)}


@dataclass
class PatchWorkspace:
    """The arrays of one pass over B pictures."""

    z: F32  # (P * B, padded H)
    notes: F32  # (P * B, H) the annotations
    dropped: F32  # (P * B, H) the same after dropout, or empty
    mean: F32  # (B, H)
    dnotes: F32  # (P * B, padded H) the gradient of the annotations

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "PatchWorkspace":
        """Allocate zeroed arrays; any T > P serves."""
        H, M = config.hidden, config.patches * B
        back, drops = M if backward else 0, M if backward and config.dropout else 0
        return PatchWorkspace(zeros(M, padded(H)), zeros(M, H), zeros(drops, H), zeros(B, H), zeros(back, padded(H)))

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """Return the bytes that `of` will allocate."""
        H, M = config.hidden, config.patches * B
        dropped = backward and bool(config.dropout)
        return 4 * (M * (padded(H) + H + dropped * H + backward * padded(H)) + B * H)

    def cut(self, S: int, B: int) -> "PatchWorkspace":
        """Return the arrays: the bar is always after P timesteps."""
        return self


class PatchEncoder:
    """The layer over views into a parameter buffer and a gradient buffer."""

    def __init__(self, config: ModelConfig, p: Parameters, g: Parameters) -> None:
        self.linear = Linear(p["patches.W"], NO_VECTOR, g["patches.W"], NO_VECTOR)
        self.e, self.de = p["patches.position"], g["patches.position"]
        self.carries_c, self.rate = CELLS[config.family].carries_c, config.dropout

    def factors(self) -> Iterator[BothWays]:
        """Yield the layer, whose matrix is packed."""
        yield self.linear

    def source(self, inputs: Inputs) -> Patches:
        """Return the pictures that inputs (P, B, F + 1) hold."""
        P, B = inputs.shape[:2]
        return Patches(flat(inputs), np.full(B, P))

    def forward(self, source: Patches, work: PatchWorkspace, key: Key | None) -> F32:
        """Return the annotations, (P * B, H). `key` seeds their dropout; None: no dropout."""
        P, H = self.e.shape
        notes = work.notes
        self.linear.forward(source.pixels, work.z)
        work.z.reshape(P, -1, work.z.shape[1])[:, :, :H] += self.e[:, None]
        tanh_forward(work.z, work.notes, team())
        if self.rate and key is not None:
            dropout(notes, work.dropped, H, self.rate, key.of(0))
            notes = work.dropped
        np.add.reduce(notes.reshape(P, -1, H), axis=0, out=work.mean)
        work.mean *= np.float32(1 / P)
        return notes

    def last(self, n: int, work: PatchWorkspace) -> State:
        """Return the mean of the annotations, the same for every layer."""
        return State(work.mean, work.mean if self.carries_c else NO_MATRIX)

    def annotations(self, work: PatchWorkspace, source: Patches) -> F32:
        """Return the annotations, as a forward pass with a key has made them."""
        return work.dropped if self.rate else work.notes

    def backward(self, source: Patches, work: PatchWorkspace, last: list[State], key: Key) -> None:
        """Fill all gradients, given those of the annotations, work.dnotes, and of each layer's last state."""
        P, H = self.e.shape
        dmean = np.zeros_like(work.mean)
        for state in last:
            dmean += state.h[:, :H]
            if state.c.size:
                dmean += state.c[:, :H]
        dnotes = work.dnotes.reshape(P, -1, work.dnotes.shape[1])
        dnotes[:, :, :H] += dmean * np.float32(1 / P)
        if self.rate:
            dropout(work.dnotes, work.dnotes, H, self.rate, key.of(0))
        tanh_backward(work.notes, work.dnotes, team())
        self.linear.backward_weights(source.pixels, work.dnotes)
        np.add.reduce(dnotes[:, :, :H], axis=1, out=self.de)

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`."""
        yield Clocked(self, "forward", "forward")
        yield Clocked(self, "backward", "backward")
