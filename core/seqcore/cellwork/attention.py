"""The equations of a transformer block: one unit of the residual stream, and the head that its column of v belongs to.

Forward, for unit u and timestep t, with d = C / heads and u in head u // d:

    m = norm(x)         q = W_q m          k = W_k m          v = W_v m
    s_ts = q_t · k_s / sqrt(d)             a_t = softmax over s ≤ t of s_t
    y_t[u] = sum over s of a_ts v_s[u]     x' = x + W_o y
    m' = norm(x')       u = gelu(W_fc m')  x″ = x' + W_proj u

Of the 4C hidden units of the perceptron, the one that adds most to x″[u] is shown.
"""

import math
from dataclasses import replace

import numpy as np

from seqcore.arrays import NO_VECTOR
from seqcore.cellwork.attention_back import AttentionBack, chain
from seqcore.cellwork.block import Block, norm
from seqcore.cellwork.ends import Losses, Top
from seqcore.cellwork.paths import plain_path
from seqcore.cellwork.place import Backward, Forward, Place, input_read
from seqcore.cellwork.records import Choice, Factor, Quantity, Softmax, Term
from seqcore.cellwork.recurrent import no_second
from seqcore.cellwork.terms import Names, Read, bias, largest, product, terms_of, timed_terms, unit_name
from seqcore.errors import SeqError
from seqcore.models.transformer_serial import SerialTransformer, TransformerLook
from seqcore.records import F32, Inputs


