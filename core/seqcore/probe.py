"""Run one short text through a model, forward and backward, and record every quantity on the way.

*Reach* measures how far back a loss depends on the input: reach[t, s] = |d loss_t / d x_s| for every loss t and every
s < t, with x the embedded token, or the real inputs. It is defined the same way for all model families. Norms are
Euclidean.
"""

import time

import numpy as np

from seqcore.data.batches import NO_EXAMPLES
from seqcore.data.standardise import Standardise
from seqcore.data.vocabulary import Vocabulary
from seqcore.forecasting import run_on_from
from seqcore.records import F32, F64, I32, I64, Example, Inputs, Probe, Series, Verdict
from seqcore.serial import Look, SerialModel

TOP = 5
MOST_STARTS = 64  # timesteps from which a forecast runs on
HORIZON = 32  # timesteps that it runs on
BARS = "▁▂▃▄▅▆▇█"


def log_softmax(logits: F32) -> F64:
    """Return log softmax(logits) along the last axis, in float64."""
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
        shares_log = log_softmax(look.logits)  # log space: exp(-loss) underflows float64 at hundreds of nats
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
        time.perf_counter() - start, warning, look.attention, targets=np.append(tokens[1:], np.int32(-1)),
    )  # fmt: skip


def verdicts(
    model: SerialModel,
    vocabulary: Vocabulary,
    classes: tuple[str, ...],
    inputs: Inputs,
    step: int,
    warning: str = "",
    known: Example | None = None,
    symbols: tuple[str, ...] = (),
) -> Probe:
    """Probe a model that predicts `classes`: what it says after each of inputs (T,) int32 or (T, D) float32, T >= 1.

    `symbols` (T,) stand for real inputs; tokens have those of the vocabulary. In this probe, the guesses at t are those
    after timestep t was read, and reach[t, s] is that of the loss of the likeliest class there, for s <= t. There is a
    loss where `known` has a target. As in `probe`, a sequence is cut at the context.
    """
    start = time.perf_counter()
    inputs, warning = _cut(model, inputs, warning)
    T, look = len(inputs), model.look(inputs)
    known = known or Example.unlabelled(inputs)
    targets, asked = known.targets[:T], known.asked[:T]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        shares_log = log_softmax(look.logits)[:, : len(classes)]
        probability = np.exp(shares_log)
        loss = np.where(targets >= 0, -shares_log[np.arange(T), np.maximum(targets, 0)], np.nan).astype(np.float32)
        dlogits = np.zeros((T + 1, look.logits.shape[1]), np.float32)  # row t + 1: of the loss after timestep t
        dlogits[1:, : len(classes)] = probability
        dlogits[np.arange(1, T + 1), probability.argmax(axis=1)] -= 1
        reach_hidden, reach_input = look.reach(dlogits)
    count = min(TOP, len(classes))
    top = np.argsort(-probability, axis=1, kind="stable")[:, :count].astype(np.int32)
    shares = np.take_along_axis(probability, top.astype(np.int64), axis=1).astype(np.float32)
    return Probe(
        step, _tokens(inputs), symbols[:T] or tuple(vocabulary.symbol(int(token)) for token in inputs), loss,
        top, tuple(tuple(classes[k] for k in row) for row in top), shares, look.staves,
        reach_hidden[:, 1:, :T].copy(), reach_input[1:, :T].copy(), time.perf_counter() - start, warning,
        look.attention, Verdict(classes, probability.astype(np.float32), targets.copy(), asked.copy()),
        targets=targets.copy(),
    )  # fmt: skip


def _cut(model: SerialModel, inputs: Inputs, warning: str) -> tuple[Inputs, str]:
    """Return the inputs up to the context of the model, and the warning with a remark if that drops any."""
    if model.longest is None or len(inputs) <= model.longest:
        return inputs, warning
    cut = f"the first {model.longest} of {len(inputs):,} timesteps are probed (the model's context length)"
    return inputs[: model.longest], f"{warning}; {cut}" if warning else cut


