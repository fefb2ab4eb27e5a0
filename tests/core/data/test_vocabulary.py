"""Vocabularies: what goes in comes out, and what is unknown is named."""

import json
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import KINDS, UNKNOWN, Vocabulary
from seqcore.errors import SeqError

LEARNED = pytest.param("bpe", marks=pytest.mark.skipif(find_spec("tokenizers") is None, reason="needs the extra bpe"))


def corpus(text: str) -> Corpus:
    return Corpus("test", "-", text.encode())


def streamed(vocabulary: Vocabulary, ids: list[int]) -> str:
    decoder = vocabulary.decoder()
    return "".join(decoder.feed(token) for token in ids) + decoder.flush()


def test_characters_are_in_order_of_code_point_without_unknown() -> None:
    vocabulary = Vocabulary.build("char", corpus("banané"))
    assert vocabulary.symbols == ("a", "b", "n", "é")
    assert vocabulary.unknown is None
    assert vocabulary.encode("bané").tolist() == [1, 0, 2, 3]
    assert vocabulary.encode("bané").dtype == np.int32
    assert vocabulary.encode("bané".encode()).tolist() == [1, 0, 2, 3]


def test_too_many_characters_keep_the_most_frequent() -> None:
    vocabulary = Vocabulary.build("char", corpus("aaabbbccd"), limit=2)
    assert vocabulary.symbols == (UNKNOWN, "a", "b")
    assert vocabulary.decode(vocabulary.encode("abcd")) == f"ab{UNKNOWN}{UNKNOWN}"


def test_bytes_are_always_256() -> None:
    vocabulary = Vocabulary.build("byte", corpus("né"))
    assert vocabulary.size == 256
    assert vocabulary.encode("né").tolist() == [0x6E, 0xC3, 0xA9]
    assert vocabulary.encode(b"\xff\x00").tolist() == [255, 0]
    assert (vocabulary.symbol(0x6E), vocabulary.symbol(0xC3)) == ("n", "\\xc3")
    assert len(set(vocabulary.symbols)) == 256


def test_words_carry_the_space_before_them_and_the_most_frequent_are_kept() -> None:
    text = 'The fox ran. The fox said, "I don\'t!"\n\nThe end\n'
    vocabulary = Vocabulary.build("word", corpus(text))
    pieces = [vocabulary.symbol(token) for token in vocabulary.encode(text).tolist()]
    assert pieces[:9] == ["The", " fox", " ran", ".", " The", " fox", " said", ",", ' "']
    assert "I" in pieces
    assert " don't" in pieces
    assert "\n\n" in pieces
    assert vocabulary.symbols[0] == UNKNOWN
    few = Vocabulary.build("word", corpus("a b a b c"), limit=2)
    assert few.symbols == (UNKNOWN, " a", " b") or few.size == 3


def test_an_unknown_word_is_shown_as_such() -> None:
    vocabulary = Vocabulary.build("word", corpus("the fox ran and the fox ran"))
    ids = vocabulary.encode("the badger ran")
    assert vocabulary.decode(ids) == "the <unk> ran"
    assert vocabulary.symbol(int(ids[1])) == UNKNOWN


@pytest.mark.parametrize("kind", [*(kind for kind in KINDS if kind != "bpe"), LEARNED])
@given(text=st.text(min_size=1, max_size=60).filter(lambda text: len(set(text)) > 1))
def test_a_text_of_known_tokens_comes_back_whole(kind: str, text: str) -> None:
    text = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\0", " ")
    try:
        vocabulary = Vocabulary.build(kind, corpus(text))
    except SeqError as refused:
        line = str(refused)
        assert "nothing to learn" in line
        return
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text.removeprefix("\ufeff") or text.startswith("\ufeff")
    assert streamed(vocabulary, ids.tolist()) == vocabulary.decode(ids)
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again == vocabulary
    assert again.encode(text).tolist() == ids.tolist()


@given(data=st.binary(max_size=40))
def test_any_bytes_stream_as_they_decode(data: bytes) -> None:
    vocabulary = Vocabulary.from_json({"kind": "byte"})
    assert streamed(vocabulary, list(data)) == data.decode("utf-8", "replace") == vocabulary.decode(list(data))


@pytest.mark.parametrize(("kind", "text"), [("char", "aaaa"), ("byte", "aaaa"), ("word", "\n\n\n\n"), ("word", "aaaa")])
def test_one_distinct_token_is_nothing_to_learn_from(kind: str, text: str) -> None:
    with pytest.raises(SeqError, match="one distinct"):
        Vocabulary.build(kind, corpus(text))