class AttentionWork:
    """A look of a transformer at one sequence; see `place.Work`."""

    def __init__(self, model: SerialTransformer, look: TransformerLook, inputs: Inputs, names: Names) -> None:
        self.model, self.look, self.inputs, self.names = model, look, inputs, names
        self.config = model.config

    def part(self, t: int, second: bool) -> str:
        """See `Work`."""
        no_second(second)
        return ""

    def states(self, t: int, layer: int, second: bool) -> F32:
        """See `Work`."""
        return self.look.work.x[2 * layer + 2, :, : self.config.hidden]

    def top(self, t: int) -> Top:
        """See `Work`."""
        p, C = self.model.parameters, self.config.hidden
        W = p["embedding.E"].T if self.config.tied else p["head.W_hy"]
        read = Read.whole("m", t, self.look.work.normed[-1, t, :C], unit_name)
        return Top(read, W, NO_VECTOR, "E n_t" if self.config.tied else "W_hy n_t")

    def block(self, layer: int) -> Block:
        """Return the weights and arrays of a block."""
        return Block(self.model, self.look, layer)

    def forward(self, place: Place) -> Forward:
        """See `Work`."""
        t, layer, unit = place[:3]
        block = self.block(layer)
        position = self.position(place)
        quantities = (
            self._entered(t, layer, unit), block.norm(1, "m_t", "x_t", t, unit), *self._attend(block, place, position),
            *self._perceive(block, t, unit),
        )  # fmt: skip
        if layer + 1 == self.config.layers:
            last = norm(self.model, self.look, 2 * layer + 2, "n_t", "x″_t", t, unit)
            quantities += (replace(last, label="what the output reads"),)
        shares = block.shares[unit // block.d, t, : t + 1].astype(np.float64)
        scores = block.scores(t, unit // block.d)
        order = np.argsort(-shares, kind="stable").tolist()
        choices = tuple(Choice(s, self.names.symbol(s), float(scores[s]), float(shares[s])) for s in order)
        total = float(scores.max() + np.log(np.exp(scores - scores.max()).sum()))
        softmax = Softmax(
            "a_t", f"head {unit // block.d}", "a_t = softmax over s ≤ t of q_t · k_s / √d", choices, total
        )
        return Forward(quantities, unit // block.d, softmax, position)

    def position(self, place: Place) -> int:
        """Return the attended timestep whose score is shown. Raises SeqError if it lies after t."""
        if place.position is None:
            block = self.block(place.layer)
            return int(np.argmax(block.shares[place.unit // block.d, place.t, : place.t + 1]))
        if not 0 <= place.position <= place.t:
            raise SeqError(f"position {place.position}: timestep {place.t} attends to timesteps 0 to {place.t}")
        return place.position

    def _entered(self, t: int, layer: int, unit: int) -> Quantity:
        """Return the stream before a block: what was read, or what the block below left."""
        value, p = float(self.look.work.x[2 * layer, t, unit]), self.model.parameters
        if layer:
            came = product("1", 1.0, f"x″ of layer {layer - 1}", value, unit, t, "x")
            return Quantity("x_t", "residual stream", "x_t = the stream after the block below", "", value, (came,))
        terms: list[Term] = []
        if self.config.inputs:
            read = input_read(self.inputs, t, None, self.names, t)
            terms += read.terms("W_x", p["input.W_x"][:, unit])
            terms += bias("b_x", p["input.b_x"], unit) if self.config.bias else []
        else:
            token = int(self.inputs[t])
            weight = float(p["embedding.E"][token, unit])
            terms.append(Term("x", token, t, self.names.symbol(t), f"E[{unit}]", weight, 1.0))
        P = self.model.packed.weights.P
        if P.size:
            terms.append(Term("x", t, t, f"position {t}", f"P[{unit}]", float(P[t, unit]), 1.0))
        formula = f"x_t = {'W_x x + b_x' if self.config.inputs else 'E[symbol]'}{' + P[t]' if P.size else ''}"
        return Quantity("x_t", "residual stream", formula, "", value, largest(terms))

    def _attend(self, block: Block, place: Place, s: int) -> tuple[Quantity, ...]:
        """Return the head's query, key, value and score of timestep s, and the stream after attention."""
        t, unit, d, x = place.t, place.unit, block.d, self.look.work.x
        own = np.arange(unit // d * d, unit // d * d + d)
        weights = block.part("k", s)[own].astype(np.float64) / math.sqrt(d)
        score = terms_of("q", t, "q_t[{}]".format, "k_s/√d", weights, block.part("q", t)[own], own)
        mixed = timed_terms(
            "a", self.names.symbol, "a_ts", block.shares[unit // d, t, : t + 1], block.parts("v")[: t + 1, unit], 0
        )
        out = terms_of("y", t, "y_t[{}]".format, "W_o", block.weights("W_o")[:, unit], block.y[t])
        before = product("1", 1.0, "x_t", float(x[2 * block.layer, t, unit]), unit, t)
        after, formula = float(x[2 * block.layer + 1, t, unit]), f"x'_t = x_t + W_o y_t{self._plus('b_o')}"
        return (
            block.product("q", "q_t", t, unit),
            block.product("k", "k_s", s, unit, f" of t={s}"),
            block.product("v", "v_s", s, unit, f" of t={s}"),
            Quantity(
                "s_ts", f"score of t={s}", "s_ts = q_t · k_s / √d", "", float(block.scores(t, unit // d)[s]),
                largest(score),
            ),
            Quantity("y_t", "weighted values", "y_t = Σ_s a_ts v_s", "", float(block.y[t, unit]), largest(mixed)),
            Quantity(
                "x'_t", "stream after attention", formula, "", after, largest([before, *out, *block.bias("b_o", unit)])
            ),
        )  # fmt: skip

    def _plus(self, bias: str) -> str:
        return f" + {bias}" if self.config.bias else ""

    def _perceive(self, block: Block, t: int, unit: int) -> tuple[Quantity, ...]:
        """Return the norm, the loudest hidden unit of the perceptron, and the stream after the block."""
        layer, j, work = block.layer, block.loudest(t, unit), self.look.work
        m = Read.whole("m", t, block.normed(2, t), unit_name)
        z = [*m.terms("W_fc", block.weights("W_fc")[:, j]), *block.bias("b_fc", j)]
        column = block.weights("W_proj")[:, unit]
        out = terms_of("u", t, "hidden unit {}".format, "W_proj", column, work.u[layer, t])
        before = product("1", 1.0, "x'_t", float(work.x[2 * layer + 1, t, unit]), unit, t)
        after, formula = float(work.x[2 * layer + 2, t, unit]), f"x″_t = x'_t + W_proj u_t{self._plus('b_proj')}"
        activated = f"u_t = gelu(W_fc m'_t{self._plus('b_fc')})"
        return (
            block.norm(2, "m'_t", "x'_t", t, unit),
            Quantity("u_t", f"hidden unit {j}", activated, "gelu", float(work.u[layer, t, j]), largest(z)),
            Quantity(
                "x″_t", "stream after the block", formula, "", after,
                largest([before, *out, *block.bias("b_proj", unit)]),
            ),
        )  # fmt: skip

    def back(self, losses: Losses) -> AttentionBack:
        """See `Work`."""
        return AttentionBack(self.look.gradients(losses.dlogits))

    def backward(self, place: Place, losses: Losses, back: AttentionBack) -> Backward:
        """See `Work`."""
        t, layer, unit = place[:3]
        C, position = self.config.hidden, self.position(place)
        gradients = chain(self, place, position, losses, back)
        own, work = 2 * layer + 2, back.work
        entering = work.x[own, :, :C] - (work.x[own + 1, :, :C] if layer + 1 < self.config.layers else 0)
        path = plain_path(work.x[own, :, :C], entering, unit, self.names)
        depth = [Factor("output", float(np.linalg.norm(losses.dlogits[t])))]
        for n in range(self.config.layers - 1, -1, -1):
            for stage, name in ((2, "x″"), (1, "x'")):
                depth.append(Factor(f"{name} of layer {n}", float(np.linalg.norm(work.x[2 * n + stage, t, :C]))))
        depth.append(Factor("x of layer 0", float(np.linalg.norm(work.x[0, t, :C]))))
        return Backward(gradients, path, tuple(depth), state="x″_t", position=position)
