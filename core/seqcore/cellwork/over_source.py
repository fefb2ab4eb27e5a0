"""Attention of a decoder's blocks over the memory of its source: the equations of one unit; see `layers.decoder`.

    m' = norm(x')       q' = W_q m'        k' = W_k n         v' = W_v n         n: the memory, the encoder's last norm
    e_ts = q'_t · k'_s / sqrt(d)           a'_t = softmax over s of e_t
    y'_t[u] = sum over s of a'_ts v'_s[u]  x″ = x' + W_o y'

Backward, every block adds to the gradient of the memory: dL/dn = sum over blocks of W_k dL/dk' + W_v dL/dv'.
"""

from dataclasses import dataclass

from seqcore.cellwork.attention_back import before
from seqcore.cellwork.blocks import KINDS, Block, Blocks
from seqcore.cellwork.heads import Heads
from seqcore.cellwork.heads_back import HeadsBack
from seqcore.cellwork.records import Gradient, Quantity, Term
from seqcore.cellwork.terms import Read, largest, terms_of, unit_name
from seqcore.layers.decoder import CrossActivations, PairActivations
from seqcore.records import F32

BRANCH = 1  # of a block of the decoder
_PLACES = {"k": 0, "v": 1}  # in W_kv


@dataclass(frozen=True)
class OverSource:
    """The attention of all blocks over a source of S symbols."""

    decoder: Blocks
    memory: F32  # (S, C)
    work: CrossActivations
    shares: F32  # (L, heads, U, S)

    def heads(self, block: Block) -> Heads:
        """Return the attention of a block."""
        n, C = block.layer, block.C
        q, kv = self.work.q[n, :, :C], self.work.kv[n]
        return Heads(
            block, BRANCH, q, kv[:, :C], kv[:, C : 2 * C], self.work.y[n], self.shares[n], 0, False, "'", "e_ts"
        )

    def forward(self, block: Block, i: int, unit: int, s: int) -> tuple[Quantity, ...]:
        """Return the attention of a block at row i, with the score of timestep s of the source; -1: it is empty."""
        read, plus = block.read(BRANCH, i), block.blocks.plus("b_q")
        q = [*read.terms("W_q", block.weights("cross.W_q")[:, unit]), *block.bias("cross.b_q", unit)]
        value = float(self.work.q[block.layer, i, unit])
        sources = [self._of_memory(block, part, s, unit) for part in _PLACES] if s >= 0 else []
        return (
            block.norm(BRANCH, i, unit),
            Quantity("q'_t", "query", f"q'_t = W_q m'_t{plus}", "", value, largest(q)),
            *sources,
            *self.heads(block).forward(i, unit, s),
        )

    def _of_memory(self, block: Block, part: str, s: int, unit: int) -> Quantity:
        """Return a unit of the key or value of a timestep of the source."""
        column, read = _PLACES[part] * block.C + unit, Read.whole("m", s, self.memory[s], unit_name)
        terms = read.terms(f"W_{part}", block.weights("cross.W_kv")[:, column]) + block.bias("cross.b_kv", column)
        formula = f"{part}'_s = W_{part} n_s{block.blocks.plus(f'b_{part}')}"
        value = float(self.work.kv[block.layer, s, column])
        return Quantity(f"{part}'_s", f"{KINDS[part]} of t={s}", formula, "", value, largest(terms))

    def backward(self, block: Block, i: int, unit: int, s: int, back: PairActivations) -> tuple[Gradient, ...]:
        """Return the chain rule of the same attention, down to the stream before it."""
        n, C, stream = block.layer, block.C, back.decoder.x[block.stage(BRANCH + 1), :, : block.C]
        inside = HeadsBack(self.heads(block), unit, stream)
        dq, found = back.cross.q[n, i], []
        if s >= 0:
            q = Gradient(
                "dL/dq'_t", "query", "dL/dq'_t = Σ_s dL/de_ts k'_s / √d", float(dq[unit]), terms=largest(inside.q(i))
            )
            dk, dv = float(back.cross.kv[n, s, unit]), float(back.cross.kv[n, s, C + unit])
            k_terms, v_terms = largest(inside.k(s)), largest(inside.dv(s))
            found = [
                q,
                Gradient("dL/dk'_s", f"key of t={s}", "dL/dk'_s = Σ_τ dL/de_τs q'_τ / √d", dk, terms=k_terms),
                Gradient("dL/dv'_s", f"value of t={s}", "dL/dv'_s = Σ_τ a'_τs dL/dy'_τ", dv, terms=v_terms),
            ]
        W = block.weights("cross.W_q")
        below = before(block, BRANCH, i, unit, W, dq, back.decoder, "stream after attention")
        return (*inside.scored(i, s), *found, below)

    def at_memory(self, s: int, unit: int, back: PairActivations) -> list[Term]:
        """Return the terms of the gradient of a unit of the memory at timestep s: from each block of the decoder."""
        found: list[Term] = []
        for n in range(self.decoder.config.layers):
            block, C = Block(self.decoder, n), self.decoder.C
            weights, d = block.weights("cross.W_kv")[unit], back.cross.kv[n, s]
            for part, place in _PLACES.items():
                own = slice(place * C, (place + 1) * C)
                name = f"{part}'[{{}}] of block {n}".format
                found += terms_of("above", s, name, f"W_{part}", weights[own], d[own])
        return found
