"""Rows of numbers with labels as the examples of a run: one timestep each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.batches import Batch
from seqcore.data.examples import (
    ExampleBatches,
    Examples,
    held_out_batches,
    held_out_lengths,
    held_out_rows,
)
from seqcore.data.logistic import Logistic
from seqcore.data.numeric import LabelledNumbers
from seqcore.data.quoting import listed
from seqcore.data.standardise import Standardise
from seqcore.data.vocabulary import Vocabulary
from seqcore.records import F32, F64, I32, I64, Example
from seqcore.serial import SerialModel
from seqcore.tasks.scoring import Scoring, answers_wrong
from seqcore.tasks.task import Baselines, Measures


@dataclass(frozen=True)
class RowData:
    """Rows of numbers with labels: examples of one timestep."""

    classes: tuple[str, ...]
    scale: Standardise  # of the columns
    found: LabelledNumbers
    train: Examples
    validation: Examples
    trained: "RowData | None"  # whose training part the baselines learn from, if it is another one

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        return self.found.remarks

    def check(self, config: ModelConfig) -> None:
        """Do nothing: every model reads one timestep."""

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return 1."""
        return self.train.batch_lengths

    def feed(self, training: TrainingConfig) -> ExampleBatches:
        """Return batches of rows. Raises SeqError if there are too few."""
        return ExampleBatches(self.train, training.batch, training.seed)

    def held_out_shape(self, config: ModelConfig) -> tuple[tuple[int, ...], int]:
        """Return the T of the held-out batches, and their B."""
        return held_out_lengths(self.validation), held_out_rows(self.validation)

    def held_out(self, config: ModelConfig) -> Iterator[Batch]:
        """Yield every held-out row once."""
        return held_out_batches(self.validation)

    def measure(self) -> Scoring:
        """Return a measure of accuracy."""
        return Scoring(len(self.classes))

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of rows, columns and classes."""
        names, classes = listed(self.scale.names, 6), len(self.classes)
        return f"{self.train.count:,} rows, {self.validation.count:,} held out · {classes} classes · {names}"

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return the first rows after their labels."""
        names = self.scale.names
        rows = (", ".join(f"{name} {value:g}" for name, value in zip(names, row, strict=True)) for row in self._own)
        return [f"{label}: {row}" for label, row in zip(self.found.labels[:count], rows, strict=False)]

    @property
    def _own(self) -> F64:
        return self.found.values

    @cached_property
    def logistic(self) -> Logistic:
        """Logistic regression on the standardised columns, learnt from the training part."""
        return Logistic.learnt(*_features(self.train), len(self.classes))

    def _linear(self) -> tuple[float, float]:
        """Return the loss and the accuracy of logistic regression on the held-out part."""
        return (self.trained or self).logistic.measured(*_features(self.validation))

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the losses of guessing by class frequency, and of logistic regression."""
        source = (self.trained or self).train
        if not source.count or not self.validation.count:
            return Baselines({})
        counts = np.bincount(source.targets, minlength=len(self.classes)) + 1.0
        frequency = float(-np.log(counts / counts.sum())[self.validation.targets].mean())
        return Baselines({"class frequencies": frequency, "logistic regression": self._linear()[0]})

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add the names of the classes, and the accuracy of logistic regression."""
        report: Measures = {"classes": list(self.classes)} | measures
        if (self.trained or self).train.count and self.validation.count:
            report["logistic_regression_accuracy"] = self._linear()[1]
        return report

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return a held-out row, and what the model says of it."""
        part = self.validation if self.validation.count else self.train
        i = (seed * 7919) % part.count
        verdict = int(np.argmax(model.read(part.inputs[i], model.initial_state())))
        own, classes, right = (
            self.scale.undo(part.inputs[i].astype(np.float64)),
            self.classes,
            part.targets[i],
        )
        row = ", ".join(f"{name} {value:.4g}" for name, value in zip(self.scale.names, own, strict=True))
        said = "right" if verdict == right else f"the label is {classes[right]}"
        return f"{row} → {classes[verdict]} ({said})"

    @property
    def held_out_steps(self) -> int:
        """The rows that are held out."""
        return self.validation.count

    @property
    def _shown(self) -> Examples:
        return self.validation if self.validation.count else self.train

    @property
    def example_lengths(self) -> I64:
        """One for each held-out row, or training row if none is held out."""
        return self._shown.lengths

    def example(self, vocabulary: Vocabulary, number: int, width: int) -> Example:
        """Return a held-out row, with its label."""
        part = self._shown
        i = number % part.count
        return Example(part.example(i).copy(), part.wanted(i).copy(), np.ones(1, np.bool_))

    def errs(self, model: SerialModel, number: int) -> bool:
        """Return whether the model gives a held-out row another label."""
        return answers_wrong(model, self.example(Vocabulary.none(), number, 0), len(self.classes))

    def background(self) -> dict[str, Any]:
        """Return the held-out rows ("points", (n, D) in the units of the data) and their classes ("labels", (n,))."""
        part = self._shown
        return {"points": self.scale.undo(part.inputs.astype(np.float64)), "labels": part.targets}

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> None:
        """Return None: there is no text."""


def _features(examples: Examples) -> tuple[F64, I32]:
    """Return the rows (n, D) in float64 and the labels (n,)."""
    rows: F32 = examples.inputs
    return rows.astype(np.float64), examples.targets
