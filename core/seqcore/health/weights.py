"""The largest singular value of W_hh, and the entropy of attention heads.

With gamma the largest slope of the nonlinearity (tanh 1, sigmoid 1/4), a largest singular value of W_hh below 1 / gamma
is enough for gradients to vanish, one above is necessary for them to explode (Pascanu, Mikolov and Bengio 2013, section
2.2). In gated cells each gate has a matrix of its own.
"""

import math
from typing import NamedTuple

import numpy as np

from seqcore.config import ModelConfig
from seqcore.models.stack import CELLS
from seqcore.parameters import Parameters
from seqcore.records import F32

_MOST_ROUNDS = 300
_CLOSE = 1e-7  # relative change of the value at which it is taken
_SEED = 0x516


class Singular(NamedTuple):
    """The matrix of one gate of one recurrent layer."""

    name: str  # of the parameter: "layers.0.W_hh"
    gate: str  # "" if the cell has no gates
    value: float
    edge: float  # 1 / gamma: below, gradients must vanish on this path


def largest_singular(matrix: F32) -> float:
    """Return the largest singular value of a matrix, from below, to about 0.1%: power iteration on W^T W.

    With plain sums, on this thread: NumPy's products would start threads of their own beside training. NaN if the
    matrix is not finite.
    """
    W = matrix.astype(np.float64)
    if not np.isfinite(W).all():
        return math.nan
    v = np.random.default_rng(_SEED).normal(size=W.shape[1])
    v /= math.sqrt(float(np.square(v).sum()))
    value = 0.0
    for _ in range(_MOST_ROUNDS):
        u = (W * v).sum(axis=1)
        before, value = value, math.sqrt(float(np.square(u).sum()))
        v = (W * u[:, None]).sum(axis=0)
        size = math.sqrt(float(np.square(v).sum()))
        if size == 0 or abs(value - before) <= _CLOSE * value:
            break
        v /= size
    return value


def singular_values(config: ModelConfig, parameters: Parameters) -> tuple[Singular, ...]:
    """Return the largest singular value of every W_hh, a gate at a time; none for models without one."""
    found = []
    for name, W in parameters.items():
        if not name.endswith(".W_hh"):
            continue
        shown, H = CELLS[config.family].shown, len(W)
        for n in range(W.shape[1] // H):
            squashed = bool(shown) and not shown[n].signed
            gate = shown[n].name if shown else ""
            found.append(Singular(name, gate, largest_singular(W[:, n * H : (n + 1) * H]), 4.0 if squashed else 1.0))
    return tuple(found)


def head_entropy(attention: F32) -> F32:
    """Return the entropy of each head's weights, (layers, heads), as a share of the largest one possible: 0 to 1.

    attention (layers, heads, T, T) has in row t the weights of the timesteps up to t, then NaN. The share is
    H_t / log(t + 1), averaged over the timesteps after the first; NaN with fewer than two.
    """
    T = attention.shape[2]
    if T < 2:
        return np.full(attention.shape[:2], np.nan, np.float32)
    weights = np.nan_to_num(attention[:, :, 1:], nan=0.0).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(weights > 0, weights * np.log(weights), 0.0)
    most = np.log(np.arange(2, T + 1))
    shares: F32 = (-terms.sum(axis=3) / most).mean(axis=2).astype(np.float32)
    return shares