def test_a_kind_or_limit_that_cannot_be_is_refused() -> None:
    with pytest.raises(SeqError, match="char, byte, word"):
        Vocabulary.build("chars", corpus("ab"))
    with pytest.raises(SeqError, match="at least 1"):
        Vocabulary.build("word", corpus("a b"), limit=0)


@pytest.mark.parametrize(("kind", "text"), [("byte", b"\xef\xbb\xbfn\xc3\xa9\r\n"), ("char", "né\n"), ("word", "né\n")])
def test_a_corpus_is_read_by_its_bytes_or_by_its_text(kind: str, text: str | bytes) -> None:
    found = Corpus("test", "-", b"\xef\xbb\xbfn\xc3\xa9\r\n")
    vocabulary = Vocabulary.build(kind, found)
    assert vocabulary.encode_corpus(found).tolist() == vocabulary.encode(text).tolist()


def test_what_a_text_has_that_the_vocabulary_has_not_is_named_visibly() -> None:
    vocabulary = Vocabulary.build("char", corpus("abc"))
    with pytest.raises(SeqError) as caught:
        vocabulary.encode("a\x1bb\u202eß")
    assert str(caught.value) == r"not in the vocabulary: '\x1b', '\u202e', 'ß'"
    with pytest.raises(SeqError, match="and 2 more"):
        vocabulary.encode("1234567")
    with pytest.raises(SeqError, match="not UTF-8"):
        vocabulary.encode(b"\xff")


def test_a_prompt_goes_on_without_what_is_unknown() -> None:
    vocabulary = Vocabulary.build("char", corpus("abc"))
    ids, warning = vocabulary.encode_prompt("axbx")
    assert ids.tolist() == [0, 1]
    assert "'x'" in warning
    assert "left out" in warning
    assert vocabulary.encode_prompt("ab")[1] == ""
    for prompt in ("", "xyz"):
        with pytest.raises(SeqError):
            vocabulary.encode_prompt(prompt)


def test_a_prompt_with_unknown_words_goes_on_with_unk() -> None:
    vocabulary = Vocabulary.build("word", corpus("the fox ran"))
    ids, warning = vocabulary.encode_prompt("the badger ran")
    assert vocabulary.decode(ids) == "the <unk> ran"
    assert "'badger'" in warning
    assert UNKNOWN in warning


def test_an_id_that_is_none_is_refused() -> None:
    vocabulary = Vocabulary.build("char", corpus("abc"))
    for ids in ([3], [-1]):
        with pytest.raises(SeqError, match=r"0\.\.2"):
            vocabulary.decode(ids)


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"kind": "letter", "symbols": ["a", "b"]},
        {"kind": ["char"], "symbols": ["a", "b"]},
        {"kind": "char"},
        {"kind": "char", "symbols": "ab"},
        {"kind": "char", "symbols": ["a"]},
        {"kind": "char", "symbols": ["a", "a"]},
        {"kind": "char", "symbols": ["a", "bc"]},
        {"kind": "char", "symbols": ["a", ""]},
        {"kind": "char", "symbols": ["a", 3]},
        {"kind": "char", "symbols": ["a", "\ud800"]},
        {"kind": "word", "symbols": ["a", "b c"]},
        {"kind": "word", "symbols": ["a", ""]},
        {"kind": "bpe", "symbols": ["a", "b"]},
        {"kind": "bpe", "symbols": ["a", ""], "merges": []},
        {"kind": "bpe", "symbols": ["a", "\udc80"], "merges": []},
        {"kind": "bpe", "symbols": ["a", "b"], "merges": {"a": "b"}},
        {"kind": "bpe", "symbols": ["a", "b"], "merges": ["ab"]},
        {"kind": "bpe", "symbols": ["a", "b", "ab"], "merges": [[0, 1, 2]]},
        {"kind": "bpe", "symbols": ["a", "b", "ab"], "merges": [[0, True]]},
        {"kind": "bpe", "symbols": ["a", "b", "ab"], "merges": [[0, 0.5]]},
        {"kind": "bpe", "symbols": ["a", "b", "ab"], "merges": [[0, 3]]},
        {"kind": "bpe", "symbols": ["a", "b", "ab"], "merges": [[-1, 1]]},
        {"kind": "bpe", "symbols": ["a", "b", "ab"], "merges": [[1, 0]]},
        {"kind": "bpe", "symbols": ["a", "b", "ab"], "merges": [[0, 1], [0, 1]]},
    ],
)
def test_a_damaged_vocabulary_is_one_line(content: object) -> None:
    with pytest.raises(SeqError, match="damaged") as caught:
        Vocabulary.from_json(content)
    assert str(caught.value).isprintable()
