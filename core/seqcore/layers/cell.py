"""Base class of the recurrent layers: x W_xh + b is hoisted out of the recurrence, h_{t-1} W_hh is not.

Each cell is a subclass in its own file: its equations, forward and backward at one timestep, from which `layers.scan`
makes the kernels. A new cell needs that file, a line in `models.recurrent.CELLS` and a float64 twin in the tests.

Shapes: inputs (rows, padded N) holds x W_xh + b, with N = `products` * H; index (T * B,) maps each timestep of each
sequence to its row of inputs. The other arrays are in `CellWorkspace`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, Self

import numpy as np

from seqcore.arrays import NO_INDEX, NO_MATRIX, NO_VECTOR, zeros
from seqcore.gemm import padded
from seqcore.layers.linear import Linear, project
from seqcore.layers.plan import Plan, planned
from seqcore.layers.scan import Scan
from seqcore.outer import NO_SECOND, Second, outer_sum
from seqcore.packing import Packed
from seqcore.parameters import Parameters
from seqcore.records import F32, I32
from seqcore.team import TEAM, team

ALWAYS_OPEN = 30.0  # sigmoid of it is 1 in float32


class Shown(NamedTuple):
    """A stave that panes draw for a cell; see `records.Stave`."""

    name: str
    signed: bool
    limit: float


@dataclass
class CellWorkspace:
    """The arrays of one layer for B sequences of T timesteps."""

    gates: F32  # (T, B, padded `columns` H): the cell's intermediate values; after the backward pass, their gradients
    c: F32  # (T+1, B, H), row 0 carried in; empty if the cell has no c
    h: F32  # (T+1, B, H), row 0 carried in
    dh: F32  # (T, B, padded H): on entry the gradient from above; empty without a backward pass
    direct: F32  # (1, B, H): the gradient that bypasses W_hh: of c, or a part of that of h; see `Cell.backward_scan`

    def state(self) -> dict[str, F32]:
        """Return views of the state carried in, (B, H), by name."""
        return ({"c": self.c[0]} if self.c.size else {}) | {"h": self.h[0]}

    def carry(self) -> None:
        """Copy the state after the last timestep to row 0, the state carried in."""
        for first, last in self._ends:
            first[...] = last

    def cut(self, first: int, count: int) -> "CellWorkspace":
        """Return views of `count` timesteps from `first` on; the gradient that bypasses W_hh is another array."""
        rows, states = slice(first, first + count), slice(first, first + count + 1)
        return CellWorkspace(
            self.gates[rows], self.c[states], self.h[states], self.dh[rows], np.zeros_like(self.direct)
        )

    def timestep(self, t: int) -> "CellWorkspace":
        """Return views of one timestep; they share the gradient that bypasses W_hh."""
        row, states = slice(t, t + 1), slice(t, t + 2)
        return CellWorkspace(self.gates[row], self.c[states], self.h[states], self.dh[row], self.direct)

    @cached_property
    def last_h(self) -> F32:
        """A view of h after the last timestep, (B, H)."""
        last: F32 = self.h[-1]
        return last

    @cached_property
    def _ends(self) -> list[tuple[F32, F32]]:
        """Views of the first and last row of each state; cached, as creating them costs more than the copy itself."""
        return [(state[0], state[-1]) for state in (self.h, self.c) if state.size]


class Cell:
    """One recurrent layer. W_xh (I, N) and b (N,) belong to its input product, W_hh (H, N) to its recurrence.

    `weights` and `gradients` hold the arrays named by `shapes`; without gradients, only the forward pass is available.
    """

    scan: ClassVar[Scan]
    products: ClassVar[int]  # (H, H) blocks side by side in W_hh; W_xh has as many (I, H) blocks
    columns: ClassVar[int]  # values per unit in `gates`
    carries_c: ClassVar[bool] = False
    goes_direct: ClassVar[bool] = True  # part of the gradient bypasses W_hh
    keeps: ClassVar[int | None] = None  # the block of b whose gate keeps the state where it is 1
    takes: ClassVar[int | None] = None  # the block of b whose gate takes new input, if it is another gate
    shown: ClassVar[tuple[Shown, ...]]  # the blocks of `gates` that panes draw, in order

    def __init__(
        self, weights: Mapping[str, F32], gradients: Mapping[str, F32] | None = None, activation: str = "tanh"
    ) -> None:
        g = gradients or {}
        self.hidden = len(weights["W_hh"])
        self.activation = activation
        self.W_hh, self.dW_hh = weights["W_hh"], g.get("W_hh", NO_MATRIX)
        self.input = Linear(weights["W_xh"], weights["b"], g.get("W_xh", NO_MATRIX), g.get("b", NO_VECTOR))
        self.bias, self.dbias = NO_VECTOR, NO_VECTOR  # of the recurrence, if the cell has one
        self.flag = activation == "relu"
        self.packed = Packed(self.W_hh, parts=self.products)
        self.packed_T = Packed(self.W_hh, transposed=True)

    @classmethod
    def shapes(cls, I: int, H: int) -> dict[str, tuple[int, ...]]:  # noqa: E741  # the width of the input, as in the files
        """Return the parameters' names and shapes."""
        N = cls.products * H
        return {"W_xh": (I, N), "W_hh": (H, N), "b": (N,)}

    @classmethod
    def draw_bias(cls, b: F32, draw: np.random.Generator, bound: float) -> None:
        """Add a second uniform draw in +-bound to b, which holds one: the sum of the two biases that PyTorch has."""
        b += draw.uniform(-bound, bound, b.shape).astype(np.float32)

    @classmethod
    def resting(cls, H: int) -> F32:
        """Return inputs (padded N,) that keep a state of zero at exactly zero: padding before a sequence reads them."""
        return zeros(padded(cls.products * H))

    @classmethod
    def workspace(cls, T: int, B: int, H: int, backward: bool = True) -> CellWorkspace:
        """Return the layer's arrays, zeroed."""
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
        """Return the bytes that `workspace` will allocate: linear in T, B and H."""
        back = T * padded(H) if backward else 0
        states = (2 if cls.carries_c else 1) * (T + 1) * H
        return 4 * B * (T * padded(cls.columns * H) + states + cls.goes_direct * H + back)

    def forward(self, inputs: F32, index: I32, work: CellWorkspace, parallel: bool = True) -> None:
        """Fill gates, and the states from row 1 on, given inputs, index and row 0 of the states."""
        arrays = inputs, index, self.packed.panels, self.bias, self.flag, work.gates, work.c, work.h
        if parallel:
            plan = self.plan(work.h.shape[1])
            flags, scratch = plan.memory(len(work.gates))
            self.scan.forward(*arrays, plan.shape, plan.lanes, scratch, flags, team())
        else:
            self.scan.forward_serial(*arrays)

    def backward(
        self, work: CellWorkspace, index: I32 = NO_INDEX, table: F32 = NO_MATRIX, second: Second = NO_SECOND
    ) -> None:
        """Backpropagate through all timesteps from dh, the gradient from above.

        Replace gates by their gradients, and fill the gradients of W_hh and its biases.
        If `index` (T * B,) is given, table[u] (U, padded N) = the sum of the gradients of the inputs with index u.
        `second` is a product whose left factor is h, all (T + 1) * B rows of it; see `outer_sum`.
        Backpropagation is truncated at the first timestep: the initial state is treated as constant.
        """
        work.direct[:] = 0
        self.backward_scan(work)
        self.backward_weights(work, index, table, second)

    def backward_scan(self, work: CellWorkspace) -> None:
        """Turn gates into their gradients, dh into the full gradient of h, and `direct`, that after the last timestep,
        into that before the first."""
        plan = self.plan(work.h.shape[1])
        self.scan.backward(
            self.packed_T.panels, self.flag, work.gates, work.c, work.h, work.dh, work.direct, plan.shape, plan.lanes,
            plan.memory(len(work.gates))[0], team(),
        )  # fmt: skip

    def initial_gradient(self, work: CellWorkspace, dh: F32) -> None:
        """Fill dh (B, padded H), the gradient of the initial h, after `backward_scan`; that of c is `work.direct`."""
        H, N = self.hidden, self.products * self.hidden
        project(self.recurrent_part(work.gates[0]), N, self.packed_T.panels, NO_VECTOR, dh, False, team())
        if self.goes_direct and not self.carries_c:
            dh[:, :H] += work.direct[0]

    def recurrent_part(self, dz: F32) -> F32:
        """Return the columns of gradients (rows, width of gates) that pass through W_hh: (rows, at least N)."""
        if self.columns == self.products:
            return dz
        H, N = self.hidden, self.products * self.hidden  # the block before the last does not
        return np.concatenate([dz[:, : N - H], dz[:, N : N + H]], axis=1)

    def backward_weights(self, work: CellWorkspace, index: I32, table: F32, second: Second) -> None:
        """Compute the part of `backward` that follows the scan: products over all T * B rows together.

        dW_hh = sum over t of h_{t-1}^T dz_t, and the gradient of the recurrent bias.
        """
        H = self.hidden
        gap = (H * (self.products - 1), H * (self.columns - self.products)) if self.columns > self.products else None
        outer_sum(self.places(work.h), self.places(work.gates), self.dW_hh, self.dbias, index, table, gap, second)

    def back_one(self, work: CellWorkspace, s: int, dh: F32, direct: F32, dz: F32, norms: F32) -> None:
        """Backpropagate R losses together through timestep s, all through the same gates; serial. See `probe`.

        dh (R, padded H) and direct (R, H) hold the gradient of h_{s+1} and are replaced by that of h_s. Fill
        dz (R, width of gates) and norms (R,) = |the full gradient of h_{s+1}|. `work` has a batch of 1.
        """
        self.scan.reach(
            work.gates[s, 0], work.c[s : s + 2], work.h[s : s + 2], self.packed_T.panels, self.flag, dh, direct, dz,
            norms,
        )  # fmt: skip

    def plan(self, B: int) -> Plan:
        """Return how the scan of B rows is shared among the threads in use."""
        return planned(B, self.hidden, self.products, TEAM.threads)

    def places(self, array: F32) -> F32:
        """Return (T, B, width) reshaped to (T * B, width)."""
        return array.reshape(array.shape[0] * array.shape[1], array.shape[2])

    @classmethod
    def parts(cls, parameters: Parameters, prefix: str) -> dict[str, F32]:
        """Select the arrays of one layer from those of a model."""
        return {name: parameters[f"{prefix}.{name}"] for name in cls.shapes(1, 1)}

    @classmethod
    def of(cls, weights: Parameters, gradients: Parameters | None, prefix: str, activation: str) -> Self:
        """Build the layer named `prefix` on views into the parameter and gradient buffers."""
        parts = cls.parts(gradients, prefix) if gradients is not None else None
        return cls(cls.parts(weights, prefix), parts, activation)
