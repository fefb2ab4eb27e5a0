"""Classification of texts: one label at the end of a sequence (many to one)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.examples import (
    Examples,
)
from seqcore.data.labelled_source import place_of, read_labelled
from seqcore.data.quoting import listed, quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.probe import verdicts
from seqcore.records import I32, Example, Probe
from seqcore.serial import SerialModel
from seqcore.tasks.labelled_data import LabelledData, split
from seqcore.tasks.language import UNITS, spaced
from seqcore.tasks.task import Data, Ends

LONGEST = 512  # tokens of a text by default; attention needs as many positions


@dataclass(frozen=True)
class Classify:
    """The task, with its classes and the columns that the texts and labels are in."""

    name: ClassVar[str] = "classify"
    form: ClassVar[str] = "many to one"
    fixed: ClassVar[tuple[str, ...]] = ("sampling",)
    options: ClassVar[tuple[str, ...]] = ("text-column", "label-column", "skip-bad-rows")
    pane: ClassVar[str] = "verdict"
    generates: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
    dial: ClassVar[None] = None

    classes: tuple[str, ...]
    text_column: str
    label_column: str
    skip_bad_rows: bool = False

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the defaults for short texts: by word."""
        return {"length": LONGEST, "tokens_by": "word"}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["Classify", Vocabulary]:
        """Return the task, and the vocabulary of the training part. Raises SeqError."""
        skip = bool(options.get("skip-bad-rows", False))
        found = read_labelled(corpus, options.get("text-column"), options.get("label-column"), skip_bad_rows=skip)
        train, held_out = split(len(found.texts), training.validation)
        kept = [spaced(found.texts[i], training.tokens_by) for i in train]
        seen = "\n".join(kept)
        if training.tokens_by != "word":  # the characters of all texts
            kept += [spaced(found.texts[i], training.tokens_by) for i in held_out]
        text = "\n".join(kept)
        whole = replace(corpus, data=text.encode("utf-8", "surrogatepass"), encoding="utf-8", data_encoding="utf-8")
        share = len(seen) / max(1, len(text))
        vocabulary = Vocabulary.build(training.tokens_by, whole, limit=training.vocabulary_limit, share=share)
        return cls(found.classes, found.text_column, found.label_column, skip), vocabulary

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Classify":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        classes = values.get("classes")
        valid = isinstance(classes, list) and len(classes) > 1 and all(isinstance(name, str) for name in classes)
        columns = [values.get("text_column"), values.get("label_column")]
        if not valid or not all(isinstance(column, str) for column in columns):
            raise SeqError("its task has no classes, or no columns")
        return cls(tuple(classes or ()), str(columns[0]), str(columns[1]), values.get("skip_bad_rows") is True)

    def settings(self) -> dict[str, Any]:
        """Return the classes and the columns."""
        return {
            "classes": list(self.classes),
            "text_column": self.text_column,
            "label_column": self.label_column,
            "skip_bad_rows": self.skip_bad_rows,
        }

    def on(self, corpus: Corpus) -> "Classify":
        """Return the task: the classes and columns stay."""
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        """The accuracy."""
        return ("accuracy",)

    @property
    def ends(self) -> Ends:
        """The model reads tokens and predicts one of the classes."""
        return Ends(outputs=len(self.classes))

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return what a loss is of."""
        return "example"

    def loss_unit(self, vocabulary: Vocabulary) -> str:
        """Return nats per example."""
        return "nats per example"

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what a timestep reads."""
        return UNITS[vocabulary.kind]

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> "LabelledData":
        """Return the examples, split into a training part and a held-out part. Raises SeqError."""
        return self._data(corpus, vocabulary, training.length, training.validation, None)

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> "LabelledData":
        """Return the examples of another table, all held out. Raises SeqError: a label is not one of the classes."""
        bag = train if isinstance(train, LabelledData) else None
        return self._data(corpus, vocabulary, bag.longest if bag else LONGEST, 1.0, bag)

    def _data(
        self, corpus: Corpus, vocabulary: Vocabulary, longest: int, held_out: float, trained: "LabelledData | None"
    ) -> "LabelledData":
        found = read_labelled(
            corpus, self.text_column, self.label_column, skip_bad_rows=self.skip_bad_rows, few=held_out == 1
        )
        number = {name: place for place, name in enumerate(self.classes)}
        for at, label in enumerate(found.labels):
            if label not in number:
                where = place_of(found, at, corpus.name)
                raise SeqError(f"{where}: unknown label {quoted(label)}; the labels are {listed(self.classes)}")
        tokens, notes = [], [*found.remarks]
        cut = 0
        for at, text in enumerate(found.texts):
            try:
                ids, _ = vocabulary.encode_prompt(spaced(text, vocabulary.kind))
            except SeqError as error:
                raise SeqError(f"{place_of(found, at, corpus.name)}: {error}") from None
            cut += ids.size > longest
            tokens.append(ids[:longest])
        if cut:
            notes.append(
                f"{cut:,} of {len(tokens):,} texts were cut at {longest:,} {UNITS[vocabulary.kind]}s (--length)"
            )
        labels = np.array([number[label] for label in found.labels], np.int32)
        train, held = split(len(tokens), held_out)

        def joined(part: list[int]) -> Examples:
            return Examples.of([tokens[i] for i in part], [_last(tokens[i].size, labels[i]) for i in part])

        return LabelledData(
            self.classes, found, vocabulary, joined(train), joined(held), held, longest, tuple(notes), trained
        )

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        tokens: I32,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return what the model computes for a text: the verdict after every token."""
        return verdicts(model, vocabulary, self.classes, tokens, step, warning, known)

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[I32, str]:
        """Return the tokens of a text that was typed, and a warning. Raises SeqError."""
        return vocabulary.encode_prompt(spaced(text, vocabulary.kind))


def _last(length: int, label: int) -> I32:
    """Return targets (length,) of which only the last is not masked."""
    targets = np.full(length, -1, np.int32)
    targets[-1] = label
    return targets
