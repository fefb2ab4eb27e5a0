"""Input feeding: what attention found goes on to the decoder's lowest layer, which reads it a timestep later.

Backward, the gradient of h̃_t comes from the output and from timestep t + 1, see `models.pairs_steps`.
"""

import numpy as np

from seqcore.arrays import zeros
from seqcore.cellwork.points import Equations, Fed, gate_terms
from seqcore.cellwork.records import Term
from seqcore.cellwork.terms import Read
from seqcore.gemm import padded
from seqcore.models.pairs_reach import Rows, back_through, through_attention
from seqcore.models.pairs_serial import PairLook
from seqcore.records import F32


def feed_of(look: PairLook, i: int) -> Fed:
    """Return what timestep i of the decoder, counted from 0, reads of the one before; the first reads nothing."""
    assert look.buffers is not None
    assert look.model.feed is not None
    y = look.buffers.y[i - 1] if i else look.buffers.y[0, :0]
    return Fed(Read.whole("y", look.bar + i - 1, y, "h̃ of unit {}".format), look.model.feed.W)


def fed_gradient(look: PairLook, said: F32) -> F32:
    """Return the gradient of h̃ at every timestep of the decoder, (U, padded H), from the output's part of it, `said`.

    The timesteps go back one by one through attention and all layers; what is found of these is not kept.
    """
    model, H, dy = look.model, look.model.config.hidden, said.copy()
    assert model.feed is not None
    L, width = len(look.layers), look.layers[0].gates.shape[2]
    rows, dz, norms = Rows(L, 1, H), zeros(1, width), np.zeros(1, np.float32)
    dnotes, sizes = zeros(1, look.bar, padded(model.config.annotation)), zeros(L, 1)
    for t in range(len(dy) - 1, 0, -1):
        rows.dh[-1] += through_attention(look, t, dy[t : t + 1], dnotes)
        back_through(model.decoder, look.layers, t, rows, slice(None), dz, norms, sizes)
        before = zeros(1, padded(H))
        model.feed.backward_input_serial(dz, before)
        dy[t - 1] += before[0]
    return dy


def fed_terms(unit: int, t: int, W: F32, equations: Equations, dz: F32) -> list[Term]:
    """Return the terms of dL/dh̃ of a unit from the gates dz (width,) at the next timestep t, through W_feed (H, N)."""
    return gate_terms("next", t, W[unit], [block.W_feed for block in equations.blocks], equations, dz)
