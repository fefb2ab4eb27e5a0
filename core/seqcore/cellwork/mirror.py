"""The equations of an encoder's second direction, which reads from the end: t - 1 and t + 1 change places."""

from dataclasses import replace
from typing import TypeVar

from seqcore.cellwork.records import Gradient, Quantity

Equation = TypeVar("Equation", Quantity, Gradient)


def mirrored(equations: tuple[Equation, ...]) -> tuple[Equation, ...]:
    """Return equations with the timesteps in their names and formulas exchanged."""
    return tuple(_mirrored(one) for one in equations)


def _mirrored(one: Equation) -> Equation:
    terms = tuple(term._replace(name=_said(term.name), by=_said(term.by)) for term in one.terms)
    if isinstance(one, Quantity):
        return replace(one, name=_said(one.name), formula=_said(one.formula), terms=terms)
    factors = tuple(factor._replace(name=_said(factor.name)) for factor in one.factors)
    return replace(one, name=_said(one.name), formula=_said(one.formula), terms=terms, factors=factors)


def _said(text: str) -> str:
    return text.replace("t-1", "t∓1").replace("t+1", "t-1").replace("t∓1", "t+1")
