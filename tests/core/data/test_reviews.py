"""The reviews equal the output of their program, are balanced, and mean what their labels say."""

import importlib
import itertools
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.samples import sample_info, sample_names, sample_path
from seqcore.data.vocabulary import Vocabulary

from tests.core.data.bags import logistic_regression, naive_bayes, word_counts

FOLDER = Path(__file__).resolve().parents[3] / "sample_corpora"


class Review(NamedTuple):
    text: str
    label: str
    negated: str


HEADER, *LINES = read_corpus("sample:reviews").text.splitlines()
REVIEWS = [Review(*line.split("\t")) for line in LINES]
TENTH = len(REVIEWS) // 10


@pytest.fixture(scope="module")
def make_reviews() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("make_reviews")
    finally:
        sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def words(make_reviews: ModuleType) -> dict[str, list[str]]:
    return {name: [line for _, line in lines] for name, lines in make_reviews.rules().items()}


@pytest.fixture(scope="module")
def polarity(words: dict[str, list[str]]) -> dict[str, bool]:
    """Whether each word with an opinion is a good one."""
    things = [line.split("; ") for line in words["thing"]]
    sides = {
        good: {word for name, listed in words.items() if name.startswith(side) for word in listed}
        | {word for thing in things for word in thing[column].split(", ")}
        for good, side, column in ((True, "good ", 3), (False, "bad ", 4))
    }
    assert not sides[True] & sides[False]
    return {word: good for good, listed in sides.items() for word in listed}


def test_the_reviews_are_a_sample_for_classification_only() -> None:
    assert sample_names("classify") == ("reviews",)
    assert "reviews" not in sample_names()
    assert "reviews" in sample_names(None)
    info = sample_info("reviews")
    assert (info.task, info.file) == ("classify", "reviews.tsv")
    assert sample_path("reviews").stat().st_size < 2_000_000
    assert info.rows == sample_path("reviews").read_text().count("\n") - 1
    assert (sample_info("tales").task, sample_info("tales").file) == ("language", "tales.txt")


def test_lines_and_tokens() -> None:
    assert HEADER == "text\tlabel\tnegated"
    assert 11_500 <= len(REVIEWS) <= 12_500
    for review in REVIEWS:
        assert re.fullmatch(r"[a-z]+(?:'t)?(?: (?:[a-z]+(?:'t)?|[,.!]))* [.!]", review.text), review.text
        assert review.label in ("positive", "negative")
        assert review.negated in ("yes", "no")


def test_the_word_vocabulary_splits_at_the_spaces() -> None:
    texts = "\n".join(review.text for review in REVIEWS[:2000])
    vocabulary = Vocabulary.build("word", Corpus("reviews", "-", texts.encode()))
    tokens = [vocabulary.symbol(token) for token in vocabulary.encode(texts).tolist()]
    assert [token.strip(" ") for token in tokens] == re.split(r" |(?=\n)|(?<=\n)", texts)


def test_every_length_from_3_to_60_occurs_often() -> None:
    lengths = Counter(len(review.text.split(" ")) for review in REVIEWS)
    assert set(lengths) == set(range(3, 61))
    assert min(lengths.values()) >= 120


def test_labels_are_balanced_at_every_length_with_and_without_negation() -> None:
    counts = Counter((len(text.split(" ")), negated, label) for text, label, negated in REVIEWS)
    for (length, negated, _), count in counts.items():
        assert count == counts[length, negated, "positive"] == counts[length, negated, "negative"]
    assert 0.45 < sum(review.negated == "yes" for review in REVIEWS) / len(REVIEWS) < 0.6


def test_labels_are_balanced_in_the_last_tenth_and_no_twins_are_neighbours() -> None:
    last = [review.label == "positive" for review in REVIEWS[-TENTH:]]
    assert 0.45 < sum(last) / len(last) < 0.55
    same = [sorted(one.text) == sorted(other.text) for one, other in itertools.pairwise(REVIEWS)]
    assert sum(same) < 10


def test_no_text_occurs_twice() -> None:
    assert len({review.text for review in REVIEWS}) == len(REVIEWS)


@pytest.mark.parametrize(
    "wrong",
    [
        r"\ba (?!us)[aeiou]",
        r"\ban (?![aeiou])",
        r"\ban us",
        r"[.,!] [.,!]",
        r"\b(\w+) \1\b",
        r"\b(the|a|an) (the|a|an|my)\b",
        r"\b(two|three|four|six|nine|twelve) (?!people\b|of them\b)\w+[^s] ",
        r"[~{}\[\]|/]",
    ],
)
def test_no_slip_of_grammar(wrong: str) -> None:
    for review in REVIEWS:
        text = re.sub(r"(closes at|at|row|until|struck) \w+", r"\1", review.text)  # numbers that count nothing
        assert not re.search(wrong, text), review.text


def test_a_bag_of_words_is_not_enough() -> None:
    counts = word_counts([review.text for review in REVIEWS])
    positive = np.array([review.label == "positive" for review in REVIEWS])
    negated = np.array([review.negated == "yes" for review in REVIEWS])
    seen, unseen = slice(None, -TENTH), slice(-TENTH, None)
    for classify in (naive_bayes, logistic_regression):
        right = classify(counts[seen], positive[seen], counts[unseen]) == positive[unseen]
        assert right.mean() < 0.7, classify.__name__
        assert right[negated[unseen]].mean() < 0.7, classify.__name__
        # the same classifiers can learn what is in the words
        assert (classify(counts[seen], negated[seen], counts[unseen]) == negated[unseen]).mean() > 0.9


