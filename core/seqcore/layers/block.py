"""The blocks of a transformer (pre-norm, as in GPT-2), complete sequences at a time, forward and backward.

    x_0 = dropout(E[token] + P[t])                                for real inputs u: dropout(u W_x + b_x + P[t])
    x_{2l+1} = x_{2l} + dropout(attention(norm(x_{2l})))          block l = 0 .. L-1
    x_{2l+2} = x_{2l+1} + dropout(mlp(norm(x_{2l+1})))
    the head reads norm(x_{2L})

Each sum is a *branch*, and stage s = 0 .. 2L is a point on the residual stream between branches. A stack whose blocks
have more branches, such as a decoder (see `layers.decoder`), has more stages: branch i of block l leads from stage
s = l * branches + i to the next one.

Sequences of any length follow each other, M rows in all: sequence b has the rows from starts[b] to starts[b + 1]. A
range of sequences runs through all blocks, forward and backward, independently of others; each matrix product takes
ROWS rows at a time.
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
    scales: F32  # (stages, 2, C) gain and shift of the norm at each stage
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

    x: F32  # (stages*, M, padded C) the residual stream; its gradient after the backward pass
    normed: F32  # (stages*, M, C) the norms' outputs
    stats: F32  # (stages*, M, 2) their means and 1 / standard deviations
    qkv: F32  # (L*, M, padded 3C); its gradient after the backward pass
    peaks: F32  # (L*, M, 2 heads), see `layers.attention`
    y: F32  # (L*, M, C) attention's output before W_o
    slope: F32  # (L*, M, padded 4C) gelu'(z); dz after the backward pass
    u: F32  # (L*, M, 4C) gelu(z)
    logits: F32  # (M, padded V); dlogits after the backward pass
    losses: F32  # (M,)
    dtop: F32  # (M, padded C) the gradient of the head's input
    dropped: F32  # (stages, M, padded C) the branches' gradients; empty without dropout
    dscales: F32  # (chunks, stages * 2 C) the gradients of the scales, per chunk


f4_4 = types.float32[:, :, :, ::1]
WEIGHTS = types.NamedTuple((f2, f2, f2, f3, f2, f1, f4_4, f4_4, f4_4, f4_4, f3, f4_4, f4_4, f4_4, f4_4, f3), Weights)
ACTIVATIONS = types.NamedTuple((f3, f3, f3, f3, f3, f3, f3, f3, f2, f1, f2, f3, f2), Activations)
Masks = npt.NDArray[np.uint32]  # (stages,) the dropout key of each stage; empty without dropout


@device
def biases_of(biases, C):
    """Return b_qkv, b_o, b_fc, b_proj of a block; all empty if it has no biases."""
    return biases[: 3 * C], biases[3 * C : 4 * C], biases[4 * C : 8 * C], biases[8 * C :]


@device
def drop(source, to, first, key, rate):
    """Apply dropout to rows whose first has index `first` in the batch; `to` may be `source`."""
    drop_rows(source, to, source.shape[1], first, key, u4(min(rate * 2.0**32, 2.0**32 - 1)), f4(1 / (1 - rate)))


@device
def normed_rows(begin, end, s, weights, work):
    """Return norm(x_s) of a range of rows, and keep it with its statistics."""
    kept, norms = s % work.x.shape[0], s % work.normed.shape[0]
    a = work.normed[norms, begin:end]
    norm_forward(work.x[kept, begin:end], weights.scales[s], a, work.stats[norms, begin:end])
    return a


@device
def add_branch(rows, K, W, bias, begin, end, s, work, masks, rate):
    """x_{s+1} = x_s + dropout(rows W + bias) for a range of rows."""
    stages, drops = work.x.shape[0], masks.size > 0
    x, below = work.x[(s + 1) % stages, begin:end], work.x[s % stages, begin:end]
    if not drops:
        copy_rows(below, int64(0), x, int64(0), x.shape[1])
    project_rows(rows, K, W, bias, x, not drops)
    if drops:
        drop(x, x, begin, masks[s + 1], rate)
        for r in range(x.shape[0]):
            row, other = x[r], below[r]
            for j in range(row.size):
                row[j] += other[j]


@device
def branch_gradient(begin, end, s, work, masks, rate):
    """Return the gradient of the branch from stage s: that of x_{s+1}, or with dropout, dropout of it, kept."""
    dx = work.x[s + 1, begin:end]
    if masks.size == 0:
        return dx
    kept = work.dropped[s + 1, begin:end]
    drop(dx, kept, begin, masks[s + 1], rate)
    return kept


@device
def pass_norm(dnormed, begin, end, s, weights, work, dscales):
    """Replace x_s by its gradient: that through its norm, and that of x_{s+1}, which goes around the branch."""
    x, stats, beside = work.x[s, begin:end], work.stats[s, begin:end], work.x[s + 1, begin:end]
    norm_backward(dnormed, x, stats, weights.scales[s], beside, dscales[s])


@device
def yes_no(heads):
    """Return (True, False), for arguments: Numba compiles a separate copy of a function for every literal."""
    return heads > 0, heads < 1


@device
def longest(starts):
    """Return the rows of the longest sequence."""
    most = int64(0)
    for i in range(starts.size - 1):
        most = max(most, starts[i + 1] - starts[i])
    return most


@device
def embed(starts, tokens, E, P, x):
    """x[m] = E[token] + P[t] for the rows m of the sequences, t their timestep; P may be empty.

    Without tokens, x holds the product of the real inputs, and only P[t] is added.
    """
    C = E.shape[1]
    for i in range(starts.size - 1):
        for m in range(starts[i], starts[i + 1]):
            if tokens.size:
                token = tokens[m]
                copy_rows(E[token : token + 1], int64(0), x[m : m + 1], int64(0), C)
            if P.size:
                row, place = x[m, :C], P[m - starts[i]]
                for j in range(C):
                    row[j] += place[j]


@device
def enter(starts, tokens, weights, work, masks, rate):
    """Fill x_0 of the rows of the sequences."""
    first, last = starts[0], starts[starts.size - 1]
    embed(starts, tokens, weights.E, weights.P, work.x[0])
    if masks.size:
        drop(work.x[0, first:last], work.x[0, first:last], first, masks[0], rate)


@device
def self_branch(starts, s, n, weights, work, heads, causal, masks, rate, scratch):
    """Run the attention of block n within each sequence, from stage s to the next."""
    w, C, k = weights, weights.scales.shape[2], n % work.qkv.shape[0]
    first, last, d = starts[0], starts[starts.size - 1], C // heads
    b_qkv, b_o, _, _ = biases_of(w.biases[n], C)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        project_rows(normed_rows(begin, end, s, w, work), C, w.qkv[n], b_qkv, work.qkv[k, begin:end], False)
    for i in range(starts.size - 1):
        begin, end = starts[i], starts[i + 1]
        qkv, y, peaks = work.qkv[k, begin:end], work.y[k, begin:end], work.peaks[k, begin:end]
        rotate(qkv, C, w.turns, f4(1))
        for head in range(heads):
            at = head * d
            attend(qkv, at, qkv, C + at, 2 * C + at, causal, y, peaks, head, d, scratch)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        add_branch(work.y[k, begin:end], C, w.o[n], b_o, begin, end, s, work, masks, rate)


@device
def mlp_branch(first, last, s, n, weights, work, masks, rate):
    """Run the perceptron of block n on rows [first, last), from stage s to the next."""
    w, C, k = weights, weights.scales.shape[2], n % work.qkv.shape[0]
    _, _, b_fc, b_proj = biases_of(w.biases[n], C)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        u = work.u[k, begin:end]
        mlp_forward(normed_rows(begin, end, s, w, work), w.fc[n], b_fc, work.slope[k, begin:end], u)
        add_branch(u, 4 * C, w.proj[n], b_proj, begin, end, s, work, masks, rate)


@device
def leave(first, last, weights, work):
    """Normalise the last stage of rows [first, last): the head's input."""
    for begin in range(first, last, ROWS):
        normed_rows(begin, min(begin + ROWS, last), weights.scales.shape[0] - 1, weights, work)


