"""Causal attention with many heads (Vaswani et al. 2017), each on its own d = C / heads columns of q, k and v.

    S_ts = q_t . k_s / sqrt(d)      A_ts = exp(S_ts) / sum over s' <= t of exp(S_ts'), s <= t      y_t = sum_s A_ts v_s

Backward, with dA_ts = dy_t . v_s:

    dS_ts = A_ts (dA_ts - sum over s' of A_ts' dA_ts')        that sum is y_t . dy_t
    dq_t = sum_s dS_ts k_s / sqrt(d)      dk_s = sum_t dS_ts q_t / sqrt(d)      dv_s = sum_t A_ts dy_t

A is never kept: timesteps t are taken NR at a time, and such a block of A, for all s up to its end, stays in the cache
until it is used up; the backward pass computes it again from q, k and two numbers a row (the idea of Dao et al. 2022).
Memory is linear in T, and what lies after t is mostly not computed. A block is stored transposed, (s, NR): then the
softmax runs down the columns, NR of them side by side, and no sum goes across a vector register.

Rotary positions (Su et al. 2021) turn the pairs (2i, 2i + 1) of q_t and k_t by t / 10000^(2i/d) before that.

Shapes: qkv (T, padded 3C) holds q, k, v beside each other for one sequence, and their gradients after the backward
pass; y, dy (T, padded C); peaks (T, 2 heads) keeps max_s S_ts and 1 / sum_s exp(S_ts - max) of each head; turns
(>= T, d) holds cos, sin for each pair, or nothing.
"""

import math

import numpy as np

from seqcore.elementwise import exp
from seqcore.gemm import NR, address, copy_panels, tile_rows, transpose8
from seqcore.jit import device

f4 = np.float32
PLACE = np.arange(NR, dtype=np.float32)  # of a column in its block
LOW = f4(-3e38)


@device
def rotate(qkv, C, turns, back):
    """Turn the pairs of every head of q and k, the first 2C columns of qkv; `back`: the other way round."""
    if turns.size == 0:
        return
    d, way = turns.shape[1], f4(-1) if back else f4(1)
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


# Loops over the NR columns ask an array for their length: where LLVM knows it, it unrolls before it vectorises, and the
# smaller ones then take three times as long.
@device
def softmax_columns(scores, first, scale, peak, share):
    """scores (s, NR), k_s . q_t for the timesteps t from `first` on, become exp(S - peak), 0 where s > t.

    peak (NR,) is the maximum of each column of S = scale * scores, share (NR,) is 1 / the sum of each column.
    """
    columns = peak.size
    peak[:] = LOW
    share[:] = f4(0)
    for s in range(scores.shape[0]):
        row, lag = scores[s], f4(s - first)
        for j in range(columns):
            x = row[j] if PLACE[j] >= lag else LOW
            peak[j] = x if x > peak[j] else peak[j]
    for j in range(columns):
        peak[j] *= scale
    for s in range(scores.shape[0]):
        row, lag = scores[s], f4(s - first)
        for j in range(columns):
            e = exp(row[j] * scale - peak[j]) if PLACE[j] >= lag else f4(0)
            row[j] = e
            share[j] += e
    for j in range(columns):
        share[j] = f4(1) / share[j]


@device
def softmax_backward(scores, dshares, first, scale, peak, share, along):
    """scores, as above, become A, and dshares, dA, becomes dS / sqrt(d); along (NR,) = y_t . dy_t."""
    columns = peak.size
    for s in range(scores.shape[0]):
        row, d, lag = scores[s], dshares[s], f4(s - first)
        for j in range(columns):
            a = exp(row[j] * scale - peak[j]) * share[j] if PLACE[j] >= lag else f4(0)
            row[j] = a
            d[j] = a * (d[j] - along[j]) * scale


@device
def copy_rows(source, source_at, to, first, at, width):
    """to[first + r, at : at + width] = source[r, source_at : source_at + width]."""
    for r in range(source.shape[0]):
        row, target = source[r, source_at : source_at + width], to[first + r, at : at + width]
        for j in range(width):
            target[j] = row[j]