def _tokens(inputs: Inputs) -> I32:
    """Return tokens (T,): of real inputs, -1."""
    return inputs.copy() if inputs.ndim == 1 else np.full(len(inputs), -1, np.int32)


def ahead(model: SerialModel, scale: Standardise, inputs: F32, step: int, warning: str = "") -> Probe:
    """Probe a model that predicts the next of real inputs (T, D), standardised by `scale`; as `probe` does for tokens.

    The loss at t is the squared error of the prediction of inputs[t], made before it was read. From every timestep, or
    from MOST_STARTS of them at equal distances, the model also runs on for HORIZON timesteps.
    """
    start = time.perf_counter()
    inputs, warning = _cut(model, inputs, warning)
    look = model.look(inputs)
    predicted = np.full(inputs.shape, np.nan, np.float32)
    predicted[1:] = look.logits[:-1]
    starts = np.arange(0, len(inputs), -(-len(inputs) // MOST_STARTS))
    ran = run_on_from(model, inputs, starts, HORIZON)
    return _valued(look, scale, scale, inputs, predicted, inputs, starts, ran, step, warning, start, False)


def answers(
    model: SerialModel, read: Standardise, said: Standardise, inputs: F32, wanted: F32, step: int, warning: str = ""
) -> Probe:
    """Probe a model that answers with real values: what it says after each of inputs (T, D).

    `wanted` (T, K) are the targets, NaN where unknown; the loss at t is that of the answer after timestep t was read.
    `read` and `said` undo the standardisation of inputs and answers.
    """
    start = time.perf_counter()
    inputs, warning = _cut(model, inputs, warning)
    look = model.look(inputs)
    none = np.zeros((0, 0, wanted.shape[1]), np.float32)
    return _valued(
        look, read, said, inputs, look.logits.copy(), wanted[: len(inputs)], NO_EXAMPLES, none, step, warning, start,
        True,
    )  # fmt: skip


def bars(values: F64) -> tuple[str, ...]:
    """Return values (T,) as bars of eight heights from the lowest to the highest."""
    values = np.nan_to_num(values, nan=0.0, posinf=3e38, neginf=-3e38)
    low, high = float(values.min()), float(values.max())
    levels = np.rint((values - low) / (high - low) * (len(BARS) - 1)) if high > low else np.zeros(len(values))
    return tuple(BARS[int(level)] for level in levels)


def _valued(
    look: Look, read: Standardise, said: Standardise, inputs: F32, predicted: F32, wanted: F32, starts: I64, ran: F32,
    step: int, warning: str, start: float, after: bool,
) -> Probe:  # fmt: skip
    """Return the probe of predicted values (T, K); `after`: those at t were predicted after timestep t was read.

    Where the target is not known, reach is that of the predicted values themselves.
    """
    T, K = predicted.shape
    with np.errstate(invalid="ignore", over="ignore"):
        errors = predicted - wanted
        loss = np.asarray(np.mean(np.square(errors), axis=1, dtype=np.float64), np.float32)
        dvalues = np.zeros((T + int(after), K), np.float32)
        dvalues[int(after) :] = np.where(np.isnan(errors), 1 if after else 0, 2 / K * errors)
        reach_hidden, reach_input = look.reach(dvalues)
    own, forecast, truth, further = (
        scale.undo(values.astype(np.float64))
        for scale, values in ((read, inputs), (said, predicted), (said, wanted), (said, ran))
    )
    series = Series(read.names, own, said.names, forecast, truth, starts, further)
    symbols = bars(series.read[:, 0])
    none: I32 = np.zeros((T, 0), np.int32)
    return Probe(
        step, _tokens(inputs), symbols, loss, none, ((),) * T, none.astype(np.float32), look.staves,
        reach_hidden[:, int(after) :, :T].copy(), reach_input[int(after) :, :T].copy(),
        time.perf_counter() - start, warning, look.attention, series=series,
        targets=wanted.copy() if after else np.concatenate([wanted[1:], np.full((1, K), np.nan, np.float32)]),
    )  # fmt: skip
