"""Bring the columns of numbers to mean 0 and standard deviation 1, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.records import F32, F64

_INVALID = "invalid mean and standard deviation of the columns: use an earlier checkpoint"
_SMALLEST = np.finfo(np.float64).tiny


@dataclass(frozen=True, eq=False)
class Standardise:
    """x -> (x - mean) / deviation for each of D columns."""

    names: tuple[str, ...]  # (D,)
    mean: F64  # (D,)
    deviation: F64  # (D,) of the population, above 0

    @staticmethod
    def learnt(values: F64, names: Sequence[str]) -> "Standardise":
        """Return the mean and standard deviation of each column of `values` (n, D): the training part.

        Raises SeqError if a column is constant there, or if there are no values.
        """
        if not len(values):
            raise SeqError("the training part has no values: give more rows, or hold out fewer")
        for at in np.flatnonzero(values.min(axis=0) == values.max(axis=0))[:1]:
            raise SeqError(
                f"column {quoted(names[at], 40)} is constant in the training part ({values[0, at]:g}): "
                "leave it out with --columns"
            )
        mean = values.mean(axis=0)
        difference = values - mean
        scale = np.abs(difference).max(axis=0)  # squares of very small and very large numbers are not finite or 0
        deviation = scale * np.sqrt(np.mean((difference / scale) ** 2, axis=0))
        return Standardise(tuple(names), mean, np.maximum(deviation, _SMALLEST))

    @staticmethod
    def none(names: Sequence[str]) -> "Standardise":
        """Return what changes nothing."""
        return Standardise(tuple(names), np.zeros(len(names)), np.ones(len(names)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Standardise) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.names)

    def apply(self, values: F64) -> F64:
        """Standardise `values` (..., D)."""
        return (values - self.mean) / self.deviation

    def read(self, values: F64) -> F32:
        """Standardise `values` (..., D) for a model. Raises SeqError if one is too large for float32."""
        with np.errstate(over="ignore"):
            ready = self.apply(values).astype(np.float32)
        if not np.isfinite(ready).all():
            at = tuple(np.argwhere(~np.isfinite(ready))[0])
            raise SeqError(
                f"{float(values[at]):g} in column {quoted(self.names[at[-1]])} is too large: the mean of the training "
                f"part is {self.mean[at[-1]]:.3g}, its deviation {self.deviation[at[-1]]:.3g}"
            )
        return ready

    def undo(self, values: F64) -> F64:
        """Return standardised `values` (..., D) in their own units."""
        return values * self.deviation + self.mean

    def to_json(self) -> dict[str, list[str] | list[float]]:
        """Return what `from_json` takes; numbers survive JSON without loss."""
        return {"names": list(self.names), "mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @staticmethod
    def from_json(data: Any) -> "Standardise":
        """Return what `to_json` returned. Raises SeqError if `data` is anything else."""
        try:
            names, mean, deviation = (data[key] for key in ("names", "mean", "deviation"))
            found = Standardise(tuple(names), np.array(mean, np.float64), np.array(deviation, np.float64))
        except (TypeError, KeyError, IndexError, ValueError, OverflowError) as error:
            raise SeqError(_INVALID) from error
        shape = (len(found.names),)
        strings = all(isinstance(name, str) for name in found.names)
        if not strings or shape == (0,) or not found.mean.shape == found.deviation.shape == shape:
            raise SeqError(_INVALID)
        if not (np.isfinite([found.mean, found.deviation]).all() and (found.deviation > 0).all()):
            raise SeqError(_INVALID)
        return found
