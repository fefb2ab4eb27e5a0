"""Classification of rows of numbers: one row, one label (one to one). A sequence of one timestep, no memory needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.batches import Batch
from seqcore.data.corpus import Corpus
from seqcore.data.examples import (
    ExampleBatches,
    Examples,
    batch_lengths,
    held_out_batches,
    held_out_lengths,
    held_out_rows,
)
from seqcore.data.logistic import Logistic
from seqcore.data.numeric import LabelledNumbers, numeric_labelled
from seqcore.data.quoting import listed, quoted
from seqcore.data.standardise import Standardise
from seqcore.data.tables import read_table
from seqcore.data.typed_numbers import typed_rows
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.probe import verdicts
from seqcore.records import F32, F64, I32, I64, Boundary, Example, Inputs, Probe
from seqcore.serial import SerialModel
from seqcore.tasks.classify import split
from seqcore.tasks.scoring import Scoring, answers_wrong
from seqcore.tasks.task import Baselines, Data, Ends, Measures

_MOST_COLUMNS = 4  # of which planes are drawn: the first ones
_GRID = 21  # points of a plane in each direction
_EDGE = 2.5  # standard deviations that a plane reaches in each direction


@dataclass(frozen=True)
class ClassifyRows:
    """The task, with its classes, its columns and what standardises them."""

    name: ClassVar[str] = "classify-rows"
    form: ClassVar[str] = "one to one"
    pane: ClassVar[str] = "boundary"
    fixed: ClassVar[tuple[str, ...]] = ("length", "sampling", "tokens_by")
    generates: ClassVar[bool] = False
    dial: ClassVar[None] = None

    classes: tuple[str, ...]
    label_column: str
    scale: Standardise  # of the columns that are read
    skip_bad_rows: bool = False

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the length of every example: 1."""
        return {"length": 1, "batch": 64}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["ClassifyRows", Vocabulary]:
        """Return the task, with the mean and deviation of the training part, and no vocabulary. Raises SeqError."""
        skip = bool(options.get("skip-bad-rows", False))
        table = read_table(corpus, skip_bad_rows=skip)
        found = numeric_labelled(table, options.get("label-column"), columns_asked(options))
        train, _ = split(len(found.labels), training.validation)
        scale = Standardise.learnt(found.values[train], found.names)
        return cls(found.classes, found.label_column, scale, skip), Vocabulary.none()

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "ClassifyRows":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        classes, label = values.get("classes"), values.get("label_column")
        valid = isinstance(classes, list) and len(classes) > 1 and all(isinstance(name, str) for name in classes)
        if not valid or not isinstance(label, str):
            raise SeqError("its task has no classes, or no label column")
        scale = Standardise.from_json(values.get("scale"))
        return cls(tuple(classes or ()), label, scale, values.get("skip_bad_rows") is True)

    def settings(self) -> dict[str, Any]:
        """Return the classes, the columns, and their mean and deviation."""
        return {
            "classes": list(self.classes),
            "label_column": self.label_column,
            "scale": self.scale.to_json(),
            "skip_bad_rows": self.skip_bad_rows,
        }

    def on(self, corpus: Corpus) -> "ClassifyRows":
        """Return the task: the classes and columns stay."""
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """The accuracy."""
        return ("accuracy",)

    @property
    def ends(self) -> Ends:
        """The model reads a row of numbers and predicts one of the classes."""
        return Ends(outputs=len(self.classes), inputs=len(self.scale.names))

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return what a loss is of."""
        return "row"

    def loss_unit(self, vocabulary: Vocabulary) -> str:
        """Return nats per row."""
        return "nats per row"

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what a timestep reads."""
        return "row"

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[Inputs, str]:
        """Return the first row of numbers that was typed, standardised, (1, D). Raises SeqError."""
        return self.scale.apply(typed_rows(text, self.scale.names))[:1].astype(np.float32), ""

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        inputs: Inputs,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return the verdict on a row."""
        own = self.scale.undo(inputs.astype(np.float64))
        symbols = tuple(" ".join(f"{value:.4g}" for value in row) for row in own)
        found = verdicts(model, vocabulary, self.classes, inputs, step, warning, known, symbols)
        return replace(found, boundary=self._boundary(model, inputs[0]))

    def _boundary(self, model: SerialModel, row: F32) -> Boundary:
        """Return what the model says over the planes of the first columns around a standardised row (D,)."""
        D = row.size
        pairs = tuple((i, j) for i in range(min(D, _MOST_COLUMNS)) for j in range(i + 1, min(D, _MOST_COLUMNS)))
        grid = np.linspace(-_EDGE, _EDGE, _GRID, dtype=np.float32)
        shares = np.empty((len(pairs), _GRID, _GRID, len(self.classes)), np.float32)
        for place, (across, up) in enumerate(pairs):
            at = row.astype(np.float32)
            for y, high in enumerate(grid):
                for x, right in enumerate(grid):
                    at[across], at[up] = right, high
                    scores = model.read(at, model.initial_state())[: len(self.classes)].astype(np.float64)
                    likely = np.exp(scores - scores.max())
                    shares[place, y, x] = likely / likely.sum()
        low, high = (self.scale.undo(np.full(D, side)) for side in (-_EDGE, _EDGE))
        return Boundary(self.scale.names, low, high, self.scale.undo(row.astype(np.float64)), pairs, shares)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> "RowData":
        """Return the rows, split into a training part and a held-out part. Raises SeqError."""
        return self._data(corpus, training.validation, None)

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> "RowData":
        """Return the rows of another table, all held out. Raises SeqError: a label is not one of the classes."""
        return self._data(corpus, 1.0, train if isinstance(train, RowData) else None)

    def _data(self, corpus: Corpus, held_out: float, trained: "RowData | None") -> "RowData":
        table = read_table(corpus, skip_bad_rows=self.skip_bad_rows)
        found = numeric_labelled(table, self.label_column, self.scale.names, few=held_out == 1)
        number = {name: place for place, name in enumerate(self.classes)}
        for label, line in zip(found.labels, found.lines.tolist(), strict=True):
            if label not in number:
                where = f"{corpus.name}, line {line}"
                raise SeqError(f"{where}: unknown label {quoted(label)}; the labels are {listed(self.classes)}")
        values = self.scale.apply(found.values).astype(np.float32)
        labels = np.array([number[label] for label in found.labels], np.int32)
        train, held = split(len(labels), held_out)
        first, last = (Examples(values[part], labels[part], np.arange(len(part) + 1)) for part in (train, held))
        return RowData(self, found, first, last, trained)


def columns_asked(options: Mapping[str, Any]) -> list[str] | None:
    """Return the columns that an option lists, separated by commas; None if it was not given."""
    asked = options.get("columns")
    return [name.strip() for name in str(asked).split(",") if name.strip()] if asked is not None else None


@dataclass(frozen=True)
class RowData:
    """Rows of numbers with labels: examples of one timestep."""

    task: ClassifyRows
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
        return batch_lengths(self.train)

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
        return Scoring(len(self.task.classes))

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of rows, columns and classes."""
        names, classes = listed(self.task.scale.names, 6), len(self.task.classes)
        return f"{self.train.count:,} rows, {self.validation.count:,} held out · {classes} classes · {names}"

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return the first rows after their labels."""
        names = self.task.scale.names
        rows = (", ".join(f"{name} {value:g}" for name, value in zip(names, row, strict=True)) for row in self._own)
        return [f"{label}: {row}" for label, row in zip(self.found.labels[:count], rows, strict=False)]

    @property
    def _own(self) -> F64:
        return self.found.values

    @cached_property
    def logistic(self) -> Logistic:
        """Logistic regression on the standardised columns, learnt from the training part."""
        return Logistic.learnt(*_features(self.train), len(self.task.classes))

    def _linear(self) -> tuple[float, float]:
        """Return the loss and the accuracy of logistic regression on the held-out part."""
        return (self.trained or self).logistic.measured(*_features(self.validation))

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the losses of guessing by class frequency, and of logistic regression."""
        source = (self.trained or self).train
        if not source.count or not self.validation.count:
            return Baselines({})
        counts = np.bincount(source.targets, minlength=len(self.task.classes)) + 1.0
        frequency = float(-np.log(counts / counts.sum())[self.validation.targets].mean())
        return Baselines({"class frequencies": frequency, "logistic regression": self._linear()[0]})

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add the names of the classes, and the accuracy of logistic regression."""
        report: Measures = {"classes": list(self.task.classes)} | measures
        if (self.trained or self).train.count and self.validation.count:
            report["logistic_regression_accuracy"] = self._linear()[1]
        return report

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return a held-out row, and what the model says of it."""
        part = self.validation if self.validation.count else self.train
        i = (seed * 7919) % part.count
        verdict = int(np.argmax(model.read(part.inputs[i], model.initial_state())))
        own, classes, right = (
            self.task.scale.undo(part.inputs[i].astype(np.float64)),
            self.task.classes,
            part.targets[i],
        )
        row = ", ".join(f"{name} {value:.4g}" for name, value in zip(self.task.scale.names, own, strict=True))
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
        return answers_wrong(model, self.example(Vocabulary.none(), number, 0), len(self.task.classes))

    def background(self) -> dict[str, Any]:
        """Return the held-out rows ("points", (n, D) in the units of the data) and their classes ("labels", (n,))."""
        part = self._shown
        return {"points": self.task.scale.undo(part.inputs.astype(np.float64)), "labels": part.targets}

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> None:
        """Return None: there is no text."""


def _features(examples: Examples) -> tuple[F64, I32]:
    """Return the rows (n, D) in float64 and the labels (n,)."""
    rows: F32 = examples.inputs
    return rows.astype(np.float64), examples.targets
