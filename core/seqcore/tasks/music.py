"""Music: language modelling of tunes in ABC notation, which can be checked (many to many, aligned)."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.abc import legality, partial_notes, tunes
from seqcore.data.corpus import Corpus
from seqcore.data.quoting import quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import I32, Judgement
from seqcore.sampling import Sampling
from seqcore.serial import SerialModel
from seqcore.tasks.generating import Stream
from seqcore.tasks.language import Language, TokenData
from seqcore.tasks.task import Data, Measures
from seqcore.tasks.tune_writing import TuneWriter, written_tunes

WRITTEN, TEMPERATURE, SEED = 100, 0.8, 1  # the tunes that a model is judged by: how many, and how they are sampled
MOST_TOKENS = 10_000  # of a tune that a model is judged by; less if those of the training part are shorter
_LEAST_TOKENS = 500
_NUMBER = re.compile(r"^\ufeff?[ \t]*X:", re.MULTILINE)
_KEY = re.compile(r"^[ \t]*K:[^\n]*\n?", re.MULTILINE)
_PIECE = 1 << 20  # tokens that are decoded at once


def is_abc(source: str) -> bool:
    """Return whether a source, as `Corpus.source` has it, is named as a file of tunes: .abc, or that in .gz."""
    return source.lower().removesuffix(".gz").endswith(".abc")


@dataclass(frozen=True)
class Music(Language):
    """The task. Examples, loss and probe are those of `Language`, bit for bit; besides, a model writes whole tunes.

    The training part is the first share of the text, as for `Language`: the tune at the cut is divided.
    """

    name: ClassVar[str] = "music"
    pane: ClassVar[str] = "tune"
    longest: ClassVar[int] = 720

    def writer(self, model: SerialModel, vocabulary: Vocabulary, prompt: str, sampling: Sampling, seed: int) -> Stream:
        """Return one tune, as `tune_writing.TuneWriter` writes it."""
        return TuneWriter(model, vocabulary, prompt, sampling, seed, self.longest)

    def judge(self, text: str) -> Judgement | None:
        """Return the title and the first fault of the last tune in a text."""
        last = text[max((start for start, _ in tunes(text)), default=0) :]
        found = legality(last)
        fault = str(found.errors[0]) if found.errors else "" if found.tunes else "the tune does not end"
        return Judgement(partial_notes(last).tune.field("T"), fault)

    def data(self, corpus: Corpus, vocabulary: Vocabulary, training: TrainingConfig) -> "TuneData":
        """Return the tunes as tokens. Raises SeqError if there is no tune, or too little text."""
        count = _count(corpus)
        return TuneData(**vars(super().data(corpus, vocabulary, training)), count=count)

    def test_data(self, corpus: Corpus, vocabulary: Vocabulary, train: Data | None) -> "TuneData":
        """Return other tunes as the held-out part. Raises SeqError: no tune, an unknown symbol, or too short."""
        count = _count(corpus)
        return TuneData(**vars(super().test_data(corpus, vocabulary, train)), count=count)


@dataclass(frozen=True)
class TuneData(TokenData):
    """`count` tunes as tokens, with empty lines between them."""

    count: int = 0

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of tunes, of tokens and of symbols."""
        return f"{self.count:,} {'tune' if self.count == 1 else 'tunes'} · {super().summary(vocabulary)}"

    def report(self, measures: Measures, vocabulary: Vocabulary, model: SerialModel | None = None) -> Measures:
        """Add what is added for a text and, with a model, the share of legal tunes among those that it writes.

        A tune is legal if its notation is right and all bars are full; see `data.abc.legality`. `tune_faults` counts
        the first fault of each of the others, the commonest first. `copied_tunes` have the music of a tune of the
        training part, under whatever title.
        """
        report = super().report(measures, vocabulary)
        if model is None or not math.isfinite(report["loss"]):
            return report
        known = list(_blocks(_text(vocabulary, self.train)))
        limit = min(MOST_TOKENS, max(_LEAST_TOKENS, 2 * max(map(len, known), default=0)))
        endless = written_tunes(model, vocabulary, "", Sampling(TEMPERATURE), SEED, limit)
        written = list(islice(endless, WRITTEN))
        faults = Counter(tune.fault for tune in written if tune.fault)
        report |= {"legal_tunes": (WRITTEN - faults.total()) / WRITTEN, "tune_faults": dict(faults.most_common())}
        music = {_music(tune) for tune in known} - {""}
        report["copied_tunes"] = sum(_music(tune.text) in music for tune in written)
        report |= {"generated_tunes": WRITTEN, "temperature": TEMPERATURE, "seed": SEED}
        held_out = legality(_from_first_tune(_text(vocabulary, self.validation)))
        return report | ({"held_out_legal_tunes": held_out.legal / held_out.tunes} if held_out.tunes else {})

    def sample(self, model: SerialModel, vocabulary: Vocabulary, length: int, seed: int) -> str:
        """Return a tune from its beginning, as much of it as `length` tokens are."""
        return next(written_tunes(model, vocabulary, "", Sampling(), seed, length)).text


def _count(corpus: Corpus) -> int:
    """Return the number of tunes in a corpus. Raises SeqError if there is none."""
    try:
        text = corpus.text
    except SeqError:  # of a run by byte, which need not be decoded
        text = corpus.data.decode("latin-1")
    if not any(_NUMBER.search(tune) and _KEY.search(tune) for tune in _blocks(text)):
        field = "X:" if not _NUMBER.search(text) else "K:" if not _KEY.search(text) else "both X: and K:"
        raise SeqError(
            f"{quoted(corpus.source)} has no tune in ABC notation: no block of lines has the field {field}; give tunes "
            "with X: (a number) and K: (the key), or --task language"
        )
    return len(_NUMBER.findall(text))


def _text(vocabulary: Vocabulary, tokens: I32) -> str:
    """Return the text of tokens, decoded piece by piece: their symbols as a list would take much memory."""
    return "".join(vocabulary.decode(piece) for piece in np.array_split(tokens, 1 + tokens.size // _PIECE))


def _blocks(text: str) -> Iterator[str]:
    """Yield the blocks of lines of a text: tunes, and whatever is between them."""
    return (text[start:end] for start, end in tunes(text))


def _from_first_tune(text: str) -> str:
    """Return a text from the beginning of its first complete tune on."""
    return text[next((start for start, _ in tunes(text) if _NUMBER.match(text, start)), len(text)) :]


def _music(tune: str) -> str:
    """Return the music of a tune without white space: what follows K:, or all if there is no K:."""
    return "".join(_KEY.split(tune, maxsplit=1)[-1].split())
