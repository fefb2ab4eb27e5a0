"""Sequences of numbers as the examples of a run: pieces, references, and how far a model forecasts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
from seqcore.data.numeric import NumericSequences
from seqcore.data.quoting import listed, quoted
from seqcore.data.standardise import Standardise
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.forecasting import run_on, same_as_last, same_velocity
from seqcore.records import F32, F64, I64, Example
from seqcore.serial import SerialModel
from seqcore.tasks.errors import Errors, root_mean_square
from seqcore.tasks.labelled_data import split
from seqcore.tasks.task import Baselines, Measures

_FEW = 10  # with fewer sequences, the end of each is held out, instead of some of them
PIECES = 4  # batches of pieces that a single long sequence is cut into, at least: they overlap if necessary
_HORIZONS = (1, 2, 4, 8, 16, 32)
_MEASURED = 200  # held-out sequences that are continued, at most


def parts(sequences: Sequence[F64], held_out: float) -> tuple[list[F64], list[F64]]:
    """Return training and held-out sequences; of fewer than ten, the last part of each is held out. Raises SeqError."""
    if len(sequences) >= _FEW:
        train, held = split(len(sequences), held_out)
        return [sequences[i] for i in train], [sequences[i] for i in held]
    cuts = [len(one) - round(len(one) * held_out) for one in sequences]
    first = [one[:cut] for one, cut in zip(sequences, cuts, strict=True) if cut > 1]
    last = [one[max(0, cut - 1) :] for one, cut in zip(sequences, cuts, strict=True) if cut < len(one)]
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


def ahead_of(pieces: Sequence[F32]) -> Examples:
    """Return examples whose targets are the next rows."""
    if not pieces:
        none: F32 = np.zeros((0, 1), np.float32)
        return Examples(none, none, np.zeros(1, np.int64))
    return Examples.of([piece[:-1] for piece in pieces], [piece[1:] for piece in pieces])


@dataclass(frozen=True)
class SequenceData:
    """Sequences of numbers, standardised."""

    scale: Standardise  # of the columns
    sequence_column: str | None
    found: NumericSequences
    train: Examples
    validation: Examples
    held: tuple[F32, ...]  # (T_i, D) the held-out sequences, uncut
    longest: int

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        column = self.sequence_column
        said = f"column {quoted(column, 40)} names the sequences" if column is not None else "all rows are one sequence"
        return (*self.found.remarks, f"{said} (--sequence-column changes it)")

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if the pieces are longer than the context of attention."""
        longest = max((int(part.lengths.max(initial=0)) for part in (self.train, self.validation)), default=0)
        if config.family == "attention" and longest > config.context:
            raise SeqError(f"sequences have up to {longest:,} rows: --context {longest}, or --length {config.context}")

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the T that batches of the training part can have."""
        return self.train.batch_lengths

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
        return Errors(self.scale)

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of sequences and rows, and the columns."""
        rows = sum(map(len, self.found.sequences))
        count, names = len(self.found.sequences), listed(self.scale.names, 6)
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
                found[: len(truth)] = (way(past, len(truth)) - truth) * self.scale.deviation
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
                pairs = zip(self.scale.undo(ran[at - 1]), self.scale.undo(truth[at - 1]), strict=True)
                values = " ".join(
                    f"{name} {value:.3g} ({right:.3g})"
                    for name, (value, right) in zip(self.scale.names, pairs, strict=True)
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
        return self.held or (self.scale.read(self.found.sequences[0]),)

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
