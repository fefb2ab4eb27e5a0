"""The probe of a pair: a source, and the target that follows it on the same score; see `seqcore.probe`.

The symbols of the target stand in the columns after the bar: first the one that the decoder begins with, then those
that it should write, the end symbol last. As for a text, the loss at a column is that of its symbol, predicted one
timestep before; up to the bar there is none. Reach crosses the bar.
"""

import time
from collections.abc import Sequence

import numpy as np

from seqcore.beam import Decoded
from seqcore.data.score_layout import decoder_symbols
from seqcore.probe import TOP, log_softmax
from seqcore.records import F32, Inputs, Picture, Probe, Translation
from seqcore.serial import SerialEncoderDecoder


def pair_probe(
    model: SerialEncoderDecoder,
    symbols: tuple[str, ...],
    classes: tuple[str, ...],
    score: Inputs,
    step: int,
    found: Decoded,
    wanted: Sequence[int] | None,
    width: int,
    warning: str = "",
    picture: Picture | None = None,
) -> Probe:
    """Probe a score (T, ...) of a source and two symbols or more after the bar; see `data.score_layout`.

    `symbols` (T,) are those of the score, `classes` (K,) those of the target; `found` is what the model
    writes with a beam of `width`.
    """
    start = time.perf_counter()
    V, T = model.config.vocabulary_size, len(score)
    look = model.look(score)
    S = look.bar
    targets = decoder_symbols(score, V)  # of the columns after the bar
    tokens = score.copy() if score.ndim == 1 else targets
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        shares_log = log_softmax(look.logits)
        probability = np.exp(shares_log)
        loss = np.full(T, np.nan, np.float32)
        columns = np.arange(S + 1, T)
        wanted_next = np.full(T, -1, np.int32)
        wanted_next[columns - 1] = targets[columns]
        loss[columns] = -shares_log[columns - 1, targets[columns]]
        dlogits = np.zeros(look.logits.shape, np.float32)
        dlogits[columns] = probability[columns - 1]
        dlogits[columns, targets[columns]] -= 1
        reach_hidden, reach_input = look.reach(dlogits)
    alignments = _alignments(look.attention, S)
    alignment = alignments.mean(axis=(0, 1)) if alignments is not None else None
    count = min(TOP, len(classes))
    top, shares = np.full((T, count), -1, np.int32), np.full((T, count), np.nan, np.float32)
    top[columns] = np.argsort(-probability[columns - 1], axis=1, kind="stable")[:, :count]
    shares[columns] = np.take_along_axis(probability[columns - 1], top[columns].astype(np.int64), axis=1)
    guesses = tuple(tuple(classes[k] for k in row if k >= 0) for row in top)
    return Probe(
        step, tokens, symbols, loss, top, guesses, shares, look.staves, reach_hidden, reach_input,
        time.perf_counter() - start, warning, bar=S,
        translation=Translation(
            classes, tuple(found.nodes), tuple(found.finished), tuple(found.scores),
            tuple(wanted) if wanted is not None else None, alignment, alignments, width=width, handed=look.handed,
            picture=picture,
        ),
        targets=wanted_next, source=score[:S],
    )  # fmt: skip


def _alignments(attention: F32 | None, S: int) -> F32 | None:
    """Return (layers, heads, T, S): for each column the weights at the timestep before, which predicted its symbol."""
    if attention is None:
        return None
    found = np.full((*attention.shape[:3], S), np.nan, np.float32)
    found[:, :, S + 1 :] = attention[:, :, S:-1, :S]
    return found
