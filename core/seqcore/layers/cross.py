"""Attention of a decoder over the annotations of its encoder (Bahdanau et al. 2015, Luong et al. 2015).

    dot         e_ts = q_t . a_s               q = h
    general     e_ts = q_t . a_s               q = h W_a
    additive    e_ts = v . tanh(q_t + k_s)     q = h W_q,  k = a W_k
    A_t = softmax over s of e_ts               context_t = sum_s A_ts a_s               y_t = tanh([context_t h_t] W_c)

The query is the decoder's state at the same timestep, as Luong et al. have it for every kind of score.

Backward, with dA_ts = dcontext_t . a_s and de_ts = A_ts (dA_ts - sum over s' of A_ts' dA_ts'):

    da_s = sum_t A_ts dcontext_t + de_ts q_t                  dq_t = sum_s de_ts a_s                      dot, general
    g_ts = de_ts v (1 - tanh(q_t + k_s)^2)       dk_s = sum_t g_ts       dq_t = sum_s g_ts       dv = sum de_ts tanh(..)

Each sequence is one work item. Shapes: U timesteps of the decoder, S of the encoder, B sequences, time first; q and h
(U * B, ...), a (S * B, D), k (S * B, ...). Sequence b has `lengths[b]` annotations, at its last timesteps: the others
are padding, without weight or gradient. shares (B, U, padded S) holds A, column j for the annotation of timestep
S - lengths[b] + j; mixed (U * B, padded (D + H)) holds [context h].
"""

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.elementwise import exp, tanh
from seqcore.gemm import NR, padded, tile_rows
from seqcore.jit import device, f1, f2, f3, i8, i8_1, kernel, void
from seqcore.layers.attention import columns_of, copy_rows, rows_of
from seqcore.layers.embedding import column_sums
from seqcore.layers.linear import Linear, project
from seqcore.layers.loss import largest
from seqcore.layers.tanh import tanh_backward, tanh_forward, tanh_forward_serial
from seqcore.parameters import Parameters
from seqcore.records import F32, I64
from seqcore.team import shared, team

int64, f4 = np.int64, np.float32


@device
def of_sequence(rows, b, B, first, out):
    """out[i] = rows[(first + i) B + b], as many columns as out has."""
    for i in range(out.shape[0]):
        source = rows[(first + i) * B + b : (first + i) * B + b + 1]
        copy_rows(source, int64(0), out[i : i + 1], int64(0), out.shape[1])


@device
def products_of(x, y, scores):
    """scores[t, s] = x_t . y_s, for x (U, D) and y (L, D); whole panels of columns are written."""
    U, D = x.shape
    panel = np.empty((D, NR), np.float32)
    for first in range(0, y.shape[0], NR):
        columns_of(y, first, min(NR, y.shape[0] - first), int64(0), panel)
        tile_rows(x, 0, D, 1, U, panel, 0, D, scores, first, scores.shape[1], False)


