"""Build the terms of a sum from the vector that a product reads and a column of its matrix."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqcore.cellwork.records import Term, sum_of
from seqcore.records import F32

MOST = 4096  # terms of one source; the smallest ones beyond are summed in one


class Names(NamedTuple):
    """The names of what a model reads and predicts; raw."""

    symbols: tuple[str, ...]  # (T,) of the inputs
    inputs: tuple[str, ...]  # (D,) of real inputs; empty for tokens
    output: Callable[[int], str]  # of a symbol or value that is predicted

    def symbol(self, t: int) -> str:
        """Return the input at timestep t; what precedes the first is nothing."""
        return self.symbols[t] if 0 <= t < len(self.symbols) else "nothing"


class Read(NamedTuple):
    """A vector (n,) that a product reads."""

    source: str
    at: int  # its timestep; -1: none
    values: npt.NDArray[Any]  # (n,)
    name: Callable[[int], str]
    rows: npt.NDArray[np.int64]  # (n,) the rows of the matrix that multiply it

    @staticmethod
    def whole(source: str, at: int, values: npt.NDArray[Any], name: Callable[[int], str]) -> "Read":
        """Return a vector that is multiplied by all rows."""
        return Read(source, at, values, name, np.arange(len(values)))

    def terms(self, by: str, column: F32) -> list[Term]:
        """Return the terms of the product with a column (I,) of a matrix."""
        return terms_of(self.source, self.at, self.name, by, column[self.rows], self.values, self.rows)


def unit_name(unit: int) -> str:
    """Return the name of a hidden unit."""
    return f"unit {unit}"


def terms_of(
    source: str,
    at: int,
    name: Callable[[int], str],
    by: str,
    weights: npt.NDArray[Any],
    values: npt.NDArray[Any],
    indices: npt.NDArray[np.int64] | None = None,
) -> list[Term]:
    """Return the terms weights[i] * values[i], those beyond MOST in one."""
    if indices is None:
        indices = np.arange(len(values))
    if len(values) <= MOST:
        rows = zip(indices.tolist(), weights.tolist(), values.tolist(), strict=True)
        return [Term(source, i, at, name(i), by, weight, value) for i, weight, value in rows]
    with np.errstate(invalid="ignore", over="ignore"):
        products = weights.astype(np.float64) * values
    order = np.argsort(-np.abs(products), kind="stable")
    kept, left = order[: MOST - 1], order[MOST - 1 :]
    others = Term(source, -1, at, f"{len(left):,} others", "", 1.0, sum_of(products[left].tolist()))
    return [*terms_of(source, at, name, by, weights[kept], values[kept], indices[kept]), others]


def timed_terms(
    source: str,
    name: Callable[[int], str],
    by: str,
    weights: npt.NDArray[Any],
    values: npt.NDArray[Any],
    first: int,
) -> list[Term]:
    """Return terms of which each belongs to a timestep, from `first` on."""
    found = terms_of(source, -1, name, by, weights, values, np.arange(first, first + len(values)))
    return [term._replace(at=term.number) for term in found]


def bias(by: str, values: npt.NDArray[Any], unit: int) -> list[Term]:
    """Return the term of a bias; none if the model has no biases."""
    return [Term("b", -1, -1, by, "1", 1.0, float(values[unit]))] if values.size else []


def product(by: str, weight: float, name: str, value: float, index: int = -1, at: int = -1, source: str = "s") -> Term:
    """Return a product of two quantities of the same unit."""
    return Term(source, index, at, name, by, float(weight), float(value))


def largest(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Return terms, the largest first."""
    return tuple(sorted(terms, key=_size, reverse=True))


def _size(term: Term) -> float:
    return abs(term[5] * term[6])
