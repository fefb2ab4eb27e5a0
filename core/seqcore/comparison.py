"""What tells models apart beyond their losses: how far each looks back, and what it gets wrong at what distance."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.brackets import Closing, closings
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.generate import Sampling, Writer
from seqcore.parameters import Parameters
from seqcore.probe import probe
from seqcore.records import F64, I32
from seqcore.serial import SerialModel
from seqcore.trainer import Trainer

LAGS = (1, 2, 5, 10, 20, 40)  # tokens back
PASSAGES = 12
PASSAGE = 128  # tokens
LABELS, CLOSING = "abcdefgh", ")]}>"  # of labelled brackets
DISTANCES = ((1, 9), (10, 29), (30, 10**9))  # characters between an opening and its closing, both included


class Reach(NamedTuple):
    """How far losses look back: |d loss_t / d x_(t - lag)| by lag, as a share of that at lag 1; x is the embedding."""

    typical: dict[int, float]  # the median of each loss's own share
    mean: dict[int, float]  # the mean over all losses, as a share of the mean at lag 1


def reach_by_lag(model: SerialModel, vocabulary: Vocabulary, tokens: I32, seed: int = 1) -> Reach:
    """The reach at each of LAGS, over PASSAGES passages of `tokens` (n,).

    Passages are the same for every model that sees PASSAGE tokens at once, and every lag is told of the same losses,
    those that have a token at the largest lag before them. As a share of lag 1 it does not matter how wrong a model is
    nor how large its embedding, but how the gradient fades with distance. A gradient through many timesteps is a
    product of as many Jacobians, so that its size is spread over orders of magnitude: the mean tells of the few losses
    that look back farthest, the median of most.

    Lags that the passages are too short for are absent; nothing is there where the model has diverged.
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
    seen = by_lag[1] > 0  # a loss that is exactly zero asks for nothing
    if not seen.any() or not all(np.isfinite(found).all() for found in by_lag.values()):
        return Reach({}, {})
    near = by_lag[1][seen]
    typical = {lag: float(np.median(found[seen] / near)) for lag, found in by_lag.items()}
    return Reach(typical, {lag: float(found[seen].mean() / near.mean()) for lag, found in by_lag.items()})


class Wrong(NamedTuple):
    """Closings at distances `least` to `most`: how many there were, and how many of them were wrong."""

    least: int
    most: int
    wrong: int
    closings: int

    @property
    def share(self) -> float:
        """Of the closings, those that were wrong; NaN where there were none."""
        return self.wrong / self.closings if self.closings else math.nan


def wrong_closings(text: str, distances: Iterable[tuple[int, int]] = DISTANCES) -> list[Wrong]:
    """What is wrong with the labelled brackets of `text`, by distance. Strays, which have none, are left out."""
    found = closings(text)
    return [_between(found, least, most) for least, most in distances]


def strays(text: str) -> int:
    """Characters of `text` that close or open nothing."""
    return sum(closing.distance == 0 for closing in closings(text))


def _between(found: list[Closing], least: int, most: int) -> Wrong:
    inside = [closing for closing in found if least <= closing.distance <= most]
    return Wrong(least, most, sum(not closing.right for closing in inside), len(inside))


def has_brackets(text: str) -> bool:
    """Whether `text`, which begins a line, is one of labelled brackets: some, and none of them wrong."""
    found = closings(text)
    return bool(found) and all(closing.right for closing in found)


def written(model: SerialModel, vocabulary: Vocabulary, count: int, temperature: float, seed: int) -> str:
    """`count` tokens that the model writes, beginning a line. Raises SeqError for a model that diverged."""
    writer = Writer(model, vocabulary, "", Sampling(temperature), seed)
    return "".join(next(writer).text for _ in range(count)) + writer.flush()


def guessed(model: SerialModel, vocabulary: Vocabulary, text: str) -> str:
    """`text` of labelled brackets with every closing replaced by the one that the model finds likeliest there.

    Every model is asked at the same places, having read the same right text up to there: which label, and after the
    right label which bracket. Raises SeqError where the vocabulary does not have each of them as a token.
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
        raise SeqError("which bracket a model would close with can be asked of characters and bytes alone")
    return tokens


def held_out_loss(config: ModelConfig, training: TrainingConfig, parameters: Parameters, tokens: I32) -> float:
    """The mean loss over `tokens` (n,), read as a validation reads them; parallel kernels. NaN if it is not finite."""
    small = training.changed(batch=1, length=1)  # nothing is trained: the smallest workspace will do
    loss = Trainer(config, small, tokens, tokens, parameters).evaluate(tokens)
    return loss if math.isfinite(loss) else math.nan
