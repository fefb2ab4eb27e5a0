"""The probe of a pair: a source, and the target that follows it on the same score; see `seqcore.probe`.

The symbols of the target stand in the columns after the bar: first the one that the decoder begins with, then those
that it should write, the end symbol last. As for a text, the loss at a column is that of its symbol, predicted one
timestep before; up to the bar there is none. Reach crosses the bar.
"""

import time
from collections.abc import Sequence

import numpy as np

from seqcore.beam import Decoded
from seqcore.probe import TOP, log_softmax
from seqcore.records import F32, I32, Probe, Translation
from seqcore.serial import SerialEncoderDecoder


def pair_probe(
    model: SerialEncoderDecoder,
    symbols: tuple[str, ...],
    classes: tuple[str, ...],
    score: I32,
    step: int,
    found: Decoded,
    wanted: Sequence[int] | None,
    warning: str = "",
) -> Probe:
    """Probe a score (T,) of S source symbols and two symbols or more after the bar, numbered from V on.

    `symbols` (T,) are those of the score, `classes` (K,) those of the target, `found` is what the model writes.
    """
    start = time.perf_counter()
    V, T = model.config.vocabulary_size, len(score)
    look = model.look(score)
    S = look.bar
    targets = score - V  # of the columns after the bar
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        shares_log = log_softmax(look.logits)
        probability = np.exp(shares_log)
        loss = np.full(T, np.nan, np.float32)
        columns = np.arange(S + 1, T)
        loss[columns] = -shares_log[columns - 1, targets[columns]]
        dlogits = np.zeros(look.logits.shape, np.float32)
        dlogits[columns] = probability[columns - 1]
        dlogits[columns, targets[columns]] -= 1
        reach_hidden, reach_input = look.reach(dlogits)
    count = min(TOP, len(classes))
    top, shares = np.full((T, count), -1, np.int32), np.full((T, count), np.nan, np.float32)
    top[columns] = np.argsort(-probability[columns - 1], axis=1, kind="stable")[:, :count]
    shares[columns] = np.take_along_axis(probability[columns - 1], top[columns].astype(np.int64), axis=1)
    guesses = tuple(tuple(classes[k] for k in row if k >= 0) for row in top)
    return Probe(
        step, score.copy(), symbols, loss, top, guesses, shares, look.staves, reach_hidden, reach_input,
        time.perf_counter() - start, warning, bar=S,
        translation=Translation(
            classes, tuple(found.nodes), tuple(found.finished), tuple(found.scores),
            tuple(wanted) if wanted is not None else None, _predicting(look.alignment, S),
        ),
    )  # fmt: skip


def _predicting(alignment: F32 | None, S: int) -> F32 | None:
    """Return (T, S): in each column's row the weights at the timestep before, at which its symbol was predicted."""
    if alignment is None:
        return None
    return np.concatenate([np.full((S + 1, S), np.nan, np.float32), alignment[:-1]])
