"""How far back the losses of an encoder-decoder reach: through the decoder, attention, the bridge and the encoder.

One row for each loss; all rows go back through the same gates. See `probe` for what reach is.
"""

from typing import TYPE_CHECKING

import numpy as np

from seqcore.arrays import NO_MATRIX, zeros
from seqcore.gemm import padded
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.layers.cross import align_backward_serial
from seqcore.models.encoder import State
from seqcore.records import F32

if TYPE_CHECKING:
    from seqcore.models.pairs_serial import PairLook


class Rows:
    """The gradients of R losses while they go back through a stack: of h and of what bypasses W_hh, of each layer."""

    def __init__(self, layers: int, R: int, H: int) -> None:
        self.dh = [zeros(R, padded(H)) for _ in range(layers)]
        self.direct = [zeros(R, H) for _ in range(layers)]


def reach(look: "PairLook", dlogits: F32) -> tuple[F32, F32]:
    """See `PairLook.reach`."""
    model, S, R, H = look.model, look.bar, len(dlogits), look.model.config.hidden
    L = len(look.layers)
    hidden, inputs = np.full((L, R, R), np.nan, np.float32), np.full((R, R), np.nan, np.float32)
    model.pack_backward()
    first = S + 1  # the first loss
    if first >= R:
        return hidden, inputs
    enters, dnotes = entering(look, dlogits[first:])  # (R - first, padded H), (R - first, S, padded D)
    rows, N = Rows(L, R - first, H), R - first
    dz, norms = zeros(N, look.layers[0].gates.shape[2]), np.zeros(N, np.float32)
    for t in range(R - 2, S - 1, -1):  # the decoder, from its last timestep to its first
        some = slice(t + 1 - first, N)
        rows.dh[-1][t + 1 - first] += enters[t + 1 - first]
        dx = back_through(model.decoder, look.layers, t - S, rows, some, dz, norms, hidden[:, first:, t])
        inputs[first + some.start :, t] = lengths_of(dx, model.config.embedding or model.config.logits)
    model.encoder.back(look.reading.trace, cross_bridge(look, rows), dnotes, hidden[:, first:], inputs[first:])
    return hidden, inputs


def entering(look: "PairLook", dlogits: F32) -> tuple[F32, F32]:
    """Return where each loss enters: the gradient of the top h of its timestep, and of all top annotations."""
    model, S, N, H = look.model, look.bar, len(dlogits), look.model.config.hidden
    enters = zeros(N, padded(H))
    model.head.backward_input_serial(dlogits, enters)
    D = model.config.annotation
    dnotes = zeros(N, S, padded(D))
    attention, buffers = model.attention, look.buffers
    if attention is None or buffers is None:
        return enters, dnotes
    y, mixed = buffers.y[:N], zeros(N, attention.out.input_width)
    enters[:, :H] *= 1 - y * y
    attention.out.backward_input_serial(enters, mixed)
    a, additive = look.reading.notes, attention.key is not None
    h = np.ascontiguousarray(look.layers[-1].h[1:, 0])
    width = H if additive else D
    dq, dk, dv = zeros(1, padded(width)), zeros(S if additive else 0, padded(H)), zeros(int(additive), H)
    enters[:, :H] = mixed[:, D : D + H]
    for t in range(N):  # one timestep of the decoder at a time: a loss passes through the attention of its own
        q = h[t : t + 1] if attention.query is None else buffers.q[t : t + 1]
        shares = np.ascontiguousarray(buffers.shares[:, t : t + 1])
        align_backward_serial(
            q, look.reading.keys if additive else NO_MATRIX, attention.v, a, np.array([S]), 1, shares,
            mixed[t : t + 1], dq, dk, dv, dnotes[t],
        )  # fmt: skip
        if attention.query is None:
            enters[t, :H] += dq[0, :H]
        else:
            more = zeros(1, padded(H))
            attention.query.backward_input_serial(dq, more)
            enters[t] += more[0]
        if attention.key is not None:
            further = zeros(S, padded(D))
            attention.key.backward_input_serial(dk, further)
            dnotes[t] += further
    return enters, dnotes


def back_through(
    layers: list[Cell], works: list[CellWorkspace], t: int, rows: Rows, some: slice, dz: F32, norms: F32, hidden: F32
) -> F32:
    """Take some rows back through timestep t of a stack; fill hidden (layers, N), and return dx (rows, padded I)."""
    dx = NO_MATRIX
    for n in range(len(layers) - 1, -1, -1):
        layer = layers[n]
        layer.back_one(works[n], t, rows.dh[n][some], rows.direct[n][some], dz[some], norms[some])
        hidden[n, some] = norms[some]
        dx = zeros(len(dz[some]), layer.input.input_width)
        layer.input.backward_input_serial(dz[some], dx)
        if n:
            rows.dh[n - 1][some] += dx
    return dx


def cross_bridge(look: "PairLook", rows: Rows) -> list[State]:
    """Return the gradients at the last states of the encoder, by layer, (N, padded D)."""
    model, H, found = look.model, look.model.config.hidden, []
    D = model.config.annotation
    for n, (work, bridges) in enumerate(zip(look.layers, model.bridges, strict=True)):
        dh, dc = rows.dh[n], rows.direct[n]
        if not model.cell.carries_c and model.cell.goes_direct:
            dh[:, :H] += dc  # a part of the gradient of h that had not been added yet
        if bridges:
            h = work.h[0]
            wide = zeros(len(dh), padded(D))
            z = dh.copy()
            z[:, :H] *= 1 - h * h
            bridges["h"].backward_input_serial(z, wide)
            dh = wide
            if "c" in bridges:
                wide = zeros(len(dc), padded(D))
                narrow = zeros(len(dc), padded(H))
                narrow[:, :H] = dc
                bridges["c"].backward_input_serial(narrow, wide)
                dc = wide
        found.append(State(dh, dc))
    return found


def lengths_of(vectors: F32, width: int) -> F32:
    """Return the Euclidean norms (N,) of the first `width` columns of vectors (N, ...)."""
    found: F32 = np.sqrt(np.square(vectors[:, :width], dtype=np.float64).sum(axis=1)).astype(np.float32)
    return found
