"""The slide under the microscope: one short text through the model, forward and back, and everything seen on the way.

*Reach* is how far a loss looks back: reach[t, s] = |d loss_t / d x_s|, s < t, for every loss t and every earlier s, x
the embedded token: the same question for every family of models. Norms are Euclidean.
"""

import time

import numpy as np

from seqcore.data.vocabulary import Vocabulary
from seqcore.records import F32, F64, I32, Probe
from seqcore.serial import SerialModel

TOP = 5


def _log_softmax(logits: F32) -> F64:
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _dlogits(probability: F64, tokens: I32) -> F32:
    """Row t: the gradient of loss t at the logits after token t - 1; row 0 is zero."""
    T, V = probability.shape
    dlogits = np.zeros((T, V), np.float32)
    dlogits[1:] = probability[:-1]
    dlogits[np.arange(1, T), tokens[1:]] -= 1
    return dlogits


def probe(model: SerialModel, vocabulary: Vocabulary, tokens: I32, step: int, warning: str = "") -> Probe:
    """Everything that can be seen of tokens (T,) int32, T >= 1, read from nothing. One thread; see `Probe`.

    A model that sees no more than `longest` tokens at once is shown the first of them, and the warning says so.
    """
    start = time.perf_counter()
    if model.longest is not None and tokens.size > model.longest:
        cut = f"the first {model.longest} of {tokens.size:,} tokens are probed: this model sees no more at once"
        tokens, warning = tokens[: model.longest], f"{warning}; {cut}" if warning else cut
    T, look = tokens.size, model.look(tokens)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # a model that diverged is shown as it is
        shares_log = _log_softmax(look.logits)  # a loss of hundreds of nats has a share that float64 cannot hold
        probability = np.exp(shares_log)
        loss = np.full(T, np.nan, np.float32)
        loss[1:] = -shares_log[np.arange(T - 1), tokens[1:]]
        reach_hidden, reach_input = look.reach(_dlogits(probability, tokens))
    count = min(TOP, vocabulary.size)
    top = np.full((T, count), -1, np.int32)
    top[1:] = np.argsort(-probability[:-1], axis=1, kind="stable")[:, :count]
    shares = np.full((T, count), np.nan, np.float32)
    shares[1:] = np.take_along_axis(probability[:-1], top[1:].astype(np.int64), axis=1)
    symbols = tuple(vocabulary.symbol(int(token)) for token in tokens)
    guesses = tuple(tuple(vocabulary.symbol(int(token)) for token in row if token >= 0) for row in top)
    return Probe(
        step, tokens.copy(), symbols, loss, top, guesses, shares, look.staves, reach_hidden, reach_input,
        time.perf_counter() - start, warning, look.attention,
    )  # fmt: skip
