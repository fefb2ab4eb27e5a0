"""Attention of a decoder over the annotations of its encoder (Bahdanau et al. 2015, Luong et al. 2015).

    dot         e_ts = q_t . a_s               q = h
    general     e_ts = q_t . a_s               q = h W_a
    additive    e_ts = v . tanh(q_t + k_s)     q = h W_q,  k = a W_k
    A_t = softmax over s of e_ts               context_t = sum_s A_ts a_s               y_t = tanh([context_t h_t] W_c)

The query is the decoder's state at the same timestep, as Luong et al. have it for every kind of score.

Backward, with dA_ts = dcontext_t . a_s and de_ts = A_ts (dA_ts - sum over s' of A_ts' dA_ts'):

    da_s = sum_t A_ts dcontext_t + de_ts q_t                  dq_t = sum_s de_ts a_s                      dot, general
    g_ts = de_ts v (1 - tanh(q_t + k_s)^2)       dk_s = sum_t g_ts       dq_t = sum_s g_ts       dv = sum de_ts tanh(..)

Shapes: U timesteps of the decoder, S of the encoder, B sequences, time first; see `layers.alignment`, which has the
kernels.
"""

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.gemm import padded
from seqcore.layers.alignment import align, align_backward, align_backward_queries, align_serial
from seqcore.layers.embedding import column_sums
from seqcore.layers.linear import Linear, project
from seqcore.layers.tanh import tanh_backward, tanh_forward, tanh_forward_serial
from seqcore.parameters import Parameters
from seqcore.records import F32, I64
from seqcore.team import team


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
        U = len(h) // lengths.size
        self.read(a, lengths, U, work, parallel)
        return self.attend(h, a, lengths, 0, U, work, parallel)

    def read(self, a: F32, lengths: I64, U: int, work: Buffers, parallel: bool = True) -> None:
        """Prepare for U timesteps of the decoder over annotations a (S * B, D)."""
        work.begin(len(a) // lengths.size, U, lengths.size)
        if self.key is not None:
            (self.key.forward if parallel else self.key.forward_serial)(a, work.k[: len(a)])

    def attend(self, h: F32, a: F32, lengths: I64, first: int, count: int, work: Buffers, parallel: bool = True) -> F32:
        """Return y (count * B, H) of the timesteps from `first` on, for h (U * B, H), after `read`."""
        rows = slice(first * lengths.size, (first + count) * lengths.size)
        q, k = self._factors(h, a, work)
        if self.query is not None:
            (self.query.forward if parallel else self.query.forward_serial)(h[rows], q[rows])
        mixed, z, y = work.mixed[: len(h)], work.z[rows], work.y[rows]
        if parallel:
            align(q, k, self.v, a, h, lengths, first, count, work.shares, mixed, team())
            self.out.forward(mixed[rows], z)
            tanh_forward(z, y, team())
        else:
            align_serial(q, k, self.v, a, h, lengths, first, count, work.shares, mixed)
            self.out.forward_serial(mixed[rows], z)
            tanh_forward_serial(z, y)
        return y

    def backward(self, h: F32, a: F32, lengths: I64, dh: F32, da: F32, work: Buffers) -> None:
        """Fill dh (U * B, padded H), da (S * B, padded D) and all gradients from work.dy; see `forward`."""
        rows = slice(0, len(h))
        self._enter(rows, work)
        self.backward_weights(h, a, lengths, da, work)
        self._leave(rows, dh, work)

    def backward_timestep(self, h: F32, a: F32, lengths: I64, t: int, dh: F32, work: Buffers) -> None:
        """Fill dh (B, padded H) of one timestep from its rows of work.dy; call `backward_weights` after the last."""
        rows = slice(t * lengths.size, (t + 1) * lengths.size)
        self._enter(rows, work)
        q, k = self._factors(h, a, work)
        dq, dmixed = work.dq[: len(h)], work.dmixed[: len(h)]
        align_backward_queries(q, k, self.v, a, lengths, t, 1, work.shares, dmixed, dq, team())
        self._leave(rows, dh, work)

    def backward_weights(self, h: F32, a: F32, lengths: I64, da: F32, work: Buffers) -> None:
        """Fill da (S * B, padded D) and all gradients of parameters, after all rows of work.dy."""
        n, U, H = len(h), len(h) // lengths.size, h.shape[1]
        q, k = self._factors(h, a, work)
        dq, dk, dmixed = work.dq[:n], work.dk[: len(a)] if self.key is not None else NO_MATRIX, work.dmixed[:n]
        self.out.backward_weights(work.mixed[:n], work.dy[:n])
        align_backward(q, k, self.v, a, lengths, U, work.shares, dmixed, dq, dk, work.dv, da, team())
        if self.query is not None:
            self.query.backward_weights(h, dq)
        if self.key is not None:
            self.key.backward_weights(a, dk)
            project(dk, H, self.key.packed_T.panels, NO_VECTOR, da, True, team())
            column_sums(work.dv, self.dv)

    def _factors(self, h: F32, a: F32, work: Buffers) -> tuple[F32, F32]:
        """Return q and k; k is empty unless the score is additive."""
        return h if self.query is None else work.q[: len(h)], work.k[: len(a)] if self.key is not None else NO_MATRIX

    def _enter(self, rows: slice, work: Buffers) -> None:
        """Go back through W_c: turn work.dy into the gradient before the tanh, and fill work.dmixed."""
        tanh_backward(work.y[rows], work.dy[rows], team())
        self.out.backward_input(work.dy[rows], work.dmixed[rows])

    def _leave(self, rows: slice, dh: F32, work: Buffers) -> None:
        """Fill dh (rows, padded H) from work.dmixed and work.dq."""
        H = self.out.W.shape[1]
        D, dq = len(self.out.W) - H, work.dq[rows]
        dh[:, :H] = work.dmixed[rows, D : D + H]
        if self.query is None:
            dh[:, :H] += dq[:, :H]
        else:
            project(dq, self.query.W.shape[1], self.query.packed_T.panels, NO_VECTOR, dh, True, team())