@device
def mixture(weights, a_row, a_column, M, y, out, accumulate):
    """out[m] = sum over s of weights[m a_row + s a_column] y_s (+ out), for y (L, D) and out (M, padded D)."""
    L, D = y.shape
    panels = np.empty(((D + NR - 1) // NR, L, NR), np.float32)
    rows_of(y, int64(0), D, panels)
    for p in range(panels.shape[0]):
        tile_rows(weights, 0, a_row, a_column, M, panels, p * L * NR, L, out, p * NR, out.shape[1], accumulate)


@device
def additive_scores(q, k, v, scores):
    """scores[t, s] = v . tanh(q_t + k_s), for q (U, H) and k (L, H)."""
    for t in range(q.shape[0]):
        q_t = q[t]
        for s in range(k.shape[0]):
            k_s, total = k[s], f4(0)
            for j in range(v.size):
                total += v[j] * tanh(q_t[j] + k_s[j])
            scores[t, s] = total


@device
def softmax_rows(scores, L):
    """Replace the first L columns of each row by their softmax, and the others by 0."""
    for t in range(scores.shape[0]):
        row, total = scores[t, :L], f4(0)
        top = largest(row)
        for s in range(L):
            row[s] = exp(row[s] - top)
            total += row[s]
        for s in range(L):
            row[s] /= total
        scores[t, L:] = f4(0)


@device
def forward_sequence(b, q, k, v, a, h, lengths, U, shares, mixed):
    """Fill shares[b] and the rows of `mixed` of one sequence."""
    B, D, H, L = lengths.size, a.shape[1], h.shape[1], lengths[b]
    S = a.shape[0] // B
    scores, context = shares[b, :U], np.zeros((U, (D + NR - 1) // NR * NR), np.float32)
    if L > 0:
        notes = np.empty((L, D), np.float32)
        of_sequence(a, b, B, S - L, notes)
        queries = np.empty((U, v.size if v.size else D), np.float32)
        of_sequence(q, b, B, 0, queries)
        if v.size:
            keys = np.empty((L, v.size), np.float32)
            of_sequence(k, b, B, S - L, keys)
            additive_scores(queries, keys, v, scores)
        else:
            products_of(queries, notes, scores)
        softmax_rows(scores, L)
        mixture(scores, scores.shape[1], 1, U, notes, context, False)
    else:
        scores[:] = f4(0)
    for t in range(U):
        to = mixed[t * B + b : t * B + b + 1]
        copy_rows(context[t : t + 1], int64(0), to, int64(0), D)
        copy_rows(h[t * B + b : t * B + b + 1], int64(0), to, D, H)


@device
def softmax_gradient(shares, dshares, L):
    """Turn the first L columns of dshares, dA, into de, and the others into 0."""
    for t in range(shares.shape[0]):
        row, d, along = shares[t, :L], dshares[t, :L], f4(0)
        for s in range(L):
            along += row[s] * d[s]
        for s in range(L):
            d[s] = row[s] * (d[s] - along)
        dshares[t, L:] = f4(0)


@device
def additive_gradient(q, k, v, dscores, dq, dk, dv):
    """Fill dq, dk and dv from dscores; see the equations above."""
    dq[:] = f4(0)
    dk[:] = f4(0)
    H = v.size
    for t in range(q.shape[0]):
        q_t, dq_t = q[t], dq[t, :H]
        for s in range(k.shape[0]):
            k_s, dk_s, d = k[s], dk[s, :H], dscores[t, s]
            for j in range(H):
                y = tanh(q_t[j] + k_s[j])
                g = d * v[j] * (f4(1) - y * y)
                dv[j] += d * y
                dq_t[j] += g
                dk_s[j] += g


@device
def backward_sequence(b, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da):
    """Fill the rows of dq, dk and da of one sequence, and dv[b]; those of padding with 0."""
    B, D, L = lengths.size, a.shape[1], lengths[b]
    S, N = a.shape[0] // B, v.size if v.size else a.shape[1]
    wide = (D + NR - 1) // NR * NR
    dqueries = np.zeros((U, (N + NR - 1) // NR * NR), np.float32)
    dnotes, dkeys = np.zeros((S, wide), np.float32), np.zeros((S if v.size else 0, N), np.float32)
    if v.size:
        dv[b] = f4(0)
    if L > 0:
        notes, queries, dcontext = np.empty((L, D), np.float32), np.empty((U, N), np.float32), np.empty((U, D), f4)
        of_sequence(a, b, B, S - L, notes)
        of_sequence(q, b, B, 0, queries)
        of_sequence(dmixed, b, B, 0, dcontext)
        weights, dscores = shares[b, :U], np.empty((U, shares.shape[2]), np.float32)
        products_of(dcontext, notes, dscores)
        softmax_gradient(weights, dscores, L)
        row, own = shares.shape[2], dnotes[S - L :]
        mixture(weights, 1, row, L, dcontext, own, False)
        if v.size:
            keys = np.empty((L, N), np.float32)
            of_sequence(k, b, B, S - L, keys)
            additive_gradient(queries, keys, v, dscores, dqueries, dkeys[S - L :], dv[b])
        else:
            mixture(dscores, 1, row, L, queries, own, True)
            mixture(dscores, row, 1, U, notes, dqueries, False)
    for t in range(U):
        copy_rows(dqueries[t : t + 1], int64(0), dq[t * B + b : t * B + b + 1], int64(0), N)
    for s in range(S):
        copy_rows(dnotes[s : s + 1], int64(0), da[s * B + b : s * B + b + 1], int64(0), D)
        if v.size:
            copy_rows(dkeys[s : s + 1], int64(0), dk[s * B + b : s * B + b + 1], int64(0), N)


@shared
def forward_item(b, worker, q, k, v, a, h, lengths, U, shares, mixed):
    """As `forward_sequence`."""
    forward_sequence(b, q, k, v, a, h, lengths, U, shares, mixed)


@shared
def backward_item(b, worker, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da):
    """As `backward_sequence`."""
    backward_sequence(b, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da)


@kernel("alignment", "train-pairs", void(f2, f2, f1, f2, f2, i8_1, i8, f3, f2, i8_1))
def align(q, k, v, a, h, lengths, U, shares, mixed, team):
    """Fill shares and mixed; k and v are empty unless the score is additive."""
    forward_item(team, lengths.size, (q, k, v, a, h, lengths, U, shares, mixed))


@kernel("alignment, one thread", "look-pairs", void(f2, f2, f1, f2, f2, i8_1, i8, f3, f2))
def align_serial(q, k, v, a, h, lengths, U, shares, mixed):
    """As `align`, for threads that may not run parallel kernels."""
    for b in range(lengths.size):
        forward_sequence(b, q, k, v, a, h, lengths, U, shares, mixed)


@kernel("alignment backward", "train-pairs", void(f2, f2, f1, f2, i8_1, i8, f3, f2, f2, f2, f2, f2, i8_1))
def align_backward(q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da, team):
    """Fill dq (U * B, >= N), dk (S * B, >= H), dv (B, H) and da (S * B, >= D) from dmixed (U * B, >= D)."""
    backward_item(team, lengths.size, (q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da))


@kernel("alignment backward, one thread", "look-pairs", void(f2, f2, f1, f2, i8_1, i8, f3, f2, f2, f2, f2, f2))
def align_backward_serial(q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da):
    """As `align_backward`, for threads that may not run parallel kernels."""
    for b in range(lengths.size):
        backward_sequence(b, q, k, v, a, lengths, U, shares, dmixed, dq, dk, dv, da)


def shapes(kind: str, H: int, D: int) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the parameters: of H units in the decoder, D numbers in an annotation."""
    scored: dict[str, dict[str, tuple[int, ...]]] = {
        "none": {},
        "dot": {},
        "general": {"W_a": (H, D)},
        "additive": {"W_q": (H, H), "W_k": (D, H), "v": (H,)},
    }
    return scored[kind] | ({} if kind == "none" else {"W_c": (D + H, H)})


class Buffers:
    """The arrays of a pass over up to T timesteps in all, S + U, of B sequences; empty what the kind does not need."""

    def __init__(self, kind: str, T: int, B: int, H: int, D: int, backward: bool = True) -> None:
        M, back, N = T * B, T * B if backward else 0, {"general": D, "additive": H}.get(kind, 0)
        self.q = zeros(M, padded(N))  # h W_a, or h W_q
        self.k = zeros(M if kind == "additive" else 0, padded(H))
        self.mixed, self.z, self.y = zeros(M, padded(D + H)), zeros(M, padded(H)), zeros(M, H)
        self.dy, self.dmixed = zeros(back, padded(H)), zeros(back, padded(D + H))
        self.dq, self.dk = zeros(back, padded(N or D)), zeros(back if kind == "additive" else 0, padded(H))
        self.dv = zeros(B if backward and kind == "additive" else 0, H)
        self._shares = zeros(shares_size(T, B))
        self.shares = self._shares[:0].reshape(B, 0, 0)

    def begin(self, S: int, U: int, B: int) -> None:
        """Lay out `shares` for S and U timesteps."""
        self.shares = self._shares[: B * U * padded(S)].reshape(B, U, padded(S))

    @staticmethod
    def bytes_needed(kind: str, T: int, B: int, H: int, D: int, backward: bool = True) -> int:
        """Return the bytes that the arrays take."""
        if kind == "none":
            return 0
        N, additive = {"general": D, "additive": H}.get(kind, 0), kind == "additive"
        forward = padded(N) + additive * padded(H) + padded(D + H) + padded(H) + H
        back = padded(H) + padded(D + H) + padded(N or D) + additive * padded(H)
        return 4 * (T * B * (forward + backward * back) + additive * backward * B * H + shares_size(T, B))


def shares_size(T: int, B: int) -> int:
    """Return the most elements of `shares` for S + U = T."""
    return max(B * (T - S) * padded(S) for S in range(T + 1))


class CrossAttention:
    """Attention of one kind, not "none", over views into the parameter and gradient buffers."""

    def __init__(self, kind: str, p: Parameters, g: Parameters | None, prefix: str = "attention") -> None:
        def linear(name: str) -> Linear:
            W, dW = p[f"{prefix}.{name}"], g[f"{prefix}.{name}"] if g is not None else NO_MATRIX
            return Linear(W, NO_VECTOR, dW, NO_VECTOR)

        self.kind = kind
        self.out = linear("W_c")
        self.query = linear({"general": "W_a", "additive": "W_q"}[kind]) if kind != "dot" else None
        self.key = linear("W_k") if kind == "additive" else None
        self.v = p[f"{prefix}.v"] if kind == "additive" else NO_VECTOR
        self.dv = g[f"{prefix}.v"] if g is not None and kind == "additive" else NO_VECTOR
        self.linears = [one for one in (self.query, self.key, self.out) if one is not None]

    def forward(self, h: F32, a: F32, lengths: I64, work: Buffers, parallel: bool = True) -> F32:
        """Return y (U * B, H) for h (U * B, H) and annotations a (S * B, D)."""
        B = lengths.size
        U, S = len(h) // B, len(a) // B
        work.begin(S, U, B)
        q, k, y = h, NO_MATRIX, work.y[: len(h)]
        if self.query is not None:
            q = work.q[: len(h)]
            (self.query.forward if parallel else self.query.forward_serial)(h, q)
        if self.key is not None:
            k = work.k[: len(a)]
            (self.key.forward if parallel else self.key.forward_serial)(a, k)
        mixed, z = work.mixed[: len(h)], work.z[: len(h)]
        if parallel:
            align(q, k, self.v, a, h, lengths, U, work.shares, mixed, team())
            self.out.forward(mixed, z)
            tanh_forward(z, y, team())
        else:
            align_serial(q, k, self.v, a, h, lengths, U, work.shares, mixed)
            self.out.forward_serial(mixed, z)
            tanh_forward_serial(z, y)
        return y

    def backward(self, h: F32, a: F32, lengths: I64, dh: F32, da: F32, work: Buffers) -> None:
        """Fill dh (U * B, padded H), da (S * B, padded D) and all gradients from work.dy; see `forward`."""
        n, U, D = len(h), len(h) // lengths.size, a.shape[1]
        dy, dmixed, mixed = work.dy[:n], work.dmixed[:n], work.mixed[:n]
        tanh_backward(work.y[:n], dy, team())
        self.out.backward_weights(mixed, dy)
        self.out.backward_input(dy, dmixed)
        q, dq = (h if self.query is None else work.q[:n]), work.dq[:n]
        k, dk = (work.k[: len(a)], work.dk[: len(a)]) if self.key is not None else (NO_MATRIX, NO_MATRIX)
        align_backward(q, k, self.v, a, lengths, U, work.shares, dmixed, dq, dk, work.dv, da, team())
        H = h.shape[1]
        dh[:, :H] = dmixed[:, D : D + H]
        if self.query is None:
            dh[:, :H] += dq[:, :H]
        else:
            self.query.backward_weights(h, dq)
            project(dq, self.query.W.shape[1], self.query.packed_T.panels, NO_VECTOR, dh, True, team())
        if self.key is not None:
            self.key.backward_weights(a, dk)
            project(dk, H, self.key.packed_T.panels, NO_VECTOR, da, True, team())
            column_sums(work.dv, self.dv)
