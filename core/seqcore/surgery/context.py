"""Cuts of what a model reads: symbols that it does not read, or reads in another order.

    reset:T      the state is reset at timestep T: nothing before it is read
    keep:N       only the last N timesteps are read
    shuffle:T    the timesteps before T are read in a random order, always the same one

Timesteps are those of the untouched example. Of a pair, its source is cut; the target stays.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.config import ModelConfig
from seqcore.data.quoting import quoted
from seqcore.data.score_layout import bar_of
from seqcore.errors import SeqError
from seqcore.records import I64, Example, Inputs

KINDS = ("reset", "keep", "shuffle")
SEED = 1  # of the order


@dataclass(frozen=True)
class ContextCut:
    """One cut of an example."""

    kind: str  # one of `KINDS`
    number: int

    def text(self) -> str:
        """Return the cut as text, see above."""
        return f"{self.kind}:{self.number}"

    @property
    def said(self) -> str:
        """The cut in words."""
        words = {"reset": "reset at t {}", "keep": "only the last {}", "shuffle": "shuffled before t {}"}
        return words[self.kind].format(self.number)

    @staticmethod
    def parse(text: str) -> "ContextCut":
        """Return the cut that a text means. Raises SeqError if it is malformed."""
        found = re.fullmatch(rf"({'|'.join(KINDS)}):([0-9]{{1,9}})", text.strip())
        if found is None:
            raise SeqError(f"{quoted(text)}: give reset:T, keep:N or shuffle:T, for instance reset:37")
        return ContextCut(found[1], int(found[2]))


class CutExample(NamedTuple):
    """An example of n timesteps after cuts."""

    example: Example
    origin: I64  # (n,) where each timestep stands in the untouched example
    first: int  # from here on, all timesteps stand in their order: what is predicted there can be compared


def cut_example(config: ModelConfig, example: Example, cuts: Iterable[ContextCut]) -> CutExample:
    """Apply cuts to an example, one after the other. Raises SeqError if one cannot be applied to this example."""
    T, S = len(example.inputs), length_of(example.inputs, config)
    order = np.arange(S)
    for cut in cuts:
        order = _applied(cut, order, S, bool(config.patches))
    origin = np.concatenate([order, np.arange(S, T)])
    inputs, targets, asked = (part[origin] for part in (example.inputs, example.targets, example.asked))
    if order.size == S:  # only the order is another one: what is asked at each timestep is not
        targets, asked = example.targets, example.asked
    breaks = np.flatnonzero(np.diff(origin) != 1)
    first = int(breaks[-1]) + 1 if breaks.size else 0
    if T == S and origin[-1] != T - 1:
        first = T  # nothing stands at its own place
    return CutExample(Example(np.ascontiguousarray(inputs), targets, asked), origin, first)


def _applied(cut: ContextCut, order: I64, S: int, picture: bool) -> I64:
    """Return the timesteps that are read, in their order; those read last are the last ones of the S that there are."""
    start = S - order.size
    if picture and cut.kind != "shuffle":
        raise SeqError(f"{cut.text()}: a picture is read as a whole; its patches can be shuffled (shuffle:{S})")
    if cut.kind == "keep":
        if cut.number < 1:
            raise SeqError(f"{cut.text()}: keep one timestep at least")
        return order[max(0, order.size - cut.number) :]
    least = start + (1 if cut.kind == "reset" else 2)
    most = S - 1 if cut.kind == "reset" else S
    if least > most:
        raise SeqError(f"{cut.text()}: there is no context to cut where {S - start} of {S} timesteps are read")
    if not least <= cut.number <= most:
        raise SeqError(f"{cut.text()}: give a timestep from {least} to {most}; {S} are read")
    before = cut.number - start
    if cut.kind == "reset":
        return order[before:]
    return np.concatenate([order[shuffled(before)], order[before:]])


def shuffled(count: int) -> I64:
    """Return 0 to count - 1 in a random order, which is not the natural one."""
    order = np.random.default_rng(SEED).permutation(count)
    return np.roll(order, 1) if np.array_equal(order, np.arange(count)) else order


def length_of(inputs: Inputs, config: ModelConfig) -> int:
    """Return how many timesteps of an example can be cut: of a pair, those of its source."""
    return bar_of(inputs, config.vocabulary_size) if config.decodes else len(inputs)
