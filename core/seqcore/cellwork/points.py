"""One unit of a recurrent layer at one timestep, for the equations of its cell, forward and backward.

A new cell brings its `Equations` in a file of its own, and a line in `cells.EQUATIONS`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import NamedTuple

from seqcore.cellwork.layer_back import LayerBack
from seqcore.cellwork.records import Factor, Gradient, Quantity, Term
from seqcore.cellwork.terms import Read, bias, largest, terms_of
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.records import F32


class Block(NamedTuple):
    """One of the products side by side in W_xh and W_hh."""

    label: str  # "forget gate"
    W_x: str  # the names of its columns of W_xh, W_hh and b: "W_xf", "W_hf", "b_f"
    W_h: str
    b: str
    W_feed: str  # of W_feed, which has the columns of W_xh

    @staticmethod
    def of(label: str, letter: str) -> "Block":
        """Return the block whose matrices have this letter."""
        return Block(label, f"W_x{letter}", f"W_h{letter}", f"b_{letter}", f"W_feed_{letter}")


class Fed(NamedTuple):
    """What a layer reads beside its input, with input feeding: h̃_{t-1} W_feed."""

    read: Read  # h̃_{t-1}; without elements at the first timestep
    W: F32  # (H, N)


@dataclass(frozen=True)
class Point:
    """A unit after timestep `i` of the arrays of a layer, which is timestep `t` of the sequence."""

    equations: "Equations"
    cell: Cell
    work: CellWorkspace  # of a batch of 1
    i: int
    unit: int
    t: int
    later: int  # the timestep that the layer reads next, t + 1; of an encoder's second direction, t - 1
    x: Read  # what W_xh multiplies
    before: Read  # h_{t-1}; without elements if it is the zero state
    fed: Fed | None = field(default=None, kw_only=True)

    def gate(self, block: int) -> float:
        """The value of the unit in a block of `CellWorkspace.gates`."""
        return float(self.work.gates[self.i, 0, block * self.cell.hidden + self.unit])

    @property
    def h(self) -> float:
        """The unit's h after the timestep."""
        return float(self.work.h[self.i + 1, 0, self.unit])

    @property
    def h_before(self) -> float:
        """Its h before the timestep."""
        return float(self.work.h[self.i, 0, self.unit])

    @property
    def c(self) -> float:
        """Its c after the timestep."""
        return float(self.work.c[self.i + 1, 0, self.unit])

    @property
    def c_before(self) -> float:
        """Its c before the timestep."""
        return float(self.work.c[self.i, 0, self.unit])

    def read(self, block: int) -> list[Term]:
        """Return the terms of x W_xh + b in a block, and of what is fed."""
        names, column = self.equations.blocks[block], self._column(block)
        linear = self.cell.input
        found = self.x.terms(names.W_x, linear.W[:, column]) + bias(names.b, linear.b, column)
        return found + (self.fed.read.terms(names.W_feed, self.fed.W[:, column]) if self.fed is not None else [])

    def read_formula(self, block: int) -> str:
        """Return the formula of `read`, without the bias."""
        names = self.equations.blocks[block]
        return f"{names.W_x} x_t" + (f" + {names.W_feed} h̃_{{t-1}}" if self.fed is not None else "")

    def remembered(self, block: int) -> list[Term]:
        """Return the terms of h_{t-1} W_hh in a block."""
        return self.before.terms(self.equations.blocks[block].W_h, self.cell.W_hh[:, self._column(block)])

    def squashed(self, name: str, block: int, function: str, value: float) -> Quantity:
        """Return function(x W_xh + h_{t-1} W_hh + b) in a block."""
        names = self.equations.blocks[block]
        formula = f"{name} = {function}({self.read_formula(block)} + {names.W_h} h_{{t-1}} + {names.b})"
        return Quantity(name, names.label, formula, function, value, largest(self.read(block) + self.remembered(block)))

    def over(self, rows: Iterable[int]) -> "Iterator[Point]":
        """Yield the same unit after other timesteps of the arrays; only its gates and states are valid."""
        for i in rows:
            yield replace(self, i=i)

    def _column(self, block: int) -> int:
        return block * self.cell.hidden + self.unit


