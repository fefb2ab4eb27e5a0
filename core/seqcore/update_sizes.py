"""How large gradients and updates are, for each matrix: measured after a step, from what the optimiser keeps.

With u = rate * (m c1) / (sqrt(v c2) + eps), the last update of w, of which only the new value is left, was

    w_new = keep * w_old - u        keep = 1 - rate * decay         so  w_new - w_old = ((keep - 1) w_new - u) / keep

The ratio of its norm to that of the weights is about 0.001 in a healthy run (Karpathy, CS231n notes, "Ratio of
weights:updates"). Nothing here changes what is trained: one pass over the parameters, on the training thread.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import types

from seqcore.jit import f1, f4, i8_1, kernel, void
from seqcore.optimizer import AdamW
from seqcore.parameters import Parameters


class UpdateSize(NamedTuple):
    """Of one matrix, at one step."""

    gradient_norm: float  # before clipping
    update_ratio: float  # norm of the update / norm of the weights


@kernel("sizes of updates", "train", void(f1, f1, f1, f1, i8_1, f4, f4, f4, f4, f4, types.float64[:, ::1]))
def sum_sizes(w, g, m, v, ends, rate, eps, c1, c2, decay, sums):
    """Fill sums (n, 3) with the squares of gradient, update and weights of the matrices that end at `ends` (n,)."""
    first, keep = 0, np.float32(1) - rate * decay
    for n in range(ends.size):
        w_n, g_n, m_n, v_n = w[first : ends[n]], g[first : ends[n]], m[first : ends[n]], v[first : ends[n]]
        gradient = update = weights = 0.0
        for i in range(w_n.size):
            u = rate * (m_n[i] * c1) / (np.sqrt(v_n[i] * c2) + eps)
            change = np.float64(((keep - np.float32(1)) * w_n[i] - u) / keep)
            gradient += np.float64(g_n[i]) * np.float64(g_n[i])
            update += change * change
            weights += np.float64(w_n[i]) * np.float64(w_n[i])
        sums[n, 0], sums[n, 1], sums[n, 2] = gradient, update, weights
        first = ends[n]


def update_sizes(
    parameters: Parameters, gradient: Parameters, optimizer: AdamW, rate: float, decay: float
) -> dict[str, UpdateSize]:
    """Return the sizes of the last step, by the name of the matrix; only those that are finite.

    `rate` and `decay` are those of that step.
    """
    matrices = [(name, view.size) for name, view in parameters.items() if view.ndim > 1]
    ends = np.cumsum([size for _, size in matrices])
    sums = np.zeros((len(matrices), 3))
    c1, c2 = optimizer.corrections
    numbers = (np.float32(x) for x in (rate, optimizer.eps, c1, c2, decay))
    sum_sizes(parameters.flat, gradient.flat, optimizer.m, optimizer.v, ends, *numbers, sums)
    found = {}
    for (name, _), (gradients, updates, weights) in zip(matrices, sums.tolist(), strict=True):
        if weights > 0 and all(map(math.isfinite, (gradients, updates, weights))):
            found[name] = UpdateSize(math.sqrt(gradients), math.sqrt(updates / weights))
    return found
