"""A fixed window of concatenated token embeddings: the input of a feed-forward language model (Bengio et al. 2003).

    x_t = [E[w_{t-n+1}] ... E[w_t]]          n tokens, the oldest first; before the start of the text, a row of its own
    dE[v] = the sum of dx's parts over all window positions that hold v

Shapes: tokens (n - 1 + T, B) int32, the first n - 1 rows precede the batch; E (V + 1, I), row V for "nothing before";
x and dx (T * B, n I), rows of dx padded.
"""

import numpy as np

from seqcore.jit import device, f2, i4, i8, i8_1, kernel, void
from seqcore.records import F32, I32
from seqcore.team import shared, team

f4 = np.float32
ROWS = 64  # rows per work item
COLUMNS = 16  # columns of dE per work item of the backward pass
i2 = i4[:, ::1]


@device
def gather_rows_of_windows(tokens, E, x, first, last):
    """Fill rows [first, last) of x."""
    B, width = tokens.shape[1], E.shape[1]
    n = x.shape[1] // width
    for place in range(first, last):
        t, b = place // B, place % B
        for k in range(n):
            source, to = E[tokens[t + k, b]], x[place, k * width : (k + 1) * width]
            for j in range(width):
                to[j] = source[j]


@shared
def gather_chunk(chunk, worker, tokens, E, x):
    """Fill ROWS rows of x."""
    gather_rows_of_windows(tokens, E, x, chunk * ROWS, min((chunk + 1) * ROWS, x.shape[0]))


@kernel("windows", "train-feedforward", void(i2, f2, f2, i8_1))
def gather_windows(tokens, E, x, team):
    """Fill x from tokens; see the shapes above."""
    gather_chunk(team, (x.shape[0] + ROWS - 1) // ROWS, (tokens, E, x))


@kernel("windows, one thread", "look-feedforward", void(i2, f2, f2))
def gather_windows_serial(tokens, E, x):
    """As `gather_windows`, for threads that may not run parallel kernels."""
    gather_rows_of_windows(tokens, E, x, 0, x.shape[0])


@shared
def scatter_columns(block, worker, tokens, dx, dE, n):
    """Fill COLUMNS columns of dE from dx."""
    B, width = tokens.shape[1], dE.shape[1]
    first, last = block * COLUMNS, min((block + 1) * COLUMNS, width)
    for v in range(dE.shape[0]):
        dE[v, first:last] = f4(0)
    for place in range(dx.shape[0]):
        t, b = place // B, place % B
        for k in range(n):
            source, to = dx[place, k * width + first : k * width + last], dE[tokens[t + k, b], first:last]
            for j in range(last - first):
                to[j] += source[j]


@kernel("windows backward", "train-feedforward", void(i2, f2, f2, i8, i8_1))
def scatter_windows(tokens, dx, dE, n, team):
    """Fill dE from dx; an item owns columns of dE, so nothing is summed across workers."""
    scatter_columns(team, (dE.shape[1] + COLUMNS - 1) // COLUMNS, (tokens, dx, dE, n))


class Window:
    """The concatenated embeddings of `context` tokens; E, dE (V + 1, I) are views into the parameter buffers.

    With real inputs there is no embedding: the windows are of the rows of `values` (rows, I), which `tokens` number.
    """

    def __init__(self, E: F32, dE: F32, context: int) -> None:
        self.E, self.dE, self.context = E, dE, context

    def forward(self, tokens: I32, x: F32, values: F32) -> None:
        """Fill x from tokens (n - 1 + T, B); `values` is empty unless the inputs are real."""
        gather_windows(tokens, values if values.size else self.E, x, team())

    def forward_serial(self, tokens: I32, x: F32, values: F32) -> None:
        """As `forward`, for threads that may not run parallel kernels."""
        gather_windows_serial(tokens, values if values.size else self.E, x)

    def backward(self, tokens: I32, dx: F32) -> None:
        """Fill dE from dx."""
        scatter_windows(tokens, dx, self.dE, self.context, team())
