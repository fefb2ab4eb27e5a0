"""The network unrolled over a sequence: every state, every loss, and the gradient of each state on its way back.

The same matrices act at every timestep: h_t = f(W_xh x_t + W_hh h_{t-1}), so that dL/dW_hh is a sum over timesteps.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.cellwork.ends import known
from seqcore.cellwork.records import Step
from seqcore.cellwork.work import Cellwork
from seqcore.errors import SeqError
from seqcore.records import F32, F64


class Output(NamedTuple):
    """What the output of one timestep says. Names are raw: sanitise before drawing."""

    guess: str  # the likeliest symbol; of values, the name of the first one
    share: float  # its probability; of values, the first one, standardised
    right: str  # the right symbol; "" if it is unknown, or values
    chance: float  # the probability of the right symbol; of values, the first right one; NaN: unknown
    loss: float  # in nats, or the squared error; NaN: unknown


class Matrix(NamedTuple):
    """A matrix that every timestep uses."""

    name: str  # of the parameter: "layers.0.W_hh"
    values: F32  # (rows, columns)


@dataclass(frozen=True)
class Strand:
    """One layer over its part of the sequence, in one direction."""

    part: str  # of an encoder-decoder: "encoder", "encoder ←" (the second direction), "decoder"; else ""
    layer: int
    second: bool
    states: F32  # (n, H)
    state: str  # their name: "h_t"
    steps: tuple[Step, ...]  # (n,) in the order of the sequence

    @property
    def first(self) -> int:
        """Its first timestep."""
        return self.steps[0].t

    def step(self, t: int) -> Step | None:
        """Return what comes back at a timestep; None outside of its part."""
        return self.steps[t - self.first] if self.first <= t < self.first + len(self.steps) else None

    @property
    def recurs(self) -> bool:
        """Whether a state goes from timestep to timestep."""
        return any(math.isfinite(step.weights) for step in self.steps)


@dataclass(frozen=True)
class Unrolled:
    """A network of a family, unrolled over T timesteps."""

    family: str
    strands: tuple[Strand, ...]  # in the order of the sequence, the lowest layer first
    outputs: tuple[Output | None, ...]  # (T,) None where nothing is predicted
    losses: str  # what L is
    cut: int  # no state hands a gradient back over timesteps that are multiples of this; 0: no cut
    matrices: tuple[Matrix, ...]

    @property
    def total(self) -> float:
        """The sum of all losses that are known."""
        return math.fsum(one.loss for one in self.outputs if one is not None and math.isfinite(one.loss))

    @property
    def cuts(self) -> tuple[int, ...]:
        """The timesteps at which the way back ends, except for the first."""
        return tuple(range(self.cut, len(self.outputs), self.cut)) if self.cut else ()

    def at(self, t: int, second: bool = False) -> tuple[Strand, ...]:
        """Return the layers at a timestep, the lowest first; where there is no second direction, the first."""
        here = [one for one in self.strands if one.first <= t < one.first + len(one.steps)]
        return tuple(one for one in here if one.second == (second and any(other.second for other in here)))


def unrolled(work: Cellwork, loss: int | None = None, cut: int = 0) -> Unrolled:
    """Return a network unrolled over the sequence of `work`; for `loss` and `cut` see `Cellwork.backward`.

    Raises SeqError if nothing is predicted at timestep `loss`.
    """
    strands, said = [], ""
    for first, stop, second in _parts(work):
        for layer in range(work.layers(first)):
            back = work.backward(first, layer, 0, second, loss=loss, cut=cut)
            states = work.states(first, layer, second)
            states = states[::-1] if second else states
            assert len(states) == len(back.path) == stop - first
            strands.append(Strand(back.part, layer, second, states.copy(), back.state, back.path))
            said = back.losses
    own = tuple(Matrix(name, values.copy()) for name, values in work.parameters.items() if values.ndim == 2)
    return Unrolled(work.config.family, tuple(strands), outputs(work), said, cut, own)


def _parts(work: Cellwork) -> Iterator[tuple[int, int, bool]]:
    """Yield the first timestep of each part of the sequence, the one behind it, and whether it is read from the end."""
    names = [work.part(t) for t in range(work.timesteps)]
    starts = [t for t, name in enumerate(names) if t == 0 or name != names[t - 1]]
    for first, stop in zip(starts, [*starts[1:], len(names)], strict=True):
        yield first, stop, False
        try:
            work.part(first, second=True)
        except SeqError:
            continue
        yield first, stop, True


def outputs(work: Cellwork) -> tuple[Output | None, ...]:
    """Return what is predicted at every timestep; None where nothing is."""
    logits, targets = work.look.logits, work.targets
    asked, some = known(targets).tolist(), [work.predicts(t) for t in range(work.timesteps)]
    if targets.ndim == 2:
        name = work.names.output(0)
        with np.errstate(invalid="ignore", over="ignore"):
            errors: F64 = np.mean(np.square(logits - targets, dtype=np.float64), axis=1)
        rows = zip(logits[:, 0].tolist(), targets[:, 0].tolist(), errors.tolist(), strict=True)
        return tuple(
            Output(name, y, "", wanted, loss) if at else None for at, (y, wanted, loss) in zip(some, rows, strict=True)
        )
    with np.errstate(invalid="ignore", over="ignore"):
        scores = logits.astype(np.float64)
        scores -= scores.max(axis=1, keepdims=True)
        log_shares: F64 = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    found: list[Output | None] = []
    for t, at in enumerate(some):
        if not at:
            found.append(None)
            continue
        guess, right = int(log_shares[t].argmax()), int(targets[t]) if asked[t] else -1
        log_chance = float(log_shares[t, right]) if right >= 0 else math.nan
        found.append(
            Output(
                work.names.output(guess), float(np.exp(log_shares[t, guess])),
                work.names.output(right) if right >= 0 else "", math.exp(log_chance), -log_chance,
            )
        )  # fmt: skip
    return tuple(found)
