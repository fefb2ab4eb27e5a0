"""The equations of one unit at one timestep, as plain numbers and names; see `cellwork.work` for where they come from.

Imports nothing, so that a screen can be drawn before any kernel is loaded. Names may hold text of a corpus: sanitise
them before drawing.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple


class Term(NamedTuple):
    """A part of a sum: weight * value."""

    source: str  # where the value comes from: one of SOURCES
    number: int  # of the value there: a unit, a symbol, a timestep; -1: there is only one
    at: int  # the timestep that it belongs to; -1: none
    name: str  # of the value: "unit 17", a symbol, "c_{t-1}"
    by: str  # the name of the weight: "W_hf", "f_t"
    weight: float
    value: float

    @property
    def product(self) -> float:
        """The part of the sum."""
        return self.weight * self.value


# Sources of terms. Forward: x (the input: a symbol, a component of its embedding, a real input, a unit of the layer
# below), h (a unit of h_{t-1}), b (a bias), s (quantities of the same unit), a (attended timesteps), q (components of
# a query), y (what attention found; with input feeding, a timestep before), m (normalised units), u (hidden units of
# a perceptron), c (a context), bridge (the encoder's last state).
# Backward: head (symbols), above (units of the layer above), next (units at the next timestep), a (attention),
# bridge (the decoder's initial state), norm, s.
SOURCES = ("x", "h", "b", "s", "a", "q", "y", "m", "u", "c", "head", "above", "next", "bridge", "norm")


class Factor(NamedTuple):
    """A named number that a product is made of."""

    name: str
    value: float


def totals(terms: Iterable[Term]) -> dict[str, float]:
    """Return the sum of the terms of each source."""
    parts: dict[str, list[float]] = {}
    for term in terms:
        parts.setdefault(term.source, []).append(term.product)
    return {source: sum_of(products) for source, products in parts.items()}


def sum_of(values: Iterable[float]) -> float:
    """Return the sum in float64; NaN if it is not finite."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return math.nan


@dataclass(frozen=True)
class Quantity:
    """One equation: value = function(sum of the terms)."""

    name: str  # "f_t"
    label: str  # "forget gate"
    formula: str  # "f_t = σ(W_xf x_t + W_hf h_{t-1} + b_f)"
    function: str  # a key of FUNCTIONS; "": none
    value: float  # as the kernel computed it
    terms: tuple[Term, ...]  # largest first

    @property
    def before(self) -> float:
        """The sum of the terms, which the function reads."""
        return sum_of(term.product for term in self.terms)

    @property
    def computed(self) -> float:
        """The value that follows from the terms."""
        return FUNCTIONS[self.function](self.before)


def _sigmoid(x: float) -> float:
    small = math.exp(-abs(x))
    return 1 / (1 + small) if x >= 0 else small / (1 + small)


def _gelu(x: float) -> float:
    return x * 0.5 * math.erfc(-x / math.sqrt(2))


FUNCTIONS: dict[str, Callable[[float], float]] = {
    "": lambda x: x,
    "σ": _sigmoid,
    "tanh": math.tanh,
    "relu": lambda x: max(x, 0.0),
    "gelu": _gelu,
}


class Choice(NamedTuple):
    """One of the things that a softmax shares 1 among."""

    number: int  # a symbol, or a timestep
    name: str
    score: float
    share: float  # as the kernel computed it; exp(score - log_total)


@dataclass(frozen=True)
class Softmax:
    """Shares of timesteps (attention) or symbols (the output)."""

    name: str  # "a_t" of attention, "p_t" of the output
    label: str
    formula: str
    choices: tuple[Choice, ...]  # largest share first; of the output only the largest, and the target
    log_total: float  # log of the sum of exp(score) over all choices, those left out included
    of: str  # the name of the scores: "s_ts", "logit_t"


