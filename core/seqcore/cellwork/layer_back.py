"""The gradient of all losses together, taken back through every timestep of one recurrent layer; serial."""

from dataclasses import dataclass

import numpy as np

from seqcore.arrays import zeros
from seqcore.gemm import padded
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.records import F32, F64


@dataclass(frozen=True)
class LayerBack:
    """Gradients of a layer of H units over T timesteps, in the order in which it reads; row i is timestep i."""

    dh: F32  # (T, H) of h after timestep i, from everything that reads it
    direct: F32  # (T+1, H) what bypasses W_hh: row i + 1 comes from timestep i + 1, row 0 reaches the initial state
    dz: F32  # (T, width of gates), as the cell's kernel leaves them
    dx: F32  # (T, padded I) of the input
    entering: F32  # (T, H) the part of dh that does not come from the next timestep
    recurrent: F32  # (T+1, padded H) what goes through W_hh, rows as in `direct`
    carries_c: bool  # `direct` is of c, not a part of dh
    shares: F64  # (T,) |the part of dL/dW_hh that comes from timestep i| = |dz| |h before it|

    @property
    def sizes(self) -> F64:
        """|dL/dh| after each timestep, (T,)."""
        return lengths(self.dh)

    @property
    def stretches(self) -> F64:
        """|gradient that arrives at the state before a timestep, from that after it| / |the latter|, (T,)."""
        H = self.dh.shape[1]
        carried = [self.recurrent[:-1, :H], self.direct[:-1]] if self.carries_c else []
        before = lengths(np.concatenate(carried, axis=1) if carried else self.recurrent[:-1, :H] + self.direct[:-1])
        after = lengths(np.concatenate([self.dh, self.direct[1:]], axis=1) if carried else self.dh)
        with np.errstate(invalid="ignore", divide="ignore"):
            return before / after


def layer_back(
    cell: Cell, work: CellWorkspace, entering: F32, last: F32 | None = None, direct: F32 | None = None, cut: int = 0
) -> LayerBack:
    """Take the gradients entering (T, at least H) back through all timesteps of `work`, which has a batch of 1.

    `last` and `direct` (at least H) are the gradients of h and of what bypasses W_hh after the last timestep. Nothing
    goes back from a timestep that is a multiple of `cut` to the one before it: truncated backpropagation; 0: no cut.
    """
    T, H = len(work.gates), cell.hidden
    dh, back, norms = zeros(1, padded(H)), zeros(1, H), np.zeros(1, np.float32)
    if last is not None:
        dh[0, :H] = last[:H]
    if direct is not None:
        back[0] = direct[:H]
    whole, past, through, dz = zeros(T, H), zeros(T + 1, H), zeros(T + 1, padded(H)), zeros(T, work.gates.shape[2])
    entered = entering[:, :H].copy()
    if T and last is not None:
        entered[-1] += last[:H]
    past[T] = back[0]
    for i in range(T - 1, -1, -1):
        dh[0, :H] += entering[i, :H]
        whole[i] = dh[0, :H]
        cell.back_one(work, i, dh, back, dz[i : i + 1], norms)
        if cut and i % cut == 0:
            dh[:], back[:] = 0, 0
        through[i], past[i] = dh[0], back[0]
    if cell.goes_direct and not cell.carries_c:
        whole += past[1:]
    dx = zeros(T, cell.input.input_width)
    cell.input.backward_input_serial(dz, dx)
    shares = lengths(cell.recurrent_part(dz)) * lengths(work.h[:-1, 0])
    return LayerBack(whole, past, dz, dx, entered, through, cell.carries_c, shares)


def lengths(rows: F32) -> F64:
    """Return the Euclidean norms (T,) of rows (T, n)."""
    found: F64 = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1))
    return found
