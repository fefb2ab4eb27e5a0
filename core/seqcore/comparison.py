"""Comparisons of models beyond their losses: how far back each one looks, and bracket errors by distance."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seqcore.data.brackets import Closing, closings
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.generate import Writer
from seqcore.probe import probe
from seqcore.records import F64, I32
from seqcore.sampling import Sampling
from seqcore.serial import SerialModel

LAGS = (1, 2, 5, 10, 20, 40)  # tokens back
PASSAGES = 12
PASSAGE = 128  # tokens
LABELS, CLOSING = "abcdefgh", ")]}>"  # of the `brackets` corpus
DISTANCES = ((1, 9), (10, 29), (30, 10**9))  # from an opening to its closing, in characters, inclusive


class Reach(NamedTuple):
    """The reach of losses: |d loss_t / d x_(t - lag)| by lag, relative to that at lag 1; x is the embedding."""

    typical: dict[int, float]  # the median over losses of each one's ratio
    mean: dict[int, float]  # the mean over losses, relative to the mean at lag 1


def reach_by_lag(model: SerialModel, vocabulary: Vocabulary, tokens: I32, seed: int = 1) -> Reach:
    """Return the reach at each of LAGS, over PASSAGES random passages of `tokens` (n,).

    Passages are the same for every model with a context of at least PASSAGE tokens, and every lag averages over the
    same losses: those with a token at the largest lag before them. Relative to lag 1, the size of the losses and the
    scale of the embedding cancel; what remains is how the gradient decays with distance. A gradient through many
    timesteps is a product of as many Jacobians, so its size spans orders of magnitude: the mean is dominated by the few
    losses that look back farthest, the median describes most of them.

    Lags too long for the passages are left out; the result is empty if the model has diverged.
    """
    length = min(PASSAGE, tokens.size, model.longest or PASSAGE)
    lags = [lag for lag in LAGS if lag < length]
    if not lags:
        return Reach({}, {})
    norms: dict[int, list[F64]] = {lag: [] for lag in lags}
    for start in np.random.default_rng(seed).integers(0, tokens.size - length + 1, PASSAGES):
        reach = probe(model, vocabulary, tokens[start : start + length], 0).reach_input.astype(np.float64)
        for lag in lags:
            norms[lag].append(np.diagonal(reach, -lag)[lags[-1] - lag :])
    by_lag = {lag: np.concatenate(found) for lag, found in norms.items()}
    seen = by_lag[1] > 0  # a loss of exactly zero has no gradient
    if not seen.any() or not all(np.isfinite(found).all() for found in by_lag.values()):
        return Reach({}, {})
    near = by_lag[1][seen]
    typical = {lag: float(np.median(found[seen] / near)) for lag, found in by_lag.items()}
    return Reach(typical, {lag: float(found[seen].mean() / near.mean()) for lag, found in by_lag.items()})


class Wrong(NamedTuple):
    """Count of closings at distances `least` to `most`, inclusive, and how many of them are wrong."""

    least: int
    most: int
    wrong: int
    closings: int

    @property
    def share(self) -> float:
        """Return the share of closings that are wrong; NaN if there are none."""
        return self.wrong / self.closings if self.closings else math.nan


def wrong_closings(text: str, distances: Iterable[tuple[int, int]] = DISTANCES) -> list[Wrong]:
    """Count the wrong closings in `text` of labelled brackets, by distance. Strays (distance 0) are left out."""
    found = closings(text)
    return [_between(found, least, most) for least, most in distances]


def strays(text: str) -> int:
    """Count the characters of `text` that belong to no bracket pair."""
    return sum(closing.distance == 0 for closing in closings(text))


def _between(found: list[Closing], least: int, most: int) -> Wrong:
    inside = [closing for closing in found if least <= closing.distance <= most]
    return Wrong(least, most, sum(not closing.right for closing in inside), len(inside))


def has_brackets(text: str) -> bool:
    """Return whether `text`, from the start of a line, has labelled brackets, all of them right."""
    found = closings(text)
    return bool(found) and all(closing.right for closing in found)


def written(model: SerialModel, vocabulary: Vocabulary, count: int, temperature: float, seed: int) -> str:
    """Generate `count` tokens from the start of a line. Raises SeqError if the model has diverged."""
    writer = Writer(model, vocabulary, "", Sampling(temperature), seed)
    return "".join(next(writer).text for _ in range(count)) + writer.flush()


def guessed(model: SerialModel, vocabulary: Vocabulary, text: str) -> str:
    """Return `text` of labelled brackets with every closing replaced by the model's most likely prediction.

    Teacher-forced: every model predicts at the same positions from the same correct text, first the label and then,
    after the correct label, the bracket. Raises SeqError if labels and brackets are not each one token.
    """
    labels, brackets = (_tokens_of(vocabulary, symbols) for symbols in (LABELS, CLOSING))
    places = {closing.position for closing in closings(text)}
    state, result = model.initial_state(), list(text)
    logits = model.read(int(vocabulary.encode("\n")[0]), state)
    for place, token in enumerate(vocabulary.encode(text)):
        if place in places:
            result[place] = LABELS[int(logits[labels].argmax())]
        elif place - 1 in places:
            result[place] = CLOSING[int(logits[brackets].argmax())]
        logits = model.read(int(token), state)
    return "".join(result)


def _tokens_of(vocabulary: Vocabulary, symbols: str) -> I32:
    tokens = vocabulary.encode(symbols)
    if tokens.size != len(symbols):
        raise SeqError("bracket predictions need a vocabulary of characters or bytes")
    return tokens
