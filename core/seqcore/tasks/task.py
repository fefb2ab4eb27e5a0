"""The interface of a task: examples, where the loss counts, and what is measured besides the loss.

A network maps a sequence of inputs, tokens or real values, to symbols or real values at every timestep, and does not
know the task. The task decides what the inputs and the targets are; a target can mask its timestep. Many to one is a
mask that leaves only the last timestep, and a padded timestep is masked, too.

Trainer, run, folder and commands know tasks only through these protocols.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.batches import Batch
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import F32, I64, Dial, Example, Inputs, Probe
from seqcore.serial import SerialModel

Measures = dict[str, Any]  # by name: "loss", see `Task.loss_unit`, and those of the task, e.g. "accuracy"; JSON values


class Ends(NamedTuple):
    """What a model reads and predicts at each timestep; the fields of `ModelConfig` with these names, in their order.

    All 0: it reads tokens, and predicts the next one.
    """

    outputs: int = 0
    inputs: int = 0
    values: int = 0
    decodes: bool = False
    patches: int = 0


class Baselines(NamedTuple):
    """Losses of simple models by name; and how many tokens they were counted and measured on, if not all."""

    losses: dict[str, float]
    counted: int = 0
    measured: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return entries of a JSON object: "references", "references_counted", "references_measured"."""
        entry: dict[str, Any] = {"references": self.losses}
        if self.counted:
            entry |= {"references_counted": self.counted, "references_measured": self.measured}
        return entry

    @staticmethod
    def from_json(entry: Mapping[str, Any]) -> "Baselines":
        """Return what `as_json` put into an object."""
        counts = (entry.get(f"references_{what}", 0) for what in ("counted", "measured"))
        return Baselines(entry["references"], *counts)

    @property
    def remark(self) -> str:
        """A remark if only a part was used, else an empty string."""
        return f"counted on {self.counted:,} tokens, measured on {self.measured:,}" if self.counted else ""


class Feed(Protocol):
    """The training batches of a run. They follow from the seed and the step alone, so that a resume is exact."""

    @property
    def rows(self) -> int:
        """B, of every batch."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """The T of all batches, ascending: a workspace is kept for each."""

    @property
    def carries(self) -> bool:
        """True if the hidden state is carried from a batch to the next, unless that is fresh."""

    def at(self, step: int) -> Batch:
        """Return the batch of `step`, from 0."""

    def epoch(self, step: int) -> float:
        """Return the number of passes over the training part before `step`, fractional; 0 if it has no end."""

    def tokens(self, step: int) -> int:
        """Return the number of timesteps before `step`, without padding."""


class Measure(Protocol):
    """Accumulates measures over held-out batches."""

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add a batch: losses (T, B), NaN where masked, and scores (T, B, K), which rank the symbols, or the values."""

    def result(self) -> Measures:
        """Return the measures so far; empty without a target."""


class Data(Protocol):
    """The examples of one corpus for one run."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know, a line each."""

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if the model cannot read these examples."""

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the T of the training batches, ascending."""

    def feed(self, training: TrainingConfig) -> Feed:
        """Return the training batches. Raises SeqError if there are too few examples for a batch."""

    def held_out_shape(self, config: ModelConfig) -> tuple[tuple[int, ...], int]:
        """Return the T of the held-out batches and their largest B; no T without a held-out part."""

    def held_out(self, config: ModelConfig) -> Iterator[Batch]:
        """Yield batches that hold every held-out target once; the state is carried between those not fresh."""

    def measure(self) -> Measure:
        """Return a new, empty measure."""

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return what there is to learn from, for people: numbers of examples and symbols."""

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return about `count` lines, raw, that show what the examples are like."""

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the losses of simple models on the held-out part, to judge a model's loss by; slow."""

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Return the measures of the held-out part and what follows from them, for `seqtui evaluate`.

        `model` adds what it can do on its own: what it writes, or how far it forecasts.
        """

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return a raw line or text that shows what the model can do, of about `length` tokens."""

    # For looking at one example at a time.

    @property
    def held_out_steps(self) -> int:
        """The number of timesteps of the held-out part: what a validation costs."""

    @property
    def example_lengths(self) -> I64:
        """The timesteps of each held-out example, (n,); empty if the held-out part is one text."""

    def example(self, vocabulary: Vocabulary, number: int, width: int) -> Example:
        """Return a held-out example, counted from 0 and wrapping around; of a text, a passage of `width` tokens."""

    def errs(self, model: SerialModel, number: int) -> bool:
        """Return whether the model gives a wrong answer to a held-out example; False without examples."""

    def background(self) -> Mapping[str, Any]:
        """Return what the pane of the task draws besides, and what does not change while the model learns."""

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> Batch | None:
        """Return a batch of random passages of a text, held out if that is long enough; None without a text."""


