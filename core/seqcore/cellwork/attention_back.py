"""The chain rule of a transformer block, from the stream after it to the stream before it; see `cellwork.attention`.

dL/dx' = dL/dx″ + through the norm and the perceptron        dL/dx = dL/dx' + through the norm and attention
dA_ts = dy_t · v_s        dL/ds_ts = a_ts (dA_ts - sum over s' of a_ts' dA_ts')
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqcore.cellwork.block import PARTS, Block, NormBack
from seqcore.cellwork.ends import Losses, head_terms
from seqcore.cellwork.place import Place
from seqcore.cellwork.records import Factor, Gradient, sum_of
from seqcore.cellwork.terms import largest, product, terms_of, timed_terms
from seqcore.layers.block import Activations
from seqcore.records import F32, F64

if TYPE_CHECKING:
    from seqcore.cellwork.attention import AttentionWork


class AttentionBack(NamedTuple):
    """The gradients of all units at all timesteps."""

    work: Activations  # see `TransformerLook.gradients`


def chain(
    look: "AttentionWork", place: Place, position: int, losses: Losses, back: AttentionBack
) -> tuple[Gradient, ...]:
    """Return the chain rule of a unit of the stream, from the loss to the stream before the block."""
    t, layer, unit = place[:3]
    block = look.block(layer)
    return (
        *_above(look, block, t, unit, losses, back.work),
        *_perceptron(look, block, t, unit, back.work),
        *_Head(look, block, place, back.work).gradients(position),
        _before(look, block, t, unit, back.work),
    )


def _above(
    look: "AttentionWork", block: Block, t: int, unit: int, losses: Losses, back: Activations
) -> tuple[Gradient, ...]:
    """Return the gradient of the stream after the block."""
    value, layer = float(back.x[2 * block.layer + 2, t, unit]), block.layer + 1
    if layer < look.config.layers:
        above, dx = look.block(layer), float(back.x[2 * layer + 1, t, unit])
        terms = [product("1", 1.0, "dL/dx' of the block above", dx, unit, t, "above")]
        terms += _of_norm(above, 1, t, above.weights("W_qkv"), back.qkv[layer, t]).terms(unit, "m", t)
        formula = "dL/dx″ = dL/dx' + through the norm of the block above"
        return (Gradient("dL/dx″", "stream after the block", formula, value, terms=largest(terms)),)
    dn = back.dtop[t, : block.C]
    terms = NormBack(look.model, look.look, 2 * layer, t, dn).terms(unit, "n", t)
    said = largest(head_terms(look.top(t), unit, losses.dlogits[t], look.names))
    return (
        Gradient("dL/dn", "what the output reads", f"dL/dn = {look.top(t).by} dL/dlogits", float(dn[unit]), terms=said),
        Gradient("dL/dx″", "stream after the block", "dL/dx″ = through the last norm", value, terms=largest(terms)),
    )


def _of_norm(block: Block, place: int, t: int, W: F32, dz: F32) -> NormBack:
    """Return the gradient of a norm that a product with W (C, N) reads, from that of the product, dz (>= N,)."""
    dn = np.einsum("cn,n->c", W, dz[: W.shape[1]])
    return NormBack(block.model, block.look, 2 * block.layer + place - 1, t, dn)


def _perceptron(look: "AttentionWork", block: Block, t: int, unit: int, back: Activations) -> tuple[Gradient, ...]:
    """Return the gradients of the loudest hidden unit, and of the stream before the perceptron."""
    layer, j, C = block.layer, block.loudest(t, unit), block.C
    after, row = back.x[2 * layer + 2, t, :C], block.weights("W_proj")[j]
    terms = terms_of("above", t, "dL/dx″ of unit {}".format, "W_proj", row, after)
    du = Factor("dL/du_t", sum_of(term.product for term in terms))
    slope = Factor("gelu'(z_t)", float(look.look.work.slope[layer, t, j]))
    norm = _of_norm(block, 2, t, block.weights("W_fc"), back.slope[layer, t])
    before = [product("1", 1.0, "dL/dx″", float(after[unit]), unit, t, "above"), *norm.terms(unit, "m'", t)]
    dz, dx = float(back.slope[layer, t, j]), float(back.x[2 * layer + 1, t, unit])
    formula, label = "dL/dz_t = dL/du_t · gelu'(z_t)", f"hidden unit {j}"
    return (
        Gradient("dL/du_t", label, "dL/du_t = W_proj dL/dx″", du.value, terms=largest(terms)),
        Gradient("dL/dz_t", f"{label}, before gelu", formula, dz, (du, slope)),
        Gradient(
            "dL/dx'", "stream after attention", "dL/dx' = dL/dx″ + through the norm", dx, terms=largest(before)
        ),
    )  # fmt: skip


class _Head:
    """The gradients inside one head."""

    def __init__(self, look: "AttentionWork", block: Block, place: Place, back: Activations) -> None:
        self.look, self.block, self.back, self.t, self.unit = look, block, back, place.t, place.unit
        head, d, C = place.unit // block.d, block.d, block.C
        self.own = slice(head * d, (head + 1) * d)
        self.shares = np.nan_to_num(block.shares[head])  # (T, T)
        self.dx = back.x[2 * block.layer + 1, :, :C]
        self.dy = np.einsum("tc,jc->tj", self.dx, block.weights("W_o")[self.own])  # (T, d)
        self.v = block.parts("v")[:, self.own]

    def _dscores(self, rows: slice) -> F64:
        """Return dL/ds_ts of some timesteps t, (n, T)."""
        d_shares = np.einsum("tj,sj->ts", self.dy[rows].astype(np.float64), self.v)
        shares = self.shares[rows]
        found: F64 = shares * (d_shares - (shares * d_shares).sum(axis=1, keepdims=True))
        return found

    def gradients(self, s: int) -> tuple[Gradient, ...]:
        """Return those of y, of the score of timestep s, and of q, k and v at t."""
        block, t, unit, C = self.block, self.t, self.unit, self.block.C
        j, symbol, root = unit % block.d, self.look.names.symbol, math.sqrt(block.d)
        y_terms = terms_of("above", t, "dL/dx' of unit {}".format, "W_o", block.weights("W_o")[unit], self.dx[t])
        a_terms = terms_of("a", t, "dL/dy_t[{}]".format, "v_s", self.v[s], self.dy[t])
        here, later = self._dscores(slice(t, t + 1))[0], self._dscores(slice(t, None))[:, t]
        d_shares = float((self.dy[t].astype(np.float64) * self.v[s]).sum())
        share = float(self.shares[t, s])
        mean = float((self.shares[t] * (self.dy[t].astype(np.float64) * self.v).sum(axis=1)).sum())
        q = timed_terms("a", symbol, "dL/ds_ts/√d", here[: t + 1] / root, self._turned_back("k", slice(0, t + 1)), 0)
        k = timed_terms("a", symbol, "dL/ds_τt/√d", later / root, self._turned_back("q", slice(t, None)), t)
        v = timed_terms("a", symbol, "a_τt", self.shares[t:, t], self.dy[t:, j], t)
        kernel = {part: float(self.back.qkv[block.layer, t, PARTS[part] * C + unit]) for part in PARTS}
        back = ", turned back" if self.look.model.packed.weights.turns.size else ""
        return (
            Gradient(
                "dL/dy_t", "weighted values", "dL/dy_t = W_o dL/dx'", float(self.dy[t, j]), terms=largest(y_terms)
            ),
            Gradient("dL/da_ts", f"weight of t={s}", "dL/da_ts = dL/dy_t · v_s", d_shares, terms=largest(a_terms)),
            Gradient(
                "dL/ds_ts", f"score of t={s}", "dL/ds_ts = a_ts · (dL/da_ts - Σ_s' a_ts' dL/da_ts')", float(here[s]),
                (Factor("a_ts", share), Factor("(dL/da_ts - mean)", d_shares - mean)),
            ),
            Gradient("dL/dq_t", "query", f"dL/dq_t = Σ_s dL/ds_ts k_s / √d{back}", kernel["q"], terms=largest(q)),
            Gradient("dL/dk_t", "key", f"dL/dk_t = Σ_τ≥t dL/ds_τt q_τ / √d{back}", kernel["k"], terms=largest(k)),
            Gradient("dL/dv_t", "value", "dL/dv_t = Σ_τ≥t a_τt dL/dy_τ", kernel["v"], terms=largest(v)),
        )  # fmt: skip

    def _turned_back(self, part: str, rows: slice) -> F64:
        """Return q or k of the unit at some timesteps, turned back by the position t; as they are without rotary."""
        cos, sin, other = self.block.turn(self.t, self.unit)
        values = self.block.parts(part)[rows].astype(np.float64)
        found: F64 = cos * values[:, self.unit] - sin * values[:, other]
        return found


def _before(look: "AttentionWork", block: Block, t: int, unit: int, back: Activations) -> Gradient:
    """Return the gradient of the stream before the block."""
    layer = block.layer
    terms = [product("1", 1.0, "dL/dx'", float(back.x[2 * layer + 1, t, unit]), unit, t, "above")]
    terms += _of_norm(block, 1, t, block.weights("W_qkv"), back.qkv[layer, t]).terms(unit, "m", t)
    value = float(back.x[2 * layer, t, unit])
    return Gradient(
        "dL/dx", "stream before the block", "dL/dx = dL/dx' + through the norm", value, terms=largest(terms)
    )
