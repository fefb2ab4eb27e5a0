"""Transduction: generated pairs with a dial, that ask what fits through the state between encoder and decoder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.pair_examples import PairExamples
from seqcore.data.quoting import quoted
from seqcore.data.transductions import TRANSDUCTIONS, Transduction, transduction
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import Dial
from seqcore.tasks.pair_data import TransductionData
from seqcore.tasks.pairs import OnPairs
from seqcore.tasks.task import Data

HELD_OUT, HELD_OUT_SEED = 512, 0x5E9  # the held-out pairs are the same for all runs


@dataclass(frozen=True)
class Transduce(OnPairs):
    """The task, with the name of the transduction and its dial."""

    name: ClassVar[str] = "transduce"
    fixed: ClassVar[tuple[str, ...]] = ("length", "sampling", "tokens_by", "validation")
    options: ClassVar[tuple[str, ...]] = ("reverse-source",)

    transduction: str = ""
    setting: int = 0  # of the dial; 0: there is none

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the length of the longest pair."""
        found = transduction(source)
        return {"length": 2 + sum(span[1] for span in found[0].lengths(found[1])), "batch": 64} if found else {}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["Transduce", Vocabulary]:
        """Return the task that the corpus names, and the source symbols. Raises SeqError."""
        one, dial = _named(corpus)
        reverse = bool(options.get("reverse-source", False))
        return cls._of(one, dial, reverse), Vocabulary("char", tuple(one.source))

    @classmethod
    def _of(cls, one: Transduction, dial: int, reverse: bool) -> "Transduce":
        return cls(Vocabulary("char", tuple(one.target)), reverse, one.name, dial)

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Transduce":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        name, dial = values.get("transduction"), values.get("dial")
        found = transduction(f"{name}:{dial}" if dial else str(name))
        if found is None:
            raise SeqError(f"unknown transduction {quoted(str(name))}")
        return cls._of(*found, values.get("reverse_source") is True)

    def settings(self) -> dict[str, Any]:
        """Return the name of the transduction, its dial, whether sources are read backwards, and the target's symbols.

        The symbols follow from the name: they are for readers of an exported file.
        """
        return {
            "transduction": self.transduction,
            "dial": self.setting,
            "reverse_source": self.reverse_source,
            "target": self.target.to_json(),
        }

    @property
    def longest(self) -> int:
        """The symbols of the longest target."""
        return TRANSDUCTIONS[self.transduction].lengths(self.setting)[1][1]

    @property
    def dial(self) -> Dial | None:
        """The dial of the transduction."""
        one = TRANSDUCTIONS[self.transduction]
        return Dial(one.name, self.setting, one.least, one.most) if one.most else None

    def on(self, corpus: Corpus) -> "Transduce":
        """Return the task at the dial that a corpus names. Raises SeqError if it is another transduction."""
        one, dial = _named(corpus)
        if one.name != self.transduction:
            raise SeqError(f"{quoted(corpus.source)}: this run is on {self.transduction}; only its dial can change")
        return replace(self, setting=dial)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> TransductionData:
        """Return endless pairs. Raises SeqError if the corpus is another transduction."""
        found = self.on(corpus)
        one, end, first, reverse = TRANSDUCTIONS[found.transduction], self.target.size, vocabulary.size, found.setting
        pairs = one.draw(np.random.default_rng(HELD_OUT_SEED), found.setting, HELD_OUT)
        none, held = (PairExamples.of(part, end, first, self.reverse_source) for part in ([], pairs))
        return TransductionData(vocabulary, self.target, none, held, transduction=one, dial=reverse)

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> TransductionData:
        """Return pairs of another dial."""
        return self.data(corpus, vocabulary, TrainingConfig())


def _named(corpus: Corpus) -> tuple[Transduction, int]:
    """Return the transduction and the dial that a corpus names. Raises SeqError."""
    found = transduction(corpus.source)
    if found is None:
        names = ", ".join(f"{one.name}:{one.dial}" if one.most else one.name for one in TRANSDUCTIONS.values())
        raise SeqError(f"{quoted(corpus.source)} is not a transduction: give one of {names}")
    return found
