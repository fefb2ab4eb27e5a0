"""Pairs of sequences as the examples of a run: batches, measures, baselines, and one pair at a time."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from seqcore.beam import Decoded, decoded
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.batches import Batch
from seqcore.data.examples import ExampleBatches, held_out_batches, held_out_lengths, held_out_rows
from seqcore.data.ngrams import references
from seqcore.data.pair_examples import ROUND, PairExamples, Targets
from seqcore.data.transductions import Transduction
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import I32, I64, Example, Inputs
from seqcore.serial import SerialEncoderDecoder, SerialModel
from seqcore.tasks.bleu import bleu_and_chrf
from seqcore.tasks.pair_scoring import PairScoring
from seqcore.tasks.task import Baselines, Feed, Measures

_BASELINE_PAIRS = 4000  # training pairs that the baselines are counted on at most
MORE = 8  # symbols that decoding may write beyond the longest target
_DECODED = 500  # held-out pairs that are decoded for a report at most


@dataclass(frozen=True)
class PairData:
    """Pairs of a training part and a held-out part."""

    vocabulary: Vocabulary  # of the sources
    target: Vocabulary
    train: Targets
    validation: Targets
    notes: tuple[str, ...] = ()
    trained: "PairData | None" = None  # whose training part the baselines learn from, if it is another one

    @property
    def end(self) -> int:
        """The number of the end symbol, after those of the target."""
        return self.target.size

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if the model is not an encoder-decoder of these symbols."""
        if not config.decodes:
            raise SeqError("this model does not read a source to write a target: an encoder-decoder does")
        if (config.vocabulary_size, config.outputs) != (self.vocabulary.size, self.target.size + 1):
            raise SeqError("this model reads or writes other symbols than these pairs have")
        longest = self.longest
        if config.family == "attention" and longest > config.context:
            raise SeqError(
                f"pairs of up to {longest:,} symbols on a side: must not exceed the context length of the model, "
                f"{config.context:,}"
            )

    @property
    def longest(self) -> int:
        """The symbols of the longest source or target."""
        parts = (self.train, self.validation)
        return max(int(lengths.max(initial=0)) for p in parts for lengths in (p.source_lengths, p.target_lengths))

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the T that batches of the training pairs can have."""
        return self.train.batch_lengths

    def feed(self, training: TrainingConfig) -> Feed:
        """Return batches of pairs of similar lengths. Raises SeqError if there are too few."""
        return ExampleBatches(self.train, training.batch, training.seed)

    def held_out_shape(self, config: ModelConfig) -> tuple[tuple[int, ...], int]:
        """Return the T of the held-out batches, and their B."""
        return held_out_lengths(self.validation), held_out_rows(self.validation)

    def held_out(self, config: ModelConfig) -> Iterator[Batch]:
        """Yield every held-out pair once."""
        return held_out_batches(self.validation)

    def measure(self) -> PairScoring:
        """Return a measure of token accuracy and exact match."""
        return PairScoring(self.validation, self.target.size + 1)

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of pairs and symbols."""
        return (
            f"{self.train.count:,} pairs, {self.validation.count:,} held out · "
            f"vocabularies of {self.vocabulary.size:,} and {self.target.size:,}"
        )

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return the first pairs."""
        part = self._shown
        return [f"{self.source_text(part, i)} → {self.target_text(part.target(i))}" for i in range(count)][: part.count]

    def source_text(self, part: Targets, i: int) -> str:
        """Return the source of a pair as text, raw."""
        assert isinstance(part, PairExamples)
        return self.vocabulary.decode(part.source(i)).strip()

    def target_text(self, symbols: I32 | list[int]) -> str:
        """Return symbols of a target, without the end symbol, as text, raw."""
        return self.target.decode(symbols).strip()

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the losses of n-grams of target symbols, which know nothing of the source, in nats per symbol."""
        train, held_out = (_joined(part, self.end) for part in ((self.trained or self)._counted, self.validation))
        if train.size < 2 or held_out.size < 2:
            return Baselines({})
        found = vars(references(train, held_out, self.target.size + 1))
        return Baselines({name: value for name, value in found.items() if math.isfinite(value)})

    @property
    def _counted(self) -> Targets:
        return self.train.some(range(min(self.train.count, _BASELINE_PAIRS)))

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add BLEU and chrF of what a model writes, if the targets are words and sacrebleu is installed."""
        if model is None or self.target.kind not in ("word", "bpe") or not self.validation.count:
            return measures
        some = range(min(self.validation.count, _DECODED))
        found = [self.target_text(self.decode(model, self.validation, i).symbols()) for i in some]
        wanted = [self.target_text(self.validation.target(i)) for i in some]
        return measures | bleu_and_chrf(found, wanted)

    def decode(self, model: SerialModel, part: Targets, i: int) -> Decoded:
        """Return what a model writes for the source of a pair."""
        return decode_source(model, part.read(i), self.end, self.most)

    @cached_property
    def most(self) -> int:
        """The number of symbols after which decoding stops: no target is as long."""
        return MORE + max(int(part.target_lengths.max(initial=0)) for part in (self.train, self.validation))

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return a held-out source, what the model writes for it, and whether that is right."""
        part = self._shown
        i = (seed * 7919) % part.count
        found = self.decode(model, part, i).symbols()
        right = found == part.target(i).tolist()
        said = "right" if right else f"should be: {self.target_text(part.target(i))}"
        return f"{self.source_text(part, i)} → {self.target_text(found)} ({said})"

    @property
    def held_out_steps(self) -> int:
        """The timesteps of the held-out pairs."""
        return int(self.validation.lengths.sum())

    @property
    def example_lengths(self) -> I64:
        """The timesteps of each held-out pair, or of each training pair if none is held out."""
        return self._shown.lengths

    @property
    def _shown(self) -> Targets:
        return self.validation if self.validation.count else self.train

    def example(self, vocabulary: Vocabulary, number: int, width: int) -> Example:
        """Return the score of a held-out pair: the source, the end symbol, the target and the end symbol."""
        part = self._shown
        i = number % part.count
        inputs, after = part.score(i), np.append(part.target(i), part.end)
        targets = np.concatenate([np.full(len(inputs) - after.size, -1), after]).astype(np.int32)
        return Example(inputs, targets, targets >= 0)

    def errs(self, model: SerialModel, number: int) -> bool:
        """Return whether greedy decoding gives another target."""
        part = self._shown
        i = number % part.count
        wanted: list[int] = part.target(i).tolist()
        return self.decode(model, part, i).symbols() != wanted

    def background(self) -> Mapping[str, Any]:
        """Return nothing: the pane of the task needs no more than the probe."""
        return {}

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> None:
        """Return None: the pairs have their own beginnings and ends."""


