"""Translation: pairs of texts from a table or from two parallel files (many to many, unequal)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.pair_examples import PairExamples
from seqcore.data.pairs import TextPairs, read_pairs
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import I32
from seqcore.tasks.labelled_data import split
from seqcore.tasks.language import UNITS, spaced
from seqcore.tasks.pair_data import PairData
from seqcore.tasks.pairs import OnPairs, stored_length, stored_vocabulary
from seqcore.tasks.task import Data

_LOOKED_AT = 2000  # texts of most characters
LONGEST = 100  # symbols of a source or a target by default: longer pairs are left out


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
            _vocabulary(texts, train, held_out, corpus, training) for texts in (found.sources, found.targets)
        )
        reverse, longest = bool(options.get("reverse-source", False)), _longest(found.targets, target, training.length)
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
        pairs = [
            (_encoded(vocabulary, source, found, at), _encoded(self.target, target, found, at))
            for at, (source, target) in enumerate(zip(found.sources, found.targets, strict=True))
        ]
        notes = [*found.remarks, *_unknown(vocabulary, pairs, 0), *_unknown(self.target, pairs, 1)]
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


def _vocabulary(
    texts: Sequence[str], train: list[int], held_out: list[int], corpus: Corpus, training: TrainingConfig
) -> Vocabulary:
    """Return the vocabulary of the training texts; of characters, that of all texts."""
    kind = training.tokens_by
    between = "\n" if kind == "bpe" else ""  # no pair of bytes goes from one text to the next
    kept = [spaced(texts[i], kind) for i in train]
    seen = between.join(kept)
    if kind != "word":
        kept += [spaced(texts[i], kind) for i in held_out]
    text = between.join(kept)
    whole = replace(corpus, data=text.encode("utf-8", "surrogatepass"), encoding="utf-8", data_encoding="utf-8")
    share = len(seen) / max(1, len(text))
    return Vocabulary.build(kind, whole, limit=training.vocabulary_limit, share=share)


def _longest(texts: Sequence[str], vocabulary: Vocabulary, most: int) -> int:
    """Return the symbols of the longest text, looked for among those of most characters; at most `most`."""
    some = sorted(texts, key=len)[-_LOOKED_AT:]
    return min(most, max(len(vocabulary.encode_prompt(spaced(text, vocabulary.kind))[0]) for text in some))


def _unknown(vocabulary: Vocabulary, pairs: Sequence[tuple[I32, I32]], side: int) -> list[str]:
    """Return a note on how many symbols of a side are not in the vocabulary, or none."""
    if vocabulary.unknown is None:
        return []
    count = sum(int((pair[side] == vocabulary.unknown).sum()) for pair in pairs)
    noun = f"{UNITS[vocabulary.kind]}{'' if count == 1 else 's'} of the {('sources', 'targets')[side]}"
    return [f"{count:,} {noun} not in the vocabulary, read as <unk>"] if count else []


def _encoded(vocabulary: Vocabulary, text: str, found: TextPairs, at: int) -> I32:
    """Return the symbols of a text. Raises SeqError that says where it stands: a symbol is unknown."""
    whole = spaced(text, vocabulary.kind)
    try:
        ids = vocabulary.encode(whole) if vocabulary.unknown is None else vocabulary.encode_prompt(whole)[0]
    except SeqError as error:
        raise SeqError(f"{found.name}, line {int(found.lines[at])}: {error}") from None
    return ids.astype(np.int32)
