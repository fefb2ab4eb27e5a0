"""Classification of rows of numbers: one row, one label (one to one). A sequence of one timestep, no memory needed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.examples import (
    Examples,
)
from seqcore.data.numeric import columns_asked, numeric_labelled
from seqcore.data.quoting import listed, quoted
from seqcore.data.standardise import Standardise
from seqcore.data.tables import read_table
from seqcore.data.typed_numbers import typed_rows
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.probe import verdicts
from seqcore.records import F32, Boundary, Example, Inputs, Probe
from seqcore.serial import SerialModel
from seqcore.tasks.labelled_data import split
from seqcore.tasks.row_data import RowData
from seqcore.tasks.task import Data, Ends

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
    options: ClassVar[tuple[str, ...]] = ("label-column", "columns", "skip-bad-rows")
    generates: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
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
        return self.scale.read(typed_rows(text, self.scale.names))[:1], ""

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
        values = self.scale.read(found.values)
        labels = np.array([number[label] for label in found.labels], np.int32)
        train, held = split(len(labels), held_out)
        first, last = (Examples(values[part], labels[part], np.arange(len(part) + 1)) for part in (train, held))
        return RowData(self.classes, self.scale, found, first, last, trained)
