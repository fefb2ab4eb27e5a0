"""Two classifiers of bags of words, which ignore the order of a text: what a corpus gives away without it."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def word_counts(texts: list[str]) -> Array:
    """Return how often each word occurs in each text, (texts, words); words are separated by spaces."""
    split = [text.split(" ") for text in texts]
    ids = {word: place for place, word in enumerate(sorted({word for words in split for word in words}))}
    counts = np.zeros((len(texts), len(ids)))
    for row, words in enumerate(split):
        np.add.at(counts[row], [ids[word] for word in words], 1)
    return counts


def naive_bayes(counts: Array, positive: Flags, unseen: Array) -> Flags:
    """Return the predictions of multinomial naive Bayes with Laplace smoothing for `unseen`, (texts,)."""
    yes, no = (counts[side].sum(0) + 1 for side in (positive, ~positive))
    prior = np.log(positive.sum() / (~positive).sum())
    return np.asarray(unseen @ (np.log(yes / yes.sum()) - np.log(no / no.sum())) + prior > 0)


def logistic_regression(counts: Array, positive: Flags, unseen: Array, *, steps: int = 6, decay: float = 1.0) -> Flags:
    """Return the predictions of logistic regression for `unseen`, (texts,), fitted by Newton's method."""
    inputs = np.c_[counts, np.ones(len(counts))]
    weights = np.zeros(inputs.shape[1])
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (chance - positive) + decay * weights
        curvature = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + decay * np.eye(len(weights))
        weights -= np.linalg.solve(curvature, slope)
    return np.asarray(np.c_[unseen, np.ones(len(unseen))] @ weights > 0)
