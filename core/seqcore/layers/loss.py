"""The head: logits, masked softmax cross-entropy, and the gradient where backpropagation starts.

    logits = h W_hy + b_y                      (M, V)
    loss_m = log sum_j exp(logits_j) - logits_y           in nats, y the target of row m
    L = scale * sum of loss_m over the rows whose target is not -1
    dlogits = scale (softmax(logits) - (1 - e) onehot(y) - e / V);   dh = dlogits W_hy^T

e is the label smoothing (Szegedy et al. 2016): the gradient is that of the cross-entropy with (1 - e) onehot(y) + e / V
as the target. The losses are the plain ones, e = 0, so that they compare with those of other models.

The usual scale is 1 / (number of targets), which makes L the mean. A target of -1 masks its row: the gradient is zero
and the loss NaN, so that it cannot be mistaken for a real loss.

Shapes: h (M, H), logits and dlogits (M, padded V) in one array, targets (M,) int32, losses (M,), dh (M, padded H).
"""

import math
from typing import Any

import numpy as np

from seqcore.elementwise import exp
from seqcore.gemm import matmul, matmul_narrow
from seqcore.jit import boolean, device, f1, f2, f3, f4, i1, i8_1, kernel, void
from seqcore.layers.linear import Linear
from seqcore.outer import Second
from seqcore.records import F32, Targets
from seqcore.team import shared, team

ROWS = 16  # rows per work item


@device
def larger(a, b):
    """Return a if a > b, else b."""
    return a if a > b else b


@device
def largest(row):
    """Return the largest number of a row; one that holds NaN may give any. Four comparisons at a time: LLVM does not
    vectorise this loop, and one after the other waits four cycles for each number."""
    a = b = c = d = np.float32(-np.inf)
    whole = row.size // 4 * 4
    for j in range(0, whole, 4):
        a, b, c, d = larger(row[j], a), larger(row[j + 1], b), larger(row[j + 2], c), larger(row[j + 3], d)
    for j in range(whole, row.size):
        a = larger(row[j], a)
    return larger(larger(a, b), larger(c, d))


@device
def cross_entropy(logits, bias, targets, scale, smoothing, losses, backward):
    """Fill losses (R,) from logits (R, padded V) without bias; if `backward`, turn the logits into dlogits."""
    V = bias.size
    for r in range(logits.shape[0]):
        row, target = logits[r, :V], targets[r]
        for j in range(V):
            row[j] += bias[j]
        top = largest(row)
        if target < 0:
            losses[r] = np.float32(np.nan)
            row[:] = np.float32(0)
            continue
        score, total = row[target], np.float32(0)
        for j in range(V):
            row[j] = exp(row[j] - top)
            total += row[j]
        losses[r] = math.log(total) + (top - score)  # this order keeps the precision of a small loss with large logits
        if backward:
            share, even = scale / total, scale * smoothing / np.float32(V)
            for j in range(V):
                row[j] = row[j] * share - even
            row[target] -= scale * (np.float32(1) - smoothing)


def head_rows(loss: Any) -> Any:
    """Return the shared loop over ROWS rows of a head: the product, the device function `loss`, and dh."""

    @shared
    def rows_of(chunk, worker, h, W_hy, W_hy_T, bias, targets, scale, smoothing, logits, losses, dh, backward):
        M, H = h.shape
        first, last = chunk * ROWS, min((chunk + 1) * ROWS, M)
        rows = logits[first:last]
        matmul_narrow(h[first:last], H, bias.size, W_hy, rows, False)
        loss(rows, bias, targets[first:last], scale, smoothing, losses[first:last], backward)
        if backward:
            matmul(rows, bias.size, W_hy_T, dh[first:last], False)

    return rows_of


loss_of_rows = head_rows(cross_entropy)


@kernel("softmax cross-entropy", "train", void(f2, f3, f3, f1, i1, f4, f4, f2, f1, f2, boolean, i8_1))
def head_loss(h, W_hy, W_hy_T, bias, targets, scale, smoothing, logits, losses, dh, backward, team):
    """Compute logits, losses and, if `backward`, dlogits and dh; weights are packed. See the shapes above."""
    chunks = (h.shape[0] + ROWS - 1) // ROWS
    loss_of_rows(team, chunks, (h, W_hy, W_hy_T, bias, targets, scale, smoothing, logits, losses, dh, backward))


class Head:
    """The linear layer to the logits, with the loss: W_hy (H, V), b_y (V,)."""

    def __init__(self, W_hy: F32, b_y: F32, dW_hy: F32, db_y: F32) -> None:
        self.linear = Linear(W_hy, b_y, dW_hy, db_y)

    def forward(
        self, h: F32, targets: Targets, scale: float, logits: F32, losses: F32, dh: F32 | None, smoothing: float = 0.0
    ) -> None:
        """Compute the losses of h (M, H); if dh (M, padded H) is given, also dh, and dlogits in place of the logits."""
        linear = self.linear
        none = logits[:0]
        head_loss(
            h, linear.packed.panels, linear.packed_T.panels, linear.b, targets, np.float32(scale),
            np.float32(smoothing), logits, losses, none if dh is None else dh, dh is not None, team(),
        )  # fmt: skip

    def backward(self, h: F32, dlogits: F32) -> None:
        """dW_hy = h^T dlogits, and db_y."""
        self.linear.backward_weights(h, dlogits)

    def second(self, shift: int, dlogits: F32) -> Second:
        """Return the product of `backward` as the `second` of an `outer_sum` whose A holds h from row `shift` on."""
        return Second(shift, dlogits, self.linear.dW, self.linear.db)
