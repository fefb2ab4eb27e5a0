"""The linear layer: y = x W + b for a batch of rows, and its gradients.

    forward     y = x W + b
    backward    dx = dy W^T,  dW = x^T dy,  db = sum over rows of dy

Shapes: x (M, I), W (I, N), b (N,), y and dy (M, padded N); M is any number of rows, T * B for a sequence.
Everything that can be hoisted out of a recurrence is computed here: the input products of the upper layers, and the
tables that replace those of the first.
"""

from seqcore.arrays import NO_VECTOR
from seqcore.gemm import NR, matmul
from seqcore.jit import boolean, device, f1, f2, f3, i8, i8_1, kernel, void
from seqcore.outer import outer_sum
from seqcore.packing import Packed
from seqcore.records import F32
from seqcore.team import WANTED, shared, team

ROWS = 64  # rows per work item: a worker then streams the packed weights through its cache once for all of them
FEW_ROWS = 8  # rows per work item if M is too small for ROWS to keep all workers busy


@device
def project_rows(x, K, panels, bias, y, accumulate):
    """y (M, padded N) = x[:, :K] W + bias (+ y if `accumulate`); an empty bias adds nothing."""
    matmul(x, K, panels, y, accumulate)
    for r in range(x.shape[0]):
        row = y[r, : bias.size]
        for j in range(bias.size):
            row[j] += bias[j]


@shared
def project_chunk(chunk, worker, size, x, K, panels, bias, y, accumulate):
    """As `project_rows`, for one chunk of `size` rows."""
    first, last = chunk * size, min((chunk + 1) * size, x.shape[0])
    project_rows(x[first:last], K, panels, bias, y[first:last], accumulate)


@kernel("linear forward", "train", void(f2, i8, f3, f1, f2, boolean, i8_1))
def project(x, K, panels, bias, y, accumulate, team):
    """As `project_rows`, in parallel over chunks of rows."""
    M = x.shape[0]
    size = ROWS if 4 * ROWS * team[WANTED] <= M else FEW_ROWS
    project_chunk(team, (M + size - 1) // size, (size, x, K, panels, bias, y, accumulate))


@kernel("linear forward, one thread", "look", void(f2, i8, f3, f1, f2, boolean))
def project_serial(x, K, panels, bias, y, accumulate):
    """As `project`, for threads that may not run parallel kernels."""
    project_rows(x, K, panels, bias, y, accumulate)


class Linear:
    """The weights of y = x W + b and their gradients; W (I, N) and b (N,) are views into the parameter buffer."""

    def __init__(self, W: F32, b: F32, dW: F32, db: F32) -> None:
        self.W, self.b, self.dW, self.db = W, b, dW, db
        self.packed = Packed(W)
        self.packed_T = Packed(W, transposed=True)
        self.width = self.packed.panels.shape[0] * NR  # padded length of a row of y
        self.input_width = self.packed_T.panels.shape[0] * NR  # padded length of a row of dx

    def forward(self, x: F32, y: F32) -> None:
        """y (M, width) = x (M, I) W + b."""
        project(x, self.W.shape[0], self.packed.panels, self.b, y, False, team())

    def forward_serial(self, x: F32, y: F32) -> None:
        """As `forward`, for threads that may not run parallel kernels."""
        project_serial(x, self.W.shape[0], self.packed.panels, self.b, y, False)

    def backward_input_serial(self, dy: F32, dx: F32) -> None:
        """As `backward_input`, for threads that may not run parallel kernels."""
        project_serial(dy, self.W.shape[1], self.packed_T.panels, NO_VECTOR, dx, False)

    def backward_input(self, dy: F32, dx: F32) -> None:
        """dx (M, input_width) = dy W^T."""
        project(dy, self.W.shape[1], self.packed_T.panels, NO_VECTOR, dx, False, team())

    def backward_weights(self, x: F32, dy: F32) -> None:
        """dW = x^T dy, db = sum over rows of dy."""
        outer_sum(x, dy, self.dW, self.db)
