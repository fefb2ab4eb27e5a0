"""Forecasting: predict the next row of numbers at every timestep (many to many, aligned, real values)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.guessing import sequence_column
from seqcore.data.numeric import NumericSequences, columns_asked, numeric_sequences
from seqcore.data.standardise import Standardise
from seqcore.data.tables import read_table
from seqcore.data.typed_numbers import typed_rows
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.probe import ahead
from seqcore.records import F64, Example, Inputs, Probe
from seqcore.serial import SerialModel
from seqcore.tasks.sequence_data import PIECES, SequenceData, ahead_of, parts, pieces_of
from seqcore.tasks.task import Data, Ends

LENGTH = 256  # timesteps of a training example by default: longer sequences are cut into pieces
_NO_SEQUENCES = "none"  # as a name of the column: all rows are one sequence


@dataclass(frozen=True)
class Forecast:
    """The task, with its columns and what standardises them."""

    name: ClassVar[str] = "forecast"
    form: ClassVar[str] = "many to many, aligned, real values"
    pane: ClassVar[str] = "values"
    fixed: ClassVar[tuple[str, ...]] = ("sampling", "tokens_by")
    options: ClassVar[tuple[str, ...]] = ("columns", "sequence-column", "skip-bad-rows")
    generates: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
    classes: ClassVar[tuple[str, ...]] = ()
    dial: ClassVar[None] = None

    scale: Standardise  # of the columns that are read and predicted
    sequence_column: str | None
    skip_bad_rows: bool = False

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the length of the pieces."""
        return {"length": LENGTH}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["Forecast", Vocabulary]:
        """Return the task, with the mean and deviation of the training part, and no vocabulary. Raises SeqError."""
        skip = bool(options.get("skip-bad-rows", False))
        table = read_table(corpus, skip_bad_rows=skip)
        columns, guess = columns_asked(options), sequence_column(table)
        column = options.get("sequence-column", None if guess in (columns or ()) else guess)
        column = None if column == _NO_SEQUENCES else column
        found = numeric_sequences(table, columns, column)
        train, _ = parts(found.sequences, training.validation)
        return cls(Standardise.learnt(np.concatenate(train), found.names), column, skip), Vocabulary.none()

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Forecast":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        column = values.get("sequence_column")
        if column is not None and not isinstance(column, str):
            raise SeqError("its task has an invalid sequence column")
        return cls(Standardise.from_json(values.get("scale")), column, values.get("skip_bad_rows") is True)

    def settings(self) -> dict[str, Any]:
        """Return the columns, their mean and deviation, and the sequence column."""
        return {
            "scale": self.scale.to_json(),
            "sequence_column": self.sequence_column,
            "skip_bad_rows": self.skip_bad_rows,
        }

    def on(self, corpus: Corpus) -> "Forecast":
        """Return the task: the columns stay."""
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """The root mean square error of the next row, in the units of the data."""
        return ("rmse",)

    @property
    def ends(self) -> Ends:
        """The model reads a row of numbers and predicts the next one."""
        return Ends(inputs=len(self.scale.names), values=len(self.scale.names))

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return what a loss is of."""
        return "row"

    def loss_unit(self, vocabulary: Vocabulary) -> str:
        """Return the squared error in units of the standard deviation."""
        return "squared deviations"

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what a timestep reads."""
        return "row"

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[Inputs, str]:
        """Return the rows of numbers that were typed, standardised, (T, D). Raises SeqError."""
        return self.scale.read(typed_rows(text, self.scale.names)), ""

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        inputs: Inputs,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return what the model computes for rows (T, D), and its loss at each."""
        return ahead(model, self.scale, inputs, step, warning)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> "SequenceData":
        """Return the sequences, split into a training part and a held-out part. Raises SeqError."""
        found = self._read(corpus, few=False)
        train, held = parts(found.sequences, training.validation)
        return self._data(found, train, held, training)

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> "SequenceData":
        """Return the sequences of another table, all held out. Raises SeqError."""
        found = self._read(corpus, few=True)
        length = train.longest if isinstance(train, SequenceData) else LENGTH
        return self._data(found, [], list(found.sequences), TrainingConfig(length=length))

    def _read(self, corpus: Corpus, few: bool) -> NumericSequences:
        table = read_table(corpus, skip_bad_rows=self.skip_bad_rows)
        return numeric_sequences(table, self.scale.names, self.sequence_column, few)

    def _data(
        self, found: NumericSequences, train: Sequence[F64], held: Sequence[F64], training: TrainingConfig
    ) -> "SequenceData":
        ready, left = ([self.scale.read(part) for part in side] for side in (train, held))
        pieces = pieces_of(ready, training.length, PIECES * training.batch)
        whole = pieces_of(left, training.length, 0)
        return SequenceData(
            self.scale, self.sequence_column, found, ahead_of(pieces), ahead_of(whole), tuple(left), training.length
        )
