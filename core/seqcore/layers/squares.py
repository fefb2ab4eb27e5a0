"""The head for real values: a linear layer, the squared error, and the gradient where backpropagation starts.

    y = h W_hy + b_y                           (M, K)
    loss_m = mean over k of (y_mk - target_mk)^2
    L = scale * sum of loss_m over the rows whose target is not masked
    dy = scale * 2 / K * (y - target);   dh = dy W_hy^T

The usual scale is 1 / (number of unmasked rows), which makes L the mean. A target whose first value is NaN masks its
row: the gradient is zero and the loss NaN, so that it cannot be mistaken for a real loss.

Shapes: h (M, H), y and dy (M, padded K) in one array, targets (M, K), losses (M,), dh (M, padded H).
"""

import numpy as np

from seqcore.jit import boolean, device, f1, f2, f3, f4, i8_1, kernel, void
from seqcore.layers.loss import ROWS, Head, head_rows
from seqcore.records import F32, Targets
from seqcore.team import team


@device
def squared_error(y, bias, targets, scale, smoothing, losses, backward):
    """Fill losses (R,) from y (R, padded K) without bias; add the bias or, if `backward`, turn y into dy.

    `smoothing` has no effect: see `loss.cross_entropy`.
    """
    K = bias.size
    share = np.float32(1) / np.float32(K)
    for r in range(y.shape[0]):
        row, target = y[r, :K], targets[r]
        if np.isnan(target[0]):
            losses[r] = np.float32(np.nan)
            row[:] = np.float32(0)
            continue
        total = np.float32(0)
        for k in range(K):
            value = row[k] + bias[k]
            error = value - target[k]
            total += error * error
            row[k] = scale * np.float32(2) * share * error if backward else value
        losses[r] = total * share


loss_of_rows = head_rows(squared_error)


@kernel("squared error", "train-values", void(f2, f3, f3, f1, f2, f4, f4, f2, f1, f2, boolean, i8_1))
def values_loss(h, W_hy, W_hy_T, bias, targets, scale, smoothing, y, losses, dh, backward, team):
    """Compute y, losses and, if `backward`, dy and dh; weights are packed. See the shapes above."""
    chunks = (h.shape[0] + ROWS - 1) // ROWS
    loss_of_rows(team, chunks, (h, W_hy, W_hy_T, bias, targets, scale, smoothing, y, losses, dh, backward))


class ValuesHead(Head):
    """The linear layer to the predicted values, with the loss: W_hy (H, K), b_y (K,)."""

    def forward(
        self, h: F32, targets: Targets, scale: float, logits: F32, losses: F32, dh: F32 | None, smoothing: float = 0.0
    ) -> None:
        """Compute the losses of h (M, H); if dh (M, padded H) is given, also dh, and dy in place of y in `logits`."""
        linear = self.linear
        values_loss(
            h, linear.packed.panels, linear.packed_T.panels, linear.b, targets, np.float32(scale),
            np.float32(smoothing), logits, losses, logits[:0] if dh is None else dh, dh is not None, team(),
        )  # fmt: skip
