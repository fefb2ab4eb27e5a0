"""A stack of transformer blocks: its weights, what it computed for one sequence, and the products of its equations.

Rows i of the arrays are counted from 0; row i is timestep `first` + i. Branch 0 of a block is attention over the same
sequence, the last one is the perceptron; a decoder's block has attention over the source between them.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqcore.cellwork.records import Quantity, Term
from seqcore.cellwork.terms import Names, Read, bias, largest, unit_name
from seqcore.config import ModelConfig
from seqcore.layers.block import Activations, Weights
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs

PARTS = {"q": 0, "k": 1, "v": 2}
_MARKS = ("", "'", "″", "‴")  # of the stream before each branch, and after the last one


@dataclass(frozen=True)
class Blocks:
    """A stack of blocks and its results."""

    config: ModelConfig
    p: Parameters
    prefix: str  # of the parameters of the blocks: "layers", or "decoder"
    weights: Weights
    work: Activations
    shares: F32  # (L, heads, T, T) the weights of attention over the same sequence; NaN: not attended
    names: Names
    inputs: Inputs  # (T,) symbols, numbered from 0, or (T, D)
    table: str = "embedding"  # of the parameters of what is read
    first: int = 0
    causal: bool = True
    branches: int = 2  # of a block

    @property
    def C(self) -> int:  # noqa: N802  # the symbol of the equations
        """The width of the stream."""
        return self.config.hidden

    def at(self, i: int) -> int:
        """Return the timestep of a row."""
        return self.first + i

    def symbol(self, i: int) -> str:
        """Return the name of what is read at a row."""
        return self.names.symbol(self.first + i)

    def stream(self, stage: int) -> F32:
        """Return the stream at a stage, (T, C)."""
        return self.work.x[stage, :, : self.C]

    def stream_name(self, branch: int) -> str:
        """Return the name of the stream before a branch of a block; after the last one of the block, for `branches`."""
        return f"x{_MARKS[branch]}"

    def norm_name(self, branch: int) -> str:
        """Return the name of what a branch reads."""
        return f"m{_MARKS[branch]}"

    def norm(self, stage: int, name: str, of: str, i: int, unit: int, label: str = "norm") -> Quantity:
        """Return a unit of the norm at a stage of the stream; see `layers.norm`."""
        work, scale = self.work, self.weights.scales[stage]
        mean, rstd = work.stats[stage, i].tolist()
        value = float(work.x[stage, i, unit]) - mean
        terms = [Term("s", unit, self.at(i), f"{of} - mean", "g / deviation", float(scale[0, unit]) * rstd, value)]
        terms += bias("b", scale[1], unit) if self.config.bias else []
        formula = f"{name} = g ({of} - mean) / deviation{' + b' if self.config.bias else ''}"
        return Quantity(name, label, formula, "", float(work.normed[stage, i, unit]), largest(terms))

    def plus(self, bias: str) -> str:
        """Return what a formula adds for a bias."""
        return f" + {bias}" if self.config.bias else ""


class Block:
    """Block `layer` of a stack; its arrays are views of those of the stack."""

    def __init__(self, blocks: Blocks, layer: int) -> None:
        self.blocks, self.layer, self.config = blocks, layer, blocks.config
        self.C, self.d = blocks.C, blocks.C // blocks.config.heads

    def stage(self, branch: int) -> int:
        """Return the stage of the stream before a branch; after the block, for the number of branches."""
        return self.blocks.branches * self.layer + branch

    @property
    def last(self) -> int:
        """The branch of the perceptron."""
        return self.blocks.branches - 1

    def stream(self, branch: int, i: int) -> F32:
        """Return the stream before a branch at a row, (C,)."""
        found: F32 = self.blocks.stream(self.stage(branch))[i]
        return found

    def weights(self, name: str) -> F32:
        """Return a matrix of the block."""
        return self.blocks.p[f"{self.blocks.prefix}.{self.layer}.{name}"]

    def bias(self, name: str, unit: int) -> list[Term]:
        """Return the term of a bias of the block; none without biases."""
        return bias(name.rpartition(".")[2], self.weights(name), unit) if self.config.bias else []

    def head(self, unit: int) -> int:
        """Return the head that the unit's columns of q, k and v belong to."""
        return unit // self.d

    def own(self, unit: int) -> slice:
        """Return the columns of that head."""
        return slice(self.head(unit) * self.d, (self.head(unit) + 1) * self.d)

    def parts(self, name: str) -> F32:
        """Return q, k or v at all rows, (T, C), as attention reads them: rotary positions applied."""
        first = PARTS[name] * self.C
        found: F32 = self.blocks.work.qkv[self.layer, :, first : first + self.C]
        return found

    def part(self, name: str, i: int) -> F32:
        """Return q, k or v at a row, (C,)."""
        found: F32 = self.parts(name)[i]
        return found

    def normed(self, branch: int, i: int) -> F32:
        """Return what a branch reads, (C,)."""
        found: F32 = self.blocks.work.normed[self.stage(branch), i]
        return found

    def read(self, branch: int, i: int) -> Read:
        """Return the same as what a product reads."""
        return Read.whole("m", self.blocks.at(i), self.normed(branch, i), unit_name)

    def loudest(self, i: int, unit: int) -> int:
        """Return the hidden unit of the perceptron that adds most to a unit of the stream."""
        return int(np.argmax(np.abs(self.blocks.work.u[self.layer, i] * self.weights("W_proj")[:, unit])))

    def norm(self, branch: int, i: int, unit: int) -> Quantity:
        """Return a unit of what a branch reads."""
        names = f"{self.blocks.norm_name(branch)}_t", f"{self.blocks.stream_name(branch)}_t"
        return self.blocks.norm(self.stage(branch), *names, i, unit)

    def turn(self, i: int, unit: int) -> tuple[float, float, int]:
        """Return cos, the signed sin and the other unit of the pair that rotary positions turn: (1, 0, unit) without.

        The turned q[unit] is cos q[unit] + sin q[other].
        """
        turns = self.blocks.weights.turns
        if not turns.size:
            return 1.0, 0.0, unit
        j = unit % self.d
        cos, sin = turns[i, j // 2 * 2 : j // 2 * 2 + 2].tolist()
        return (cos, -sin, unit + 1) if j % 2 == 0 else (cos, sin, unit - 1)

    def product(self, part: str, name: str, i: int, unit: int, where: str = "") -> Quantity:
        """Return a unit of q, k or v, the product of the normed stream at i; q and k turned by their position."""
        column, W, b = PARTS[part] * self.C + unit, self.weights("W_qkv"), self.config.bias
        weights, turned = W[:, column], ""
        offset = float(self.weights("b_qkv")[column]) if b else 0.0
        cos, sin, other = self.turn(i, unit) if part != "v" else (1.0, 0.0, unit)
        if other != unit:
            beside = PARTS[part] * self.C + other
            weights = cos * weights.astype(np.float64) + sin * W[:, beside]
            offset = cos * offset + sin * (float(self.weights("b_qkv")[beside]) if b else 0.0)
            turned = f", turned by position {i}"
        terms = self.read(0, i).terms(f"W_{part}", weights)
        terms += [Term("b", -1, -1, f"b_{part}", "1", 1.0, offset)] if b else []
        formula = f"{name} = W_{part} m{name[1:]}{self.blocks.plus(f'b_{part}')}{turned}"
        return Quantity(name, KINDS[part] + where, formula, "", float(self.part(part, i)[unit]), largest(terms))


KINDS = {"q": "query", "k": "key", "v": "value"}


class NormBack:
    """The gradient of a norm at one row, from that of what it returns, dn (C,)."""

    def __init__(self, blocks: Blocks, stage: int, i: int, dn: F32) -> None:
        gain = blocks.weights.scales[stage, 0].astype(np.float64)
        mean, self.rstd = blocks.work.stats[stage, i].tolist()
        self.gain, self.dn, self.at = gain, dn.astype(np.float64), blocks.at(i)
        self.n = (blocks.work.x[stage, i, : gain.size].astype(np.float64) - mean) * self.rstd

    @staticmethod
    def of(block: Block, branch: int, i: int, W: F32, dz: F32) -> "NormBack":
        """Return that of what a product with W (C, N) in a branch reads, from that of the product, dz (>= N,)."""
        return NormBack(block.blocks, block.stage(branch), i, np.einsum("cn,n->c", W, dz[: W.shape[1]]))

    @cached_property
    def means(self) -> tuple[float, float]:
        """The means of s and of s n, with s = dn g."""
        s = self.dn * self.gain
        return float(s.mean()), float((s * self.n).mean())

    def terms(self, unit: int, of: str) -> list[Term]:
        """Return the terms of the gradient of a unit that the norm reads; `of` names what it returns."""
        whole, along = self.means
        own, rstd, t = self.gain[unit] * self.rstd, self.rstd, self.at
        return [
            Term("norm", unit, t, f"dL/d{of}", "g / deviation", float(own), float(self.dn[unit])),
            Term("norm", -1, t, "mean of g dL/dm", "-1 / deviation", -rstd, whole),
            Term("norm", -1, t, "mean of g n dL/dm", "-n / deviation", float(-rstd * self.n[unit]), along),
        ]
