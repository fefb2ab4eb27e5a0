"""The reviews are balanced, grammatical and free of contradictions, and counting words says little about them."""

import re
from collections import Counter

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.data.labelled import LabelledTexts, labelled_texts
from seqcore.data.tables import read_table
from seqcore.tasks.classify import Classify


@pytest.fixture(scope="module")
def reviews() -> LabelledTexts:
    return labelled_texts(read_table(read_corpus("reviews")))


def test_no_text_occurs_twice(reviews: LabelledTexts) -> None:
    assert len(set(reviews.texts)) == len(reviews.texts) == 12_000


def test_labels_are_balanced_in_all_and_by_negation(reviews: LabelledTexts) -> None:
    counts = Counter(zip(reviews.labels, reviews.extra["negated"], strict=True))
    assert counts["positive", "yes"] == counts["negative", "yes"] > 2500
    assert counts["positive", "no"] == counts["negative", "no"] > 2500


def test_lengths_run_from_three_to_sixty_and_say_nothing(reviews: LabelledTexts) -> None:
    lengths = np.array([len(text.split()) for text in reviews.texts])
    positive = np.array(reviews.labels) == "positive"
    assert 3 <= lengths.min() <= 6
    assert 55 <= lengths.max() <= 60
    for low in range(5, 50, 5):
        inside = (lengths >= low) & (lengths < low + 10)
        assert inside.sum() > 500
        assert positive[inside].mean() == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("wrong", [r"\ba [aeiou]", r"\ban (?!hour)[^aeiou]", r"  ", r"[{}]", r"\b(\w+) \1\b", r"[A-Z]"])
def test_no_slip_of_grammar(reviews: LabelledTexts, wrong: str) -> None:
    for text in reviews.texts:
        assert not re.search(wrong, text), text


def test_a_bag_of_words_says_little(reviews: LabelledTexts) -> None:
    training = TrainingConfig(**Classify.defaults("reviews"))
    corpus = read_corpus("reviews")
    task, vocabulary = Classify.start(corpus, training, {})
    data = task.data(corpus, vocabulary, training)
    assert data.report({}, vocabulary)["bag_of_words_accuracy"] < 0.7
