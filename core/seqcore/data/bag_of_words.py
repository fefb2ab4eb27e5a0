"""A bag of words: multinomial logistic regression on the counts of tokens, without their order.

The reference for what a sequence adds: a model that cannot tell "good, not bad" from "bad, not good". Fitted by Adam on
all examples at once, with a small penalty on the squared weights.
"""

import math
from dataclasses import dataclass

import numpy as np

from seqcore.records import F64, I32, I64

_STEPS, _RATE, _PENALTY = 100, 0.1, 1e-4
_MOST = 500_000  # tokens times classes that are fitted: the time is proportional to it
_LEAST = 10  # examples per class; with fewer there is no bag of words


@dataclass(frozen=True)
class BagOfWords:
    """Weights (V, K) of K classes, and biases (K,)."""

    weights: F64
    bias: F64

    @staticmethod
    def learnt(tokens: I32, starts: I64, labels: I32, V: int, K: int) -> "BagOfWords":
        """Fit examples, joined in `tokens` (total,) with bounds `starts` (n + 1,), to labels (n,); NaN if too few."""
        n = min(len(labels), int(np.searchsorted(starts, _MOST // K, side="right")) - 1)
        if n < _LEAST * K:
            return BagOfWords(np.full((V, K), np.nan), np.full(K, np.nan))
        tokens, starts, labels = tokens[: starts[n]], starts[: n + 1], labels[:n]
        rows = np.repeat(np.arange(n), np.diff(starts))
        wanted = np.zeros((n, K))
        wanted[np.arange(n), labels] = 1
        flat = np.zeros((V + 1) * K)
        m, v = np.zeros_like(flat), np.zeros_like(flat)
        for step in range(1, _STEPS + 1):
            weights, bias = flat[: V * K].reshape(V, K), flat[V * K :]
            error = (np.exp(_log_shares(weights, bias, tokens, starts)) - wanted) / max(1, n)
            columns = [np.bincount(tokens, error[rows, k], V) for k in range(K)]
            gradient = np.concatenate([(np.stack(columns, 1) + _PENALTY * weights).reshape(-1), error.sum(axis=0)])
            m, v = 0.9 * m + 0.1 * gradient, 0.99 * v + 0.01 * gradient**2
            flat -= _RATE * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-9)
        return BagOfWords(flat[: V * K].reshape(V, K).copy(), flat[V * K :].copy())

    def measured(self, tokens: I32, starts: I64, labels: I32) -> tuple[float, float]:
        """Return the mean loss in nats and the accuracy on other examples."""
        shares = _log_shares(self.weights, self.bias, tokens, starts)
        loss = -float(shares[np.arange(len(labels)), labels].mean())
        return loss, float((shares.argmax(axis=1) == labels).mean()) if math.isfinite(loss) else math.nan


def _log_shares(weights: F64, bias: F64, tokens: I32, starts: I64) -> F64:
    """Return log-probabilities (n, K)."""
    n = len(starts) - 1
    rows = np.repeat(np.arange(n), np.diff(starts))
    scores = np.stack([np.bincount(rows, weights[tokens, k], n) for k in range(weights.shape[1])], 1) + bias
    scores -= scores.max(axis=1, keepdims=True)
    shares: F64 = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return shares
