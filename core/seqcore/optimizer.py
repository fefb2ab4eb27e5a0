"""AdamW (Loshchilov and Hutter 2019), clipping by the global norm, and the learning-rate schedule.

    m = b1 m + (1 - b1) g        v = b2 v + (1 - b2) g^2        g clipped
    w = w - rate * decay * w                                    matrices only
    w = w - rate * (m / (1 - b1^n)) / (sqrt(v / (1 - b2^n)) + eps)

As `torch.optim.AdamW` with weight decay on the parameter group of the matrices only. All arrays are flat, (P,).
"""

import math
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import zeros
from seqcore.jit import f1, f4, f8_1, i8, i8_1, kernel, void
from seqcore.records import F32
from seqcore.team import shared, team

BLOCK = 16_384  # elements per work item; sums are per block, so they do not depend on the number of workers


@shared
def block_sums(block, worker, g, sums):
    """sums[block] = the sum of squares of that block of g (P,), in float64."""
    part, total = g[block * BLOCK : (block + 1) * BLOCK], 0.0
    for i in range(part.size):
        total += np.float64(part[i]) * np.float64(part[i])
    sums[block] = total


@kernel("gradient norm", "train", void(f1, f8_1, i8_1))
def square_sums(g, sums, team):
    """Fill sums (blocks,); see `block_sums`."""
    block_sums(team, sums.size, (g, sums))


@shared
def update_block(block, worker, w, g, m, v, rate, scale, a1, b2, a2, eps, c1, c2, decay, decayed):
    """Update one block of w (P,)."""
    first, last, shrink = block * BLOCK, min((block + 1) * BLOCK, w.size), np.float32(1) - rate * decay
    for i in range(first, min(last, decayed)):
        w[i] *= shrink
    w_b, g_b, m_b, v_b = w[first:last], g[first:last], m[first:last], v[first:last]
    for i in range(w_b.size):
        d = g_b[i] * scale
        m_b[i] += a1 * (d - m_b[i])
        v_b[i] = b2 * v_b[i] + a2 * d * d
        w_b[i] -= rate * (m_b[i] * c1) / (np.sqrt(v_b[i] * c2) + eps)


@kernel("adamw", "train", void(f1, f1, f1, f1, f4, f4, f4, f4, f4, f4, f4, f4, f4, i8, i8_1))
def adamw(w, g, m, v, rate, scale, a1, b2, a2, eps, c1, c2, decay, decayed, team):
    """One update; g is scaled by `scale` first (clipping). a = 1 - b, c = 1 / (1 - b^n)."""
    blocks = (w.size + BLOCK - 1) // BLOCK
    update_block(team, blocks, (w, g, m, v, rate, scale, a1, b2, a2, eps, c1, c2, decay, decayed))


class AdamW:
    """The optimiser state: m and v (P,), and the number of updates."""

    def __init__(self, size: int, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8) -> None:
        self.betas, self.eps = betas, eps
        self.m, self.v = zeros(size), zeros(size)
        self.updates = 0
        self._sums = np.zeros(-(-size // BLOCK), np.float64)

    def norm(self, g: F32) -> float:
        """Return the global L2 norm of g; not finite if any element of g is not."""
        square_sums(g, self._sums, team())
        return math.sqrt(math.fsum(self._sums)) if np.isfinite(self._sums).all() else math.nan

    @property
    def corrections(self) -> tuple[float, float]:
        """What m and v are multiplied by in the last update, because they began at zero."""
        b1, b2 = self.betas
        return 1 / (1 - b1**self.updates), 1 / (1 - b2**self.updates)

    def update(self, w: F32, g: F32, rate: float, scale: float, decay: float, decayed: int) -> None:
        """Update w (P,) with the gradient scale * g; the first `decayed` elements of w decay."""
        self.updates += 1
        b1, b2 = self.betas
        c1, c2 = self.corrections
        numbers = (np.float32(x) for x in (rate, scale, 1 - b1, b2, 1 - b2, self.eps, c1, c2, decay))
        adamw(w, g, self.m, self.v, *numbers, decayed, team())


@dataclass(frozen=True)
class Schedule:
    """The learning rate over a run: linear warm-up, then constant or half a cosine down to `final` of the peak.

    As in nanoGPT: the first step has rate / (warmup + 1), and the cosine begins at the end of the warm-up.
    """

    kind: str  # "constant" or "cosine"
    warmup: int  # steps
    final: float = 0.0  # last rate of a cosine, as a fraction of the peak

    def factor(self, step: int, progress: float) -> float:
        """Return the factor of the peak rate at `step` (from 0).

        `progress` 0..1 is the fraction done of the run after the warm-up, see `TrainingConfig.decay`.
        """
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        if self.kind == "constant":
            return 1.0
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, progress))))
