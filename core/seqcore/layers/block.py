"""The blocks of a transformer (pre-norm, as GPT-2 has them), whole sequences at a time, forward and backward.

    x_0 = dropout(E[token] + P[t])
    x_{2l+1} = x_{2l} + dropout(attention(norm(x_{2l})))          block l = 0 .. L-1
    x_{2l+2} = x_{2l+1} + dropout(mlp(norm(x_{2l+1})))
    what the head reads is norm(x_{2L})

A worker takes a chunk of whole sequences through all blocks with no barrier, and so back: about ROWS rows at a time
stay in its cache. How rows are cut into chunks depends on T and B alone, and what is summed over rows here (the norms'
gradients) is summed by chunk and then over the chunks in order: results do not depend on the number of threads.

Shapes. Rows are batch first: row m = b T + t, M of them. Stage s = 0 .. 2L is a place on the residual stream.
x (2L+1, M, padded C) the stream, and after the backward pass its gradient; normed (2L+1, M, C) the norms' outputs,
stats (2L+1, M, 2), scales (2L+1, 2, C); for each block qkv (L, M, padded 3C), peaks (L, M, 2 heads), y (L, M, C),
slope (L, M, padded 4C) and u (L, M, 4C). All but the first and the last of these are where a forward pass
alone may overwrite one block by the next: their first length is then 1, of x 2.
packed (L, ..) holds the panels of W_qkv, W_o, W_fc and W_proj, packed_T those of their transposes; biases (L, 9C) or
(L, 0) are those of the same four. masks (2L+1,) are the keys of dropout at each stage, empty for none.
"""

import numpy as np

from seqcore.gemm import NR, matmul
from seqcore.jit import device
from seqcore.layers.attention import attend, attend_backward, attention_scratch, rotate
from seqcore.layers.dropout import mix
from seqcore.layers.linear import project_rows
from seqcore.layers.mlp import mlp_backward, mlp_forward
from seqcore.layers.norm import norm_backward, norm_forward

f4, u4 = np.float32, np.uint32
ROWS = 64  # that a worker takes through a product together


@device
def weights_of(packed, C, transposed):
    """The panels of a block's four matrices: (ceil(N / NR), K, NR) each, of their transposes where `transposed`."""
    wide, narrow = (4 * C + NR - 1) // NR, (C + NR - 1) // NR
    triple = (3 * C + NR - 1) // NR
    qkv = (narrow, 3 * C, NR) if transposed else (triple, C, NR)
    fc = (narrow, 4 * C, NR) if transposed else (wide, C, NR)
    proj = (wide, C, NR) if transposed else (narrow, 4 * C, NR)
    o_at = qkv[0] * qkv[1] * NR
    fc_at = o_at + narrow * C * NR
    proj_at = fc_at + fc[0] * fc[1] * NR
    end = proj_at + proj[0] * proj[1] * NR
    return (
        packed[:o_at].reshape(qkv),
        packed[o_at:fc_at].reshape((narrow, C, NR)),
        packed[fc_at:proj_at].reshape(fc),
        packed[proj_at:end].reshape(proj),
    )


@device
def biases_of(biases, C):
    """b_qkv, b_o, b_fc, b_proj of a block; all empty where it has none."""
    return biases[: 3 * C], biases[3 * C : 4 * C], biases[4 * C : 8 * C], biases[8 * C :]


@device
def drop_rows(source, to, C, first, key, rate):
    """`layers.dropout` for rows that start at row `first` of all; to may be source."""
    threshold, scale = u4(min(rate * 2.0**32, 2.0**32 - 1)), f4(1 / (1 - rate))
    for r in range(source.shape[0]):
        row, out, start = source[r, :C], to[r, :C], mix(u4(first + r) ^ key)
        for j in range(C):
            out[j] = row[j] * scale if mix(u4(start + u4(j))) >= threshold else f4(0)


@device
def add_branch(rows, K, W, bias, x, below, first, masks, stage, rate):
    """x = below + dropout(rows[:, :K] W + bias)."""
    if masks.size:
        project_rows(rows, K, W, bias, x, False)
        drop_rows(x, x, x.shape[1], first, masks[stage], rate)
    for r in range(x.shape[0]):
        row, other = x[r], below[r]
        for j in range(row.size):
            row[j] = row[j] + other[j] if masks.size else other[j]
    if masks.size == 0:
        project_rows(rows, K, W, bias, x, True)


@device
def embed(tokens, E, P, T, x, first):
    """x[r] = E[token] + P[t] for the rows from `first` on; P may be empty."""
    C = E.shape[1]
    for r in range(x.shape[0]):
        row, source = x[r, :C], E[tokens[first + r]]
        for j in range(C):
            row[j] = source[j]
        if P.size:
            place = P[(first + r) % T]
            for j in range(C):
                row[j] += place[j]