def test_a_review_is_negated_if_it_contains_a_negating_word(words: dict[str, list[str]]) -> None:
    for review in REVIEWS:
        assert (review.negated == "yes") == any(word in words["negator"] for word in review.text.split()), review.text


def test_neutral_sentences_have_no_opinion(words: dict[str, list[str]], polarity: dict[str, bool]) -> None:
    groups = ["any", *(line.split("; ")[0] for line in words["thing"])]
    listed = ("day", "month", "number", "few", "place", "colour", "town")
    neutral = {word for name in (*groups, *listed) for line in words[name] for word in line.split()}
    assert not neutral & {*polarity, *words["negator"]}


def test_twins_differ_only_in_what_decides(make_reviews: ModuleType, polarity: dict[str, bool]) -> None:
    pairs = make_reviews.pairs()
    labels = {review.text: review.label for review in REVIEWS}
    assert len(labels) == 2 * len(pairs)
    reordered = 0
    for pair in pairs:
        assert (labels[pair.positive], labels[pair.negative]) == ("positive", "negative")
        one, other = pair.positive.split(), pair.negative.split()
        assert len(one) == len(other) == pair.length
        differ = set(Counter(one) - Counter(other))
        assert differ <= {*polarity, "a", "an"}, pair
        reordered += not differ
    assert reordered > len(pairs) / 8  # the same words in another order


# A construction, and which of its groups is the word (W) that decides; negative if the label is the opposite of it.
CONSTRUCTIONS = [
    (r"(?:^|[.!] )(?:such an?|what an?|simply|in short , an?) (W)\b", 1),
    (r"(?:^|[.!] )not (?:an? )?(W)(?: \w+)?(?: at all)? [.!]", -1),
    (r"(?:^|[.!] )(?:the \w+|it) (?:is|was) not (W)(?: at all)? [.!]", -1),
    (r"\b(?:hardly|never|far from|anything but)(?: an?)? (W) ", -1),
    (r"\bneither (W) nor W", -1),
    (r"(?:^|[.!] )i did not (W) ", -1),
    (r"\bcan't say that i (?:did|was) not (W)\b", 1),
    (r"\bnever failed to (W)\b", 1),
    (r"\bnobody can say that it \w+ not (W)", 1),
    (r"\bno denying that the \w+ \w+ (W)", 1),
    (r"\bthere is no (W)", 1),
    (r"\bnot be wrong to call it (W)", 1),
    (r"\bwas not wrong to call it (W)", 1),
    (r"\b(?:would be|was) wrong to call it (W)", -1),
    (r"\bnot true that the \w+ \w+ (W)", -1),
    (r"\bnot as (W) as", -1),
    (r"\b(W) , not (W)", 1),
    (r"\bnot (?:so much )?(W) (?:but|as) (W)", 2),
    (r"\b(W) rather than (W)", 1),
    (r"\bnever (W) (?:, always|and always) (W)", 2),
    (r"\bbut (?:the|an?) (?:\w+ (?:is|was) )?(W)", 1),
    (r"\b(?:although|even though|even if) the \w+ \w+ (W) , the \w+ \w+ (W)", 2),
    (r"\bthe \w+ (?:is|was) (W) , (?:although|even if) the \w+ \w+ (W)", 1),
    (r"\b(W) (?:at first|\w+ at first) , but .*?(W)", 2),
    (r"\bi (W) the [\w ]+ , but i (W) the", 2),
    (r"\bin spite of the (W) \w+ , it \w+ an? (W)", 2),
    (r"\bmy \w+ called it (W) , but s?he was wrong", -1),
    (r"\bmy \w+ called it (W) , and s?he was right", 1),
    (r"\b(my \w+) called it (W) \. (?:.* )?\1 was wrong", -2),
    (r"\bdo not listen to my \w+ , who called it (W)", -1),
    (r"\bthinks that the \w+ \w+ (W) \. (?:.* )?so do i \.", 1),
    (r"\bthinks that the \w+ \w+ (W) \. (?:.* )?i do not think so \.", -1),
    (r"\b(my \w+) found it (W) , but my \w+ found it W \. (?:.* )?i agree with \1 \.", 2),
    (r"\bmy \w+ found it W , but (my \w+) found it (W) \. (?:.* )?i agree with \1 \.", 2),
    (r"\bexpected it to be W \. (?:.* )?the \w+ (?:is|was) (W)", 1),
    (r"\bcompared with this \w+ , the last one was (W)", -1),
]


@pytest.mark.parametrize(("construction", "decides"), CONSTRUCTIONS)
def test_the_label_is_what_a_reader_would_say(polarity: dict[str, bool], construction: str, decides: int) -> None:
    pattern = re.compile(construction.replace("W", rf"\b(?:{'|'.join(sorted(polarity))})\b"))
    found = [(review, match) for review in REVIEWS if (match := pattern.search(review.text))]
    assert len(found) >= 15
    for review, match in found:
        good = polarity[match[abs(decides)]] == (decides > 0)
        assert review.label == ("positive" if good else "negative"), review.text


@pytest.mark.parametrize(
    ("construction", "label"),
    [
        (r"\bi prefer this \w+ to the last one", "positive"),
        (r"\bi prefer the last one to this", "negative"),
        (r"\bthis \w+ (?:is|was) (?:better|finer) than the last one", "positive"),
        (r"\bthe last one (?:is|was) better than this", "negative"),
        (r"\bthe last one (?:is|was) worse than this", "positive"),
        (r"\bthis \w+ (?:is|was) (?:worse|poorer) than the last one", "negative"),
    ],
)
def test_comparisons(construction: str, label: str) -> None:
    found = [review for review in REVIEWS if re.search(construction, review.text)]
    assert len(found) >= 10
    assert {review.label for review in found} == {label}
