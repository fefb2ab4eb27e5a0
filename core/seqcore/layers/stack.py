"""The training kernels of a transformer: all blocks forward and backward, and all weight gradients.

Each is one parallel region. A worker takes a chunk of complete sequences from the tokens to the losses and all the way
back without a barrier, while its activations are still in its cache. How sequences are split into chunks depends only
on their lengths; a matrix's gradient is one sum over all rows on one worker, the norms' gradients are summed per chunk
and then over the chunks in order: results are bit-identical for any number of threads.
"""

import numpy as np
from numba import types

from seqcore.gemm import NR
from seqcore.jit import boolean, device, f1, f2, f4, i1, i8, i8_1, kernel, void
from seqcore.layers.block import ACTIVATIONS, WEIGHTS, backward_rows, biases_of, forward_rows, head_rows, yes_no
from seqcore.outer import copy_panels, store_panels, sum_block, sum_memory, sum_rows
from seqcore.team import shared

f8, u4_1, i8_2 = types.float64, types.uint32[::1], types.int64[:, ::1]
DEPTH = 128  # rows per block of a weight gradient's sum
GROUP = 4  # panels of a weight gradient per work item


@shared
def blocks_of_chunk(chunk, worker, starts, size, tokens, targets, values, weights, work, heads, masks, rate, scale,
                    smoothing, backward):  # fmt: skip
    """Run `size` sequences forward and, if `backward`, back; see `blocks`."""
    own, (causal, _) = starts[chunk * size : (chunk + 1) * size + 1], yes_no(heads)
    forward_rows(own, tokens, weights, work, heads, causal, masks, rate)
    head_rows(own[0], own[own.size - 1], targets, values, weights, work, scale, smoothing, backward)
    if backward:
        dscales = work.dscales[chunk].reshape(weights.scales.shape)
        backward_rows(own, weights, work, dscales, heads, causal, masks, rate)


@kernel("transformer", "train-attention", void(i8_1, i8, i1, i1, f2, WEIGHTS, ACTIVATIONS, i8, u4_1, f8, f4, f4,
                                               boolean, i8_1))  # fmt: skip
def blocks(starts, size, tokens, targets, values, weights, work, heads, masks, rate, scale, smoothing, backward, team):
    """Run tokens (M,) through the model to the losses for targets (M,) and, if `backward`, back to the embedding.

    Sequence b has the rows from starts[b] to starts[b + 1]; a chunk has `size` sequences. Without tokens, work.x[0]
    holds the product of real inputs; targets may be `values` (M, K), see `head_rows`. Gradients are those of
    scale * (sum of the losses), smoothed as in `layers.loss`. See `layers.block`.
    """
    count = (starts.size - 2 + size) // size
    arguments = (starts, size, tokens, targets, values, weights, work, heads, masks, rate, scale, smoothing, backward)
    blocks_of_chunk(team, count, arguments)


@device
def factors(work, n, which):
    """Return (A, B) such that the gradient of block n's matrix `which` (0 W_proj, 1 W_fc, 2 W_qkv, 3 W_o) is A^T B."""
    out = work.dropped if work.dropped.size else work.x
    branches = (work.x.shape[0] - 1) // work.qkv.shape[0]  # of a block: attention is the first, the perceptron the last
    s = n * branches
    if which == 0:
        return work.u[n], out[s + branches]
    if which == 1:
        return work.normed[s + branches - 1], work.slope[n]
    if which == 2:
        return work.normed[s], work.qkv[n]
    return work.y[n], out[s + 1]


@device
def outer_sum_panels(A, B, C, sums, first, count, panel, total, column, one):
    """Fill `count` panels of C (M, N) = A^T B from `first` on, and of B's column sums (N,) unless `sums` is empty."""
    K, M, N = A.shape[0], C.shape[0], C.shape[1]
    sum_of = total.reshape(-1)[: count * M * NR].reshape((count, M, NR))
    at = first * NR
    for k0 in range(0, K, DEPTH):
        depth = min(DEPTH, K - k0)
        copy_panels(B, k0, depth, at, N, panel[:count])
        if sums.size:
            sum_rows(one, panel[:count], depth, column, k0 > 0)
        sum_block(A, 1, A.shape[1], k0, M, depth, N, at, panel[:count], sum_of, k0 > 0)
    store_panels(sum_of, column, at, C, sums)


@device
def groups_of(which, C):
    """Return the number of groups of panels of a block's matrix; see `factors`."""
    N = C if which in (0, 3) else 4 * C if which == 1 else 3 * C
    return ((N + NR - 1) // NR + GROUP - 1) // GROUP


@shared
def weights_of_group(item, worker, work, gradient, places, dbiases, scratch):
    """Compute one group of panels; see `blocks_weights`."""
    L, C = places.shape[0], work.normed.shape[2]
    which = np.int64(0)
    while item >= groups_of(which, C) * L:
        item -= groups_of(which, C) * L
        which += 1
    n, first = item % L, item // L * GROUP
    A, B = factors(work, n, which)
    M, N = 4 * C if which == 0 else C, C if which in (0, 3) else 4 * C if which == 1 else 3 * C
    target = gradient[places[n, which] : places[n, which] + M * N].reshape((M, N))
    b_qkv, b_o, b_fc, b_proj = biases_of(dbiases[n], C)
    sums = b_proj if which == 0 else b_fc if which == 1 else b_qkv if which == 2 else b_o
    panel, total, column, one = sum_memory(scratch, worker, GROUP, DEPTH, 4 * C)
    outer_sum_panels(A, B, target, sums, first, min(GROUP, (N + NR - 1) // NR - first), panel, total, column, one)


@kernel(
    "weight gradients of all blocks", "train-attention train-attention-pairs", void(ACTIVATIONS, f1, i8_2, f2, f2, i8_1)
)
def blocks_weights(work, gradient, places, dbiases, scratch, team):
    """Compute the gradients of all blocks' matrices, in gradient (P,), and of their biases, dbiases (L, 9C) or (L, 0).

    places (L, 4): offsets of W_proj, W_fc, W_qkv and W_o of each block in `gradient`; the largest products come first.
    scratch: see `outer.sum_memory`.
    """
    L, C, items = places.shape[0], work.normed.shape[2], np.int64(0)
    for which in range(4):
        items += groups_of(which, C) * L
    weights_of_group(team, items, (work, gradient, places, dbiases, scratch))


@shared
def embedding_columns(group, worker, starts, tokens, dx, dE, dP, clear):
    """NR columns of `embedding_backward`."""
    first, last = group * NR, min((group + 1) * NR, dE.shape[1])
    if clear:
        dE[:, first:last] = np.float32(0)
    if dP.size:
        dP[:, first:last] = np.float32(0)
    for i in range(starts.size - 1):
        for m in range(starts[i], starts[i + 1]):
            row = dx[m, first:last]
            if tokens.size:
                to = dE[tokens[m], first:last]
                for j in range(row.size):
                    to[j] += row[j]
            if dP.size:
                place = dP[m - starts[i], first:last]
                for j in range(row.size):
                    place[j] += row[j]


@kernel("embedding gradient", "train-attention train-attention-pairs", void(i8_1, i1, f2, f2, f2, boolean, i8_1))
def embedding_backward(starts, tokens, dx, dE, dP, clear, team):
    """Add the rows of dx (M, padded C) to dE[token] (zeroed first if `clear`); dP[t] = their sum per timestep.

    dP may be empty, and so may tokens and dE, for real inputs. An item owns columns: every sum has a fixed order.
    """
    embedding_columns(team, (dE.shape[1] + NR - 1) // NR, (starts, tokens, dx, dE, dP, clear))
