"""Accuracy and what belongs to it, for tasks that predict one of several symbols or classes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqcore.data.batches import Batch
from seqcore.records import F32, I32, I64, Bools, Example
from seqcore.serial import SerialModel
from seqcore.tasks.task import Measures

MOST_CONFUSED = 64  # more classes than this have no confusion matrix: nobody reads it
_BANDS = 8  # lengths and lags are reported in at most so many bands


class Scoring:
    """Accumulates loss, accuracy, exact match, confusion, and accuracy by length and by lag, over held-out batches."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self._loss, self._targets = 0.0, 0
        self._confusion = np.zeros((classes, classes), np.int64)  # target, predicted
        self._lengths: list[I64] = []  # of each example, and its number of right and of all answers
        self._right: list[I64] = []
        self._asked: list[I64] = []
        self._which: list[I64] = []
        self._lags: list[I64] = []  # of each answer
        self._hits: list[I64] = []  # 1 if it is right

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add a batch; all targets count for the accuracy."""
        self.add_asked(batch, losses, scores, batch.targets >= 0)

    def add_asked(
        self, batch: Batch, losses: F32, scores: F32, asked: npt.NDArray[np.bool_], lags: I32 | None = None
    ) -> None:
        """Add a batch: losses (T, B), scores (T, B, K and more); `asked` (T, B) are the targets of the accuracy.

        `lags` (T, B) are the timesteps since the answer was read, if that is known.
        """
        counted = losses[batch.targets >= 0]
        self._loss, self._targets = self._loss + float(counted.sum(dtype=np.float64)), self._targets + counted.size
        guessed = np.argmax(scores[..., : self.classes], axis=2)
        np.add.at(self._confusion, (batch.targets[asked], guessed[asked]), 1)
        real = (batch.targets >= 0).any(axis=0)
        last = len(batch.targets) - np.argmax((batch.targets >= 0)[::-1], axis=0)  # up to the last target
        right = ((guessed == batch.targets) & asked).sum(axis=0)
        for kept, values in ((self._lengths, last), (self._right, right), (self._asked, asked.sum(axis=0))):
            kept.append(values[real].astype(np.int64))
        self._which.append(batch.which)
        if lags is not None:
            self._lags.append(lags[asked].astype(np.int64))
            self._hits.append((guessed == batch.targets)[asked].astype(np.int64))

    def result(self) -> Measures:
        """Return the measures; empty without a target.

        `by_length` has bands with about as many examples each, `by_lag`, if there are lags, with as many answers.
        """
        if not self._targets:
            return {}
        right, asked, lengths = (np.concatenate(kept) for kept in (self._right, self._asked, self._lengths))
        some = asked > 0
        measures: Measures = {
            "loss": self._loss / self._targets,
            "accuracy": float(right.sum() / max(1, asked.sum())),
            "examples": int(lengths.size),
            "by_length": _bands(lengths, right, asked),
        }
        if self._lags:
            lags = np.concatenate(self._lags)
            measures["by_lag"] = _bands(lags, np.concatenate(self._hits), np.ones_like(lags))
        if (asked > 1).any():
            measures["exact_match"] = float((right == asked)[some].mean())
        if self.classes <= MOST_CONFUSED:
            measures |= {"confusion": self._confusion.tolist(), "f1": macro_f1(self._confusion)}
        return measures

    def by_group(self, groups: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return the accuracy and the number of examples of each group; `groups` names that of every example."""
        names = sorted(set(groups))
        number = {name: at for at, name in enumerate(names)}
        group = np.array([number[name] for name in groups], np.int64)[np.concatenate(self._which)]
        right, asked = np.concatenate(self._right), np.concatenate(self._asked)
        return {
            names[at]: {
                "accuracy": float(right[group == at].sum() / max(1, asked[group == at].sum())),
                "count": int((group == at).sum()),
            }
            for at in np.unique(group).tolist()
        }


def answers_wrong(model: SerialModel, example: Example, classes: int) -> bool:
    """Return whether one of the classes that an example asks for is answered wrong; stops at the first."""
    state = model.initial_state()
    last = int(np.flatnonzero(example.asked)[-1]) + 1 if example.asked.any() else 0
    inputs = example.inputs[:last] if example.inputs.ndim > 1 else example.inputs[:last].tolist()
    for one, target, asked in zip(inputs, example.targets[:last].tolist(), example.asked[:last].tolist(), strict=True):
        scores = model.read(one, state)
        if asked and int(np.argmax(scores[:classes])) != target:
            return True
    return False


def macro_f1(confusion: I64) -> float:
    """Return the mean over the classes that occur of 2 hits / (targets + predictions)."""
    hits, targets, predicted = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    occurs = targets > 0
    return float((2 * hits[occurs] / (targets + predicted)[occurs]).mean()) if occurs.any() else 0.0


def _bands(values: I64, right: I64, asked: I64) -> list[dict[str, Any]]:
    """Return the accuracy by bands of a value; `right` of the `asked` answers belong to each value."""
    return by_bands(values, lambda inside: {"accuracy": float(right[inside].sum() / max(1, asked[inside].sum()))})


def by_bands(values: I64, measured: Callable[[Bools], dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what is measured of the examples in each band of a value, (n,); bands have about as many examples each.

    A band is "from", "to", "count" and what `measured` returns for the mask (n,) of its examples.
    """
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BANDS + 1), method="nearest").astype(np.int64))
    bands: list[dict[str, Any]] = []
    lows = edges[:-1] if edges.size > 1 else edges
    for low, high in zip(lows.tolist(), [*(edges[1:-1] - 1).tolist(), int(edges[-1])], strict=True):
        inside = (values >= low) & (values <= high)
        if inside.any():
            bands.append({"from": low, "to": high, "count": int(inside.sum())} | measured(inside))
    return bands