@device
def forward_rows(
    first, last, tokens, E, P, packed, scales, biases, turns, x, normed, stats, qkv, peaks, y, slope, u, T, heads,
    masks, rate,
):  # fmt: skip
    """Rows [first, last), whole sequences of T, through all blocks and the last norm."""
    C, L, stages, kept = E.shape[1], packed.shape[0], x.shape[0], qkv.shape[0]
    d = C // heads
    scratch = attention_scratch(T, d)
    embed(tokens, E, P, T, x[0, first:last], first)
    if masks.size:
        drop_rows(x[0, first:last], x[0, first:last], C, first, masks[0], rate)
    for n in range(L):
        W_qkv, W_o, W_fc, W_proj = weights_of(packed[n], C, False)
        b_qkv, b_o, b_fc, b_proj = biases_of(biases[n], C)
        at, s, k = 2 * n, 2 * n + 1, n % kept
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            x_in, a = x[at % stages, begin:end], normed[at % normed.shape[0], begin:end]
            norm_forward(x_in, scales[at], a, stats[at % stats.shape[0], begin:end])
            project_rows(a, C, W_qkv, b_qkv, qkv[k, begin:end], False)
        for begin in range(first, last, T):
            sequence = qkv[k, begin : begin + T]
            rotate(sequence, C, turns, False)
            for head in range(heads):
                attend(sequence, y[k, begin : begin + T], peaks[k, begin : begin + T], C, d, head, scratch)
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            x_in, x_mid, x_out = x[at % stages, begin:end], x[s % stages, begin:end], x[(s + 1) % stages, begin:end]
            m = normed[s % normed.shape[0], begin:end]
            add_branch(y[k, begin:end], C, W_o, b_o, x_mid, x_in, begin, masks, s, rate)
            norm_forward(x_mid, scales[s], m, stats[s % stats.shape[0], begin:end])
            mlp_forward(m, W_fc, b_fc, slope[k, begin:end], u[k, begin:end])
            add_branch(u[k, begin:end], 4 * C, W_proj, b_proj, x_out, x_mid, begin, masks, s + 1, rate)
    top, final = 2 * L % stages, 2 * L % normed.shape[0]
    norm_forward(
        x[top, first:last], scales[2 * L], normed[final, first:last], stats[2 * L % stats.shape[0], first:last]
    )


@device
def branch_gradient(dx, dropped, first, masks, stage, rate):
    """The gradient of the branch that ends at that stage: dx, or dropout of it, which `dropped` then keeps."""
    if masks.size == 0:
        return dx
    kept = dropped[stage, first : first + dx.shape[0]]
    drop_rows(dx, kept, dx.shape[1], first, masks[stage], rate)
    return kept


@device
def backward_rows(
    first, last, packed_T, scales, turns, dtop, x, stats, qkv, peaks, slope, dropped, dscales, T, heads, masks, rate
):
    """In the forward pass: `forward_rows`. From dtop (M, padded C), the gradient of what the head reads.

    x becomes its gradient at every stage, qkv and slope theirs; dropped (2L+1, M, padded C) that of the branches, where
    there is dropout; dscales (2L+1, 2, C) is filled with the sums over these rows.
    """
    C, L = scales.shape[2], packed_T.shape[0]
    d, width = C // heads, x.shape[2]
    scratch = attention_scratch(T, d)
    dnormed, dy = np.empty((ROWS, width), np.float32), np.empty((last - first, width), np.float32)
    du = np.empty((ROWS, slope.shape[2]), np.float32)
    dscales[:] = f4(0)
    none, top = dtop[:0], 2 * L
    norm_backward(dtop[first:last], x[top, first:last], stats[top, first:last], scales[top], none, dscales[top])
    for n in range(L - 1, -1, -1):
        W_qkv_T, W_o_T, W_fc_T, W_proj_T = weights_of(packed_T[n], C, True)
        at, s = 2 * n, 2 * n + 1
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            dx_out, x_mid, dm = x[s + 1, begin:end], x[s, begin:end], dnormed[: end - begin]
            dout = branch_gradient(dx_out, dropped, begin, masks, s + 1, rate)
            mlp_backward(dout, W_proj_T, W_fc_T, slope[n, begin:end], du[: end - begin], dm)
            norm_backward(dm, x_mid, stats[s, begin:end], scales[s], dx_out, dscales[s])
            dout = branch_gradient(x_mid, dropped, begin, masks, s, rate)
            matmul(dout, C, W_o_T, dy[begin - first : end - first], False)
        for begin in range(first, last, T):
            sequence = qkv[n, begin : begin + T]
            dy_rows, peak_rows = dy[begin - first : begin - first + T], peaks[n, begin : begin + T]
            for head in range(heads):
                attend_backward(sequence, dy_rows, peak_rows, C, d, head, scratch)
            rotate(sequence, C, turns, True)
        for begin in range(first, last, ROWS):
            end = min(begin + ROWS, last)
            da = dnormed[: end - begin]
            matmul(qkv[n, begin:end], 3 * C, W_qkv_T, da, False)
            norm_backward(da, x[at, begin:end], stats[at, begin:end], scales[at], x[s, begin:end], dscales[at])
    if masks.size:
        drop_rows(x[0, first:last], x[0, first:last], C, first, masks[0], rate)
