"""Attention of a decoder over its source: the equations of one unit, forward and backward; see `layers.cross`."""

from functools import cached_property

import numpy as np

from seqcore.arrays import NO_MATRIX, zeros
from seqcore.cellwork.records import Choice, Factor, Gradient, Quantity, Softmax, Term
from seqcore.cellwork.terms import Names, Read, largest, terms_of, unit_name
from seqcore.gemm import padded
from seqcore.layers.alignment import align_backward_serial
from seqcore.layers.cross import CrossAttention
from seqcore.models.pairs_serial import PairLook
from seqcore.records import F32, F64


class Cross:
    """The attention of a look at a pair, at every timestep of the decoder, which are counted from 0 here."""

    def __init__(self, look: PairLook, names: Names) -> None:
        assert look.model.attention is not None
        assert look.buffers is not None
        self.look, self.names, self.bar = look, names, look.bar
        self.attention: CrossAttention = look.model.attention
        self.a = look.reading.notes  # (S, D)
        self.h = np.ascontiguousarray(look.layers[-1].h[1:, 0])  # (U, H)
        self.y = look.buffers.y[: len(self.h)]
        self.shares = look.buffers.shares[0, :, : self.bar]  # (U, S)
        width = self.attention.query.W.shape[1] if self.attention.query is not None else 0
        self.q = look.buffers.q[: len(self.h), :width] if width else self.h

    @property
    def query(self) -> str:
        """The name of the matrix that makes the query; "" for the state itself."""
        return {"dot": "", "general": "W_a", "additive": "W_q"}[self.attention.kind]

    @property
    def formula(self) -> str:
        """The score."""
        return "e_ts = v · tanh(q_t + k_s)" if self.attention.key is not None else "e_ts = q_t · a_s"

    def score_terms(self, t: int, s: int) -> list[Term]:
        """Return the terms of the score of source timestep s."""
        if self.attention.key is None:
            return terms_of("q", self.bar + t, "q_t[{}]".format, "a_s", self.a[s], self.q[t])
        values = np.tanh(self.q[t].astype(np.float64) + self.look.reading.keys[s, : self.q.shape[1]])
        return terms_of("q", self.bar + t, "tanh(q_t + k_s)[{}]".format, "v", self.attention.v, values)

    def softmax(self, t: int) -> Softmax:
        """Return the weights of the source's timesteps."""
        if self.attention.key is None:
            scores = (self.a * self.q[t].astype(np.float64)).sum(axis=1)
        else:
            keys = self.look.reading.keys[:, : self.q.shape[1]]
            scores = (self.attention.v * np.tanh(self.q[t].astype(np.float64) + keys)).sum(axis=1)
        total = float(scores.max() + np.log(np.exp(scores - scores.max()).sum()))
        order = np.argsort(-self.shares[t], kind="stable").tolist()
        rows = (Choice(s, self.names.symbol(s), float(scores[s]), float(self.shares[t, s])) for s in order)
        return Softmax(
            "a_t", "attention over the source", f"a_t = softmax over s of {self.formula}", tuple(rows), total, "e_ts"
        )

    def position(self, t: int) -> int:
        """Return the source timestep with the largest weight."""
        return int(np.argmax(self.shares[t]))

    def forward(self, t: int, unit: int, s: int) -> tuple[Quantity, ...]:
        """Return the query, the score of s, and unit `unit` of the context and of what the output reads."""
        softmax, at, D = self.softmax(t), self.bar + t, self.a.shape[1]
        score = next(choice.score for choice in softmax.choices if choice.number == s)
        found = []
        if self.attention.query is not None:
            read = Read.whole("h", at, self.h[t], unit_name)
            terms = largest(read.terms(self.query, self.attention.query.W[:, unit]))
            formula = f"q_t = {self.query} h_t"
            found.append(Quantity("q_t", "query", formula, "", float(self.q[t, unit]), terms))
        mixed = terms_of("a", -1, self.names.symbol, "a_ts", self.shares[t], self.a[:, unit])
        mixed = [term._replace(at=term.number) for term in mixed]
        W, joined = self.attention.out.W[:, unit], self.look.buffers.mixed[t] if self.look.buffers else self.h[t]
        context = Read("c", at, joined[:D], "context {}".format, np.arange(D))
        state = Read("h", at, self.h[t], lambda row: unit_name(row - D), np.arange(D, D + self.h.shape[1]))
        both = [*context.terms("W_c", W), *(term._replace(number=term.number - D) for term in state.terms("W_c", W))]
        return (
            *found,
            Quantity("e_ts", f"score of t={s}", self.formula, "", score, largest(self.score_terms(t, s))),
            Quantity("ctx_t", "context", "ctx_t = Σ_s a_ts a_s", "", float(joined[unit]), largest(mixed)),
            Quantity(
                "h̃_t", "what the output reads", "h̃_t = tanh(W_c [ctx_t h_t])", "tanh", float(self.y[t, unit]),
                largest(both),
            ),
        )  # fmt: skip


