"""Reference losses: vectorised counts compared with the same formulas on dictionaries."""

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

HIGHEST = 6


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
    """Slow Kneser-Ney, written directly from the formulas in the docstring."""

    def __init__(self, train: list[int], V: int) -> None:
        self.V = V
        self.grams = {n: Counter(zip(*(train[k:] for k in range(n)), strict=False)) for n in range(1, HIGHEST + 1)}
        # continuation counts: after how many distinct tokens an n-gram occurs
        self.endings = {n: Counter(key[1:] for key in self.grams[n + 1]) for n in range(1, HIGHEST)}

    def p(self, past: list[int], w: int, order: int) -> float:
        if order == 1:
            return (self.grams[1][(w,)] + 1) / (self.grams[1].total() + self.V)
        return discounted(self.grams[order], lambda w: self.lower(past, w, order - 1), tuple(past[1 - order :]), w)

    def lower(self, past: list[int], w: int, order: int) -> float:
        if order == 1:
            return (self.endings[1][(w,)] + 1) / (self.endings[1].total() + self.V)
        return discounted(self.endings[order], lambda w: self.lower(past, w, order - 1), tuple(past[1 - order :]), w)


def tokens(size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, 4), min_size=size, max_size=30)


@settings(max_examples=60, deadline=None)
@given(train=tokens(2), validation=tokens(1))
def test_losses_and_counts_are_those_of_the_formulas(train: list[int], validation: list[int]) -> None:
    V, twin, text = 5, Twin(train, 5), train + validation
    got = list(ngrams.ngrams(np.array(train, np.int32), np.array(validation, np.int32), V, HIGHEST))
    assert [model.order for model in got] == list(range(HIGHEST + 1))
    assert (got[0].loss, got[0].parameters) == (pytest.approx(math.log(V)), 0)
    for n, model in enumerate(got[1:], 1):
        losses = [-math.log(twin.p(text[:t], text[t], n)) for t in range(len(train), len(text))]
        assert model.loss == pytest.approx(np.mean(losses)), model.name
        assert model.parameters == V + sum(len(twin.grams[k]) for k in range(2, n + 1)), model.name


@settings(max_examples=30, deadline=None)
@given(train=tokens(2), past=st.lists(st.integers(0, 4), min_size=HIGHEST, max_size=HIGHEST))
def test_probabilities_sum_to_one(train: list[int], past: list[int]) -> None:
    totals: dict[str, float] = defaultdict(float)
    for w in range(5):
        # validation on one token: its loss gives its probability in the context at the end of the training part
        for model in ngrams.ngrams(np.array([*train, *past], np.int32), np.array([w], np.int32), 5, HIGHEST):
            totals[model.name] += math.exp(-model.loss)
    names = ("uniform", "unigram", "bigram", "trigram", "4-gram", "5-gram", "6-gram")
    assert dict(totals) == pytest.approx(dict.fromkeys(names, 1))


def test_references_are_the_first_orders() -> None:
    text = np.random.default_rng(0).integers(0, 5, 900).astype(np.int32)
    got = references(text[:600], text[600:], 5)
    losses = [model.loss for model in ngrams.ngrams(text[:600], text[600:], 5, 5)]
    assert [got.uniform, got.unigram, got.bigram, got.trigram] == losses[:4]  # higher orders change nothing


def test_a_text_of_repeats_needs_as_much_context_as_its_period_hides() -> None:
    text = np.tile(np.array([0, 0, 0, 1, 0, 0, 0, 2], np.int32), 500)  # 1 or 2 depends on the token 4 back
    losses = [model.loss for model in ngrams.ngrams(text[:3000], text[3000:], 3, 6)]
    assert losses[4] > 0.15
    assert losses[5] < 0.01


@pytest.mark.parametrize("kind", ["char", "byte", "word"])
def test_on_real_text_more_context_is_better(kind: str) -> None:
    corpus = read_corpus("tales")
    vocabulary = Vocabulary.build(kind, corpus)
    train, validation = split_tokens(vocabulary.encode(corpus.text), 0.1)
    losses = [model.loss for model in ngrams.ngrams(train, validation, vocabulary.size, 5)]
    assert losses == sorted(losses, reverse=True)


def test_of_a_long_text_only_the_adjacent_stretches_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_references_that_cannot_be_measured_are_nan() -> None:
    none, one, two = (np.arange(size, dtype=np.int32) for size in range(3))
    assert math.isnan(references(two, none, 3).unigram)
    assert math.isnan(references(none, two, 3).unigram)
    got = references(one, two, 3)
    assert not math.isnan(got.unigram)
    assert math.isnan(got.bigram)
    assert not math.isnan(references(two, one, 3).trigram)
