"""The weights of one transformer block, what it computed, and the products that its equations are made of."""

import math
from functools import cached_property

import numpy as np

from seqcore.cellwork.records import Quantity, Term
from seqcore.cellwork.terms import Read, bias, largest, unit_name
from seqcore.models.transformer_serial import SerialTransformer, TransformerLook
from seqcore.records import F32, F64

PARTS = {"q": 0, "k": 1, "v": 2}


class Block:
    """Block `layer` of a look; its arrays are views of those of the look."""

    def __init__(self, model: SerialTransformer, look: TransformerLook, layer: int) -> None:
        self.model, self.look, self.layer = model, look, layer
        self.config = model.config
        self.C, self.d = model.config.hidden, model.config.hidden // model.config.heads
        assert look.attention is not None
        self.shares, self.y = look.attention[layer], look.work.y[layer]

    def weights(self, name: str) -> F32:
        """Return a matrix of the block."""
        return self.model.parameters[f"layers.{self.layer}.{name}"]

    def bias(self, name: str, unit: int) -> list[Term]:
        """Return the term of a bias of the block; none without biases."""
        return bias(name, self.weights(name), unit) if self.config.bias else []

    def parts(self, name: str) -> F32:
        """Return q, k or v at all timesteps, (T, C), as attention reads them: rotary positions applied."""
        first = PARTS[name] * self.C
        found: F32 = self.look.work.qkv[self.layer, :, first : first + self.C]
        return found

    def part(self, name: str, t: int) -> F32:
        """Return q, k or v at a timestep, (C,)."""
        found: F32 = self.parts(name)[t]
        return found

    def normed(self, place: int, t: int) -> F32:
        """Return what the first or second norm made of the stream, (C,)."""
        found: F32 = self.look.work.normed[2 * self.layer + place - 1, t]
        return found

    def scores(self, t: int, head: int) -> F64:
        """Return the scores of timestep t in a head, (t + 1,)."""
        own = slice(head * self.d, (head + 1) * self.d)
        q, k = self.part("q", t)[own].astype(np.float64), self.parts("k")[: t + 1, own]
        found: F64 = (k * q).sum(axis=1) / math.sqrt(self.d)
        return found

    def loudest(self, t: int, unit: int) -> int:
        """Return the hidden unit of the perceptron that adds most to a unit of the stream."""
        return int(np.argmax(np.abs(self.look.work.u[self.layer, t] * self.weights("W_proj")[:, unit])))

    def norm(self, place: int, name: str, of: str, t: int, unit: int) -> Quantity:
        """Return a unit of the first or second norm."""
        return norm(self.model, self.look, 2 * self.layer + place - 1, name, of, t, unit)

    def turn(self, t: int, unit: int) -> tuple[float, float, int]:
        """Return cos, the signed sin and the other unit of the pair that rotary positions turn: (1, 0, unit) without.

        The turned q[unit] is cos q[unit] + sin q[other].
        """
        turns = self.model.packed.weights.turns
        if not turns.size:
            return 1.0, 0.0, unit
        i = unit % self.d
        cos, sin = turns[t, i // 2 * 2 : i // 2 * 2 + 2].tolist()
        return (cos, -sin, unit + 1) if i % 2 == 0 else (cos, sin, unit - 1)

    def product(self, part: str, name: str, t: int, unit: int, where: str = "") -> Quantity:
        """Return a unit of q, k or v, the product of the normed stream at t; q and k turned by their position."""
        column, W, b = PARTS[part] * self.C + unit, self.weights("W_qkv"), self.config.bias
        weights, turned = W[:, column], ""
        offset = float(self.weights("b_qkv")[column]) if b else 0.0
        cos, sin, other = self.turn(t, unit) if part != "v" else (1.0, 0.0, unit)
        if other != unit:
            beside = PARTS[part] * self.C + other
            weights = cos * weights.astype(np.float64) + sin * W[:, beside]
            offset = cos * offset + sin * (float(self.weights("b_qkv")[beside]) if b else 0.0)
            turned = f", turned by position {t}"
        read = Read.whole("m", t, self.normed(1, t), unit_name)
        terms = read.terms(f"W_{part}", weights)
        terms += [Term("b", -1, -1, f"b_{part}", "1", 1.0, offset)] if b else []
        formula = f"{name} = W_{part} m{name[1:]}{f' + b_{part}' if b else ''}{turned}"
        kinds = {"q": "query", "k": "key", "v": "value"}
        return Quantity(name, kinds[part] + where, formula, "", float(self.part(part, t)[unit]), largest(terms))


def norm(
    model: SerialTransformer, look: TransformerLook, stage: int, name: str, of: str, t: int, unit: int
) -> Quantity:
    """Return a unit of the norm at a stage of the stream; see `layers.norm`."""
    work, scale = look.work, model.packed.weights.scales[stage]
    mean, rstd = work.stats[stage, t].tolist()
    value = float(work.x[stage, t, unit]) - mean
    terms = [Term("s", unit, t, f"{of} - mean", "g / deviation", float(scale[0, unit]) * rstd, value)]
    terms += bias("b", scale[1], unit) if model.config.bias else []
    formula = f"{name} = g ({of} - mean) / deviation{' + b' if model.config.bias else ''}"
    return Quantity(name, "norm", formula, "", float(work.normed[stage, t, unit]), largest(terms))


class NormBack:
    """The gradient of a norm at one timestep, from that of what it returns, dn (C,)."""

    def __init__(self, model: SerialTransformer, look: TransformerLook, stage: int, t: int, dn: F32) -> None:
        gain = model.packed.weights.scales[stage, 0].astype(np.float64)
        mean, self.rstd = look.work.stats[stage, t].tolist()
        self.gain, self.dn = gain, dn.astype(np.float64)
        self.n = (look.work.x[stage, t, : gain.size].astype(np.float64) - mean) * self.rstd

    @cached_property
    def means(self) -> tuple[float, float]:
        """The means of s and of s n, with s = dn g."""
        s = self.dn * self.gain
        return float(s.mean()), float((s * self.n).mean())

    def terms(self, unit: int, of: str, t: int) -> list[Term]:
        """Return the terms of the gradient of a unit that the norm reads; `of` names what it returns."""
        whole, along = self.means
        own, rstd = self.gain[unit] * self.rstd, self.rstd
        return [
            Term("norm", unit, t, f"dL/d{of}", "g / deviation", float(own), float(self.dn[unit])),
            Term("norm", -1, t, "mean of g dL/dm", "-1 / deviation", -rstd, whole),
            Term("norm", -1, t, "mean of g n dL/dm", "-n / deviation", float(-rstd * self.n[unit]), along),
        ]
