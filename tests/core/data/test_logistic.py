"""Logistic regression: its optimum, and that it finds the rule that made the data."""

import numpy as np
import pytest
from seqcore.data.logistic import Logistic


def drawn(count: int, weights: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((count, len(weights) - 1))
    scores = np.hstack([x, np.ones((count, 1))]) @ weights
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = (draw.random((count, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    return x, labels.astype(np.int32)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_it_recovers_the_weights_that_made_the_labels(classes: int) -> None:
    weights = np.random.default_rng(classes).standard_normal((4, classes))
    x, labels = drawn(60_000, weights)
    found = Logistic.learnt(x, labels, classes)
    centred = [w - w.mean(axis=1, keepdims=True) for w in (found.weights, weights)]  # softmax ignores a constant
    np.testing.assert_allclose(*centred, atol=0.08)


@pytest.mark.parametrize("classes", [2, 3])
def test_no_other_weights_have_a_lower_loss(classes: int) -> None:
    x, labels = drawn(500, np.random.default_rng(1).standard_normal((3, classes)))
    found = Logistic.learnt(x, labels, classes)
    loss, _ = found.measured(x, labels)
    for seed in range(20):
        push = 0.2 * np.random.default_rng(seed).standard_normal(found.weights.shape)
        assert Logistic(found.weights + push).measured(x, labels)[0] > loss


def test_classes_that_can_be_separated_leave_the_weights_finite() -> None:
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    found = Logistic.learnt(x, np.array([0, 0, 1, 1], np.int32), 2)
    assert np.isfinite(found.weights).all()
    assert found.measured(x, np.array([0, 0, 1, 1], np.int32)) == (pytest.approx(0, abs=0.01), 1.0)


def test_many_unknowns_are_found_by_gradient_descent() -> None:
    x, labels = drawn(400, np.random.default_rng(2).standard_normal((1201, 2)) * 0.1)
    loss, accuracy = Logistic.learnt(x, labels, 2).measured(x, labels)
    assert loss < 0.2
    assert accuracy == 1.0


def test_many_correlated_columns_are_fitted_by_descent_that_does_not_diverge() -> None:
    draw = np.random.default_rng(5)
    hidden = draw.standard_normal((400, 3))
    x = hidden @ draw.standard_normal((3, 1200)) + 0.3 * draw.standard_normal((400, 1200))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    labels = (hidden[:, 0] + 0.5 * draw.standard_normal(400) > 0).astype(np.int32)
    loss, accuracy = Logistic.learnt(x, labels, 2).measured(x, labels)
    assert loss < 0.4
    assert accuracy > 0.8