@dataclass(frozen=True)
class EndFacts:
    """What the model predicts at one timestep."""

    outputs: tuple[Quantity, ...]  # the logits of the likeliest symbols and of the target; or all values, standardised
    softmax: Softmax | None  # None for values
    target: int  # the right symbol; -1: unknown, or values
    target_name: str
    wanted: tuple[float, ...]  # the right values; empty: unknown, or symbols
    loss: float  # in nats, or the squared error; NaN: unknown


@dataclass(frozen=True)
class CellFacts:
    """The equations of one unit at one timestep."""

    family: str
    part: str  # of an encoder-decoder: "encoder", "encoder ←" (the second direction), "decoder"; else ""
    t: int
    symbol: str  # what is read at t
    layer: int
    unit: int
    head: int  # attention: the head that the unit's column of v belongs to; else -1
    quantities: tuple[Quantity, ...]  # in the order of computation
    attention: Softmax | None  # of that head, or of a decoder's top layer over the source
    position: int  # the attended timestep whose score is among the quantities; -1: none
    end: EndFacts | None  # None where nothing is predicted (a source)
    cell: str  # the kind of unit: the family, "patches" of a picture, "lstm, fed" by attention, or "decoder block"

    def quantity(self, name: str) -> Quantity:
        """Return the quantity of that name. Raises KeyError."""
        for one in self.quantities:
            if one.name == name:
                return one
        raise KeyError(name)


@dataclass(frozen=True)
class Gradient:
    """One step of the chain rule. The value is the product of the factors or the sum of the terms; the other is empty.

    A gradient without either is a number as the kernel computed it.
    """

    name: str  # "dL/dz_f"
    label: str  # "forget gate, before σ"
    formula: str  # "dL/dz_f = dL/dc_t · c_{t-1} · f_t (1 - f_t)"
    value: float  # as the kernel computed it, if it keeps it
    factors: tuple[Factor, ...] = ()
    terms: tuple[Term, ...] = ()  # largest first

    @property
    def computed(self) -> float:
        """The value that follows from the factors or terms."""
        if self.factors:
            return math.prod(factor.value for factor in self.factors)
        return sum_of(term.product for term in self.terms) if self.terms else self.value


class Step(NamedTuple):
    """The gradient of a layer at one timestep, on its way back."""

    t: int
    symbol: str
    gradient: float  # |dL/d state|, over all units, see `CellBack.state`
    entering: float  # |the part of it that enters at t|, from the output or the layer above, not from later timesteps
    stretch: float  # |gradient that arrives at the state before t from that after t| / |the latter|; NaN: no recurrence
    unit: float  # dL/d state of the unit
    keep: float  # the unit's own factor from t to the timestep before, see `CellBack.keep`; NaN: no recurrence
    product: float  # of the `keep` of all timesteps after t, up to the last loss
    weights: float  # |the part of the gradient of W_hh that comes from t|; NaN: no recurrence


@dataclass(frozen=True)
class CellBack:
    """The chain rule of one unit at one timestep: how the losses L depend on it."""

    family: str
    part: str
    t: int
    symbol: str
    layer: int
    unit: int
    head: int
    losses: str  # what L is
    gradients: tuple[Gradient, ...]  # from the loss backwards
    position: int  # the attended timestep whose score is among the gradients; -1: none
    state: str  # what the path is of: "h_t", or of attention "x″_t", the residual stream after the block
    keep: str  # the formula of `Step.keep`; "" without recurrence
    path: tuple[Step, ...]  # every timestep of this part of the sequence, first to last
    depth: tuple[Factor, ...]  # |dL/d..| at t of each layer, from the output downwards

    @property
    def dies_at(self) -> int | None:
        """The first timestep, going back from the largest gradient, with less than 1/1000 of that; None: none."""
        sizes = [step.gradient for step in self.path]
        largest = max((size for size in sizes if math.isfinite(size)), default=0.0)
        if not largest:
            return None
        start = sizes.index(largest)
        return next((self.path[i].t for i in range(start, -1, -1) if sizes[i] < largest / 1000), None)

    def gradient(self, name: str) -> Gradient:
        """Return the gradient of that name. Raises KeyError."""
        for one in self.gradients:
            if one.name == name:
                return one
        raise KeyError(name)
