"""Forecasting: predict the next row of numbers at every timestep (many to many, aligned, real values)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from seqcore.data.guessing import sequence_column
from seqcore.data.numeric import NumericSequences, numeric_sequences
from seqcore.data.quoting import listed, quoted
from seqcore.data.standardise import Standardise
from seqcore.data.tables import read_table
from seqcore.data.typed_numbers import typed_rows
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.forecasting import run_on, same_as_last, same_velocity
from seqcore.probe import ahead
from seqcore.records import F32, F64, I64, Example, Inputs, Probe
from seqcore.serial import SerialModel
from seqcore.tasks.classify import split
from seqcore.tasks.errors import Errors, root_mean_square
from seqcore.tasks.rows import columns_asked
from seqcore.tasks.task import Baselines, Data, Ends, Measures

LENGTH = 256  # timesteps of a training example by default: longer sequences are cut into pieces
_FEW = 10  # with fewer sequences, the end of each is held out, instead of some of them
_PIECES = 4  # batches of pieces that a single long sequence is cut into, at least: they overlap if necessary
_HORIZONS = (1, 2, 4, 8, 16, 32)
_MEASURED = 200  # held-out sequences that are continued, at most
_NO_SEQUENCES = "none"  # as a name of the column: all rows are one sequence


@dataclass(frozen=True)
class Forecast:
    """The task, with its columns and what standardises them."""

    name: ClassVar[str] = "forecast"
    form: ClassVar[str] = "many to many, aligned, real values"
    pane: ClassVar[str] = "values"
    fixed: ClassVar[tuple[str, ...]] = ("sampling", "tokens_by")
    generates: ClassVar[bool] = False
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
        column = options.get("sequence-column", sequence_column(table))
        column = None if column == _NO_SEQUENCES else column
        found = numeric_sequences(table, columns_asked(options), column)
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
        return self.scale.apply(typed_rows(text, self.scale.names)).astype(np.float32), ""

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
        ready, left = ([self.scale.apply(part).astype(np.float32) for part in side] for side in (train, held))
        pieces = pieces_of(ready, training.length, _PIECES * training.batch)
        whole = pieces_of(left, training.length, 0)
        return SequenceData(self, found, _ahead(pieces), _ahead(whole), tuple(left), training.length)


def parts(sequences: Sequence[F64], held_out: float) -> tuple[list[F64], list[F64]]:
    """Return training and held-out sequences; of fewer than ten, the last part of each is held out. Raises SeqError."""
    if len(sequences) >= _FEW:
        train, held = split(len(sequences), held_out)
        return [sequences[i] for i in train], [sequences[i] for i in held]
    cuts = [len(one) - round(len(one) * held_out) for one in sequences]
    first = [one[:cut] for one, cut in zip(sequences, cuts, strict=True) if cut > 1]
    last = [one[cut - 1 :] for one, cut in zip(sequences, cuts, strict=True) if cut < len(one)]
    if not first or (held_out > 0 and not last):
        rows = sum(map(len, sequences))
        raise SeqError(f"{rows} rows are too few to train on and to hold out {held_out:g} of them: give more")
    return first, last


def pieces_of(sequences: Sequence[F32], length: int, least: int) -> list[F32]:
    """Cut sequences into pieces of at most length + 1 rows; a row at a cut ends one piece and begins the next.

    If that gives fewer than `least` pieces, those of long sequences overlap, to give about as many.
    """
    steps = [len(one) - 1 for one in sequences]
    stride = length
    if sum(-(-count // length) for count in steps) < least:
        stride = min(length, max(1, sum(max(0, count - length) for count in steps) // least))
    cut: list[F32] = []
    for one, count in zip(sequences, steps, strict=True):
        firsts: Sequence[int] = range(0, count, length)
        if stride < length < count:
            firsts = (*range(0, count - length, stride), count - length)
        cut += [one[first : first + length + 1] for first in firsts]
    return cut


def _ahead(pieces: Sequence[F32]) -> Examples:
    """Return examples whose targets are the next rows."""
    if not pieces:
        none: F32 = np.zeros((0, 1), np.float32)
        return Examples(none, none, np.zeros(1, np.int64))
    return Examples.of([piece[:-1] for piece in pieces], [piece[1:] for piece in pieces])


@dataclass(frozen=True)
class SequenceData:
    """Sequences of numbers, standardised."""

    task: Forecast
    found: NumericSequences
    train: Examples
    validation: Examples
    held: tuple[F32, ...]  # (T_i, D) the held-out sequences, uncut
    longest: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        column = self.task.sequence_column
        said = f"column {quoted(column, 40)} names the sequences" if column is not None else "all rows are one sequence"
        return (*self.found.remarks, f"{said} (--sequence-column changes it)")

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if the pieces are longer than the context of attention."""
        longest = max((int(part.lengths.max(initial=0)) for part in (self.train, self.validation)), default=0)
        if config.family == "attention" and longest > config.context:
            raise SeqError(f"sequences have up to {longest:,} rows: --context {longest}, or --length {config.context}")

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the T that batches of the training part can have."""
        return batch_lengths(self.train)

    def feed(self, training: TrainingConfig) -> ExampleBatches:
        """Return batches of sequences of similar length. Raises SeqError if there are too few."""
        return ExampleBatches(self.train, training.batch, training.seed)

    def held_out_shape(self, config: ModelConfig) -> tuple[tuple[int, ...], int]:
        """Return the T of the held-out batches, and their B."""
        return held_out_lengths(self.validation), held_out_rows(self.validation)

    def held_out(self, config: ModelConfig) -> Iterator[Batch]:
        """Yield every held-out sequence once."""
        return held_out_batches(self.validation)

    def measure(self) -> Errors:
        """Return a measure of the error of the next row."""
        return Errors(self.task.scale)

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of sequences and rows, and the columns."""
        rows = sum(map(len, self.found.sequences))
        count, names = len(self.found.sequences), listed(self.task.scale.names, 6)
        held = f", {len(self.held):,} held out" if count >= _FEW and self.held else ""
        sequences = f"{count:,} sequence{'' if count == 1 else 's'}"
        return f"{sequences}{held} · {rows:,} rows · {names}"

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return the first rows of the first sequences."""
        lines = []
        for key, rows in zip(self.found.keys[:count], self.found.sequences, strict=False):
            shown = "  ".join(" ".join(f"{value:g}" for value in row) for row in rows[:5].tolist())
            lines.append(f"{key + ': ' if key else ''}{shown}  … {len(rows):,} rows")
        return lines

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the losses of the same row again, and of the same step again."""
        if not self.validation.count:
            return Baselines({})
        inputs, targets = self.validation.inputs.astype(np.float64), self.validation.targets.astype(np.float64)
        first = np.zeros(len(inputs), np.bool_)
        first[self.validation.starts[:-1]] = True
        before = np.vstack([inputs[:1], inputs[:-1]])
        velocity = np.where(first[:, None], 0, inputs - before)
        return Baselines(
            {
                "same as last": float(np.mean((inputs - targets) ** 2)),
                "same velocity": float(np.mean((inputs + velocity - targets) ** 2)),
            }
        )

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add the error by horizon, in the units of the data, if the model runs on from the middle of each sequence."""
        report = dict(measures)
        if model is not None and self.held:
            report["rmse_by_horizon"] = self.by_horizon(model)
        return report

    def by_horizon(self, model: SerialModel) -> list[dict[str, Any]]:
        """Return the root mean square errors of the model and of simple forecasts, by the number of rows ahead."""
        ways = {
            "rmse": lambda past, steps: run_on(model, past, steps),
            "same_as_last": same_as_last,
            "same_velocity": same_velocity,
        }
        errors: dict[str, list[F64]] = {name: [] for name in ways}
        for one in self.held[:_MEASURED]:
            middle = (len(one) + 1) // 2
            past, truth = one[:middle], one[middle : middle + _HORIZONS[-1]]
            for name, way in ways.items():
                found = np.full((_HORIZONS[-1], one.shape[1]), np.nan)
                found[: len(truth)] = (way(past, len(truth)) - truth) * self.task.scale.deviation
                errors[name].append(found)
        bands = []
        for horizon in _HORIZONS:
            at = {name: np.concatenate([found[horizon - 1] for found in kept]) for name, kept in errors.items()}
            seen = ~np.isnan(at["rmse"])
            if seen.any():
                bands.append({"steps": horizon} | {name: root_mean_square(row[seen]) for name, row in at.items()})
        return bands

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return how the model continues a held-out sequence, beside what came."""
        one = self._shown[(seed * 7919) % len(self._shown)]
        middle = (len(one) + 1) // 2
        truth = one[middle : middle + 16]
        if not len(truth):
            return ""
        ran = run_on(model, one[:middle], len(truth))
        said = []
        for at in (1, 4, 16):
            if at <= len(truth):
                pairs = zip(self.task.scale.undo(ran[at - 1]), self.task.scale.undo(truth[at - 1]), strict=True)
                values = " ".join(
                    f"{name} {value:.3g} ({right:.3g})"
                    for name, (value, right) in zip(self.task.scale.names, pairs, strict=True)
                )
                said.append(f"+{at}: {values}")
        return f"after {middle} rows, forecast (and truth) {' · '.join(said)}"

    @property
    def held_out_steps(self) -> int:
        """The rows that are held out."""
        return len(self.validation.inputs)

    @property
    def _shown(self) -> tuple[F32, ...]:
        """The held-out sequences, or one of the others if none is held out."""
        return self.held or (self.task.scale.apply(self.found.sequences[0]).astype(np.float32),)

    @property
    def example_lengths(self) -> I64:
        """The rows of each held-out sequence."""
        return np.array([len(one) for one in self._shown], np.int64)

    def example(self, vocabulary: Vocabulary, number: int, width: int) -> Example:
        """Return a held-out sequence; its targets are its own rows, as each is predicted from those before it."""
        rows = self._shown[number % len(self._shown)]
        asked = np.ones(len(rows), np.bool_)
        asked[0] = False
        return Example(rows.copy(), rows.copy(), asked)

    def errs(self, model: SerialModel, number: int) -> bool:
        """Return whether the model's forecasts of the next row are worse than going on at the same velocity."""
        rows = self._shown[number % len(self._shown)]
        state, squares = model.initial_state(), np.zeros(2)
        for at in range(1, len(rows)):
            ways = (model.read(rows[at - 1], state), same_velocity(rows[:at], 1)[0])
            squares += [float(np.sum(np.square(way - rows[at]))) for way in ways]
        return bool(squares[0] > squares[1])

    def background(self) -> dict[str, Any]:
        """Return nothing: the pane of the task needs no more than the probe."""
        return {}

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> None:
        """Return None: the sequences have their own beginnings and ends."""