@device
def forward_rows(starts, tokens, weights, work, heads, causal, masks, rate):
    """Run sequences from their inputs to the head's input."""
    first, last = starts[0], starts[starts.size - 1]
    scratch = attention_scratch(longest(starts), weights.scales.shape[2] // heads)
    enter(starts, tokens, weights, work, masks, rate)
    for n in range(weights.biases.shape[0]):
        self_branch(starts, 2 * n, n, weights, work, heads, causal, masks, rate, scratch)
        mlp_branch(first, last, 2 * n + 1, n, weights, work, masks, rate)
    leave(first, last, weights, work)


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
def backward_memory(rows, work):
    """Return scratch arrays of a backward pass over that many rows: the gradients of the norms' outputs and of u, of
    ROWS rows, and of y."""
    dnormed = np.empty((ROWS, work.x.shape[2]), np.float32)
    du = np.empty((ROWS, work.slope.shape[2]), np.float32)
    return dnormed, du, np.empty((rows, work.x.shape[2]), np.float32)


@device
def leave_back(first, last, weights, work, dscales):
    """Backpropagate from dtop to the last stage, and zero dscales."""
    s = weights.scales.shape[0] - 1
    dscales[:] = f4(0)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        x, stats = work.x[s, begin:end], work.stats[s, begin:end]
        norm_backward(work.dtop[begin:end], x, stats, weights.scales[s], work.dtop[:0], dscales[s])


@device
def mlp_branch_back(first, last, s, n, weights, work, dscales, masks, rate, memory):
    """Backpropagate from stage s + 1 through the perceptron of block n; slope becomes dz."""
    w, (dnormed, du, _) = weights, memory
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        dout, slope, below = branch_gradient(begin, end, s, work, masks, rate), work.slope[n, begin:end], end - begin
        mlp_backward(dout, w.proj_back[n], w.fc_back[n], slope, du[:below], dnormed[:below])
        pass_norm(dnormed[:below], begin, end, s, w, work, dscales)


@device
def self_branch_back(starts, s, n, weights, work, dscales, heads, causal, masks, rate, memory, scratch):
    """Backpropagate from stage s + 1 through the attention of block n; qkv becomes its gradient."""
    w, C, (dnormed, _, dy) = weights, weights.scales.shape[2], memory
    first, last, d = starts[0], starts[starts.size - 1], C // heads
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        dout = branch_gradient(begin, end, s, work, masks, rate)
        matmul(dout, C, w.o_back[n], dy[begin - first : end - first], False)
    for i in range(starts.size - 1):
        begin, end = starts[i], starts[i + 1]
        qkv, peaks, dy_own = work.qkv[n, begin:end], work.peaks[n, begin:end], dy[begin - first : end - first]
        for head in range(heads):
            at = head * d
            attend_backward(qkv, at, qkv, C + at, 2 * C + at, causal, dy_own, peaks, head, d, scratch)
        rotate(qkv, C, w.turns, f4(-1))
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        matmul(work.qkv[n, begin:end], 3 * C, w.qkv_back[n], dnormed[: end - begin], False)
        pass_norm(dnormed[: end - begin], begin, end, s, w, work, dscales)


@device
def enter_back(first, last, work, masks, rate):
    """Turn the gradient of x_0 into that of the embedding."""
    if masks.size:
        drop(work.x[0, first:last], work.x[0, first:last], first, masks[0], rate)


@device
def backward_rows(starts, weights, work, dscales, heads, causal, masks, rate):
    """Backpropagate from dtop through all of `forward_rows`; fill dscales (2L+1, 2, C) with the sums over these rows.

    x and qkv are replaced by their gradients, slope by dz.
    """
    first, last = starts[0], starts[starts.size - 1]
    scratch = attention_scratch(longest(starts), weights.scales.shape[2] // heads)
    memory = backward_memory(last - first, work)
    leave_back(first, last, weights, work, dscales)
    for n in range(weights.biases.shape[0] - 1, -1, -1):
        mlp_branch_back(first, last, 2 * n + 1, n, weights, work, dscales, masks, rate, memory)
        self_branch_back(starts, 2 * n, n, weights, work, dscales, heads, causal, masks, rate, memory, scratch)
    enter_back(first, last, work, masks, rate)
