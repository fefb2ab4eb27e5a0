"""Run one short text through a model, forward and backward, and record every quantity on the way.

*Reach* measures how far back a loss depends on the input: reach[t, s] = |d loss_t / d x_s| for every loss t and every
s < t, with x the embedded token. It is defined the same way for all model families. Norms are Euclidean.
"""

import time

import numpy as np

from seqcore.data.vocabulary import Vocabulary
from seqcore.records import F32, F64, I32, Example, Probe, Verdict
from seqcore.serial import SerialModel

TOP = 5


def _log_softmax(logits: F32) -> F64:
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _dlogits(probability: F64, tokens: I32) -> F32:
    """Return in row t the gradient of loss t at the logits after token t - 1; row 0 is zero."""
    T, V = probability.shape
    dlogits = np.zeros((T, V), np.float32)
    dlogits[1:] = probability[:-1]
    dlogits[np.arange(1, T), tokens[1:]] -= 1
    return dlogits


def probe(model: SerialModel, vocabulary: Vocabulary, tokens: I32, step: int, warning: str = "") -> Probe:
    """Probe tokens (T,) int32, T >= 1, read from the initial state. Single-threaded; see `Probe`.

    Only the first `model.longest` tokens are probed; if that drops any, the warning says so.
    """
    start = time.perf_counter()
    if model.longest is not None and tokens.size > model.longest:
        cut = f"the first {model.longest} of {tokens.size:,} tokens are probed (the model's context length)"
        tokens, warning = tokens[: model.longest], f"{warning}; {cut}" if warning else cut
    T, look = tokens.size, model.look(tokens)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # show a diverged model without warnings
        shares_log = _log_softmax(look.logits)  # log space: exp(-loss) underflows float64 at hundreds of nats
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


def verdicts(
    model: SerialModel,
    vocabulary: Vocabulary,
    classes: tuple[str, ...],
    tokens: I32,
    step: int,
    warning: str = "",
    known: Example | None = None,
) -> Probe:
    """Probe a model that predicts `classes`: what it says after each of tokens (T,) int32, T >= 1.

    In this probe, the guesses at t are those after token t was read, and reach[t, s] is that of the loss of the
    likeliest class there, for s <= t. There is a loss where `known` has a target. As in `probe`, a text is cut at the
    context.
    """
    start = time.perf_counter()
    if model.longest is not None and tokens.size > model.longest:
        cut = f"the first {model.longest} of {tokens.size:,} tokens are probed (the model's context length)"
        tokens, warning = tokens[: model.longest], f"{warning}; {cut}" if warning else cut
    T = tokens.size
    known = known or Example.unlabelled(tokens)
    targets, asked = known.targets[:T], known.asked[:T]
    look = model.look(tokens)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        shares_log = _log_softmax(look.logits)[:, : len(classes)]
        probability = np.exp(shares_log)
        loss = np.where(targets >= 0, -shares_log[np.arange(T), np.maximum(targets, 0)], np.nan).astype(np.float32)
        dlogits = np.zeros((T + 1, look.logits.shape[1]), np.float32)  # row t + 1: of the loss after token t
        dlogits[1:, : len(classes)] = probability
        dlogits[np.arange(1, T + 1), probability.argmax(axis=1)] -= 1
        reach_hidden, reach_input = look.reach(dlogits)
    count = min(TOP, len(classes))
    top = np.argsort(-probability, axis=1, kind="stable")[:, :count].astype(np.int32)
    shares = np.take_along_axis(probability, top.astype(np.int64), axis=1).astype(np.float32)
    return Probe(
        step, tokens.copy(), tuple(vocabulary.symbol(int(token)) for token in tokens), loss,
        top, tuple(tuple(classes[k] for k in row) for row in top), shares, look.staves,
        reach_hidden[:, 1:, :T].copy(), reach_input[1:, :T].copy(), time.perf_counter() - start, warning,
        look.attention, Verdict(classes, probability.astype(np.float32), targets.copy(), asked.copy()),
    )  # fmt: skip
