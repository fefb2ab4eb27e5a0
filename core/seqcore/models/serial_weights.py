"""What the serial models share: their own copy of the parameters, and the inputs and states of recurrent layers."""

from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from seqcore.arrays import NO_VECTOR, zeros
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.layers.embedding import gather_rows
from seqcore.layers.linear import Linear
from seqcore.packing import Packs
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Inputs


class SerialWeights:
    """Parameters that are copied in and packed on one thread; a subclass creates both attributes."""

    parameters: Parameters
    _packs: Packs
    _backward = False  # whether the transposes are packed

    def load(self, flat: F32) -> None:
        """Copy the parameters (P,) and repack them."""
        self.parameters.flat[:] = flat
        self._packs.pack(back=False, parallel=False)
        self._backward = False

    def pack_backward(self) -> None:
        """Also pack the transposes, which only a backward pass needs."""
        if not self._backward:
            self._packs.pack(forward=False, parallel=False)
            self._backward = True


class PackedSerially(Protocol):
    """Packed weights of a transformer."""

    def pack(self, backward: bool, parallel: bool = True) -> None:
        """Repack the current parameters."""

    def pack_backward_serial(self) -> None:
        """Repack the transposes on one thread."""


PackedT = TypeVar("PackedT", bound=PackedSerially)


class SerialBlocks(Generic[PackedT]):
    """Parameters of a transformer that are copied in and packed on one thread; a subclass creates both attributes."""

    parameters: Parameters
    packed: PackedT
    _packed_back = False  # whether the transposes are packed

    def load(self, flat: F32) -> None:
        """Copy the parameters (P,) and repack them."""
        self.parameters.flat[:] = flat
        self.packed.pack(backward=False, parallel=False)
        self._packed_back = False

    def pack_backward(self) -> None:
        """Also pack the transposes, which only a backward pass needs."""
        if not self._packed_back:
            self.packed.pack_backward_serial()
            self._packed_back = True


class Unrecorded:
    """An encoder-decoder: the units of the encoder and of the decoder are others, so there is nothing to record."""

    @property
    def states(self) -> tuple[str, ...]:
        """None."""
        return ()

    def record(self, inputs: Inputs, state: Any, *names: str) -> tuple[F32, ...]:
        """Raise ValueError: there is nothing to record."""
        raise ValueError(", ".join(names))


def token_rows(linear: Linear, E: F32 | None, tokens: I32) -> F32:
    """Return x W_xh + b of a first layer for tokens (T,), embedded by E (V, I) or one-hot: (T, padded N)."""
    rows = zeros(len(tokens), linear.width)
    if E is None:
        gather_rows(linear.W, tokens, linear.b, rows)
        return rows
    x = zeros(len(tokens), E.shape[1])
    gather_rows(E, tokens, NO_VECTOR, x)
    linear.forward_serial(x, rows)
    return rows


def one_step(cell: type[Cell], layers: int, H: int) -> list[CellWorkspace]:
    """Return every layer's zero state, with room for the current timestep of one sequence."""
    return [cell.workspace(1, 1, H, backward=False) for _ in range(layers)]


def forked(cell: type[Cell], layers: list[CellWorkspace]) -> list[CellWorkspace]:
    """Return a copy of every layer's state."""
    copies = one_step(cell, len(layers), layers[0].h.shape[2])
    for copy, work in zip(copies, layers, strict=True):
        for name, view in copy.state().items():
            view[:] = work.state()[name]
    return copies


FIRST = np.zeros(1, np.int32)  # the index of the only row that a timestep reads
