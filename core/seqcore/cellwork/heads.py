"""One attention of a transformer block: its queries, keys and values, and the equations of a head.

    s_ts = q_t · k_s / sqrt(d)        a_t = softmax over s of s_ts        y_t[u] = sum over s of a_ts v_s[u]

for unit u in head u // d. Rows i have the queries, rows s the keys and values: of the same sequence up to i, or all,
or of a source.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqcore.cellwork.blocks import Block
from seqcore.cellwork.records import Choice, Quantity, Softmax
from seqcore.cellwork.terms import largest, product, terms_of, timed_terms
from seqcore.errors import SeqError
from seqcore.records import F32, F64


@dataclass(frozen=True)
class Heads:
    """All heads of an attention."""

    block: Block
    branch: int  # of the block
    q: F32  # (U, C)
    k: F32  # (S, C)
    v: F32  # (S, C)
    y: F32  # (U, C)
    shares: F32  # (heads, U, S); NaN: not attended
    first: int  # timestep of the first key
    causal: bool
    mark: str = ""  # of its names: ' of attention over a source
    score: str = "s_ts"

    @staticmethod
    def own(block: Block) -> "Heads":
        """Return the attention of a block over its own sequence."""
        blocks = block.blocks
        return Heads(
            block, 0, block.parts("q"), block.parts("k"), block.parts("v"), blocks.work.y[block.layer],
            blocks.shares[block.layer], blocks.first, blocks.causal,
        )  # fmt: skip

    @property
    def W_o(self) -> str:  # noqa: N802  # the symbol of the equations
        """The name of the parameter that joins the heads."""
        return f"{'cross.' if self.mark else ''}W_o"

    @property
    def weight(self) -> str:
        """The name of the weights."""
        return f"a{self.mark}_ts"

    @property
    def root(self) -> float:
        """The root of the width of a head."""
        return math.sqrt(self.block.d)

    def seen(self, i: int) -> slice:
        """Return the rows that row i attends to."""
        return slice(0, i + 1 if self.causal else len(self.k))

    def seen_by(self, s: int) -> slice:
        """Return the rows that attend to row s."""
        return slice(s if self.causal else 0, len(self.q))

    def symbol(self, t: int) -> str:
        """Return the name of what is read at a timestep."""
        return self.block.blocks.names.symbol(t)

    def scores(self, i: int, unit: int) -> F64:
        """Return the scores of row i in the head of a unit, over the rows that it attends to."""
        own = self.block.own(unit)
        found: F64 = (self.k[self.seen(i), own] * self.q[i, own].astype(np.float64)).sum(axis=1) / self.root
        return found

    @cached_property
    def known(self) -> F32:
        """The shares, 0 where nothing is attended."""
        return np.nan_to_num(self.shares)

    def position(self, i: int, unit: int, asked: int | None) -> int:
        """Return the row whose score is shown: that of timestep `asked`, or with the largest weight.

        Raises SeqError if row i does not attend to it.
        """
        seen = self.seen(i).stop
        if asked is None:
            return int(np.argmax(self.known[self.block.head(unit), i, :seen])) if seen else -1
        if not self.first <= asked < self.first + seen:
            t, last = self.block.blocks.at(i), self.first + seen - 1
            raise SeqError(f"position {asked}: timestep {t} attends to timesteps {self.first} to {last}")
        return asked - self.first

    def softmax(self, i: int, unit: int) -> Softmax:
        """Return the weights of row i in the head of a unit."""
        head, scores = self.block.head(unit), self.scores(i, unit)
        shares = self.shares[head, i, self.seen(i)].astype(np.float64)
        total = float(scores.max() + np.log(np.exp(scores - scores.max()).sum())) if scores.size else -math.inf
        order = np.argsort(-shares, kind="stable").tolist()
        rows = (Choice(self.first + s, self.symbol(self.first + s), float(scores[s]), float(shares[s])) for s in order)
        over = "s ≤ t" if self.causal else "s"
        formula = f"a{self.mark}_t = softmax over {over} of {self.product}"
        label = f"head {head}{' over the source' if self.mark else ''}"
        return Softmax(f"a{self.mark}_t", label, formula, tuple(rows), total, self.score)

    @property
    def product(self) -> str:
        """The formula of a score."""
        return f"q{self.mark}_t · k{self.mark}_s / √d"

    def forward(self, i: int, unit: int, s: int) -> tuple[Quantity, ...]:
        """Return the score of row s, what is found, and the stream after it; without rows, the stream alone."""
        block, t, m = self.block, self.block.blocks.at(i), self.mark
        own = np.arange(self.block.own(unit).start, self.block.own(unit).stop)
        found: tuple[Quantity, ...] = ()
        if s >= 0:
            weights = self.k[s, own].astype(np.float64) / self.root
            score = terms_of("q", t, f"q{m}_t[{{}}]".format, f"k{m}_s/√d", weights, self.q[i, own], own)
            value = float(self.scores(i, unit)[s])
            label = f"score of t={self.first + s}"
            found = (Quantity(self.score, label, f"{self.score} = {self.product}", "", value, largest(score)),)
        seen = self.seen(i)
        shares = self.known[block.head(unit), i, seen]
        mixed = timed_terms("a", self.symbol, self.weight, shares, self.v[seen, unit], self.first)
        formula = f"y{m}_t = Σ_s {self.weight} v{m}_s"
        return (
            *found,
            Quantity(f"y{m}_t", "weighted values", formula, "", float(self.y[i, unit]), largest(mixed)),
            self._after(i, unit),
        )

    def _after(self, i: int, unit: int) -> Quantity:
        """Return the stream after attention."""
        block, t = self.block, self.block.blocks.at(i)
        before, after = (f"{block.blocks.stream_name(self.branch + n)}_t" for n in (0, 1))
        out = terms_of("y", t, f"y{self.mark}_t[{{}}]".format, "W_o", block.weights(self.W_o)[:, unit], self.y[i])
        stays = product("1", 1.0, before, float(block.stream(self.branch, i)[unit]), unit, t)
        offset = self.W_o.replace("W_o", "b_o")
        label = "stream after attention" + (" over the source" if self.mark else "")
        return Quantity(
            after, label, f"{after} = {before} + W_o y{self.mark}_t{block.blocks.plus('b_o')}", "",
            float(block.stream(self.branch + 1, i)[unit]), largest([stays, *out, *block.bias(offset, unit)]),
        )  # fmt: skip
