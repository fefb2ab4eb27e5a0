"""The first layer's input product as a table lookup, equivalent to one-hot encoding.

one-hot(x) @ E is a row of E, so one-hot(x) @ E @ W_xh + b is a row of a table with one row per token. The product over
T * B timesteps becomes one over the U distinct tokens of the batch:

    forward     table = E[u] W_xh + b          (one-hot: W_xh[u] + b),   u the batch's distinct tokens
    backward    dtable[v] = sum of dz over the timesteps whose token is v
                dW_xh = E[u]^T dtable,  db = sum of dtable's rows,  dE[u] = dtable W_xh^T

Shapes: tokens (T, B) int32; E (V, I), W_xh (I, N), b (N,); table and dtable (U, padded N); index (T * B,) int32, the
row of the table for each timestep. N is 4 H for an LSTM, 3 H for a GRU, H for an RNN. The algebra is exact and saves
half of the work.
"""

import numpy as np

from seqcore.arrays import NO_VECTOR, zeros
from seqcore.jit import boolean, f1, f2, i1, i4, kernel, void
from seqcore.layers.linear import Linear
from seqcore.outer import outer_sum
from seqcore.records import F32, I32


@kernel("distinct tokens", "train", i4(i1, i1, i1, i1))
def distinct(tokens, stamps, index, found):
    """Fill found[:U] with the distinct tokens in order of appearance, index with each token's row in it; return U.

    The index of a negative token, which is padding, is U. stamps (V,) is scratch.
    """
    count, padding = np.int32(0), False
    for place in range(tokens.size):
        if tokens[place] >= 0:
            stamps[tokens[place]] = np.int32(-1)
    for place in range(tokens.size):
        token = tokens[place]
        if token < 0:
            padding = True
            continue
        if stamps[token] < 0:
            stamps[token] = count
            found[count] = token
            count += np.int32(1)
        index[place] = stamps[token]
    if padding:
        for place in range(tokens.size):
            if tokens[place] < 0:
                index[place] = count
    return count


@kernel("gather rows", "train look", void(f2, i1, f1, f2))
def gather_rows(source, rows, bias, out):
    """out[u] = source[rows[u]] (+ bias, unless empty); out may be wider and is zero past source's columns."""
    N = source.shape[1]
    for u in range(out.shape[0]):
        row, to = source[rows[u]], out[u]
        for j in range(N):
            to[j] = row[j]
        for j in range(N, out.shape[1]):
            to[j] = np.float32(0)
        for j in range(bias.size):
            to[j] += bias[j]


@kernel("scatter rows", "train", void(f2, i1, f2, boolean))
def scatter_rows(source, rows, out, clear):
    """out[rows[u]] = source[u, :N], out (V, N); the other rows are zeroed if `clear`."""
    N = out.shape[1]
    if clear:
        out[:] = np.float32(0)
    for u in range(rows.size):
        row, to = source[u], out[rows[u]]
        for j in range(N):
            to[j] = row[j]


@kernel("column sums", "train", void(f2, f1))
def column_sums(rows, sums):
    """sums[j] = the sum of rows[:, j], j < sums.size."""
    sums[:] = np.float32(0)
    for r in range(rows.shape[0]):
        row = rows[r, : sums.size]
        for j in range(sums.size):
            sums[j] += row[j]


class InputTable:
    """Embedding (learned, or one-hot if E is None) folded into the first layer's input product.

    `padding` (padded N,), if given, is the row of the table for negative tokens; it gets no gradient.
    """

    def __init__(self, E: F32 | None, dE: F32 | None, linear: Linear, padding: F32 | None = None) -> None:
        self.padding = padding
        self.E, self.dE, self.linear = E, dE, linear
        self.vocabulary_size = len(E) if E is not None else len(linear.W)
        self._more = int(padding is not None)  # rows of the table after those of the tokens
        self._stamps = np.zeros(self.vocabulary_size, np.int32)
        self._found = np.zeros(self.vocabulary_size, np.int32)
        self._buffers: dict[str, F32] = {}
        self.tokens = np.zeros(0, np.int32)  # (U,) the distinct tokens of the last forward pass
        self.index = np.zeros(0, np.int32)  # (T * B,)
        self.table = zeros(0, linear.width)

    def _rows(self, name: str, count: int, width: int) -> F32:
        """Return (count, width) of a buffer kept between steps, as U varies from step to step."""
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < count:
            buffer = self._buffers[name] = zeros(min(2 * count, self.vocabulary_size + 1), width)
        return buffer[:count]

    def forward(self, tokens: I32) -> None:
        """Fill `tokens`, `index` and `table` for tokens (T, B)."""
        flat = tokens.reshape(-1)
        if self.index.size != flat.size:
            self.index = np.zeros(flat.size, np.int32)
        count = distinct(flat, self._stamps, self.index, self._found)
        self.tokens = self._found[:count]
        self.table = self._rows("table", count + self._more, self.linear.width)
        if self.padding is not None:
            self.table[count] = self.padding
        if self.E is None:
            gather_rows(self.linear.W, self.tokens, self.linear.b, self.table[:count])
            return
        embedded = self._rows("embedded", count, self.E.shape[1])
        gather_rows(self.E, self.tokens, NO_VECTOR, embedded)
        self.linear.forward(embedded, self.table[:count])

    def sums(self) -> tuple[I32, F32]:
        """Return (index, dtable): the pass over dz sums its rows by token into dtable; see `outer.outer_sum`."""
        return self.index, self._rows("dtable", len(self.tokens) + self._more, self.linear.width)

    def backward(self) -> None:
        """Fill dE, dW_xh and db from dtable, returned by `sums` and filled by the caller since."""
        count = len(self.tokens)
        dtable = self._rows("dtable", count, self.linear.width)
        column_sums(dtable, self.linear.db)
        if self.E is None or self.dE is None:
            scatter_rows(dtable, self.tokens, self.linear.dW, True)
            return
        embedded = self._rows("embedded", count, self.E.shape[1])
        outer_sum(embedded, dtable, self.linear.dW)
        dembedded = self._rows("dembedded", count, self.linear.input_width)
        self.linear.backward_input(dtable, dembedded)
        scatter_rows(dembedded, self.tokens, self.dE, True)
