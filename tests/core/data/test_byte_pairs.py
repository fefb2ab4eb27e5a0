"""Byte pairs: merges are learned with the package tokenizers, applied without it, and the text comes back."""

import json
import sys
import time
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.data.byte_pairs import LONGEST_PIECE, pieces
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError

learned = pytest.mark.skipif(find_spec("tokenizers") is None, reason="needs the extra bpe")

TEXT = "the cat sat on the mat, and the other cat sat on that.\n\nthe end\n"
SYMBOLS = ["\n", " ", ",", ".", *"acdehmnorst", " t", "at", " th", "he", "the", " the"]
# in the order of learning: " t", "at", " th", "he", "the" from t + he, " the" from " th" + e
MERGES = [[1, 14], [4, 14], [15, 8], [8, 7], [14, 18], [17, 7]]


def corpus(text: str) -> Corpus:
    return Corpus("test", "-", text.encode())


def by_hand() -> Vocabulary:
    return Vocabulary.from_json({"kind": "bpe", "symbols": SYMBOLS, "merges": MERGES})


def symbols(vocabulary: Vocabulary, text: str) -> list[str]:
    return [vocabulary.symbol(token) for token in vocabulary.encode(text).tolist()]


@given(st.text())
def test_every_character_is_in_one_piece(text: str) -> None:
    cut = pieces(text)
    assert "".join(cut) == text
    assert max(map(len, cut), default=0) <= LONGEST_PIECE + 10


def test_pieces_are_words_with_the_space_before_them() -> None:
    assert pieces("He said, don't!\n\n\tif x:\n    y") == [
        "He", " said", ",", " don't", "!", "\n\n", "\t", "if", " x", ":", "\n", "   ", " y",
    ]  # fmt: skip


def test_the_earliest_merge_comes_first_and_none_crosses_a_piece() -> None:
    vocabulary = by_hand()
    assert symbols(vocabulary, "the cat, that hen") == [
        "the", " ", "c", "at", ",", " th", "at", " ", "he", "n",
    ]  # fmt: skip
    assert symbols(vocabulary, " the the") == [" the", " the"]


def test_a_text_comes_back_and_so_does_a_stored_vocabulary() -> None:
    vocabulary = by_hand()
    ids = vocabulary.encode(TEXT)
    assert ids.dtype == np.int32
    assert vocabulary.decode(ids) == TEXT
    decoder = vocabulary.decoder()
    assert "".join(map(decoder.feed, ids.tolist())) + decoder.flush() == TEXT
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again == vocabulary
    assert again.encode(TEXT.encode()).tolist() == ids.tolist()


def test_unknown_characters_are_listed_and_separate_their_neighbours() -> None:
    vocabulary = by_hand()
    assert vocabulary.unknown is None
    with pytest.raises(SeqError, match="not in the vocabulary: 'Z', 'ß'"):
        vocabulary.encode("the Zß cat")
    ids, warning = vocabulary.encode_prompt("thße")
    assert vocabulary.decode(ids) == "the"
    assert [vocabulary.symbol(token) for token in ids.tolist()] == ["t", "h", "e"]
    assert "left out: 'ß'" in warning


def test_one_piece_of_a_million_letters_is_cut() -> None:
    start = time.perf_counter()
    assert len(by_hand().encode("at" * 200_000)) == 200_000
    assert time.perf_counter() - start < 20


def test_without_the_package_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(SeqError, match=r'pip install "seqtui\[bpe\]"'):
        Vocabulary.build("bpe", corpus(TEXT))


def test_a_limit_below_the_number_of_characters_is_refused() -> None:
    with pytest.raises(SeqError, match="15 distinct characters"):
        Vocabulary.build("bpe", corpus(TEXT), limit=14)


@learned
def test_characters_come_first_then_what_was_learned_on_the_first_part_only() -> None:
    text = "ab " * 50 + "zy " * 50
    vocabulary = Vocabulary.build("bpe", corpus(text), share=0.5)
    assert vocabulary.symbols[:5] == (" ", "a", "b", "y", "z")
    assert "ab" in vocabulary.symbols
    assert " zy" not in vocabulary.symbols
    assert " zy" in Vocabulary.build("bpe", corpus(text)).symbols


@learned
def test_the_own_encoder_is_the_twin_of_the_package() -> None:
    import tokenizers

    text = read_corpus("tales").text[:200_000]
    vocabulary = Vocabulary.build("bpe", corpus(text), limit=700)
    assert vocabulary.size == 700
    assert vocabulary.decode(vocabulary.encode(text)) == text
    named = {symbol: token for token, symbol in enumerate(vocabulary.symbols)}
    pairs = [(vocabulary.symbol(left), vocabulary.symbol(right)) for left, right in vocabulary.merges]
    package = tokenizers.Tokenizer(tokenizers.models.BPE(named, pairs))
    theirs = [token for piece in package.encode_batch(pieces(text)) for token in piece.ids]
    assert vocabulary.encode(text).tolist() == theirs


@learned
def test_a_megabyte_is_encoded_in_seconds() -> None:
    found = read_corpus("tales")
    vocabulary = Vocabulary.build("bpe", found)
    start = time.perf_counter()
    ids = vocabulary.encode_corpus(found)
    assert time.perf_counter() - start < 5
    assert len(ids) < len(found.text) / 2
