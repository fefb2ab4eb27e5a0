"""What the view of writing is about: a text so far, what may follow it, and how that is sampled."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from seqcore.records import F64, I64
from seqcore.sampling import Sampling, kept, narrowed, softmax

from seqtui.live.next_token import NextToken
from seqtui.live.snapshot import Phase
from seqtui.tui.panes.writing_tree import WritingTree


@dataclass(frozen=True, eq=False)
class Written:
    """One frame."""

    phase: Phase
    tree: WritingTree
    sampling: Sampling
    found: NextToken | None = None  # the newest one; of the text so far, or of the one before a key
    picked: int = 0  # rank of the token that would be taken, from 0
    branches: tuple[tuple[str, int, bool], ...] = ()  # text, length in tokens, whether one is on it

    @cached_property
    def shares(self) -> F64:
        """The probability of each token (V,) at the temperature, before top-k and top-p."""
        return softmax(self.found.logits, self.sampling.temperature) if self.found is not None else np.zeros(0)

    @cached_property
    def sampled(self) -> F64:
        """The probability (V,) with which each token is drawn: 0 where top-k or top-p exclude it."""
        return narrowed(self.shares, self.sampling)

    @cached_property
    def order(self) -> I64:
        """All tokens, likeliest first."""
        order: I64 = np.argsort(-self.shares, kind="stable")
        return order

    @cached_property
    def left(self) -> int:
        """How many tokens top-k and top-p leave."""
        return len(kept(self.shares, self.sampling))

    @property
    def token(self) -> int | None:
        """The token that is picked."""
        return int(self.order[min(self.picked, self.order.size - 1)]) if self.order.size else None

    @property
    def entropy(self) -> float:
        """The entropy of the distribution at the temperature, in nats."""
        shares = self.shares[self.shares > 0]
        return float(-(shares * np.log(shares)).sum())
