"""Multi-head attention (Vaswani et al. 2017); each head has its own d = C / heads columns of q, k and v.

    S_ts = q_t . k_s / sqrt(d)      A_ts = exp(S_ts) / sum over s' of exp(S_ts')      y_t = sum_s A_ts v_s

Causal: all sums are over s <= t. Otherwise, each of U queries sees all S keys, its own sequence's or another one's.

Backward, with dA_ts = dy_t . v_s:

    dS_ts = A_ts (dA_ts - sum over s' of A_ts' dA_ts')
    dq_t = sum_s dS_ts k_s / sqrt(d)      dk_s = sum_t dS_ts q_t / sqrt(d)      dv_s = sum_t A_ts dy_t

A is never stored in full: timesteps t are processed in blocks of NR, and the block of A, for all s up to the end of the
block, stays in the cache while it is used; the backward pass recomputes it from q, k and two numbers per row (as in
Dao et al. 2022). Memory is linear in T, and most entries with s > t are never computed. A block is stored transposed,
(s, NR): the softmax then runs down NR columns side by side, and no sum crosses the lanes of a vector register. Of a
block's queries, the first sees `before` + 1 keys, the next one more, and so on up to all of them: causal attention has
`before` = t of the first query; without a mask, it is S.

Rotary positions (Su et al. 2021) first rotate the pairs (2i, 2i + 1) of q_t and k_t by t / 10000^(2i/d).

Shapes: qkv (T, padded 3C) holds q, k, v of one sequence side by side, and their gradients after the backward pass;
q (U, ...) and kv (S, ...) are such arrays, where a head's columns of q, k and v begin at q_at, k_at and v_at; y (U, C),
dy (U, padded C); peaks (U, 2 heads) holds max_s S_ts and 1 / sum_s exp(S_ts - max) per head; turns (>= T, d) holds cos
and sin per pair, and is empty without rotary positions.
"""

import math

import numpy as np

from seqcore.elementwise import exp
from seqcore.gemm import NR, address, copy8, tile_rows
from seqcore.jit import device
from seqcore.packing import transpose8

f4, int64 = np.float32, np.int64
PLACE = np.arange(NR, dtype=np.float32)  # index of each column within its block
LOW = f4(-3e38)