class Task(Protocol):
    """A task as a run has it: frozen, stored in config.json."""

    name: ClassVar[str]
    form: ClassVar[str]  # the shape that the lectures draw: "many to one", ...

    generates: ClassVar[bool]  # the model continues a text
    decodes: ClassVar[bool]  # the model is an encoder-decoder
    fixed: ClassVar[tuple[str, ...]]  # fields of `TrainingConfig`, or `ModelConfig`, that cannot be chosen
    options: ClassVar[tuple[str, ...]]  # names of the options that `start` reads

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the fields of `TrainingConfig` whose defaults for this corpus differ from those of the family."""

    @classmethod
    def start(cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]) -> "tuple[Self, Vocabulary]":
        """Return the task of a new run on `corpus`, and its vocabulary. Raises SeqError."""

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> Self:
        """Return the task in an untrusted JSON object. Raises SeqError."""

    @property
    def pane(self) -> str:
        """What the screen shows beside the loss: "writing", "verdict", "values", "tune"."""

    @property
    def measures(self) -> tuple[str, ...]:
        """The numbers of `Measures` that metrics lines carry, besides the loss."""

    def settings(self) -> dict[str, Any]:
        """Return the task as a JSON object, without its name."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of what is predicted, raw; empty: the symbols of the vocabulary, or values."""

    @property
    def dial(self) -> Dial | None:
        """The number that makes the examples harder, which may change within a run; None without one."""

    def on(self, corpus: Corpus) -> Self:
        """Return the task on another corpus, at whose dial it then is. Raises SeqError if that is for another task."""

    @property
    def ends(self) -> Ends:
        """What the model reads and predicts."""

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return what a loss is of, in the singular: "character", "example"."""

    def loss_unit(self, vocabulary: Vocabulary) -> str:
        """Return the unit of the loss: "nats per character", "squared error"."""

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what a timestep reads, in the singular: "character", "word"."""

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> Data:
        """Return the examples of a corpus. Raises SeqError."""

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[Inputs, str]:
        """Return the inputs of a text that was typed, and a warning. Raises SeqError if nothing is left of it."""

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        inputs: Inputs,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return what the model computes for inputs (T,) or (T, D); `known`: the example that they are of, if any."""

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> Data:
        """Return the examples of another corpus, all of them held out; baselines learn from `train`. Raises SeqError.

        Raises SeqError if a symbol is not in the vocabulary.
        """


def measures_said(measures: Measures, names: tuple[str, ...]) -> list[str]:
    """Return measures with their names, for people."""
    return [f"{name.replace('_', ' ')} {number_said(name, measures[name])}" for name in names if name in measures]


def number_said(name: str, value: float) -> str:
    """Return a measure for people: errors as numbers, shares as percentages."""
    return f"{value:.4g}" if name.startswith("rmse") else f"{value:.1%}"


def dial_of(task: Task) -> Dial:
    """Return the dial of a task. Raises SeqError if it has none."""
    if task.dial is None:
        raise SeqError(f"the task {task.name} has no dial")
    return task.dial


@dataclass
class MeanLoss:
    """The mean loss over all targets, in nats: the measure of language modelling."""

    total: float = 0.0
    count: int = 0

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add the losses of a batch."""
        counted = losses[batch.targets >= 0]
        self.total, self.count = self.total + float(counted.sum(dtype="float64")), self.count + counted.size

    def result(self) -> Measures:
        """Return the loss; empty without a target."""
        return {"loss": self.total / self.count} if self.count else {}
