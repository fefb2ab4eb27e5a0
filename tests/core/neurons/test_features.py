"""Every feature is what a person would say of the text, for every kind of token."""

import numpy as np
import pytest
from seqcore.data.vocabulary import Vocabulary
from seqcore.neurons.features import FEATURES, features
from seqcore.neurons.passage import Passage
from seqcore.neurons.text import inside_quotes, lines

from tests.core.neurons.passages import passage_of, written

TEXT = 'Tom (7) said: "Go [on]!"\n"Why?\n\nNo 1 knew. “Ah…” he\n'


def marked(passage: Passage, name: str) -> list[float]:
    """The values of the only feature of that name."""
    (found,) = FEATURES[name].of(passage)
    return found.values.astype(float).tolist()


def test_a_state_is_that_after_the_character() -> None:
    passage = passage_of(TEXT)
    said = "".join("1" if so else "0" for so in marked(passage, "quotes"))
    for part, state in (('"Go [on]!', "1"), ('"Why?\n', "1"), ("No 1 knew", "0"), ("“Ah…", "1"), ("” he", "0")):
        at = TEXT.index(part)
        assert said[at : at + len(part)] == state * len(part), part
    assert said[TEXT.index("\n\nNo") + 1] == "0"  # an empty line closes it
    deep = marked(passage, "depth")
    assert [deep[TEXT.index(one)] for one in "T(7)[n]N"] == [0, 1, 1, 0, 1, 1, 0, 0]
    assert [bool(value) for value in deep] == [bool(value) for value in marked(passage, "brackets")]


def test_places_are_counted_from_the_beginning_of_the_line_and_of_the_word() -> None:
    passage = passage_of(TEXT)
    line, word = marked(passage, "line"), marked(passage, "word")
    start = TEXT.index("No 1")
    assert line[start : start + 4] == [1, 2, 3, 4]
    assert line[start - 1] == 0
    assert word[:5] == [1, 2, 3, 0, 0]
    assert [TEXT[t] for t in np.flatnonzero(marked(passage, "word-start"))] == list("TsGoWNkAh")
    assert [TEXT[t] for t in np.flatnonzero(marked(passage, "line-end"))] == ["\n"] * 4
    assert lines(passage).tolist() == [0, *(t + 1 for t, one in enumerate(TEXT[:-1]) if one == "\n")]


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("vowel", "oaiooiooOyeAe"),
        ("capital", "TGWNA"),
        ("digit", "71"),
        ("punctuation", '():"[]!"”“…?..'),
        ("space", " "),
    ],
)
def test_classes_of_characters(name: str, letters: str) -> None:
    found = [TEXT[t] for t in np.flatnonzero(marked(passage_of(TEXT), name))]
    assert found
    assert set(found) <= set(letters) | set('"')


def test_angles_are_brackets_where_as_many_close() -> None:
    assert max(marked(passage_of("<a<b>c>"), "depth")) == 2
    assert max(marked(passage_of("a < b < c < d > e"), "depth")) == 0


@pytest.mark.parametrize("kind", ["char", "byte", "word"])
def test_tokens_of_every_kind_see_the_same_text(kind: str) -> None:
    passage, characters = passage_of(TEXT, kind), passage_of(TEXT)
    letters = passage.letters
    assert letters.text == TEXT
    assert letters.after[-1] == len(TEXT)
    expected = np.concatenate([[False], inside_quotes(characters)])[letters.after]
    assert inside_quotes(passage).tolist() == expected.tolist()


def test_bytes_that_are_no_text_are_read_too() -> None:
    tokens = np.frombuffer(b'\xff"\xc3\xa4\xe2" b', np.uint8).astype(np.int32)
    none = np.zeros(1, np.int64)
    byte = Vocabulary("byte", passage_of(TEXT, "byte").vocabulary.symbols)
    passage = Passage(tokens, tokens, none, none, byte)
    assert inside_quotes(passage).tolist() == [False, True, True, True, True, False, False, False]


def test_a_new_text_begins_outside_quotation_marks_and_at_the_start_of_a_line() -> None:
    text, vocabulary = 'a "b' + "c d", passage_of('a "bc d').vocabulary
    begins = np.array([0, 4])
    tokens = vocabulary.encode(text)
    passage = Passage(tokens, np.full(7, -1, np.int32), begins, begins, vocabulary)
    assert inside_quotes(passage).tolist() == [False, False, True, True, False, False, False]
    assert marked(passage, "line") == [1, 2, 3, 4, 1, 2, 3]
    assert marked(passage, "position") == [0, 1, 2, 3, 0, 1, 2]
    assert [text[t] for t in np.flatnonzero(marked(passage, "word-start"))] == list("abcd")


def test_what_makes_no_sense_is_said() -> None:
    found, missing = features(passage_of(written(4000), "word"))
    names = {one.name for one in found}
    assert {"quotes", "depth", "line", "word-start", "capital", "frequency"} <= names
    assert missing["vowel"] == "a token has several characters"
    assert missing["label"] == "there are no labels"
    assert missing["position"] == "it is one long text"
    assert missing["value"] == "the model reads symbols"
    assert names | set(missing) == set(FEATURES)
    assert "too rare" in features(passage_of("abc\n" * 200))[1]["quotes"]


def test_labels_and_values_of_examples() -> None:
    T = 400
    begins = np.arange(0, T, 4)
    inputs = np.random.default_rng(1).normal(size=(T, 2)).astype(np.float32)
    targets = np.full(T, -1, np.int32)
    targets[3::4] = begins // 4 % 3
    passage = Passage(inputs, targets, begins, begins, Vocabulary.none(), ("x", "y", "z"), ("height", "weight"))
    found, missing = features(passage)
    assert [one.follows for one in found] == [
        "position in the sequence", "label x", "label y", "label z", "value of height", "value of weight",
        "change of height", "change of weight",
    ]  # fmt: skip
    assert missing["quotes"] == "the model reads numbers"
    assert found[2].values.tolist() == np.repeat(np.arange(100) % 3 == 1, 4).tolist()
    assert found[5].values == pytest.approx(inputs[:, 1])
    assert found[6].values[begins].tolist() == [0] * 100
    assert found[6].values[1] == pytest.approx(inputs[1, 0] - inputs[0, 0])