@device
def rotate(qkv, C, turns, way):
    """Rotate the pairs of every head of q and k, the first 2C columns of qkv; way 1: forward, -1: inverse."""
    if turns.size == 0:
        return
    d = turns.shape[1]
    for t in range(qkv.shape[0]):
        angles = turns[t].reshape((d // 2, 2))
        for at in range(0, 2 * C, d):
            pairs = qkv[t, at : at + d].reshape((d // 2, 2))
            for i in range(d // 2):
                c, s, a, b = angles[i, 0], way * angles[i, 1], pairs[i, 0], pairs[i, 1]
                pairs[i, 0], pairs[i, 1] = a * c - b * s, a * s + b * c


@device
def columns_of(rows, first, count, at, panel):
    """panel[i, j] = rows[first + j, at + i], zero for j >= count: the transpose of up to NR rows, as a panel."""
    d, width = panel.shape[0], rows.shape[1]
    if count < NR:
        panel[:] = f4(0)
    whole = count // 8 * 8
    for i in range(0, d - 7, 8):
        for j in range(0, whole, 8):
            transpose8(address(rows, (first + j) * width + at + i), width, address(panel, i * NR + j), NR)
    for j in range(count):
        source = rows[first + j, at : at + d]
        for i in range(d // 8 * 8 if j < whole else 0, d):
            panel[i, j] = source[i]


# Loops over the NR columns take their length from an array: if LLVM knows it at compile time, it unrolls before it
# vectorises, and the smaller loops take three times as long.
@device
def softmax_columns(scores, before, scale, peak, share):
    """Turn scores (s, NR) = k_s . q of a block of queries into exp(S - peak) in place, 0 where a query does not see s.

    Fill peak (NR,), the maximum of each column of S = scale * scores, and share (NR,), 1 / the sum of each column.
    """
    columns = peak.size
    peak[:] = LOW
    share[:] = f4(0)
    for s in range(scores.shape[0]):
        row, lag = scores[s], f4(s - before)
        for j in range(columns):
            x = row[j] if PLACE[j] >= lag else LOW
            peak[j] = x if x > peak[j] else peak[j]
    for j in range(columns):
        peak[j] *= scale
    for s in range(scores.shape[0]):
        row, lag = scores[s], f4(s - before)
        for j in range(columns):
            e = exp(row[j] * scale - peak[j]) if PLACE[j] >= lag else f4(0)
            row[j] = e
            share[j] += e
    for j in range(columns):
        share[j] = f4(1) / share[j]


@device
def softmax_backward(scores, dshares, before, scale, peak, share, along):
    """Turn scores (see `softmax_columns`) into A and dshares from dA into dS / sqrt(d), both in place.

    along (NR,) is scratch for the sums of A dA. They equal y . dy, but only if they are summed from this same A does
    an entry A = 1 get a gradient of exactly zero.
    """
    columns = peak.size
    along[:] = f4(0)
    for s in range(scores.shape[0]):
        row, d, lag = scores[s], dshares[s], f4(s - before)
        for j in range(columns):
            a = exp(row[j] * scale - peak[j]) * share[j] if PLACE[j] >= lag else f4(0)
            row[j] = a
            along[j] += a * d[j]
    for s in range(scores.shape[0]):
        row, d = scores[s], dshares[s]
        for j in range(columns):
            d[j] = row[j] * (d[j] - along[j]) * scale


@device
def copy_rows(source, from_at, to, at, width):
    """to[r, at : at + width] = source[r, from_at : from_at + width].

    Callers pass int64(0) instead of 0: Numba compiles a separate copy for every combination of literals.
    """
    for r in range(source.shape[0]):
        here, there = r * source.shape[1] + from_at, r * to.shape[1] + at
        for j in range(0, width - 7, 8):
            copy8(address(source, here + j), address(to, there + j))
        for j in range(width // 8 * 8, width):
            to[r, at + j] = source[r, from_at + j]


@device
def rows_of(rows, at, d, panels):
    """panels[p, r] = rows[r, at + p NR : ...], zero past d columns: the layout that `tile_rows` reads."""
    for p in range(panels.shape[0]):
        width, panel = min(NR, d - p * NR), panels[p, : rows.shape[0]]
        if width < NR:
            panel[:] = f4(0)
        copy_rows(rows, at + p * NR, panel, int64(0), width)


@device
def attention_scratch(S, d):
    """Return the scratch arrays of one head, for S keys at most, small enough to stay in the cache."""
    panels = (d + NR - 1) // NR
    pair = np.empty((2, S, NR), np.float32)  # A and dA of a block of queries
    columns = np.empty((2, d, NR), np.float32)  # q and dy of the block, transposed
    rows = np.empty((2, panels, NR, NR), np.float32)  # q and dy of the block
    all_rows = np.empty((panels, S, NR), np.float32)  # v, or k, of every timestep
    out = np.empty((NR, panels * NR), np.float32)  # y, or dq, of the block
    sums = np.empty((2, S, panels * NR), np.float32)  # dk and dv of every timestep
    numbers = np.empty((3, NR), np.float32)  # peak, share and the sums of A dA of the block
    return pair, columns, rows, all_rows, out, sums, numbers


@device
def gather(shares, before, last, count, rows, rows_at, out, at, wide):
    """out[t, at : at + NR] = sum over the seen s of shares[s, t] rows[s], for the `count` queries t of the block."""
    for i in range(0, count, 8):
        n = min(8, count - i)
        tile_rows(shares, i, 1, NR, n, rows, rows_at, min(before + i + n, last), out, i * wide + at, wide, False)


@device
def scatter(shares, before, last, count, rows, rows_at, sums, at, wide, more):
    """sums[s, at : at + NR] += sum over the block's queries t that see s of shares[s, t] rows[t], for s < last.

    The sums are assigned instead where this is the first contribution: to keys that not all queries of the block see,
    and unless `more`, to all others.
    """
    tile_rows(shares, 0, NR, 1, min(before, last), rows, rows_at, count, sums, at, wide, more)
    for i in range(0, min(count, last - before), 8):
        n, a_at, c_at = min(8, count - i), (before + i) * NR + i, (before + i) * wide + at
        tile_rows(shares, a_at, NR, 1, n, rows, rows_at + i * NR, count - i, sums, c_at, wide, False)


@device
def attend(q, q_at, kv, k_at, v_at, causal, y, peaks, head, d, scratch):
    """Fill one head's columns of y, and its peaks, for one sequence of queries; without keys, y is 0."""
    U, S, width, y_at = q.shape[0], kv.shape[0], kv.shape[1], head * d
    pair, columns, _, values, out, _, numbers = scratch
    shares, q_T, wide = pair[0], columns[0], out.shape[1]
    if S == 0:
        y[:, y_at : y_at + d] = f4(0)
        return
    rows_of(kv, v_at, d, values)
    for first in range(0, U, NR):
        count = min(NR, U - first)
        before = first if causal else S
        last = min(before + count, S)
        columns_of(q, first, count, q_at, q_T)
        tile_rows(kv, k_at, width, 1, last, q_T, 0, d, shares, 0, NR, False)
        softmax_columns(shares[:last], before, f4(1 / math.sqrt(d)), numbers[0], numbers[1])
        for j in range(count):
            peaks[first + j, 2 * head], peaks[first + j, 2 * head + 1] = numbers[0, j], numbers[1, j]
        for p in range(values.shape[0]):
            gather(shares, before, last, count, values, p * values.shape[1] * NR, out, p * NR, wide)
        for j in range(count):
            row, to, one = out[j, :d], y[first + j, y_at : y_at + d], numbers[1, j]
            for i in range(d):
                to[i] = row[i] * one


@device
def attend_backward(q, q_at, kv, k_at, v_at, causal, dy, peaks, head, d, scratch):
    """Replace one head's columns of q, k and v by their gradients, for one sequence of queries."""
    U, S, width, y_at = q.shape[0], kv.shape[0], kv.shape[1], head * d
    pair, columns, rows, keys, out, sums, numbers = scratch
    shares, dshares, q_T, dy_T, q_rows, dy_rows = pair[0], pair[1], columns[0], columns[1], rows[0], rows[1]
    dk, dv, peak, share, along = sums[0, :S], sums[1, :S], numbers[0], numbers[1], numbers[2]
    wide, scale = out.shape[1], f4(1 / math.sqrt(d))
    if S == 0 or U == 0:
        q[:, q_at : q_at + d] = f4(0)
        kv[:, k_at : k_at + d] = f4(0)
        kv[:, v_at : v_at + d] = f4(0)
        return
    rows_of(kv, k_at, d, keys)
    for first in range(0, U, NR):
        count = min(NR, U - first)
        before = first if causal else S
        last = min(before + count, S)
        columns_of(q, first, count, q_at, q_T)
        columns_of(dy, first, count, y_at, dy_T)
        rows_of(q[first : first + count], q_at, d, q_rows)
        rows_of(dy[first : first + count], y_at, d, dy_rows)
        for j in range(count):
            peak[j], share[j] = peaks[first + j, 2 * head], peaks[first + j, 2 * head + 1]
        tile_rows(kv, k_at, width, 1, last, q_T, 0, d, shares, 0, NR, False)
        tile_rows(kv, v_at, width, 1, last, dy_T, 0, d, dshares, 0, NR, False)
        softmax_backward(shares[:last], dshares[:last], before, scale, peak, share, along)
        for p in range(keys.shape[0]):
            scatter(shares, before, last, count, dy_rows, p * NR * NR, dv, p * NR, wide, first > 0)
            scatter(dshares, before, last, count, q_rows, p * NR * NR, dk, p * NR, wide, first > 0)
            gather(dshares, before, last, count, keys, p * keys.shape[1] * NR, out, p * NR, wide)
        copy_rows(out[:count], int64(0), q[first : first + count], q_at, d)
    copy_rows(dk, int64(0), kv, k_at, d)
    copy_rows(dv, int64(0), kv, v_at, d)
