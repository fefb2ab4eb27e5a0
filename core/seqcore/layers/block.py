"""The blocks of a transformer (pre-norm, as in GPT-2), complete sequences at a time, forward and backward.

    x_0 = dropout(E[token] + P[t])                                for real inputs u: dropout(u W_x + b_x + P[t])
    x_{2l+1} = x_{2l} + dropout(attention(norm(x_{2l})))          block l = 0 .. L-1
    x_{2l+2} = x_{2l+1} + dropout(mlp(norm(x_{2l+1})))
    the head reads norm(x_{2L})

Stage s = 0 .. 2L is a point on the residual stream. Rows are batch first: row m = b T + t, M of them. A range of rows
that holds complete sequences runs through all blocks, forward and backward, independently of other ranges; each matrix
product takes ROWS rows at a time.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types

from seqcore.gemm import matmul, matmul_narrow
from seqcore.jit import device, f1, f2, f3
from seqcore.layers.attention import attend, attend_backward, attention_scratch, copy_rows, rotate
from seqcore.layers.dropout import drop_rows
from seqcore.layers.linear import project_rows
from seqcore.layers.loss import cross_entropy
from seqcore.layers.mlp import mlp_backward, mlp_forward
from seqcore.layers.norm import norm_backward, norm_forward
from seqcore.layers.squares import squared_error
from seqcore.records import F32

f4, u4, int64 = np.float32, np.uint32, np.int64
ROWS = 64  # rows per matrix product


class Weights(NamedTuple):
    """Weights as the kernels read them: matrices in panels (blocks, ceil(N / NR), K, NR), the rest unchanged."""

    E: F32  # (V, C); (0, C) if the inputs are real
    P: F32  # (context, C) added to the embedding, or empty
    turns: F32  # (context, d) rotary angles, or empty
    scales: F32  # (2L+1, 2, C) gain and shift of the norm at each stage
    biases: F32  # (L, 9C) b_qkv, b_o, b_fc, b_proj of each block, or (L, 0)
    b_y: F32  # (K,) zeros: the head has no bias
    qkv: F32
    o: F32
    fc: F32
    proj: F32
    head: F32  # (ceil(V / NR), C, NR)
    qkv_back: F32  # from here on: the transposed matrices, for the backward pass
    o_back: F32
    fc_back: F32
    proj_back: F32
    head_back: F32  # (ceil(C / NR), V, NR)


class Activations(NamedTuple):
    """Results of a pass. A first dimension marked * may be 1 (for x: 2) if no backward pass follows."""

    x: F32  # (2L+1*, M, padded C) the residual stream; its gradient after the backward pass
    normed: F32  # (2L+1*, M, C) the norms' outputs
    stats: F32  # (2L+1*, M, 2) their means and 1 / standard deviations
    qkv: F32  # (L*, M, padded 3C); its gradient after the backward pass
    peaks: F32  # (L*, M, 2 heads), see `layers.attention`
    y: F32  # (L*, M, C) attention's output before W_o
    slope: F32  # (L*, M, padded 4C) gelu'(z); dz after the backward pass
    u: F32  # (L*, M, 4C) gelu(z)
    logits: F32  # (M, padded V); dlogits after the backward pass
    losses: F32  # (M,)
    dtop: F32  # (M, padded C) the gradient of the head's input
    dropped: F32  # (2L+1, M, padded C) the branches' gradients; empty without dropout
    dscales: F32  # (chunks, (2L+1) 2 C) the gradients of the scales, per chunk


f4_4 = types.float32[:, :, :, ::1]
WEIGHTS = types.NamedTuple((f2, f2, f2, f3, f2, f1, f4_4, f4_4, f4_4, f4_4, f3, f4_4, f4_4, f4_4, f4_4, f3), Weights)
ACTIVATIONS = types.NamedTuple((f3, f3, f3, f3, f3, f3, f3, f3, f2, f1, f2, f3, f2), Activations)
Masks = npt.NDArray[np.uint32]  # (2L+1,) the dropout key of each stage; empty without dropout


@device
def biases_of(biases, C):
    """Return b_qkv, b_o, b_fc, b_proj of a block; all empty if it has no biases."""
    return biases[: 3 * C], biases[3 * C : 4 * C], biases[4 * C : 8 * C], biases[8 * C :]


@device
def drop(source, to, first, key, rate):
    """Apply dropout to rows whose first has index `first` in the batch; `to` may be `source`."""
    drop_rows(source, to, source.shape[1], first, key, u4(min(rate * 2.0**32, 2.0**32 - 1)), f4(1 / (1 - rate)))


@device
def add_branch(rows, K, W, bias, x, below, first, masks, stage, rate):
    """x = below + dropout(rows W + bias)."""
    drops = masks.size > 0
    if not drops:
        copy_rows(below, int64(0), x, int64(0), x.shape[1])
    project_rows(rows, K, W, bias, x, not drops)
    if drops:
        drop(x, x, first, masks[stage], rate)
        for r in range(x.shape[0]):
            row, other = x[r], below[r]
            for j in range(row.size):
                row[j] += other[j]


@device
def branch_gradient(dx, dropped, first, masks, stage, rate):
    """Return the gradient of the branch that ends at `stage`: dx, or with dropout, dropout(dx), stored in `dropped`."""
    if masks.size == 0:
        return dx
    kept = dropped[stage, first : first + dx.shape[0]]
    drop(dx, kept, first, masks[stage], rate)
    return kept


@device
def embed(tokens, E, P, T, x, first):
    """x[r] = E[token] + P[t] for the rows from `first` on; P may be empty.

    Without tokens, x holds the product of the real inputs, and only P[t] is added.
    """
    C = E.shape[1]
    for r in range(x.shape[0]):
        if tokens.size:
            token = tokens[first + r]
            copy_rows(E[token : token + 1], int64(0), x[r : r + 1], int64(0), C)
        if P.size:
            row, place = x[r, :C], P[(first + r) % T]
            for j in range(C):
                row[j] += place[j]


@device
def forward_rows(first, last, tokens, weights, work, T, heads, masks, rate):
    """Run rows [first, last), complete sequences of length T, from their inputs to the head's input."""
    w, C, L = weights, weights.E.shape[1], weights.biases.shape[0]
    stages, norms, kept = work.x.shape[0], work.normed.shape[0], work.qkv.shape[0]
    scratch = attention_scratch(T, C // heads)
    embed(tokens, w.E, w.P, T, work.x[0, first:last], first)
    if masks.size:
        drop(work.x[0, first:last], work.x[0, first:last], first, masks[0], rate)
    for n in range(L + 1):
        b_qkv, b_o, b_fc, b_proj = biases_of(w.biases[min(n, L - 1)], C)
        s, k = 2 * n, n % kept
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            a = work.normed[s % norms, begin:end]
            norm_forward(work.x[s % stages, begin:end], w.scales[s], a, work.stats[s % norms, begin:end])
            if n < L:
                project_rows(a, C, w.qkv[n], b_qkv, work.qkv[k, begin:end], False)
        if n == L:  # no block follows the last norm
            break
        for begin in range(first, last, T):
            end = begin + T
            rotate(work.qkv[k, begin:end], C, w.turns, f4(1))
            for head in range(heads):
                attend(work.qkv[k, begin:end], work.y[k, begin:end], work.peaks[k, begin:end], C, heads, head, scratch)
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            below, x, above = work.x[s % stages], work.x[(s + 1) % stages, begin:end], work.x[(s + 2) % stages]
            m, slope, u = work.normed[(s + 1) % norms, begin:end], work.slope[k, begin:end], work.u[k, begin:end]
            add_branch(work.y[k, begin:end], C, w.o[n], b_o, x, below[begin:end], begin, masks, s + 1, rate)
            norm_forward(x, w.scales[s + 1], m, work.stats[(s + 1) % norms, begin:end])
            mlp_forward(m, w.fc[n], b_fc, slope, u)
            add_branch(u, 4 * C, w.proj[n], b_proj, above[begin:end], x, begin, masks, s + 2, rate)


@device
def head_rows(first, last, targets, values, weights, work, scale, smoothing, backward):
    """Compute logits and losses of rows [first, last); if `backward`, also dtop, and dlogits in place of the logits.

    The targets are symbols (M,), or `values` (M, K) unless that is empty.
    """
    C, V = weights.E.shape[1], weights.b_y.size
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        logits = work.logits[begin:end]
        matmul_narrow(work.normed[work.normed.shape[0] - 1, begin:end], C, V, weights.head, logits, False)
        if values.size:
            squared_error(logits, weights.b_y, values[begin:end], scale, smoothing, work.losses[begin:end], backward)
        else:
            cross_entropy(logits, weights.b_y, targets[begin:end], scale, smoothing, work.losses[begin:end], backward)
        if backward:
            matmul(logits, V, weights.head_back, work.dtop[begin:end], False)


@device
def backward_rows(first, last, weights, work, dscales, T, heads, masks, rate):
    """Backpropagate from dtop through all of `forward_rows`; fill dscales (2L+1, 2, C) with the sums over these rows.

    x and qkv are replaced by their gradients, slope by dz.
    """
    w, C, L = weights, weights.E.shape[1], weights.biases.shape[0]
    scratch = attention_scratch(T, C // heads)
    dnormed = np.empty((ROWS, work.x.shape[2]), np.float32)
    du = np.empty((ROWS, work.slope.shape[2]), np.float32)
    dy = np.empty((last - first, work.x.shape[2]), np.float32)
    dscales[:] = f4(0)
    for n in range(L, -1, -1):
        s = 2 * n  # the norm at stage s feeds block n, or the head
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            below, beside = dnormed[: end - begin], work.dtop[:0]
            if n < L:
                matmul(work.qkv[n, begin:end], 3 * C, w.qkv_back[n], below, False)
                beside = work.x[s + 1, begin:end]
            else:
                below = work.dtop[begin:end]
            x, stats = work.x[s, begin:end], work.stats[s, begin:end]
            norm_backward(below, x, stats, w.scales[s], beside, dscales[s])
            if n == 0:
                continue
            dx, slope = x, work.slope[n - 1, begin:end]
            dout = branch_gradient(dx, work.dropped, begin, masks, s, rate)
            mlp_backward(dout, w.proj_back[n - 1], w.fc_back[n - 1], slope, du[: end - begin], dnormed[: end - begin])
            x, stats = work.x[s - 1, begin:end], work.stats[s - 1, begin:end]
            norm_backward(dnormed[: end - begin], x, stats, w.scales[s - 1], dx, dscales[s - 1])
            dout = branch_gradient(x, work.dropped, begin, masks, s - 1, rate)
            matmul(dout, C, w.o_back[n - 1], dy[begin - first : end - first], False)
        if n == 0:
            break
        for begin in range(first, last, T):
            end, at = begin + T, begin - first
            qkv, peaks = work.qkv[n - 1, begin:end], work.peaks[n - 1, begin:end]
            for head in range(heads):
                attend_backward(qkv, dy[at : at + T], peaks, C, heads, head, scratch)
            rotate(qkv, C, w.turns, f4(-1))
    if masks.size:
        drop(work.x[0, first:last], work.x[0, first:last], first, masks[0], rate)
