"""Logistic regression: the classifier that is linear in its features, as a reference for others."""

from dataclasses import dataclass

import numpy as np

from seqcore.records import F64, I32

_PENALTY = 1e-5  # of the squared weights: keeps them finite where classes can be separated without error
_ROUNDS = 50
_MOST = 2000  # unknowns; Newton's method solves a linear system of that size
_SLOW_ROUNDS = 1000


@dataclass(frozen=True)
class Logistic:
    """p(class | x) = softmax(x W + b): weights (D + 1, K), the last row is b."""

    weights: F64

    @staticmethod
    def learnt(x: F64, labels: I32, classes: int) -> "Logistic":
        """Fit features x (n, D), of about unit size, and labels (n,) by Newton's method; gradient descent if large."""
        one = np.hstack([x, np.ones((len(x), 1))])
        wanted = np.eye(classes)[labels]
        weights = np.zeros((one.shape[1], classes))
        penalty = np.full(weights.shape, _PENALTY)
        penalty[-1] = 1e-9  # the bias is free, but for the constant that softmax ignores
        newton = weights.size <= _MOST
        rate = 0.0 if newton else 1 / (0.5 * _largest_curvature(one) + _PENALTY)
        ahead = weights  # for gradient descent, the weights moved on by their last step (Nesterov 1983)
        for number in range(_ROUNDS if newton else _SLOW_ROUNDS):
            shares = _softmax(one @ ahead)
            gradient = one.T @ (shares - wanted) / len(x) + penalty * ahead
            following = ahead - (_newton(one, shares, gradient, penalty) if newton else rate * gradient)
            step = following - weights
            ahead = following if newton else following + number / (number + 3) * step
            weights = following
            if float(np.abs(step).max()) < 1e-9:
                break
        return Logistic(weights)

    def probabilities(self, x: F64) -> F64:
        """Return p (n, K) for features x (n, D)."""
        return _softmax(np.hstack([x, np.ones((len(x), 1))]) @ self.weights)

    def measured(self, x: F64, labels: I32) -> tuple[float, float]:
        """Return the mean loss in nats and the accuracy."""
        shares = self.probabilities(x)
        right = shares[np.arange(len(x)), labels]
        return float(-np.log(np.maximum(right, 1e-300)).mean()), float((shares.argmax(axis=1) == labels).mean())


def _softmax(scores: F64) -> F64:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    whole: F64 = shares / shares.sum(axis=1, keepdims=True)
    return whole


def _largest_curvature(one: F64) -> float:
    """Return the largest eigenvalue of one^T one / n, and a little more, by power iteration."""
    direction, length = np.ones(one.shape[1]), 0.0
    for _ in range(30):
        direction = one.T @ (one @ (direction / np.linalg.norm(direction))) / len(one)
        length = float(np.linalg.norm(direction))
    return 1.1 * length


def _newton(one: F64, shares: F64, gradient: F64, penalty: F64) -> F64:
    """Return the step of Newton's method, with the curvature of all pairs of classes."""
    D, K = gradient.shape
    curvature = np.zeros((K, D, K, D))
    for a in range(K):
        for b in range(a + 1):
            weight = shares[:, a] * ((a == b) - shares[:, b])
            curvature[a, :, b] = curvature[b, :, a] = (one * weight[:, None]).T @ one / len(one)
    matrix = curvature.reshape(K * D, K * D) + np.diag(penalty.T.reshape(-1))
    step = np.linalg.lstsq(matrix, gradient.T.reshape(-1), rcond=None)[0].astype(np.float64)
    return step.reshape(K, D).T
