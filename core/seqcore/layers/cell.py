"""What all recurrent layers have in common: x W_xh + b is hoisted out of the recurrence, h_{t-1} W_hh is not.

A cell is a subclass in a file of its own with its equations, its kernels forward and back, and a few lines that say
which arrays they are called with. A new one is that file, a line in `models.recurrent.CELLS` and a twin in the tests.

Shapes: inputs (rows, padded N) holds x W_xh + b, with N = `products` * H; index (T * B,) says which row serves which
place. The rest is in `CellWorkspace`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, Self

import numpy as np

from seqcore.arrays import NO_INDEX, NO_MATRIX, NO_VECTOR, zeros
from seqcore.gemm import padded
from seqcore.layers.linear import Linear
from seqcore.outer import NO_SECOND, Second
from seqcore.packing import Packed
from seqcore.parameters import Parameters
from seqcore.records import F32, I32


class Shown(NamedTuple):
    """A stave that panes draw of a cell: see `records.Stave`."""

    name: str
    signed: bool
    limit: float


@dataclass
class CellWorkspace:
    """The arrays of one layer for sequences of T timesteps in B rows."""

    gates: F32  # (T, B, padded `columns` H): what the cell computes inside, and after the backward pass its gradient
    c: F32  # (T+1, B, H), row 0 carried in; empty unless the cell has one
    h: F32  # (T+1, B, H), row 0 carried in
    dh: F32  # (T, B, padded H): comes in with the gradient from above; empty for a forward pass alone
    direct: F32  # (1, B, H): the gradient that goes back beside W_hh, after the backward pass that of the first state

    def state(self) -> dict[str, F32]:
        """Views of the state carried in, (B, H), by name."""
        return ({"c": self.c[0]} if self.c.size else {}) | {"h": self.h[0]}

    def carry(self) -> None:
        """The state after the last timestep becomes the one before the first."""
        for first, last in self._ends:
            first[...] = last

    @cached_property
    def last_h(self) -> F32:
        """A view of h after the last timestep, (B, H)."""
        last: F32 = self.h[-1]
        return last

    @cached_property
    def _ends(self) -> list[tuple[F32, F32]]:
        """Views of the first and the last row of each state: made once, they cost more than what is copied."""
        return [(state[0], state[-1]) for state in (self.h, self.c) if state.size]


class Cell(ABC):
    """One layer. W_xh (I, N) and b (N,) belong to its input product, W_hh (H, N) to its recurrence.

    `weights` and `gradients` hold the arrays that `shapes` names; without gradients there is no backward pass.
    """

    products: ClassVar[int]  # matrices (H, H) that stand side by side in W_hh, and so in W_xh
    columns: ClassVar[int]  # numbers that `gates` keeps of a unit
    carries_c: ClassVar[bool] = False
    goes_direct: ClassVar[bool] = True  # has a gradient that goes back beside W_hh
    shown: ClassVar[tuple[Shown, ...]]  # the blocks of `gates` that panes draw, in order

    def __init__(
        self, weights: Mapping[str, F32], gradients: Mapping[str, F32] | None = None, activation: str = "tanh"
    ) -> None:
        g = gradients or {}
        self.hidden = len(weights["W_hh"])
        self.activation = activation
        self.W_hh, self.dW_hh = weights["W_hh"], g.get("W_hh", NO_MATRIX)
        self.input = Linear(weights["W_xh"], weights["b"], g.get("W_xh", NO_MATRIX), g.get("b", NO_VECTOR))
        self.packed = Packed(self.W_hh)
        self.packed_T = Packed(self.W_hh, transposed=True)

    @classmethod
    def shapes(cls, I: int, H: int) -> dict[str, tuple[int, ...]]:  # noqa: E741  # the width of the input, as in the files
        """The parameters' names and shapes."""
        N = cls.products * H
        return {"W_xh": (I, N), "W_hh": (H, N), "b": (N,)}

    @classmethod
    def draw_bias(cls, b: F32, draw: np.random.Generator, bound: float) -> None:
        """b holds one uniform draw in +-bound; PyTorch has two biases, whose sum this becomes."""
        b += draw.uniform(-bound, bound, b.shape).astype(np.float32)

    @classmethod
    def workspace(cls, T: int, B: int, H: int, backward: bool = True) -> CellWorkspace:
        """Zeroed arrays."""
        back, cells = (T if backward else 0), (T + 1 if cls.carries_c else 0)
        return CellWorkspace(
            zeros(T, B, padded(cls.columns * H)),
            zeros(cells, B, H),
            zeros(T + 1, B, H),
            zeros(back, B, padded(H)),
            zeros(1 if cls.goes_direct else 0, B, H),
        )

    @classmethod
    def bytes_needed(cls, T: int, B: int, H: int, backward: bool = True) -> int:
        """What `workspace` will allocate: linear in T, B and H."""
        back = T * padded(H) if backward else 0
        states = (2 if cls.carries_c else 1) * (T + 1) * H
        return 4 * B * (T * padded(cls.columns * H) + states + cls.goes_direct * H + back)

    @abstractmethod
    def forward(self, inputs: F32, index: I32, work: CellWorkspace, parallel: bool = True) -> None:
        """Fill gates and the states from row 1 on, from inputs, index and the states' row 0."""

    @abstractmethod
    def backward(
        self, work: CellWorkspace, index: I32 = NO_INDEX, table: F32 = NO_MATRIX, second: Second = NO_SECOND
    ) -> None:
        """From dh as it comes from above: gates become their gradient, and those of W_hh and its biases are filled.

        Where `index` (T * B,) is given, table[u] (U, padded N) = the sum of the gradients of the inputs of index u.
        `second` is a product whose left factor is h, all (T + 1) * B rows of it; see `outer_sum`.
        The recurrence is cut at the first timestep (truncated backpropagation): the first state is taken as given.
        """

    @abstractmethod
    def backward_weights(self, work: CellWorkspace, index: I32, table: F32, second: Second) -> None:
        """The part of `backward` that follows the scan: products over all T * B places at once."""

    @abstractmethod
    def back_one(self, work: CellWorkspace, s: int, dh: F32, direct: F32, dz: F32, norms: F32) -> None:
        """Back through timestep s for R losses at once, all through the same gates; serial. See `probe`.

        dh (R, padded H) and direct (R, H) are the gradient of h_{s+1} and become that of h_s; dz (R, width of gates)
        and norms (R,) = |the whole gradient of h_{s+1}| are filled. `work` has a batch of 1.
        """

    def places(self, array: F32) -> F32:
        """(T, B, width) as (T * B, width)."""
        return array.reshape(array.shape[0] * array.shape[1], array.shape[2])

    @classmethod
    def parts(cls, parameters: Parameters, prefix: str) -> dict[str, F32]:
        """The arrays of one layer out of those of a model."""
        return {name: parameters[f"{prefix}.{name}"] for name in cls.shapes(1, 1)}

    @classmethod
    def of(cls, weights: Parameters, gradients: Parameters | None, prefix: str, activation: str) -> Self:
        """The layer of that prefix over views into parameter and gradient buffers."""
        parts = cls.parts(gradients, prefix) if gradients is not None else None
        return cls(cls.parts(weights, prefix), parts, activation)
