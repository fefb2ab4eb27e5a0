"""The head: logits, masked softmax cross-entropy, and the gradient that starts the way back.

    logits = h W_hy + b_y                      (M, V)
    loss_m = log sum_j exp(logits_j) - logits_y           in nats, y the target of place m
    L = scale * sum of loss_m over the places whose target is not -1
    dlogits = scale (softmax(logits) - onehot(y));   dh = dlogits W_hy^T

The usual scale is 1 / (number of targets), so that L is the mean. A target of -1 masks its place: no loss (NaN is
written, so that nobody takes it for a good one) and no gradient.

Shapes: h (M, H), logits and dlogits (M, padded V) in one array, targets (M,) int32, losses (M,), dh (M, padded H).
"""

import math

import numpy as np
from numba import prange

from seqcore.elementwise import exp
from seqcore.gemm import matmul, matmul_narrow
from seqcore.jit import TEAM, boolean, claim, device, f1, f2, f3, f4, i1, i8_1, kernel, void
from seqcore.layers.linear import Linear
from seqcore.outer import Second
from seqcore.records import F32, I32

ROWS = 16  # places that a worker takes at a time


@device
def cross_entropy(logits, bias, targets, scale, losses, backward):
    """logits (R, padded V) without bias become dlogits (where `backward`); losses (R,)."""
    V = bias.size
    for r in range(logits.shape[0]):
        row, target = logits[r, :V], targets[r]
        top = np.float32(-np.inf)
        for j in range(V):
            row[j] += bias[j]
            top = max(top, row[j])
        if target < 0:
            losses[r] = np.float32(np.nan)
            row[:] = np.float32(0)
            continue
        score, total = row[target], np.float32(0)
        for j in range(V):
            row[j] = exp(row[j] - top)
            total += row[j]
        losses[r] = math.log(total) + (top - score)  # a small loss keeps its digits beside large logits
        if backward:
            share = scale / total
            for j in range(V):
                row[j] *= share
            row[target] -= scale


@kernel("softmax cross-entropy", "train", void(f2, f3, f3, f1, i1, f4, f2, f1, f2, boolean, i8_1), parallel=True)
def head_loss(h, W_hy, W_hy_T, bias, targets, scale, logits, losses, dh, backward, team):
    """Logits, losses and, where `backward`, dlogits and dh; weights packed. See the shapes above."""
    M, H = h.shape
    chunks = (M + ROWS - 1) // ROWS
    team[0] = 0
    for _ in prange(team[1]):
        while True:
            chunk = claim(team)
            if chunk >= chunks:
                break
            first, last = chunk * ROWS, min((chunk + 1) * ROWS, M)
            rows = logits[first:last]
            matmul_narrow(h[first:last], H, bias.size, W_hy, rows, False)
            cross_entropy(rows, bias, targets[first:last], scale, losses[first:last], backward)
            if backward:
                matmul(rows, bias.size, W_hy_T, dh[first:last], False)


class Head:
    """The linear layer to logits with its loss: W_hy (H, V), b_y (V,)."""

    def __init__(self, W_hy: F32, b_y: F32, dW_hy: F32, db_y: F32) -> None:
        self.linear = Linear(W_hy, b_y, dW_hy, db_y)

    def forward(self, h: F32, targets: I32, scale: float, logits: F32, losses: F32, dh: F32 | None) -> None:
        """Losses of h (M, H); with dh (M, padded H) also dlogits, in the place of logits, and dh."""
        linear = self.linear
        none = logits[:0]
        head_loss(
            h, linear.packed.panels, linear.packed_T.panels, linear.b, targets, np.float32(scale), logits, losses,
            none if dh is None else dh, dh is not None, TEAM,
        )  # fmt: skip

    def backward(self, h: F32, dlogits: F32) -> None:
        """dW_hy = h^T dlogits and db_y."""
        self.linear.backward_weights(h, dlogits)

    def second(self, shift: int, dlogits: F32) -> Second:
        """The same as a part of a product whose left factor has h from row `shift` on."""
        return Second(shift, dlogits, self.linear.dW, self.linear.db)
