"""Diagnostic tasks: generated sequences that ask one question about memory; see `data.diagnostics`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.diagnostics import DIAGNOSTICS, Diagnostic, diagnostic
from seqcore.data.quoting import quoted
from seqcore.data.standardise import Standardise
from seqcore.data.typed_numbers import typed_rows
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.probe import answers, verdicts
from seqcore.records import Dial, Example, Inputs, Probe
from seqcore.serial import SerialModel
from seqcore.tasks.diagnostic_data import DiagnosticData
from seqcore.tasks.task import Data, Ends


@dataclass(frozen=True)
class Diagnose:
    """The task, with the name of the diagnostic and its dial."""

    name: ClassVar[str] = "diagnose"
    form: ClassVar[str] = "what a memory can do"
    generates: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
    fixed: ClassVar[tuple[str, ...]] = ("length", "sampling", "tokens_by", "validation")
    options: ClassVar[tuple[str, ...]] = ()

    diagnostic: str
    setting: int  # of the dial

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
        return cls(one.name, dial), Vocabulary("char", tuple(one.symbols)) if one.symbols else Vocabulary.none()

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Diagnose":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        found = diagnostic(f"{values.get('diagnostic')}:{values.get('dial')}")
        if found is None:
            raise SeqError(f"unknown diagnostic {quoted(str(values.get('diagnostic')))}")
        return cls(found[0].name, found[1])

    def settings(self) -> dict[str, Any]:
        """Return the name of the diagnostic and its dial."""
        return {"diagnostic": self.diagnostic, "dial": self.setting}

    @property
    def pane(self) -> str:
        """The pane for answers that are classes, or values."""
        return "values" if DIAGNOSTICS[self.diagnostic].values else "verdict"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, or else the symbols."""
        return DIAGNOSTICS[self.diagnostic].answers

    @property
    def dial(self) -> Dial:
        """The dial of the diagnostic."""
        one = DIAGNOSTICS[self.diagnostic]
        return Dial(one.name, self.setting, one.least, one.most)

    def on(self, corpus: Corpus) -> "Diagnose":
        """Return the task at the dial that a corpus names. Raises SeqError if it is another diagnostic."""
        one, dial = _named(corpus)
        if one.name != self.diagnostic:
            raise SeqError(f"{quoted(corpus.source)}: this run is on {self.diagnostic}; only its dial can change")
        return Diagnose(one.name, dial)

    @property
    def measures(self) -> tuple[str, ...]:
        """The accuracy; with several answers per sequence, also the share of sequences that are all right.

        Of real answers, the error, and the share of answers that are right.
        """
        one = DIAGNOSTICS[self.diagnostic]
        return ("rmse", "accuracy") if one.values else ("accuracy", "exact_match") if one.several else ("accuracy",)

    @property
    def ends(self) -> Ends:
        """The model reads symbols or values; it predicts classes or values, or else symbols."""
        one = DIAGNOSTICS[self.diagnostic]
        return Ends(len(one.classes), len(one.reads), len(one.values))

    def unit(self, vocabulary: Vocabulary) -> str:
        """Return what a loss is of."""
        return "target"

    def loss_unit(self, vocabulary: Vocabulary) -> str:
        """Return nats per target, or the squared error."""
        return "squared error" if DIAGNOSTICS[self.diagnostic].values else "nats per target"

    def input_unit(self, vocabulary: Vocabulary) -> str:
        """Return what a timestep reads."""
        return "timestep" if DIAGNOSTICS[self.diagnostic].reads else "symbol"

    def encode(self, vocabulary: Vocabulary, text: str) -> tuple[Inputs, str]:
        """Return the symbols or numbers that were typed, and a warning. Raises SeqError if nothing is left."""
        one = DIAGNOSTICS[self.diagnostic]
        return (typed_rows(text, one.reads).astype(np.float32), "") if one.reads else vocabulary.encode_prompt(text)

    def probe(
        self,
        model: SerialModel,
        vocabulary: Vocabulary,
        inputs: Inputs,
        step: int,
        warning: str = "",
        known: Example | None = None,
    ) -> Probe:
        """Return what the model computes for a sequence: its answer after every timestep."""
        one = DIAGNOSTICS[self.diagnostic]
        if not one.values:
            return verdicts(model, vocabulary, one.answers, inputs, step, warning, known)
        wanted = known.targets if known else np.full((len(inputs), len(one.values)), np.nan, np.float32)
        read, said = Standardise.none(one.reads), Standardise.none(one.values)
        return answers(model, read, said, inputs, wanted, step, warning)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> "DiagnosticData":
        """Return endless sequences. Raises SeqError if the corpus is another diagnostic."""
        found = self.on(corpus)
        return DiagnosticData(DIAGNOSTICS[found.diagnostic], found.setting)

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
