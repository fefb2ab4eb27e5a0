"""What a family of models gives for the equations of one unit at one timestep."""

from typing import Any, NamedTuple, Protocol

import numpy as np

from seqcore.cellwork.ends import Losses, Top
from seqcore.cellwork.records import Factor, Gradient, Quantity, Softmax, Step
from seqcore.cellwork.terms import Names, Read
from seqcore.config import ModelConfig
from seqcore.records import F32, Inputs


class Place(NamedTuple):
    """Where to look."""

    t: int
    layer: int
    unit: int
    second: bool = False  # the second direction of an encoder
    position: int | None = None  # the attended timestep whose score is shown; None: that with the largest weight


class Forward(NamedTuple):
    """The equations of a unit, see `records.CellFacts`."""

    quantities: tuple[Quantity, ...]
    head: int = -1
    attention: Softmax | None = None
    position: int = -1
    cell: str = ""  # see `records.CellFacts`; "": that of the family


class Backward(NamedTuple):
    """Its chain rule, see `records.CellBack`."""

    gradients: tuple[Gradient, ...]
    path: tuple[Step, ...]
    depth: tuple[Factor, ...]
    keep: str = ""
    position: int = -1
    state: str = "h_t"


class Work(Protocol):
    """A look at one sequence, for which any unit at any timestep can be asked."""

    config: ModelConfig
    names: Names

    def part(self, t: int, second: bool) -> str:
        """Return the part of an encoder-decoder; "" of other models. Raises SeqError without a second direction."""

    def layers(self, t: int) -> int:
        """Return the number of layers of the part that timestep t is in."""

    def states(self, t: int, layer: int, second: bool) -> F32:
        """Return the states of a layer over the part of the sequence that t belongs to, (n, H)."""

    def top(self, t: int) -> Top | None:
        """Return what the output reads at t; None where nothing is predicted."""

    def forward(self, place: Place) -> Forward:
        """Return the equations of a unit."""

    def back(self, losses: Losses) -> Any:
        """Return the gradients of all units at all timesteps: the costly part of `backward`."""

    def backward(self, place: Place, losses: Losses, back: Any) -> Backward:
        """Return the chain rule of a unit, given what `back` returned for the losses."""


def input_read(inputs: Inputs, t: int, E: F32 | None, names: Names, at: int) -> Read:
    """Return what a first layer reads of inputs (T,) or (T, D) at t, which is timestep `at` of the sequence.

    Without E, a token is one-hot: a vector of which only the 1 is given.
    """
    if inputs.ndim == 2:
        return Read.whole("x", at, inputs[t], lambda i: names.inputs[i] if i < len(names.inputs) else f"x[{i}]")
    token = int(inputs[t])
    if E is not None:
        return Read.whole("x", at, E[token], lambda i: f"x[{i}]")
    return Read("x", at, np.ones(1, np.float32), lambda _: names.symbol(at), np.array([token]))