@device
def attention_scratch(T, d):
    """Arrays of one head, few and short enough to stay in the cache."""
    panels = (d + NR - 1) // NR
    pair = np.empty((2, T, NR), np.float32)  # A and dA of a block of timesteps
    columns = np.empty((2, d, NR), np.float32)  # its q and dy, transposed
    rows = np.empty((2, panels, NR, NR), np.float32)  # its q and dy
    all_rows = np.empty((panels, T, NR), np.float32)  # v, or k, of every timestep
    out = np.empty((NR, panels * NR), np.float32)  # its y, or dq
    sums = np.empty((2, T, panels * NR), np.float32)  # dk and dv of every timestep
    numbers = np.empty((3, NR), np.float32)  # its peaks, and y . dy
    return pair, columns, rows, all_rows, out, sums, numbers


@device
def attend(qkv, y, peaks, C, heads, head, scratch):
    """One head of one sequence: fill its columns of y, and its peaks."""
    T, width, d = qkv.shape[0], qkv.shape[1], C // heads
    pair, columns, _, values, out, _, numbers = scratch
    shares, q_T, wide = pair[0], columns[0], out.shape[1]
    q_at, k_at, v_at = head * d, C + head * d, 2 * C + head * d
    copy_panels(qkv, 0, T, v_at, v_at + d, values)
    for first in range(0, T, NR):
        count = min(NR, T - first)
        last = first + count
        columns_of(qkv, first, count, q_at, q_T)
        tile_rows(qkv, k_at, width, 1, last, q_T, 0, d, shares, 0, NR, False)
        softmax_columns(shares[:last], first, f4(1 / math.sqrt(d)), numbers[0], numbers[1])
        for j in range(count):
            peaks[first + j, 2 * head], peaks[first + j, 2 * head + 1] = numbers[0, j], numbers[1, j]
        for p in range(values.shape[0]):
            tile_rows(shares, 0, 1, NR, count, values, p * T * NR, last, out, p * NR, wide, False)
        for j in range(count):
            row, to, one = out[j, :d], y[first + j, q_at : q_at + d], numbers[1, j]
            for i in range(d):
                to[i] = row[i] * one


@device
def attend_backward(qkv, y, dy, peaks, C, heads, head, scratch):
    """One head of one sequence: its columns of q, k and v become their gradients."""
    T, width, d = qkv.shape[0], qkv.shape[1], C // heads
    pair, columns, rows, keys, out, sums, numbers = scratch
    shares, dshares, q_T, dy_T, q, dy_rows = pair[0], pair[1], columns[0], columns[1], rows[0], rows[1]
    dk, dv, peak, share, along = sums[0], sums[1], numbers[0], numbers[1], numbers[2]
    q_at, k_at, v_at, wide, scale = head * d, C + head * d, 2 * C + head * d, out.shape[1], f4(1 / math.sqrt(d))
    copy_panels(qkv, 0, T, k_at, k_at + d, keys)
    for first in range(0, T, NR):
        count = min(NR, T - first)
        last = first + count
        columns_of(qkv, first, count, q_at, q_T)
        columns_of(dy, first, count, q_at, dy_T)
        copy_panels(qkv, first, count, q_at, q_at + d, q)
        copy_panels(dy, first, count, q_at, q_at + d, dy_rows)
        for j in range(count):
            peak[j], share[j] = peaks[first + j, 2 * head], peaks[first + j, 2 * head + 1]
            given, wanted, total = y[first + j, q_at : q_at + d], dy[first + j, q_at : q_at + d], f4(0)
            for i in range(d):
                total += given[i] * wanted[i]
            along[j] = total
        tile_rows(qkv, k_at, width, 1, last, q_T, 0, d, shares, 0, NR, False)
        tile_rows(qkv, v_at, width, 1, last, dy_T, 0, d, dshares, 0, NR, False)
        softmax_backward(shares[:last], dshares[:last], first, scale, peak, share, along)
        for p in range(keys.shape[0]):
            # the sums of earlier keys go on, those of the block's own begin
            for at, n, more in ((0, first, True), (first, count, False)):
                c_at = at * wide + p * NR
                tile_rows(shares, at * NR, NR, 1, n, dy_rows, p * NR * NR, count, dv, c_at, wide, more)
                tile_rows(dshares, at * NR, NR, 1, n, q, p * NR * NR, count, dk, c_at, wide, more)
            tile_rows(dshares, 0, 1, NR, count, keys, p * T * NR, last, out, p * NR, wide, False)
        copy_rows(out[:count], 0, qkv, first, q_at, d)
    copy_rows(dk, 0, qkv, 0, k_at, d)
    copy_rows(dv, 0, qkv, 0, v_at, d)