class CrossBack:
    """The gradients of the attention from those of h̃, dy (U, padded H), all losses together."""

    def __init__(self, cross: Cross, dy: F32) -> None:
        self.cross, H, dz = cross, cross.h.shape[1], dy.copy()
        attention, U, D, S = cross.attention, len(dy), cross.a.shape[1], cross.bar
        self.dy = dy[:, :H]
        dz[:, :H] *= 1 - cross.y * cross.y
        self.dz = dz[:, :H]
        mixed = zeros(U, attention.out.input_width)
        attention.out.backward_input_serial(dz, mixed)
        self.dcontext, additive, width = mixed[:, :D], attention.key is not None, cross.q.shape[1]
        dq, dk = zeros(U, padded(width)), zeros(S if additive else 0, padded(H))
        self.dnotes = zeros(S, padded(D))  # of the annotations
        reading, q = cross.look.reading, np.ascontiguousarray(cross.q)
        align_backward_serial(
            q, reading.keys if additive else NO_MATRIX, attention.v, cross.a, np.array([S]), U,
            np.ascontiguousarray(cross.look.buffers.shares if cross.look.buffers else cross.shares[None]),
            mixed, dq, dk, zeros(int(additive), H), self.dnotes,
        )  # fmt: skip
        self.dq, self.dk = dq[:, :width], dk[:, :H]
        self.dh = zeros(U, padded(H))
        self.dh[:, :H] = mixed[:, D : D + H]
        if attention.query is None:
            self.dh[:, :H] += self.dq
        else:
            more = zeros(U, padded(H))
            attention.query.backward_input_serial(dq, more)
            self.dh += more
        if attention.key is not None:
            further = zeros(S, padded(D))
            attention.key.backward_input_serial(dk, further)
            self.dnotes += further

    @cached_property
    def dscores(self) -> F64:
        """The gradients of the scores e_ts, (U, S)."""
        shares = self.cross.shares.astype(np.float64)
        dshares = self._dshares
        found: F64 = shares * (dshares - (shares * dshares).sum(axis=1, keepdims=True))
        return found

    @cached_property
    def _dshares(self) -> F64:
        found: F64 = np.einsum("td,sd->ts", self.dcontext.astype(np.float64), self.cross.a)
        return found

    def at_state(self, t: int, unit: int) -> list[Term]:
        """Return the terms of the gradient of unit `unit` of the decoder's top state: through W_c and the query."""
        cross, at, D = self.cross, self.cross.bar + t, self.cross.a.shape[1]
        found = terms_of("above", at, "h̃ of unit {}".format, "W_c", cross.attention.out.W[D + unit], self.dz[t])
        if cross.attention.query is None:
            more = terms_of("a", -1, cross.names.symbol, "dL/de_ts", self.dscores[t], cross.a[:, unit])
            return found + [term._replace(at=term.number) for term in more]
        weights = cross.attention.query.W[unit]
        return found + terms_of("a", at, "query {}".format, cross.query, weights, self.dq[t])

    def at_note(self, s: int, j: int) -> list[Term]:
        """Return the terms of the gradient of number j of the annotation of source timestep s."""
        cross, U = self.cross, np.arange(len(self.dz)) + self.cross.bar
        found = terms_of("a", -1, cross.names.symbol, "a_ts", cross.shares[:, s], self.dcontext[:, j], U)
        if cross.attention.key is None:
            found += terms_of("a", -1, cross.names.symbol, "dL/de_ts", self.dscores[:, s], cross.q[:, j], U)
        found = [term._replace(at=term.number) for term in found]
        if cross.attention.key is not None:
            found += terms_of("a", s, "key {}".format, "W_k", cross.attention.key.W[j], self.dk[s])
        return found

    def gradients(self, t: int, unit: int, s: int, said: list[Term], fed: list[Term]) -> tuple[Gradient, ...]:
        """Return those of what the output reads, and of the score of s.

        `said`: the terms from the output; `fed`: those from the next timestep, with input feeding.
        """
        cross = self.cross
        dy, y, share = float(self.dy[t, unit]), float(cross.y[t, unit]), float(cross.shares[t, s])
        mean = float((cross.shares[t] * self._dshares[t]).sum())
        terms = terms_of("c", cross.bar + t, "dL/dctx_t[{}]".format, "a_s", cross.a[s], self.dcontext[t])
        dshare, more = float(self._dshares[t, s]), " + W_feed (dL/dz at t+1)" if fed else ""
        return (
            Gradient("dL/dh̃_t", "what the output reads", f"dL/dh̃_t = W_hy dL/dlogits{more}", dy,
                     terms=largest(said + fed)),
            Gradient(
                "dL/dz̃_t", "before tanh", "dL/dz̃_t = dL/dh̃_t · (1 - h̃_t²)", float(self.dz[t, unit]),
                (Factor("dL/dh̃_t", dy), Factor("(1 - h̃_t²)", 1 - y * y)),
            ),
            Gradient("dL/da_ts", f"weight of t={s}", "dL/da_ts = dL/dctx_t · a_s", dshare, terms=largest(terms)),
            Gradient(
                "dL/de_ts", f"score of t={s}", "dL/de_ts = a_ts · (dL/da_ts - Σ_s' a_ts' dL/da_ts')",
                float(self.dscores[t, s]), (Factor("a_ts", share), Factor("(dL/da_ts - mean)", dshare - mean)),
            ),
        )  # fmt: skip
