"""Reference losses: the vectorised counts against the same formulas in dictionaries."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.data import ngrams
from seqcore.data.corpus import read_corpus, split_tokens
from seqcore.data.ngrams import references
from seqcore.data.vocabulary import Vocabulary


def discounted(counts: Counter[Any], lower: Callable[[int], float], h: tuple[int, ...], w: int) -> float:
    """(max(c(hw) - D, 0) + D N(h) lower(w)) / c(h); lower(w) where h was never seen."""
    once = sum(1 for count in counts.values() if count == 1)
    twice = sum(1 for count in counts.values() if count == 2)
    D = once / (once + 2 * twice) if once else 0.5
    followed = {key: count for key, count in counts.items() if key[:-1] == h}
    if not followed:
        return lower(w)
    return (max(counts[(*h, w)] - D, 0) + D * len(followed) * lower(w)) / sum(followed.values())


class Twin:
    """Kneser-Ney in the words of the docstring, slowly."""

    def __init__(self, train: list[int], V: int) -> None:
        self.V = V
        self.ones = Counter((w,) for w in train)
        self.twos = Counter(itertools.pairwise(train))
        self.threes = Counter(zip(train, train[1:], train[2:], strict=False))
        # distinct n-grams in place of n-grams: after how many tokens was it seen
        self.ending = Counter(key[1:] for key in self.twos)
        self.two_ending = Counter(key[1:] for key in self.threes)

    def unigram(self, w: int) -> float:
        return (self.ones[(w,)] + 1) / (self.ones.total() + self.V)

    def lowest(self, w: int) -> float:
        return (self.ending[(w,)] + 1) / (self.ending.total() + self.V)

    def bigram(self, v: int, w: int) -> float:
        return discounted(self.twos, self.lowest, (v,), w)

    def trigram(self, u: int, v: int, w: int) -> float:
        return discounted(self.threes, lambda w: discounted(self.two_ending, self.lowest, (v,), w), (u, v), w)


def tokens(size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 4), min_size=size, max_size=30)


@settings(max_examples=60, deadline=None)
@given(train=tokens(2), validation=tokens(1))
def test_losses_are_those_of_the_formulas(train: list[int], validation: list[int]) -> None:
    got = references(np.array(train, np.int32), np.array(validation, np.int32), 5)
    twin, text = Twin(train, 5), train[-2:] + validation
    places = range(2, len(text))
    assert got.uniform == pytest.approx(math.log(5))
    assert got.unigram == pytest.approx(-np.mean([math.log(twin.unigram(text[t])) for t in places]))
    assert got.bigram == pytest.approx(-np.mean([math.log(twin.bigram(text[t - 1], text[t])) for t in places]))
    assert got.trigram == pytest.approx(
        -np.mean([math.log(twin.trigram(text[t - 2], text[t - 1], text[t])) for t in places])
    )


@settings(max_examples=30, deadline=None)
@given(train=tokens(2), u=st.integers(0, 4), v=st.integers(0, 4))
def test_probabilities_sum_to_one(train: list[int], u: int, v: int) -> None:
    totals: dict[str, float] = defaultdict(float)
    for w in range(5):
        # one token validates: its loss is its probability, in the context that the training part ends with
        got = references(np.array([*train, u, v], np.int32), np.array([w], np.int32), 5)
        for name in ("unigram", "bigram", "trigram"):
            totals[name] += math.exp(-getattr(got, name))
    assert dict(totals) == pytest.approx({"unigram": 1, "bigram": 1, "trigram": 1})


@pytest.mark.parametrize("kind", ["char", "byte", "word"])
def test_on_real_text_more_context_is_better(kind: str) -> None:
    corpus = read_corpus("tales")
    vocabulary = Vocabulary.build(kind, corpus)
    train, validation = split_tokens(vocabulary.encode(corpus.text), 0.1)
    got = references(train, validation, vocabulary.size)
    assert got.trigram < got.bigram < got.unigram < got.uniform


def test_of_a_long_text_only_the_stretches_that_meet_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    text = np.random.default_rng(0).integers(0, 5, 900).astype(np.int32)
    train, validation = text[:600], text[600:]
    part = references(train[-100:], validation[:50], 5)
    assert references(train, validation, 5) != part
    monkeypatch.setattr(ngrams, "MOST", 100)
    monkeypatch.setattr(ngrams, "MEASURED", 50)
    assert references(train, validation, 5) == part


def test_large_vocabularies_do_not_overflow() -> None:
    V = 1_200_000
    text = np.array([V - 1, V - 2, V - 1, V - 2, V - 1, 0, V - 2], np.int32)
    got = references(text, text, V)
    assert 0 < got.trigram < got.uniform


def test_what_cannot_be_measured_is_nan() -> None:
    none, one, two = (np.arange(size, dtype=np.int32) for size in range(3))
    assert math.isnan(references(two, none, 3).unigram)
    assert math.isnan(references(none, two, 3).unigram)
    got = references(one, two, 3)
    assert not math.isnan(got.unigram)
    assert math.isnan(got.bigram)
    assert not math.isnan(references(two, one, 3).trigram)
