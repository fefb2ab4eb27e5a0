"""The error of predicted real values, for tasks that predict some."""

import numpy as np
import numpy.typing as npt

from seqcore.arrays import unmasked
from seqcore.data.batches import Batch
from seqcore.data.standardise import Standardise
from seqcore.records import F32, F64
from seqcore.tasks.task import Measures


class Errors:
    """Accumulates the loss and the root mean square error over held-out batches.

    The loss is the mean squared error as the model was trained on it. The error is in the units of the data: `scale`
    undoes the standardisation of K values, None: there was none. `tolerance`: also count the errors below it.
    """

    def __init__(self, scale: Standardise | None = None, tolerance: float = 0.0) -> None:
        self._scale, self._tolerance = scale, tolerance
        self._loss, self._targets, self._within = 0.0, 0, 0
        self._squares: F64 = np.zeros(0)
        self._examples = 0

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add a batch: losses (T, B), NaN where masked, and the predicted values (T, B, K and more)."""
        counts = unmasked(batch.targets)
        wanted = batch.targets[counts].astype(np.float64)
        errors = scores[counts][:, : wanted.shape[1]] - wanted
        if self._scale is not None:
            errors = errors * self._scale.deviation
        squares = np.sum(errors**2, axis=0)
        self._squares = squares if not self._targets else self._squares + squares
        self._loss += float(losses[counts].sum(dtype=np.float64))
        self._targets += int(counts.sum())
        self._within += int((np.abs(errors) <= self._tolerance).all(axis=1).sum())
        self._examples += int(counts.any(axis=0).sum())

    def result(self) -> Measures:
        """Return the measures; empty without a target."""
        if not self._targets:
            return {}
        found: Measures = {
            "loss": self._loss / self._targets,
            "rmse": float(np.sqrt(self._squares.sum() / (self._targets * self._squares.size))),
            "examples": self._examples,
        }
        if self._tolerance:
            found["accuracy"] = self._within / self._targets
        if self._scale is not None and self._squares.size > 1:
            each = np.sqrt(self._squares / self._targets).tolist()
            found["rmse_by_column"] = dict(zip(self._scale.names, each, strict=True))
        return found


def root_mean_square(errors: npt.NDArray[np.floating]) -> float:
    """Return the root mean square of errors; NaN for none."""
    return float(np.sqrt(np.mean(np.square(errors, dtype=np.float64)))) if errors.size else float("nan")
