"""How far back the losses of an encoder-decoder reach: through the decoder, attention, the bridge and the encoder.

One row for each loss; all rows go back through the same gates. With input feeding, a loss also passes the attention of
all timesteps before its own. See `probe` for what reach is.
"""

from typing import TYPE_CHECKING

import numpy as np

from seqcore.arrays import NO_MATRIX, flat, zeros
from seqcore.gemm import padded
from seqcore.layers.alignment import align_backward_serial
from seqcore.layers.cell import Cell, CellWorkspace
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
    N, D = R - first, model.config.annotation
    dtop, dnotes = zeros(N, padded(H)), zeros(N, S, padded(D))
    model.head.backward_input_serial(dlogits[first:], dtop)
    rows = Rows(L, N, H)
    dz, norms = zeros(N, look.layers[0].gates.shape[2]), np.zeros(N, np.float32)
    for t in range(R - 2, S - 1, -1):  # the decoder, from its last timestep to its first
        some = slice(t + 1 - first, N)
        entered = some if model.feed is not None else slice(some.start, some.start + 1)  # losses that pass this y
        rows.dh[-1][entered] += through_attention(look, t - S, dtop[entered], dnotes[entered])
        dx = back_through(model.decoder, look.layers, t - S, rows, some, dz, norms, hidden[:, first:, t])
        inputs[first + some.start :, t] = lengths_of(dx, model.config.embedding or model.config.logits)
        if model.feed is not None:  # dtop is now that of the timestep before, for these losses
            model.feed.backward_input_serial(dz[some], dtop[some])
    model.encoder.back(look.reading.trace, cross_bridge(look, rows), dnotes, hidden[:, first:], inputs[first:])
    return hidden, inputs


def through_attention(look: "PairLook", t: int, dy: F32, dnotes: F32) -> F32:
    """Return the gradient at the top h of a timestep of the decoder, (R, padded H), and add that at all top annotations
    to dnotes (R, S, padded D), given that of the head's input, dy (R, padded H), for R losses."""
    attention, buffers = look.model.attention, look.buffers
    if attention is None or buffers is None:
        return dy
    H, D, R, S = look.model.config.hidden, look.model.config.annotation, len(dy), look.bar
    dh, mixed = dy.copy(), zeros(R, attention.out.input_width)
    dh[:, :H] *= 1 - np.square(buffers.y[t])
    attention.out.backward_input_serial(dh, mixed)
    dh[:, :H] = mixed[:, D : D + H]
    additive, notes = attention.key is not None, look.reading.notes
    h = flat(look.layers[-1].h[1:])
    q = np.repeat(h[t : t + 1] if attention.query is None else buffers.q[t : t + 1], R, axis=0)
    a, keys = np.repeat(notes, R, axis=0), np.repeat(look.reading.keys, R, axis=0) if additive else NO_MATRIX
    dq, da = zeros(R, padded(H if additive else D)), zeros(S * R, padded(D))
    dk, dv = zeros(S * R if additive else 0, padded(H)), zeros(R if additive else 0, H)
    shares = np.repeat(buffers.shares[:, t : t + 1], R, axis=0)
    align_backward_serial(q, keys, attention.v, a, np.full(R, S), 1, shares, mixed, dq, dk, dv, da)
    if attention.query is None:
        dh[:, :H] += dq[:, :H]
    else:
        more = zeros(R, padded(H))
        attention.query.backward_input_serial(dq, more)
        dh += more
    if attention.key is not None:
        further = zeros(S * R, padded(D))
        attention.key.backward_input_serial(dk, further)
        da += further
    dnotes += da.reshape(S, R, da.shape[1]).swapaxes(0, 1)
    return dh


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
