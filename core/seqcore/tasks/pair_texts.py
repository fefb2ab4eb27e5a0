"""Texts as the symbols of pairs: their vocabulary, their lengths, and what is not in it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import I32
from seqcore.tasks.language import UNITS, spaced

LONGEST = 100  # symbols of a source or a target by default: longer pairs are left out
_LOOKED_AT = 2000  # texts of most characters


def vocabulary_of(
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


def longest_of(texts: Sequence[str], vocabulary: Vocabulary, most: int) -> int:
    """Return the symbols of the longest text, looked for among those of most characters; at most `most`."""
    some = sorted(texts, key=len)[-_LOOKED_AT:]
    return min(most, max(len(vocabulary.encode_prompt(spaced(text, vocabulary.kind))[0]) for text in some))


def unknown_said(vocabulary: Vocabulary, texts: Iterable[I32], what: str) -> list[str]:
    """Return a note on how many symbols of the texts, called `what`, are not in the vocabulary, or none."""
    if vocabulary.unknown is None:
        return []
    count = sum(int((text == vocabulary.unknown).sum()) for text in texts)
    noun = f"{UNITS[vocabulary.kind]}{'' if count == 1 else 's'} of the {what}"
    return [f"{count:,} {noun} not in the vocabulary, read as <unk>"] if count else []


def encoded(vocabulary: Vocabulary, text: str, place: str) -> I32:
    """Return the symbols of a text. Raises SeqError that says at which place a symbol is unknown."""
    whole = spaced(text, vocabulary.kind)
    try:
        ids = vocabulary.encode(whole) if vocabulary.unknown is None else vocabulary.encode_prompt(whole)[0]
    except SeqError as error:
        raise SeqError(f"{place}: {error}") from None
    return ids.astype(np.int32)
