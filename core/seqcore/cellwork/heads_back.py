"""The chain rule of an attention; see `cellwork.heads`.

dA_ts = dy_t · v_s        dL/ds_ts = a_ts (dA_ts - sum over s' of a_ts' dA_ts')
dL/dq_t = sum over s of dL/ds_ts k_s / sqrt(d)        dL/dk_s = sum over t of dL/ds_ts q_t / sqrt(d)
dL/dv_s = sum over t of a_ts dL/dy_t
"""

from functools import cached_property

import numpy as np

from seqcore.cellwork.heads import Heads
from seqcore.cellwork.records import Factor, Gradient, Term
from seqcore.cellwork.terms import largest, terms_of, timed_terms
from seqcore.records import F32, F64


class HeadsBack:
    """The gradients inside the head of one unit, from dx (U, C), that of the stream after attention."""

    def __init__(self, heads: Heads, unit: int, dx: F32) -> None:
        self.heads, self.unit, self.dx = heads, unit, dx
        block = heads.block
        self.own, self.j = block.own(unit), unit % block.d
        self.shares = heads.known[block.head(unit)]  # (U, S)
        self.dy = np.einsum("tc,jc->tj", dx, block.weights(heads.W_o)[self.own])  # (U, d)
        self.v = heads.v[:, self.own]

    @cached_property
    def dshares(self) -> F64:
        """The gradients of the weights, (U, S)."""
        found: F64 = np.einsum("tj,sj->ts", self.dy.astype(np.float64), self.v)
        return found

    @cached_property
    def dscores(self) -> F64:
        """The gradients of the scores, (U, S)."""
        found: F64 = self.shares * (self.dshares - (self.shares * self.dshares).sum(axis=1, keepdims=True))
        return found

    def scored(self, i: int, s: int) -> tuple[Gradient, ...]:
        """Return those of what attention has found, and of the weight and the score of row s; s -1: none."""
        heads, block, m = self.heads, self.heads.block, self.heads.mark
        t, W_o = block.blocks.at(i), block.weights(self.heads.W_o)
        above = f"dL/d{block.blocks.stream_name(heads.branch + 1)}"
        y = terms_of("above", t, f"{above} of unit {{}}".format, "W_o", W_o[self.unit], self.dx[i])
        found = Gradient(
            f"dL/dy{m}_t", "weighted values", f"dL/dy{m}_t = W_o {above}", float(self.dy[i, self.j]), terms=largest(y)
        )
        if s < 0:
            return (found,)
        a = terms_of("a", t, f"dL/dy{m}_t[{{}}]".format, f"v{m}_s", self.v[s], self.dy[i])
        at, weight, score = f"t={heads.first + s}", heads.weight, heads.score
        share, dshare = float(self.shares[i, s]), float(self.dshares[i, s])
        mean = float((self.shares[i] * self.dshares[i]).sum())
        factors = Factor(weight, share), Factor(f"(dL/d{weight} - mean)", dshare - mean)
        formula = f"dL/d{score} = {weight} · (dL/d{weight} - Σ_s' a{m}_ts' dL/da{m}_ts')"
        return (
            found,
            Gradient(f"dL/d{weight}", f"weight of {at}", f"dL/d{weight} = dL/dy{m}_t · v{m}_s", dshare,
                     terms=largest(a)),
            Gradient(f"dL/d{score}", f"score of {at}", formula, float(self.dscores[i, s]), factors),
        )  # fmt: skip

    def q(self, i: int) -> list[Term]:
        """Return the terms of the gradient of the query of row i."""
        heads, seen = self.heads, self.heads.seen(i)
        weights = self.dscores[i, seen] / heads.root
        values = self._turned_back(heads.k[seen], i)
        return timed_terms("a", heads.symbol, f"dL/d{heads.score}/√d", weights, values, heads.first)

    def k(self, s: int) -> list[Term]:
        """Return the terms of the gradient of the key of row s."""
        heads, by = self.heads, self.heads.seen_by(s)
        weights, values = self.dscores[by, s] / heads.root, self._turned_back(heads.q[by], s)
        return timed_terms("a", heads.symbol, f"dL/d{self._later(heads.score)}/√d", weights, values, self._first(by))

    def dv(self, s: int) -> list[Term]:
        """Return the terms of the gradient of the value of row s."""
        heads, by = self.heads, self.heads.seen_by(s)
        by_weight = self._later(heads.weight)
        return timed_terms("a", heads.symbol, by_weight, self.shares[by, s], self.dy[by, self.j], self._first(by))

    def _later(self, name: str) -> str:
        """Return the name of a weight or score of a key or value, over the timesteps τ that attend to it."""
        return name.replace("_ts", "_τs" if self.heads.mark else "_τt")

    def _first(self, by: slice) -> int:
        return self.heads.block.blocks.at(by.start)

    def _turned_back(self, rows: F32, i: int) -> F64:
        """Return q or k of the unit at some rows, turned back by the position i; as they are without rotary."""
        cos, sin, other = self.heads.block.turn(i, self.unit) if not self.heads.mark else (1.0, 0.0, self.unit)
        values = rows.astype(np.float64)
        found: F64 = cos * values[:, self.unit] - sin * values[:, other]
        return found
