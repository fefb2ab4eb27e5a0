"""Accuracy, exact match, confusion, F1 and groups, against small cases counted by hand."""

import numpy as np
import pytest
from seqcore.data.bag_of_words import BagOfWords
from seqcore.data.batches import Batch
from seqcore.tasks.scoring import Scoring, macro_f1


def batch(targets: list[list[int]], guesses: list[list[int]], which: list[int]) -> tuple[Batch, np.ndarray, np.ndarray]:
    """A batch whose rows are examples: its losses are 1 at every target, its scores prefer the guesses."""
    columns = np.array(targets, np.int32).T
    scores = np.zeros((*columns.shape, 5), np.float32)
    np.put_along_axis(scores, np.array(guesses).T[..., None], 1.0, axis=2)
    scores[..., 3:] = 9  # beyond the classes: padding, which must not count
    losses = np.where(columns >= 0, np.float32(1), np.float32(np.nan))
    return Batch(columns, columns, True, which=np.array(which)), losses, scores


def scored(*parts: tuple[list[list[int]], list[list[int]], list[int]]) -> Scoring:
    scoring = Scoring(3)
    for part in parts:
        scoring.add(*batch(*part))
    return scoring


def test_one_answer_per_example() -> None:
    first = [[-1, 0, -1], [-1, -1, 2], [1, -1, -1]], [[2, 0, 2], [0, 0, 1], [1, 0, 0]], [3, 0, 2]
    second = [[-1, -1, 2], [-1, -1, -1]], [[0, 0, 2], [1, 1, 1]], [1]  # the second row is empty
    scoring = scored(first, second)
    found = scoring.result()
    assert (found["loss"], found["accuracy"], found["examples"]) == (1.0, 0.75, 4)
    assert found["confusion"] == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert found["f1"] == pytest.approx((1 + 2 / 3 + 2 / 3) / 3)
    assert "exact_match" not in found
    bands = found["by_length"]
    assert sum(band["count"] for band in bands) == 4
    assert (bands[0]["from"], bands[-1]["to"]) == (1, 3)
    groups = scoring.by_group(["odd", "even", "odd", "even"])  # example 0 is the one that is wrong
    assert groups == {"even": {"accuracy": 1.0, "count": 2}, "odd": {"accuracy": 0.5, "count": 2}}


def test_several_answers_per_example() -> None:
    found = scored(([[0, 1, 2], [-1, 1, 1]], [[0, 1, 2], [0, 1, 2]], [0, 1])).result()
    assert found["accuracy"] == pytest.approx(4 / 5)
    assert found["exact_match"] == 0.5


def test_targets_that_are_not_asked_count_for_the_loss_alone() -> None:
    scoring = Scoring(3)
    given, losses, scores = batch([[0, 1], [2, 2]], [[2, 1], [2, 0]], [0, 1])
    scoring.add_asked(given, losses, scores, np.array([[False, False], [True, True]]))
    found = scoring.result()
    assert (found["accuracy"], found["loss"]) == (0.5, 1.0)
    assert np.sum(found["confusion"]) == 2


def test_accuracy_by_lag_counts_answers() -> None:
    scoring = Scoring(3)
    given, losses, scores = batch([[0, 1], [2, 2], [1, 1]], [[0, 0], [1, 2], [1, 1]], [0, 1, 2])
    lags = np.array([[4, 7], [7, 9], [9, 4]], np.int32).T
    scoring.add_asked(given, losses, scores, given.targets >= 0, lags)
    near, far = scoring.result()["by_lag"]
    assert near == {"from": 4, "to": 6, "count": 2, "accuracy": 1.0}
    assert far == {"from": 7, "to": 9, "count": 4, "accuracy": 0.5}
    assert "by_lag" not in scored(([[0]], [[0]], [0])).result()


def test_nothing_to_measure_gives_nothing() -> None:
    assert Scoring(3).result() == {}
    assert scored(([[-1]], [[0]], [])).result() == {}


def test_classes_that_do_not_occur_do_not_count_for_f1() -> None:
    assert macro_f1(np.array([[2, 0, 0], [0, 0, 0], [0, 0, 3]])) == 1.0
    assert macro_f1(np.array([[0, 2], [0, 2]])) == pytest.approx(2 / 3 / 2)


def test_a_bag_of_words_learns_words_and_not_their_order() -> None:
    draw = np.random.default_rng(0)
    lengths = draw.integers(3, 9, 600)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    tokens = draw.integers(2, 12, starts[-1]).astype(np.int32)
    labels = draw.integers(0, 2, 600).astype(np.int32)
    by_word, by_order = tokens.copy(), tokens.copy()
    by_word[starts[:-1]] = labels  # token 0 or 1 says the class
    by_order[starts[:-1]], by_order[starts[1:] - 1] = labels, 1 - labels  # both occur in every example
    for text, least, most in ((by_word, 0.99, 1.0), (by_order, 0.3, 0.7)):
        bag = BagOfWords.learnt(text, starts[:401], labels[:400], 12, 2)
        loss, accuracy = bag.measured(text[starts[400] :], starts[400:] - starts[400], labels[400:])
        assert least <= accuracy <= most
        assert np.isfinite(loss)


def test_a_bag_of_words_of_too_few_examples_is_nothing_and_of_many_classes_takes_no_longer() -> None:
    starts, labels = np.arange(0, 61, 2), (np.arange(30) % 5).astype(np.int32)
    bag = BagOfWords.learnt(np.zeros(60, np.int32), starts, labels, 3, 5)
    assert np.isnan(bag.measured(np.zeros(60, np.int32), starts, labels)).all()
