"""Diagnostic sequences as the examples of a run: drawn without end, the held-out ones always the same."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from seqcore.arrays import unmasked
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.batches import Batch
from seqcore.data.diagnostics import Diagnostic, Drawn
from seqcore.data.quoting import listed
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import F32, I64, Example
from seqcore.serial import SerialModel
from seqcore.tasks.errors import Errors
from seqcore.tasks.scoring import Scoring, answers_wrong
from seqcore.tasks.task import Baselines, Measure, Measures

HELD_OUT_BATCHES, HELD_OUT_ROWS = 8, 64
_RIGHT = 0.04  # largest error of an answer that counts as right (Hochreiter and Schmidhuber 1997)
HELD_OUT_SEED = 0x5E9  # the held-out sequences are the same for all runs


class DiagnosticFeed:
    """Endless batches: that of a step follows from the seed and the step alone."""

    carries = False

    def __init__(self, one: Diagnostic, dial: int, training: TrainingConfig) -> None:
        self._one, self._dial, self._seed, self.rows = one, dial, training.seed, training.batch
        self.lengths = one.lengths(dial)

    def epoch(self, step: int) -> float:
        """Return 0: there is no end."""
        return 0.0

    def tokens(self, step: int) -> int:
        """Return the mean number of timesteps, so that it follows from the step alone."""
        return round(step * self.rows * sum(self.lengths) / len(self.lengths))

    def at(self, step: int) -> Batch:
        """Return the batch of `step`, from 0."""
        drawn = self._one.draw(np.random.default_rng([self._seed, step]), self._dial, self.rows)
        return Batch(drawn.inputs, drawn.targets, True)


@dataclass(frozen=True)
class DiagnosticData:
    """Sequences of one diagnostic at one dial."""

    diagnostic: Diagnostic
    dial: int
    notes: tuple[str, ...] = field(default=())

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if the sequences are longer than the context of attention."""
        longest = self.diagnostic.lengths(self.dial)[-1]
        if config.family == "attention" and longest > config.context:
            raise SeqError(
                f"{self.diagnostic.name}:{self.dial} has {longest} timesteps, the context of this model is "
                f"{config.context}: --context {longest} is needed"
            )

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the T of the sequences, padded."""
        return self.diagnostic.lengths(self.dial)

    def feed(self, training: TrainingConfig) -> DiagnosticFeed:
        """Return endless batches."""
        return DiagnosticFeed(self.diagnostic, self.dial, training)

    def held_out_shape(self, config: ModelConfig) -> tuple[tuple[int, ...], int]:
        """Return the T of the held-out batches, and their B."""
        return self.diagnostic.lengths(self.dial), HELD_OUT_ROWS

    @cached_property
    def _held_out(self) -> list[Drawn]:
        """The held-out sequences; drawn once, they are the same for every validation."""
        return [
            self.diagnostic.draw(np.random.default_rng([HELD_OUT_SEED, n]), self.dial, HELD_OUT_ROWS)
            for n in range(HELD_OUT_BATCHES)
        ]

    def held_out(self, config: ModelConfig) -> Iterator[Batch]:
        """Yield the held-out sequences, which are the same each time."""
        for drawn in self._held_out:
            yield Batch(drawn.inputs, drawn.targets, True)

    def measure(self) -> Measure:
        """Return a measure of the targets that the diagnostic asks for."""
        if self.diagnostic.values:
            return Errors(tolerance=_RIGHT)
        return _Asked(Scoring(len(self.diagnostic.answers)), iter(self._held_out), self.diagnostic.several)

    def _one(self, seed: int) -> Drawn:
        """Return one sequence, up to its last target; (T, 1) each."""
        drawn = self.diagnostic.draw(np.random.default_rng([HELD_OUT_SEED, seed]), self.dial, 1)
        read = int(np.flatnonzero(unmasked(drawn.targets)[:, 0])[-1]) + 1
        return Drawn(drawn.inputs[:read], drawn.targets[:read], drawn.asked[:read])

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return what the diagnostic asks for."""
        about = self.diagnostic.about.replace("N ", f"{self.dial:,} ")
        reads = f"{listed(self.diagnostic.reads)} at each" if self.diagnostic.reads else f"{vocabulary.size} symbols"
        return f"{about} · {reads} · endless"

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return held-out sequences and the answers that are asked for."""
        names, lines = self.diagnostic.answers, []
        for drawn in map(self._one, range(count)):
            wanted = drawn.targets[drawn.asked]
            right = [f"{value:.3f}" for value in wanted[:, 0]] if self.diagnostic.values else [names[k] for k in wanted]
            lines.append(f"{_text(drawn, vocabulary)} → {''.join(right)}")
        return lines

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the loss that no model without memory can beat."""
        return Baselines({"no memory": self.diagnostic.blind(self.dial)})

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add the names of the classes."""
        return ({} if self.diagnostic.values else {"classes": list(self.diagnostic.answers)}) | measures

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return one held-out sequence, the targets that it asks for, and what the model answers."""
        drawn, classes = self._one(seed), self.diagnostic.answers
        state, given, right = model.initial_state(), [], []
        text = _text(drawn, vocabulary)
        if self.diagnostic.values:
            for row in drawn.inputs[:, 0]:
                said = model.read(row, state)
            return f"{text[:length]} → {said[0]:.3f} (right is {drawn.targets[-1, 0, 0]:.3f})"
        for token, target, asked in zip(*(part[:, 0].tolist() for part in drawn[:3]), strict=True):
            scores = model.read(token, state)
            if asked:
                given.append(classes[int(np.argmax(scores))])
                right.append(classes[target])
        joined = "" if all(len(name) == 1 for name in classes) else " "
        shown = text if len(text) <= length else f"{text[: length // 2]}…{text[-(length // 2) :]}"
        return f"{shown} → {joined.join(given)} ({'right' if given == right else 'right is ' + joined.join(right)})"

    @property
    def held_out_steps(self) -> int:
        """The timesteps of the held-out sequences, padding included."""
        return sum(drawn.asked.size for drawn in self._held_out)

    @property
    def example_lengths(self) -> I64:
        """The timesteps of each held-out sequence, up to its last target."""
        return self._lengths

    @cached_property
    def _lengths(self) -> I64:
        ends = [len(drawn.asked) - np.argmax(unmasked(drawn.targets)[::-1], axis=0) for drawn in self._held_out]
        return np.concatenate(ends).astype(np.int64)

    def example(self, vocabulary: Vocabulary, number: int, width: int) -> Example:
        """Return a held-out sequence up to its last target."""
        number %= HELD_OUT_BATCHES * HELD_OUT_ROWS
        drawn, row = self._held_out[number // HELD_OUT_ROWS], number % HELD_OUT_ROWS
        read = self._lengths[number]
        return Example(*(part[:read, row].copy() for part in drawn[:3]))

    def errs(self, model: SerialModel, number: int) -> bool:
        """Return whether one of the answers that a held-out sequence asks for is wrong."""
        example = self.example(Vocabulary.none(), number, 0)
        if not self.diagnostic.values:
            return answers_wrong(model, example, len(self.diagnostic.answers))
        errors = model.look(example.inputs).logits[example.asked] - example.targets[example.asked]
        return bool((np.abs(errors) > _RIGHT).any())

    def background(self) -> dict[str, Any]:
        """Return nothing: the pane of the task needs no more than the probe."""
        return {}

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> None:
        """Return None: the sequences have their own beginnings and ends."""


def _text(drawn: Drawn, vocabulary: Vocabulary) -> str:
    """Return the symbols of one sequence; of real values, the rows at which one but the first is not zero."""
    if drawn.inputs.ndim == 2:
        return "".join(vocabulary.symbol(token) for token in drawn.inputs[:, 0].tolist())
    marked = [(at, row) for at, row in enumerate(drawn.inputs[:, 0].tolist()) if any(row[1:])]
    return f"{len(drawn.inputs)} timesteps, marked {', '.join(f'{row[0]:.3f} at {at}' for at, row in marked)}"


class _Asked:
    """Scores all targets for the loss, and those asked for the accuracy."""

    def __init__(self, scoring: Scoring, drawn: Iterator[Drawn], several: bool) -> None:
        self._scoring, self._drawn, self._several = scoring, drawn, several

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add a batch, in the order of `held_out`."""
        drawn = next(self._drawn)
        self._scoring.add_asked(batch, losses, scores, drawn.asked, drawn.lags)

    def result(self) -> Measures:
        """Return loss, accuracy, exact match, accuracy by length and, where answers differ in it, by lag."""
        found = self._scoring.result()
        if self._several and found:  # at the least dial of some, each sequence has one answer
            found.setdefault("exact_match", found["accuracy"])
        return found
