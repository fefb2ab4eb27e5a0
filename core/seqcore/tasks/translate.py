"""Translation: pairs of texts from a table or from two parallel files (many to many, unequal)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.pair_examples import PairExamples
from seqcore.data.pairs import read_pairs
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.tasks.labelled_data import split
from seqcore.tasks.language import UNITS
from seqcore.tasks.pair_data import PairData
from seqcore.tasks.pair_texts import LONGEST, encoded, longest_of, unknown_said, vocabulary_of
from seqcore.tasks.pairs import OnPairs, stored_length, stored_vocabulary
from seqcore.tasks.task import Data


@dataclass(frozen=True)
class Translate(OnPairs):
    """The task, with the columns of source and target."""

    name: ClassVar[str] = "translate"
    fixed: ClassVar[tuple[str, ...]] = ("sampling",)
    options: ClassVar[tuple[str, ...]] = ("source-column", "target-column", "reverse-source", "skip-bad-rows")

    source_column: str = ""
    target_column: str = ""
    skip_bad_rows: bool = False
    longest: int = LONGEST
    remarks: tuple[str, ...] = field(default=(), compare=False)  # of a new run: how its columns were chosen

    @classmethod
    def defaults(cls, source: str) -> dict[str, Any]:
        """Return the defaults for sentences: by word, and 64 pairs in a batch."""
        return {"length": LONGEST, "tokens_by": "word", "batch": 64}

    @classmethod
    def start(
        cls, corpus: Corpus, training: TrainingConfig, options: Mapping[str, Any]
    ) -> tuple["Translate", Vocabulary]:
        """Return the task, and the vocabulary of the sources; both vocabularies are of the training part.

        Raises SeqError.
        """
        skip = bool(options.get("skip-bad-rows", False))
        found = read_pairs(corpus, options.get("source-column"), options.get("target-column"), skip_bad_rows=skip)
        train, held_out = split(len(found.sources), training.validation)
        source, target = (
            vocabulary_of(texts, train, held_out, corpus, training) for texts in (found.sources, found.targets)
        )
        reverse, longest = (
            bool(options.get("reverse-source", False)),
            longest_of(found.targets, target, training.length),
        )
        columns = found.source_column, found.target_column
        return cls(target, reverse, *columns, skip, longest, found.remarks), source

    @classmethod
    def from_settings(cls, values: Mapping[str, Any]) -> "Translate":
        """Return the task in an untrusted JSON object. Raises SeqError."""
        columns = [values.get("source_column"), values.get("target_column")]
        if not all(isinstance(column, str) for column in columns):
            raise SeqError("its task has no columns")
        return cls(
            stored_vocabulary(values.get("target")),
            values.get("reverse_source") is True,
            str(columns[0]),
            str(columns[1]),
            values.get("skip_bad_rows") is True,
            stored_length(values.get("longest", LONGEST)),
        )

    def settings(self) -> dict[str, Any]:
        """Return the symbols of the target, the columns, and whether sources are read backwards."""
        return {
            "target": self.target.to_json(),
            "reverse_source": self.reverse_source,
            "source_column": self.source_column,
            "target_column": self.target_column,
            "skip_bad_rows": self.skip_bad_rows,
            "longest": self.longest,
        }

    def on(self, corpus: Corpus) -> "Translate":
        """Return the task: the columns and the symbols stay."""
        return self

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> PairData:
        """Return the pairs, split into a training part and a held-out part. Raises SeqError."""
        data = self._data(corpus, vocabulary, training.length, training.validation, None)
        chosen = tuple(line for line in self.remarks if line not in data.notes)
        return replace(data, notes=chosen + data.notes)

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> PairData:
        """Return the pairs of another corpus, all held out. Raises SeqError."""
        return self._data(corpus, vocabulary, LONGEST, 1.0, train if isinstance(train, PairData) else None)

    def _data(
        self, corpus: Corpus, vocabulary: Vocabulary, longest: int, held_out: float, trained: PairData | None
    ) -> PairData:
        found = read_pairs(corpus, self.source_column, self.target_column, skip_bad_rows=self.skip_bad_rows)
        places = [f"{found.name}, line {line}" for line in found.lines.tolist()]
        pairs = [
            (encoded(vocabulary, source, place), encoded(self.target, target, place))
            for source, target, place in zip(found.sources, found.targets, places, strict=True)
        ]
        notes = [
            *found.remarks,
            *unknown_said(vocabulary, (source for source, _ in pairs), "sources"),
            *unknown_said(self.target, (target for _, target in pairs), "targets"),
        ]
        train, held = split(len(pairs), held_out)
        parts = [[pairs[i] for i in part if max(map(len, pairs[i])) <= longest] for part in (train, held)]
        left_out = len(pairs) - sum(map(len, parts))
        if left_out:
            unit = UNITS[vocabulary.kind]
            notes.append(f"{left_out:,} of {len(pairs):,} pairs longer than {longest:,} {unit}s left out (--length)")
        if not parts[0] and held_out < 1:
            raise SeqError(f"{found.name}: all pairs are longer than --length {longest}: give a greater one")
        end, first, reverse = self.target.size, vocabulary.size, self.reverse_source
        training, validation = (PairExamples.of(part, end, first, reverse) for part in parts)
        return PairData(vocabulary, self.target, training, validation, tuple(notes), trained)
