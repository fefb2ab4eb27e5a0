"""Vocabularies: from text to token ids and back, by character, byte, word or byte pairs."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from seqcore.config import VOCABULARY_LIMIT, TrainingConfig
from seqcore.data.byte_pairs import BytePairs, Merges, checked_merges, learn
from seqcore.data.corpus import Corpus
from seqcore.data.quoting import listed, quoted
from seqcore.data.token_decoders import Decoder, PieceDecoder, Utf8Decoder
from seqcore.errors import SeqError
from seqcore.records import I32

UNKNOWN = "<unk>"
KINDS = ("char", "byte", "word", "bpe")
_NONE = "none"
_LARGEST = 1_200_000  # most symbols in a stored vocabulary: more than there are characters

# A word with the space before it, a punctuation mark with the space before it, a line end, the end of a paragraph, or
# other white space. Every character belongs to exactly one token, so that joining the tokens restores the text.
_WORDS = re.compile(r"\n\n|\n| ?\w+(?:['’]\w+)*| ?[^\w\s]|\s")


@dataclass(frozen=True)
class Vocabulary:
    r"""The tokens of a model; token i is `symbols[i]`.

    - "char": characters in order of code point. No `<unk>`, unless there were too many characters to keep.
    - "byte": always the 256 bytes. Those above 127 are not characters by themselves; their symbols look like `\xe9`.
    - "word": `<unk>`, then words, punctuation and line ends, most frequent first; a word includes the space before it.
    - "bpe": all characters of the corpus in order of code point, then the pieces that `merges` join from them, pairs of
      ids in the order they were learned. No `<unk>`. See `byte_pairs`.
    - "none": no symbols, for models that read real values.
    """

    kind: str
    symbols: tuple[str, ...]
    merges: Merges = ()

    @property
    def size(self) -> int:
        """The number of tokens."""
        return len(self.symbols)

    @cached_property
    def unknown(self) -> int | None:
        """The id of `<unk>`; None if there is none."""
        return self._ids.get(UNKNOWN) if self.kind in ("char", "word") else None

    @staticmethod
    def build(kind: str, corpus: Corpus, *, limit: int | None = None, share: float = 1.0) -> "Vocabulary":
        """Build the vocabulary of a corpus: at most `limit` characters or words, all others become `<unk>`.

        `limit` None is the default of the kind. Byte pairs have `limit` tokens including all characters, and are
        learned on the first `share` of the text.

        Raises SeqError if there is only one distinct token (nothing to learn), if the corpus is not text, if byte pairs
        have less room than the corpus has characters, or if the package they are learned with is missing.
        """
        if kind not in KINDS:
            raise SeqError(f"unknown kind of tokens {quoted(kind)}: choose one of {', '.join(KINDS)}")
        if limit is None:
            limit = VOCABULARY_LIMIT.get(kind, TrainingConfig.vocabulary_limit)
        if limit < 1:
            raise SeqError(f"a vocabulary of {limit} tokens is too small: keep at least 1, for instance 10000")
        found, symbols = {"byte": _bytes, "word": _words}.get(kind, _characters)(
            corpus, len(corpus.text) if kind == "bpe" else limit
        )
        if found < 2:
            what = {"byte": "byte", "word": "word"}.get(kind, "character")
            raise SeqError(
                f"the corpus {quoted(corpus.name)} has only one distinct {what}: there is nothing to learn from it"
            )
        if kind == "bpe":
            return Vocabulary(kind, *learn(symbols, corpus.text[: round(len(corpus.text) * share)], limit))
        return Vocabulary(kind, symbols)

    @staticmethod
    def none() -> "Vocabulary":
        """Return the vocabulary of a model that reads real values."""
        return Vocabulary(_NONE, ())

    def encode(self, text: str | bytes) -> I32:
        """Return the ids of a text, (tokens,). Bytes are decoded as UTF-8 unless the vocabulary is by byte.

        Raises SeqError that lists what is not in the vocabulary, unless there is `<unk>`.
        """
        ids, strange = self._lookup(text)
        if strange and self.unknown is None:
            raise SeqError(f"not in the vocabulary: {listed(strange)}")
        return ids

    def encode_corpus(self, corpus: Corpus) -> I32:
        """Return the ids of a whole corpus, (tokens,): of its bytes if the vocabulary is by byte, else of its text.

        Raises SeqError that lists what is not in the vocabulary, unless there is `<unk>`.
        """
        return self.encode(self._content(corpus))

    def encode_known(self, corpus: Corpus) -> tuple[I32, str]:
        """Return the ids of a corpus that this vocabulary was not built from, and a warning as in `encode_prompt`."""
        return self._encode_leniently(self._content(corpus))

    def encode_prompt(self, text: str | bytes) -> tuple[I32, str]:
        """Return the ids of what the user typed, and a warning that lists what is unknown ("" if nothing is).

        Unknown tokens become `<unk>`, or are left out if there is none. Raises SeqError if nothing is left.
        """
        ids, warning = self._encode_leniently(text)
        if not len(ids):
            raise SeqError(f"nothing is left of the text: {warning}" if warning else "the text is empty")
        return ids, warning

    def _content(self, corpus: Corpus) -> str | bytes:
        return corpus.data if self.kind == "byte" else corpus.text

    def _encode_leniently(self, text: str | bytes) -> tuple[I32, str]:
        ids, strange = self._lookup(text)
        if not strange:
            return ids, ""
        if self.unknown is None:
            return ids[ids >= 0], f"not in the vocabulary and left out: {listed(strange)}"
        return ids, f"not in the vocabulary and read as {UNKNOWN}: {listed(strange)}"

    def decode(self, ids: Iterable[int] | I32) -> str:
        """Return the text of ids, (tokens,). Raises SeqError for an id outside the vocabulary."""
        array = np.asarray(ids if isinstance(ids, np.ndarray) else list(ids), np.int64)
        if len(array) and not (array.min() >= 0 and array.max() < self.size):
            raise SeqError(f"a token id is not in 0..{self.size - 1}")
        if self.kind == "byte":
            return array.astype(np.uint8).tobytes().decode("utf-8", "replace")
        return "".join([self._pieces[token] for token in array.tolist()])

    def decoder(self, errors: str = "replace") -> Decoder:
        """Return a new incremental decoder: all its `feed`s and one `flush` joined are what `decode` returns.

        `errors` is Python's name of what bytes that are not UTF-8 become, for a vocabulary by byte.
        """
        return Utf8Decoder(errors) if self.kind == "byte" else PieceDecoder(self._pieces)

    def raw(self, token: int) -> bytes:
        """Return the bytes of a token: itself if the vocabulary is by byte, else its text in UTF-8."""
        return bytes((token,)) if self.kind == "byte" else self._pieces[token].encode("utf-8", "replace")

    def symbol(self, token: int) -> str:
        """Return the name of a token, not sanitised. Raises IndexError."""
        return self.symbols[token]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        if self.kind in ("byte", _NONE):
            return {"kind": self.kind}
        merges = {"merges": [list(pair) for pair in self.merges]} if self.kind == "bpe" else {}
        return {"kind": self.kind, "symbols": list(self.symbols)} | merges

    @staticmethod
    def from_json(content: object) -> "Vocabulary":
        """Return the vocabulary that `to_json` described. Raises SeqError if it is not valid."""
        if isinstance(content, dict) and content.get("kind") == _NONE:
            return Vocabulary.none()
        if not isinstance(content, dict) or content.get("kind") not in KINDS:
            raise SeqError(f"the vocabulary is damaged: its kind must be one of {', '.join(KINDS)}")
        kind = content["kind"]
        if kind == "byte":
            return Vocabulary("byte", _BYTES)
        symbols = content.get("symbols")
        if not isinstance(symbols, list) or not 2 <= len(symbols) <= _LARGEST:
            raise SeqError("the vocabulary is damaged: its symbols must be a list of at least two")
        if not all(isinstance(symbol, str) and _is_valid(symbol, kind) for symbol in symbols):
            what = {"char": "character", "word": "word"}.get(kind, "piece of text")
            raise SeqError(f"the vocabulary is damaged: a symbol is not a {what}")
        if len(set(symbols)) < len(symbols):
            raise SeqError("the vocabulary is damaged: it has a symbol twice")
        merges = checked_merges(content.get("merges"), symbols) if kind == "bpe" else ()
        return Vocabulary(kind, tuple(symbols), merges)

    def _lookup(self, text: str | bytes) -> tuple[I32, list[str]]:
        """Return the ids of a text (unknown tokens: `<unk>` or -1), and each unknown token once, in order."""
        if self.kind == _NONE:
            raise SeqError("this model reads numbers, not text")
        if self.kind == "byte":
            data = text.encode("utf-8", "replace") if isinstance(text, str) else text
            return np.frombuffer(data, np.uint8).astype(np.int32), []
        if isinstance(text, bytes):
            try:
                text = text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise SeqError(
                    f"the text is not UTF-8: byte 0x{text[error.start]:02x} at offset {error.start:,}"
                ) from error
        if self.kind == "bpe":
            return self._pairs.encode(text)
        return self._lookup_characters(text) if self.kind == "char" else self._lookup_words(text)

    def _lookup_characters(self, text: str) -> tuple[I32, list[str]]:
        codes = _code_points(text)
        ids = self._table[np.minimum(codes, len(self._table) - 1)]
        missing = ids < 0
        if not missing.any():
            return ids, []
        strange = list(dict.fromkeys(map(chr, codes[missing].tolist())))
        if self.unknown is not None:
            ids[missing] = self.unknown
        return ids, strange

    def _lookup_words(self, text: str) -> tuple[I32, list[str]]:
        words = _WORDS.findall(text)
        absent = -1 if self.unknown is None else self.unknown
        known = self._ids
        ids = np.fromiter((known.get(word, absent) for word in words), np.int32, len(words))
        strange = list(dict.fromkeys(words[place].lstrip(" ") for place in np.flatnonzero(ids == absent).tolist()))
        return ids, strange

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {symbol: token for token, symbol in enumerate(self.symbols)}

    @cached_property
    def _pairs(self) -> BytePairs:
        return BytePairs(self.symbols, self._ids, self.merges)

    @cached_property
    def _table(self) -> I32:
        """The id of every code point up to the largest known one, -1 if unknown, and a last -1 for all beyond."""
        codes = [(ord(symbol), token) for token, symbol in enumerate(self.symbols) if len(symbol) == 1]
        table = np.full(max((code for code, _ in codes), default=0) + 2, -1, np.int32)
        for code, token in codes:
            table[code] = token
        return table

    @cached_property
    def _pieces(self) -> tuple[str, ...]:
        """What each token adds to a text: its symbol; an unknown word gets a space before it."""
        if self.kind != "word":
            return self.symbols
        return tuple(" " + symbol if symbol == UNKNOWN else symbol for symbol in self.symbols)


_BYTES = tuple(chr(byte) if byte < 128 else f"\\x{byte:02x}" for byte in range(256))


def _code_points(text: str) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    """Return the code point of every character, (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _characters(corpus: Corpus, limit: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of distinct characters, and the symbols to keep."""
    counts = np.bincount(_code_points(corpus.text))
    codes = np.flatnonzero(counts)
    if len(codes) <= limit:
        return len(codes), tuple(map(chr, codes.tolist()))
    kept = codes[np.argsort(-counts[codes], kind="stable")[:limit]]
    return len(codes), (UNKNOWN, *map(chr, np.sort(kept).tolist()))


def _bytes(corpus: Corpus, limit: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of distinct bytes, and the symbols of all 256."""
    return len(np.unique(np.frombuffer(corpus.data, np.uint8))), _BYTES


def _words(corpus: Corpus, limit: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of distinct words, and the symbols to keep; equally frequent ones in alphabetical order."""
    counts = Counter(_WORDS.findall(corpus.text))
    kept = sorted(counts, key=lambda word: (-counts[word], word))[:limit]
    return len(counts), (UNKNOWN, *kept)


def _is_valid(symbol: str, kind: str) -> bool:
    """Return whether a stored symbol is one of that kind."""
    if symbol == UNKNOWN and kind != "bpe":
        return True
    if any("\ud800" <= character <= "\udfff" for character in symbol):
        return False
    if kind == "bpe":
        return len(symbol) > 0
    return len(symbol) == 1 if kind == "char" else _WORDS.fullmatch(symbol) is not None
