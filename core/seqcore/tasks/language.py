"""Language modelling: predict the next token of a text at every timestep (many to many, aligned)."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data import ngrams
from seqcore.data.batches import NO_EXAMPLES, Batch, Batches, validation_batches
from seqcore.data.corpus import Corpus, split_tokens
from seqcore.data.ngrams import references
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.generate import Writer
from seqcore.probe import probe
from seqcore.records import I32, I64, Example, Judgement, Probe
from seqcore.sampling import Sampling
from seqcore.serial import SerialModel
from seqcore.tasks.generating import Stream
from seqcore.tasks.task import Baselines, Data, Ends, MeanLoss, Measures

UNITS = {"char": "character", "byte": "byte", "word": "word", "bpe": "token"}  # of a vocabulary, by its kind
VALIDATION_ROWS = 64  # pieces of the held-out part that are read in parallel
VALIDATION_LENGTH = 32
VALIDATION_WARM = 128  # tokens read before each piece, excluded from the loss


@dataclass(frozen=True)
class Language:
    """The task. A text is one long sequence; the first share of it is for training."""

    name: ClassVar[str] = "language"
    form: ClassVar[str] = "many to many, aligned"
    fixed: ClassVar[tuple[str, ...]] = ()
    options: ClassVar[tuple[str, ...]] = ()
    pane: ClassVar[str] = "writing"
    generates: ClassVar[bool] = True
    decodes: ClassVar[bool] = False
    longest: ClassVar[int] = 360  # tokens of a text that is generated to be looked at
    classes: ClassVar[tuple[str, ...]] = ()
    dial: ClassVar[None] = None

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return nothing: the defaults of the family are for language modelling."""
        return {}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["Language", Vocabulary]:
        """Return the task, and the vocabulary of the whole text; byte pairs are those of the training part."""
        share = 1 - training.validation
        return cls(), Vocabulary.build(training.tokens_by, corpus, limit=training.vocabulary_limit, share=share)

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Language":
        """Return the task; it has no settings."""
        return cls()

    def settings(self) -> dict[str, Any]:
        """Return an empty object."""
        return {}

    def on(self, corpus: Corpus) -> "Language":
        """Return the task: it is the same on any text."""
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """None besides the loss."""
        return ()

    @property
    def ends(self) -> Ends:
        """The model reads tokens and predicts the next one."""
        return Ends()

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return the unit of the vocabulary: "character", "byte", "word" or "token"."""
        return UNITS[vocabulary.kind]

    input_unit = unit

    def loss_unit(self, vocabulary: Vocabulary) -> str:
        """Return nats per unit."""
        return f"nats per {self.unit(vocabulary)}"

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[I32, str]:
        """Return the tokens of a text that was typed, and a warning. Raises SeqError if nothing is left of it."""
        return vocabulary.encode_prompt(text)

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        tokens: I32,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return what the model computes for a text, and its loss at each token."""
        return probe(model, vocabulary, tokens, step, warning)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> "TokenData":
        """Return the text as tokens. Raises SeqError if it is too short."""
        tokens, unknown = vocabulary.encode_known(corpus)
        train, validation = split_tokens(tokens, training.validation)
        return TokenData(train, validation, (unknown,) if unknown and vocabulary.unknown is None else ())

    def writer(self, model: SerialModel, vocabulary: Vocabulary, prompt: str, sampling: Sampling, seed: int) -> Stream:
        """Return an endless text. Raises SeqError if nothing of the prompt is in the vocabulary."""
        return Writer(model, vocabulary, prompt, sampling, seed)

    def judge(self, text: str) -> Judgement | None:
        """Return None: a text is neither right nor wrong."""
        return None

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> "TokenData":
        """Return another text as the held-out part. Raises SeqError: an unknown symbol, or too short."""
        notes = ""
        if vocabulary.unknown is None:
            tokens = vocabulary.encode_corpus(corpus)
        else:
            tokens, notes = vocabulary.encode_prompt(corpus.text)
        if tokens.size < 2:
            raise SeqError(f"{corpus.name} has a single token: at least two are needed")
        counted = train.train if isinstance(train, TokenData) else tokens[:0]
        return TokenData(counted, tokens, (notes,) if notes else ())