@dataclass(frozen=True)
class BackPoint(Point):
    """A point on the way back, with the gradients of all losses together."""

    back: LayerBack
    entering: Callable[[], list[Term]]  # the terms of dL/dh_t that do not come from the next timestep
    carried_in: Callable[[], list[Term]]  # the terms of what bypasses W_hh after the last timestep

    @property
    def dh(self) -> float:
        """The gradient of h_t, from everything that reads it."""
        return float(self.back.dh[self.i, self.unit])

    @property
    def direct(self) -> float:
        """The part that bypasses W_hh on its way from the next timestep: of dL/dc_t, or of dL/dh_t."""
        return float(self.back.direct[self.i + 1, self.unit])

    def dz(self, block: int) -> float:
        """The gradient of the unit in a block of `CellWorkspace.gates`, as the kernel leaves it."""
        return float(self.back.dz[self.i, block * self.cell.hidden + self.unit])

    @property
    def next(self) -> "BackPoint | None":
        """The same unit at the timestep that the layer reads next; None after the last one."""
        return replace(self, i=self.i + 1, t=self.later) if self.i + 1 < len(self.work.gates) else None

    def from_next(self) -> list[Term]:
        """Return the terms of dL/dh_t that come back through W_hh from the next timestep, a term for each unit there.

        Of a cell whose `gates` are wider than W_hh, the last block of W_hh has its gradient in the last block.
        """
        if self.i + 1 >= len(self.work.gates):
            return []
        cell, H, found = self.cell, self.cell.hidden, []
        for block, names in enumerate(self.equations.blocks):
            place = cell.columns - 1 if block == cell.products - 1 else block
            weights = cell.W_hh[self.unit, block * H : (block + 1) * H]
            values = self.back.dz[self.i + 1, place * H : (place + 1) * H]
            found += terms_of("next", self.later, naming(names.label), names.W_h, weights, values)
        return found

    def whole(self, *more: Term) -> Gradient:
        """Return dL/dh_t as the sum of everything that reads h_t."""
        formula = "dL/dh_t = what reads h_t at t + W_hh (dL/dz at t+1)" + (" + the direct path" if more else "")
        terms = largest([*self.entering(), *self.from_next(), *more])
        return Gradient("dL/dh_t", "state", formula, self.dh, terms=terms)

    def chain(self, name: str, label: str, value: float, *factors: Factor) -> Gradient:
        """Return a gradient that is a product."""
        return Gradient(name, label, f"{name} = {' · '.join(factor.name for factor in factors)}", value, factors)


def back_of(
    point: Point, back: LayerBack, entering: Callable[[], list[Term]], carried_in: Callable[[], list[Term]]
) -> BackPoint:
    """Return a point on the way back; see `BackPoint`."""
    return BackPoint(
        **{one.name: getattr(point, one.name) for one in fields(point)},
        back=back,
        entering=entering,
        carried_in=carried_in,
    )


def naming(label: str) -> Callable[[int], str]:
    """Return how a unit of a block is named: "forget gate of unit 17"."""
    return lambda unit: f"{label} of unit {unit}"


def above_terms(unit: int, t: int, cell: Cell, equations: "Equations", dz: F32, mark: str) -> list[Term]:
    """Return the terms of dL/dh_t that come from the layer above: `unit` is the row of its W_xh, dz (width,) its gates.

    `mark` is added to the names of its units.
    """
    names = [block.W_x for block in equations.blocks]
    return gate_terms("above", t, cell.input.W[unit], names, equations, dz, mark)


def gate_terms(
    source: str, t: int, weights: F32, names: Sequence[str], equations: "Equations", dz: F32, mark: str = ""
) -> list[Term]:
    """Return the terms of a product with the gates dz (width,) of timestep t: a row of weights (N,), block by block.

    names: of the matrix in each block. `mark` is added to the names of the units.
    """
    found, H = [], len(weights) // len(equations.blocks)
    for n, (block, by) in enumerate(zip(equations.blocks, names, strict=True)):
        own = slice(n * H, (n + 1) * H)
        found += terms_of(source, t, naming(f"{mark}{block.label}"), by, weights[own], dz[own])
    return found


class Equations(NamedTuple):
    """The equations of a cell."""

    blocks: tuple[Block, ...]  # of W_xh and W_hh, in order
    forward: Callable[[Point], Sequence[Quantity]]
    backward: Callable[[BackPoint], Sequence[Gradient]]
    keep: str  # the formula of the factor by which a unit's own state reaches the one before
    kept: Callable[[Point], float]  # that factor


def through_sigmoid(name: str, gate: float) -> Factor:
    """Return the derivative of the sigmoid, by its value."""
    return Factor(f"{name} (1 - {name})", gate * (1 - gate))


def through_tanh(name: str, value: float) -> Factor:
    """Return the derivative of tanh, by its value."""
    return Factor(f"(1 - {name}²)", 1 - value * value)