def decode_source(
    model: SerialModel, source: Inputs, end: int, most: int, width: int = 1, penalty: float = 0.0
) -> Decoded:
    """Return what a model writes for a source (S, ...), as it is read, at most `most` symbols. Raises SeqError."""
    if not isinstance(model, SerialEncoderDecoder):
        raise SeqError("this model does not write a target for a source")
    most = most if model.most is None else min(most, model.most)
    return decoded(model, model.begin(source), end, most, width, penalty)


def _joined(part: Targets, end: int) -> I32:
    """Return all targets with their end symbols, (total,)."""
    return np.concatenate([np.zeros(0, np.int32), *(np.append(part.target(i), end) for i in range(part.count))]).astype(
        np.int32
    )


class TransductionFeed:
    """Endless batches: that of a step follows from the seed and the step alone."""

    carries = False

    def __init__(self, data: "TransductionData", training: TrainingConfig) -> None:
        self._data, self._seed, self.rows = data, training.seed, training.batch
        self.lengths = data.lengths(training)

    def epoch(self, step: int) -> float:
        """Return 0: there is no end."""
        return 0.0

    def tokens(self, step: int) -> int:
        """Return the mean number of timesteps, so that it follows from the step alone."""
        spans = self._data.transduction.lengths(self._data.dial)
        return round(step * self.rows * (1 + sum(sum(span) / 2 for span in spans)))

    def at(self, step: int) -> Batch:
        """Return the batch of `step`, from 0."""
        part = self._data.drawn(np.random.default_rng([self._seed, step]), self.rows)
        return part.batch(np.arange(self.rows), self.rows)


@dataclass(frozen=True)
class TransductionData(PairData):
    """Pairs of one transduction at one dial: without end for training, the held-out ones always the same."""

    train: PairExamples
    transduction: Transduction = field(kw_only=True)
    dial: int = field(kw_only=True)

    def drawn(self, chance: np.random.Generator, count: int) -> PairExamples:
        """Return new pairs."""
        pairs = self.transduction.draw(chance, self.dial, count)
        return PairExamples.of(pairs, self.end, self.vocabulary.size, self.train.reverse)

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the T that batches can have."""
        (least, most), (least_after, most_after) = self.transduction.lengths(self.dial)
        first = sum(-(-n // ROUND) * ROUND for n in (least, least_after + 1))
        last = sum(-(-n // ROUND) * ROUND for n in (most, most_after + 1))
        return tuple(range(first, last + 1, ROUND))

    def feed(self, training: TrainingConfig) -> TransductionFeed:
        """Return endless batches."""
        return TransductionFeed(self, training)

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return what is asked for."""
        about = self.transduction.about.replace("N ", f"{self.dial:,} ")
        return f"{about} · {self.vocabulary.size} and {self.target.size} symbols · endless"

    @property
    def longest(self) -> int:
        """As in `PairData`, at this dial."""
        return max(most for _, most in self.transduction.lengths(self.dial))

    @cached_property
    def most(self) -> int:
        """As in `PairData`, at this dial."""
        return MORE + self.transduction.lengths(self.dial)[1][1]

    @cached_property
    def _drawn_once(self) -> PairExamples:
        return self.drawn(np.random.default_rng([1, 2, 3]), _BASELINE_PAIRS)

    @property
    def _counted(self) -> Targets:
        return self._drawn_once