@dataclass(frozen=True)
class TokenData:
    """One text as tokens: `train` (n,) and `validation` (m,) int32."""

    train: I32
    validation: I32
    notes: tuple[str, ...] = ()

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if a token id is outside the vocabulary, or the model does not predict tokens."""
        if config.outputs or config.inputs or config.values:
            raise SeqError("this model does not read tokens to predict the next one")
        for part in (self.train, self.validation):
            if part.size and not (int(part.min()) >= 0 and int(part.max()) < config.vocabulary_size):
                raise SeqError(f"a token id is outside the vocabulary of {config.vocabulary_size} tokens")

    def lengths(self, training: TrainingConfig) -> tuple[int, ...]:
        """Return the length that the settings give."""
        return (training.length,)

    def feed(self, training: TrainingConfig) -> Batches:
        """Return streams or windows of the training part. Raises SeqError if it is too short."""
        return Batches(self.train, training.batch, training.length, training.sampling, training.seed)

    def held_out_shape(self, config: ModelConfig) -> tuple[tuple[int, ...], int]:
        """Return the number of timesteps and the maximum number of rows of a held-out batch."""
        if self.validation.size < 2:
            return (), 0
        length, most = validation_shape(config)
        return (length,), self._rows(config, most)

    def _rows(self, config: ModelConfig, most: int) -> int:
        count = self.validation.size - 1
        return max(1, min(most, count // (2 * VALIDATION_WARM), count // max(1, _warm(config))))

    def held_out(self, config: ModelConfig) -> Iterator[Batch]:
        """Yield the held-out part in parallel pieces: every token but the first is a target once.

        The hidden state is carried through; attention, which has none, reads one context after another.
        """
        if self.validation.size < 2:
            return
        length, most = validation_shape(config)
        yield from validation_batches(self.validation, self._rows(config, most), length, _warm(config))

    def measure(self) -> MeanLoss:
        """Return the mean loss, which is all that is measured."""
        return MeanLoss()

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the number of tokens and of symbols."""
        unit, count = UNITS[vocabulary.kind], self.train.size + self.validation.size
        held_out = f", {self.validation.size:,} held out" if self.validation.size else ""
        return f"{count:,} {unit}s{held_out} · vocabulary of {vocabulary.size:,}"

    def excerpt(self, vocabulary: Vocabulary, count: int) -> list[str]:
        """Return the first lines of the text."""
        return vocabulary.decode(self.train[:4000]).splitlines()[:count]

    def baselines(self, vocabulary: Vocabulary) -> Baselines:
        """Return the losses of n-grams counted on the training part, in nats per token; only those that are finite."""
        found = vars(references(self.train, self.validation, vocabulary.size))
        losses = {name: value for name, value in found.items() if math.isfinite(value)}
        if self.train.size > ngrams.MOST or self.validation.size > ngrams.MEASURED:
            return Baselines(losses, min(ngrams.MOST, self.train.size), min(ngrams.MEASURED, self.validation.size))
        return Baselines(losses)

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add the number of tokens, perplexity, bits per token and, if nothing is unknown, bits per character."""
        tokens, loss = self.validation, measures.get("loss", math.nan)
        predicted = int(tokens.size) - 1
        report: Measures = {"tokens": predicted, "loss": loss}
        if math.isfinite(loss):
            report["perplexity"] = math.exp(loss) if loss < 700 else math.inf
        report["bits_per_token"] = loss / math.log(2)
        unknown = 0 if vocabulary.unknown is None else int((tokens[1:] == vocabulary.unknown).sum())
        if unknown:
            return report | {"unknown": unknown}
        characters = len(vocabulary.decode(tokens)) - len(vocabulary.decode(tokens[:1]))
        if characters > 0:
            report["bits_per_character"] = report["bits_per_token"] * predicted / characters
        return report

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return generated text."""
        writer = Writer(model, vocabulary, "", Sampling(), seed)
        return "".join(next(writer).text for _ in range(length)) + writer.flush()

    @property
    def held_out_steps(self) -> int:
        """The tokens of the held-out part."""
        return int(self.validation.size)

    @property
    def example_lengths(self) -> I64:
        """Nothing: a text has passages, not examples."""
        return NO_EXAMPLES

    def example(self, vocabulary: Vocabulary, number: int, width: int) -> Example:
        """Return a passage of the held-out part (or of the training part if empty), from the start of a line."""
        tokens = self.validation if self.validation.size > 1 else self.train
        width = min(width, tokens.size)
        places = np.arange(tokens.size - width + 1)
        ends = {token for token in range(vocabulary.size) if vocabulary.symbol(token).endswith("\n")}
        if ends:
            starts = np.flatnonzero(np.isin(tokens[: tokens.size - width], list(ends))) + 1
            same = np.isin(tokens[starts], list(ends))
            if (~same).any():
                places = starts[~same]
        start = int(places[(number * 7919) % places.size])
        return Example.unlabelled(tokens[start : start + width].copy())

    def errs(self, model: SerialModel, number: int) -> bool:
        """Return False: there is nothing to be right or wrong about."""
        return False

    def background(self) -> dict[str, Any]:
        """Return nothing: the pane of the task needs no more than the probe."""
        return {}

    def windows(self, chance: np.random.Generator, rows: int, length: int) -> Batch:
        """Return random passages of the held-out part, or of the training part if that is too short."""
        tokens = self.validation if self.validation.size > rows * length else self.train
        places = np.arange(length + 1)[:, None]
        starts = chance.integers(0, max(1, tokens.size - len(places) + 1), rows)
        text = np.take(tokens, places + starts, mode="wrap")  # (T + 1, rows)
        return Batch(text[:-1].copy(), text[1:].copy(), True)


def validation_shape(config: ModelConfig) -> tuple[int, int]:
    """Return the number of timesteps and the maximum number of rows of a validation batch."""
    if config.family != "attention":
        return VALIDATION_LENGTH, VALIDATION_ROWS
    return config.context, max(1, VALIDATION_LENGTH * VALIDATION_ROWS // config.context)


def _warm(config: ModelConfig) -> int:
    """Return the tokens that a piece reads before its first target; attention carries no state and reads none."""
    return 0 if config.family == "attention" else max(VALIDATION_WARM, config.context - 1)


def spaced(text: str, kind: str) -> str:
    """Return a text that begins with a space if tokens are words or their parts: the first word is like all others.

    A blank text becomes an empty one.
    """
    text = text.strip()
    return f" {text}" if text and kind in ("word", "bpe") else text
