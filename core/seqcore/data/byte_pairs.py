"""Byte-pair encoding of characters: learning merges with the package tokenizers, and applying them without it.

A text is cut into pieces: words with the space before them, punctuation, white space. Every piece begins as single
characters, and the merges join neighbouring tokens inside it, the earliest learned merge first (Sennrich et al. 2016).
Joining the tokens restores the text.

The encoder here gives the same tokens as the package, so that a trained model is read without it.
"""

import importlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain, pairwise
from typing import Any

import numpy as np

from seqcore.errors import SeqError
from seqcore.records import I32

MOST_LEARNED = 1 << 25  # characters at the start of a text that merges are learned on
LONGEST_PIECE = 64  # characters of a run of letters, punctuation or white space: the encoder is quadratic in it
_LEAST_COUNT = 2  # of a pair that is merged

# A word with the space before it and an apostrophe's ending; punctuation; newlines; other white space, of which the
# last space goes to the word that follows. Every character belongs to exactly one piece.
_PIECES = re.compile(
    rf" ?\w{{1,{LONGEST_PIECE}}}(?:['’]\w{{1,8}})?| ?[^\w\s]{{1,{LONGEST_PIECE}}}"
    rf"|\n{{1,{LONGEST_PIECE}}}|[^\S\n]{{1,{LONGEST_PIECE}}}(?!\S)|\s"
)

Merges = tuple[tuple[int, int], ...]


def pieces(text: str) -> list[str]:
    """Return the pieces of a text, within which tokens are merged; joined, they are the text."""
    return _PIECES.findall(text)


def learn(characters: Sequence[str], text: str, limit: int) -> tuple[tuple[str, ...], Merges]:
    """Learn the most frequent pairs of a text.

    Args:
        characters: every character that the vocabulary must have, in order of code point.
        text: what to learn from; at most `MOST_LEARNED` characters of it.
        limit: number of symbols, the characters included.

    Returns: the symbols, the characters first, and the merges as pairs of their ids, in order.

    Raises SeqError if the package tokenizers is not installed, or if there are more characters than `limit`.
    """
    if len(characters) > limit:
        raise SeqError(
            f"--vocabulary-limit {limit} is too small: byte pairs begin with the {len(characters):,} distinct "
            f"characters of the corpus; choose a larger one, or --tokens-by byte"
        )
    package = _package()
    model = package.Tokenizer(package.models.BPE())
    trainer = package.trainers.BpeTrainer(
        vocab_size=limit, min_frequency=_LEAST_COUNT, initial_alphabet=list(characters), show_progress=False
    )
    model.train_from_iterator(pieces(text[:MOST_LEARNED]), trainer)
    learned = json.loads(model.to_str())["model"]
    ids: dict[str, int] = learned["vocab"]
    symbols = tuple(sorted(ids, key=ids.__getitem__))
    return symbols, tuple((ids[left], ids[right]) for left, right in learned["merges"])


def _package() -> Any:
    """Import the package tokenizers. Raises SeqError if the extra is not installed."""
    try:
        return importlib.import_module("tokenizers")
    except ImportError:
        raise SeqError('--tokens-by bpe needs the package tokenizers: pip install "seqtui[bpe]"') from None


class BytePairs:
    """Applies merges, pairs of ids in the order they were learned, to a text; `ids` are those of all symbols."""

    def __init__(self, symbols: Sequence[str], ids: dict[str, int], merges: Merges) -> None:
        self._symbols, self._ids, self._merges = symbols, ids, merges
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> tuple[I32, list[str]]:
        """Return the tokens of a text (-1: an unknown character), and each unknown character once, in order."""
        cut = pieces(text)
        known = self._known
        for piece in set(cut) - known.keys():
            known[piece] = self._merged(piece)
        ids = np.fromiter(chain.from_iterable(map(known.__getitem__, cut)), np.int32)
        return ids, self._unknown(text) if (ids < 0).any() else []

    def _unknown(self, text: str) -> list[str]:
        return [character for character in dict.fromkeys(text) if character not in self._ids]

    def _merged(self, piece: str) -> list[int]:
        """Return the tokens of a piece: the earliest of its merges is applied, at its leftmost place, and so on."""
        tokens = [self._ids.get(character, -1) for character in piece]
        ranks, last = self._ranks, len(self._merges)
        while len(tokens) > 1:
            found = [ranks.get(pair, last) for pair in pairwise(tokens)]
            first = min(found)
            if first == last:
                break
            place = found.index(first)
            tokens[place : place + 2] = [self._made[first]]
        return tokens

    @cached_property
    def _ranks(self) -> dict[tuple[int, int], int]:
        return {pair: rank for rank, pair in enumerate(self._merges)}

    @cached_property
    def _made(self) -> list[int]:
        """The token that each merge makes."""
        return [self._ids[self._symbols[left] + self._symbols[right]] for left, right in self._merges]


def checked_merges(content: object, symbols: Sequence[str]) -> Merges:
    """Return the merges of an untrusted JSON object: pairs of ids, each of which makes a symbol. Raises SeqError."""
    if not isinstance(content, list) or not all(map(_is_pair, content)):
        raise SeqError("the vocabulary is damaged: its merges must be a list of pairs of token ids")
    merges = tuple((left, right) for left, right in content)
    if any(not 0 <= token < len(symbols) for token in chain.from_iterable(merges)):
        raise SeqError("the vocabulary is damaged: a merge has a token that is not in it")
    if len(set(merges)) < len(merges):
        raise SeqError("the vocabulary is damaged: it has a merge twice")
    made = set(symbols)
    if any(symbols[left] + symbols[right] not in made for left, right in merges):
        raise SeqError("the vocabulary is damaged: a merge makes a token that is not in it")
    return merges


def _is_pair(content: object) -> bool:
    """Return whether an untrusted value is a pair of whole numbers."""
    numbers: Iterable[object] = content if isinstance(content, list) else ()
    whole = [isinstance(number, int) and not isinstance(number, bool) for number in numbers]
    return len(whole) == 2 and all(whole)
