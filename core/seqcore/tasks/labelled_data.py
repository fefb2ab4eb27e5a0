"""Texts with labels as the examples of a run: batches, measures, baselines, and one example at a time."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.bag_of_words import BagOfWords
from seqcore.data.batches import Batch
from seqcore.data.examples import (
    ExampleBatches,
    Examples,
    held_out_batches,
    held_out_lengths,
    held_out_rows,
)
from seqcore.data.labelled import LabelledTexts
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import F32, I64, Example
from seqcore.serial import SerialModel
from seqcore.tasks.scoring import Scoring, answers_wrong
from seqcore.tasks.task import Baselines, Measures

SPLIT_SEED = 0xC1A55  # which examples are held out does not depend on the run
_MOST_GROUPS = 8  # a further column with at most so many values names groups of examples


def split(count: int, held_out: float) -> tuple[list[int], list[int]]:
    """Return the numbers of the training examples and of the held-out ones, each ascending.

    Raises SeqError if a part that should not be empty is.
    """
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    held = round(count * held_out)
    if held_out < 1 and (count - held < 2 or (held_out > 0 and held < 1)):
        raise SeqError(f"{count} examples are too few to train on and to hold out {held_out:g} of them: give more")
    return sorted(order[: count - held].tolist()), sorted(order[count - held :].tolist())


@dataclass(frozen=True)
class LabelledData:
    """Texts with labels as tokens."""

    classes: tuple[str, ...]
    found: LabelledTexts
    vocabulary: Vocabulary
    train: Examples
    validation: Examples
    held: list[int]  # which of `found` are held out
    longest: int
    notes: tuple[str, ...]
    trained: "LabelledData | None"  # whose training part the baselines learn from, if it is another one

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if the texts are longer than the context of attention."""
        longest = max((int(part.lengths.max(initial=0)) for part in (self.train, self.validation)), default=0)
        if config.family == "attention" and longest > config.context:
            raise SeqError(
                f"the longest text has {longest:,} tokens: --context {longest}, or --length {config.context}"
            )

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the T that batches of the training texts can have."""
        return self.train.batch_lengths

    def feed(self, training: TrainingConfig) -> ExampleBatches:
        """Return batches of texts of similar length. Raises SeqError if there are too few."""
        return ExampleBatches(self.train, training.batch, training.seed)

    def held_out_shape(self, config: ModelConfig) -> tuple[tuple[int, ...], int]:
        """Return the T of the held-out batches, and their B."""
        return held_out_lengths(self.validation), held_out_rows(self.validation)

    def held_out(self, config: ModelConfig) -> Iterator[Batch]:
        """Yield every held-out text once."""
        return held_out_batches(self.validation)

    def measure(self) -> "_ByGroup":
        """Return a measure of accuracy, in all and by group."""
        groups = {
            name: [values[i] for i in self.held]
            for name, values in self.found.extra.items()
            if 1 < len(set(values)) <= _MOST_GROUPS
        }
        return _ByGroup(Scoring(len(self.classes)), groups)

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of texts, classes and symbols."""
        return (
            f"{self.train.count:,} texts, {self.validation.count:,} held out · {len(self.classes)} classes · "
            f"vocabulary of {vocabulary.size:,}"
        )

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return the first texts after their labels."""
        pairs = zip(self.found.labels[:count], self.found.texts, strict=False)
        return [f"{label}: {' '.join(text.split())}" for label, text in pairs]

    @cached_property
    def bag(self) -> BagOfWords:
        """A model that counts words and ignores their order, learnt from the training part."""
        targets = self.train.targets[self.train.starts[1:] - 1]
        return BagOfWords.learnt(self.train.inputs, self.train.starts, targets, self.vocabulary.size, len(self.classes))

    def _bag_scores(self) -> tuple[float, float]:
        """Return the loss and the accuracy of the bag of words on the held-out part."""
        targets = self.validation.targets[self.validation.starts[1:] - 1]
        return (self.trained or self).bag.measured(self.validation.inputs, self.validation.starts, targets)

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the losses of guessing by class frequency, and of a bag of words."""
        source = (self.trained or self).train
        if not source.count or not self.validation.count:
            return Baselines({})
        counts = np.bincount(source.targets[source.starts[1:] - 1], minlength=len(self.classes)) + 1.0
        targets = self.validation.targets[self.validation.starts[1:] - 1]
        frequency = float(-np.log(counts / counts.sum())[targets].mean())
        losses = {"class frequencies": frequency, "bag of words": self._bag_scores()[0]}
        return Baselines({name: value for name, value in losses.items() if math.isfinite(value)})

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add the names of the classes, and the accuracy of a bag of words."""
        report: Measures = {"classes": list(self.classes)} | measures
        if (self.trained or self).train.count and self.validation.count:
            report["bag_of_words_accuracy"] = self._bag_scores()[1]
        return report

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return a held-out text, and what the model says of it."""
        part = self.validation if self.validation.count else self.train
        i = (seed * 7919) % part.count
        state, scores = model.initial_state(), np.zeros(0, np.float32)
        for token in part.example(i).tolist():
            scores = model.read(token, state)
        verdict, right = int(np.argmax(scores)), int(part.targets[part.starts[i + 1] - 1])
        text, classes = vocabulary.decode(part.example(i)).strip(), self.classes
        said = "right" if verdict == right else f"the label is {classes[right]}"
        return f"{text if len(text) <= 5 * length else text[: 5 * length] + '…'} → {classes[verdict]} ({said})"

    @property
    def held_out_steps(self) -> int:
        """The tokens of the held-out texts."""
        return len(self.validation.inputs)

    @property
    def example_lengths(self) -> I64:
        """The tokens of each held-out text, or of each training text if none is held out."""
        return self._shown.lengths

    @property
    def _shown(self) -> Examples:
        return self.validation if self.validation.count else self.train

    def example(self, vocabulary: Vocabulary, number: int, width: int) -> Example:
        """Return a held-out text (or a training text if none is), with its label at the last token."""
        part = self._shown
        i = number % part.count
        targets = part.wanted(i)
        return Example(part.example(i).copy(), targets.copy(), targets >= 0)

    def errs(self, model: SerialModel, number: int) -> bool:
        """Return whether the model gives a held-out text another label."""
        return answers_wrong(model, self.example(self.vocabulary, number, 0), len(self.classes))

    def background(self) -> dict[str, Any]:
        """Return nothing: the pane of the task needs no more than the probe."""
        return {}

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> None:
        """Return None: the texts have their own beginnings and ends."""


class _ByGroup:
    """Scores examples, in all and by group."""

    def __init__(self, scoring: Scoring, groups: Mapping[str, list[str]]) -> None:
        self._scoring, self._groups = scoring, groups

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add a batch."""
        self._scoring.add(batch, losses, scores)

    def result(self) -> Measures:
        """Return the measures, with `accuracy_by_group` by column and value."""
        measures = self._scoring.result()
        if measures and self._groups:
            by_group = {name: self._scoring.by_group(values) for name, values in self._groups.items()}
            measures["accuracy_by_group"] = by_group
        return measures
