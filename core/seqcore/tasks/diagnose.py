"""Diagnostic tasks: generated sequences that ask one question about memory; see `data.diagnostics`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.batches import Batch
from seqcore.data.corpus import Corpus
from seqcore.data.diagnostics import DIAGNOSTICS, Diagnostic, Drawn, diagnostic
from seqcore.data.quoting import quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.probe import verdicts
from seqcore.records import F32, I32, Probe
from seqcore.serial import SerialModel
from seqcore.tasks.scoring import Scoring
from seqcore.tasks.task import Baselines, Data, Measures

HELD_OUT_BATCHES, HELD_OUT_ROWS = 8, 64
HELD_OUT_SEED = 0x5E9  # the held-out sequences are the same for all runs


@dataclass(frozen=True)
class Diagnose:
    """The task, with the name of the diagnostic and its dial."""

    name: ClassVar[str] = "diagnose"
    form: ClassVar[str] = "what a memory can do"
    generates: ClassVar[bool] = False
    fixed: ClassVar[tuple[str, ...]] = ("length", "sampling", "tokens_by", "validation")

    diagnostic: str
    dial: int

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the length of the longest sequence, which is also the context of attention."""
        found = diagnostic(source)
        return {"length": found[0].lengths(found[1])[-1]} if found else {}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["Diagnose", Vocabulary]:
        """Return the task that the corpus names, and its symbols. Raises SeqError."""
        one, dial = _named(corpus)
        return cls(one.name, dial), Vocabulary("char", tuple(one.symbols))

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Diagnose":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        found = diagnostic(f"{values.get('diagnostic')}:{values.get('dial')}")
        if found is None:
            raise SeqError(f"unknown diagnostic {quoted(str(values.get('diagnostic')))}")
        return cls(found[0].name, found[1])

    def settings(self) -> dict[str, Any]:
        """Return the name of the diagnostic and its dial."""
        return {"diagnostic": self.diagnostic, "dial": self.dial}

    @property
    def measures(self) -> tuple[str, ...]:
        """The accuracy; with several answers per sequence, also the share of sequences that are all right."""
        return ("accuracy", "exact_match") if DIAGNOSTICS[self.diagnostic].several else ("accuracy",)

    @property
    def outputs(self) -> int:
        """The number of classes; 0 if symbols of the vocabulary are predicted."""
        return len(DIAGNOSTICS[self.diagnostic].classes)

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return what a loss is of."""
        return "target"

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what a timestep reads."""
        return "symbol"

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[I32, str]:
        """Return the symbols that were typed, and a warning. Raises SeqError if nothing is left."""
        return vocabulary.encode_prompt(text)

    def probe(self, model: SerialModel, vocabulary: Vocabulary, tokens: I32, step: int, warning: str = "") -> Probe:
        """Return what the model computes for a sequence: its answer after every symbol."""
        one = DIAGNOSTICS[self.diagnostic]
        return verdicts(model, vocabulary, one.answers, tokens, step, warning)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> "DiagnosticData":
        """Return endless sequences. Raises SeqError if the corpus is another diagnostic."""
        one, dial = _named(corpus)
        if one.name != self.diagnostic:
            raise SeqError(f"{quoted(corpus.source)}: this run is on {self.diagnostic}; only its dial can change")
        return DiagnosticData(one, dial)

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> "DiagnosticData":
        """Return sequences of another dial."""
        return self.data(corpus, vocabulary, TrainingConfig())


def _named(corpus: Corpus) -> tuple[Diagnostic, int]:
    """Return the diagnostic and the dial that a corpus names. Raises SeqError."""
    found = diagnostic(corpus.source)
    if found is None:
        names = ", ".join(f"{one.name}:{one.dial}" for one in DIAGNOSTICS.values())
        raise SeqError(f"{quoted(corpus.source)} is not a diagnostic: give one of {names}")
    return found


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
        return Batch(drawn.tokens, drawn.targets, True)


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
            raise SeqError(f"{self.diagnostic.name}:{self.dial} has {longest} timesteps: --context {longest} is needed")

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
            yield Batch(drawn.tokens, drawn.targets, True)

    def measure(self) -> "_Asked":
        """Return a measure of the targets that the diagnostic asks for."""
        return _Asked(Scoring(len(self.diagnostic.answers)), (drawn.asked for drawn in self._held_out))

    def _one(self, seed: int) -> Drawn:
        """Return one sequence, up to its last target; (T, 1) each."""
        drawn = self.diagnostic.draw(np.random.default_rng([HELD_OUT_SEED, seed]), self.dial, 1)
        read = int(np.flatnonzero(drawn.targets[:, 0] >= 0)[-1]) + 1
        return Drawn(drawn.tokens[:read], drawn.targets[:read], drawn.asked[:read])

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return what the diagnostic asks for."""
        about = self.diagnostic.about.replace("N ", f"{self.dial:,} ")
        return f"{about} · {vocabulary.size} symbols · endless"

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return held-out sequences and the answers that are asked for."""
        names, lines = self.diagnostic.answers, []
        for drawn in map(self._one, range(count)):
            answers = [names[target] for target in drawn.targets[drawn.asked].tolist()]
            lines.append(f"{_text(drawn, vocabulary)} → {''.join(answers)}")
        return lines

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the loss that no model without memory can beat."""
        return Baselines({"no memory": self.diagnostic.blind(self.dial)})

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add the names of the classes."""
        return {"classes": list(self.diagnostic.answers)} | measures

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return one held-out sequence, the targets that it asks for, and what the model answers."""
        drawn, classes = self._one(seed), self.diagnostic.answers
        state, answers, right = model.initial_state(), [], []
        for token, target, asked in zip(*(part[:, 0].tolist() for part in drawn), strict=True):
            scores = model.read(token, state)
            if asked:
                answers.append(classes[int(np.argmax(scores))])
                right.append(classes[target])
        text = _text(drawn, vocabulary)
        joined = "" if all(len(name) == 1 for name in classes) else " "
        shown = text if len(text) <= length else f"{text[: length // 2]}…{text[-(length // 2) :]}"
        return f"{shown} → {joined.join(answers)} ({'right' if answers == right else 'right is ' + joined.join(right)})"


def _text(drawn: Drawn, vocabulary: Vocabulary) -> str:
    """Return the symbols of one sequence."""
    return "".join(vocabulary.symbol(token) for token in drawn.tokens[:, 0].tolist())


class _Asked:
    """Scores all targets for the loss, and those asked for the accuracy."""

    def __init__(self, scoring: Scoring, asked: Iterator[Any]) -> None:
        self._scoring, self._asked = scoring, asked

    def add(self, batch: Batch, losses: F32, scores: F32) -> None:
        """Add a batch, in the order of `held_out`."""
        self._scoring.add_asked(batch, losses, scores, next(self._asked))

    def result(self) -> Measures:
        """Return loss, accuracy, exact match, and by length."""
        return self._scoring.result()
