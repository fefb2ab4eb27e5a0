"""N-gram baselines of any order: the losses that a network is compared with."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.records import F64, I32, I64

# Each order takes about 60 bytes and 0.2 to 0.5 µs per token, so longer texts are truncated.
MOST = 4_000_000  # training tokens that are counted
MEASURED = 1_000_000  # validation tokens that are evaluated

_NAMES = ("uniform", "unigram", "bigram", "trigram")


class NGram(NamedTuple):
    """An n-gram model, which counts the tokens that follow each context of order - 1 tokens, and its loss."""

    order: int  # 0: uniform
    loss: float  # on the validation part, nats per token; NaN if there was nothing to count or evaluate
    parameters: int  # number of counts: one per token of the vocabulary, and one per longer n-gram that was seen
    seconds: float  # time spent on counting, without evaluation

    @property
    def name(self) -> str:
        """The usual name: bigram, 4-gram."""
        return _NAMES[self.order] if self.order < len(_NAMES) else f"{self.order}-gram"


@dataclass(frozen=True)
class NGramLosses:
    """The losses of orders 0 to 3, in nats per token."""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


def references(train: I32, validation: I32, vocabulary_size: int) -> NGramLosses:
    """Return the losses of orders 0 to 3, the reference lines of the loss curve; see `ngrams`."""
    return NGramLosses(*(model.loss for model in ngrams(train, validation, vocabulary_size, 3)))


def ngrams(train: I32, validation: I32, vocabulary_size: int, highest: int) -> Iterator[NGram]:
    """Yield models of orders 0 to `highest`, counted on `train` (M,), evaluated on `validation` (N,) right after it.

    Each model is computed when requested. Every token of the validation part is predicted; the first ones have the end
    of the training part as context. If the parts are longer, the last MOST tokens of the training part and the first
    MEASURED ones of the validation part are used: the two stretches that meet. With V tokens in the vocabulary:

    - uniform, order 0: p(w) = 1 / V.
    - unigram: add-one, p(w) = (c(w) + 1) / (M + V).
    - all others: interpolated Kneser-Ney, which has no parameters to tune,

          p(w | h) = (max(c(h w) - D, 0) + D N(h) p'(w | h')) / c(h),    D = n1 / (n1 + 2 n2),

      where h' is h without its first token, c(h) is how often h was followed by any token, N(h) the number of distinct
      tokens that followed it, and n1, n2 the number of h w seen once and twice (D = 1/2 if none was seen once). p' is
      the same formula on distinct n-grams instead of n-grams: c'(h' w) is the number of distinct tokens that preceded
      h' w. With no context it is add-one on those counts. p(w | h) = p'(w | h') for an unseen h.
      (Kneser and Ney, "Improved backing-off for m-gram language modeling", 1995; interpolated as in Chen and Goodman,
      "An empirical study of smoothing techniques for language modeling", 1999, section 2.7.)
    """
    V, seen = vocabulary_size, train[-MOST:]
    yield NGram(0, math.log(V), 0, 0.0)
    past = seen[len(seen) - min(len(seen), max(0, highest - 1)) :]
    text = np.concatenate([past, validation[:MEASURED]]).astype(np.int64)
    judged = slice(len(past), None)
    measurable = len(seen) > 0 and len(text) > len(past)

    start = time.perf_counter()
    counts = np.bincount(seen, minlength=V)
    seconds = time.perf_counter() - start
    if highest >= 1:
        yield NGram(1, _loss(_add_one(counts, text), judged) if measurable else math.nan, V, seconds)

    grams, kept = _Grams(np.zeros(V, np.int64), counts, seen, np.full(len(text), -1, np.int64), text), V
    lower = np.zeros(0)
    for order in range(2, highest + 1):
        if not measurable or len(seen) < 2:  # a single training token has no successor to count
            yield NGram(order, math.nan, kept, seconds)
            continue
        start = time.perf_counter()
        longer, ends = _longer(grams, seen, text, V)
        distinct_before = np.bincount(ends, minlength=len(grams.counts))  # c' of the shorter n-grams
        seconds += time.perf_counter() - start
        lower = _add_one(distinct_before, text) if order == 2 else _discounted(grams, distinct_before, lower)
        kept += len(longer.counts)
        yield NGram(order, _loss(_discounted(longer, longer.counts, lower), judged), kept, seconds)
        grams = longer


class _Grams(NamedTuple):
    """The distinct n-grams of one order, numbered from 0, and their positions."""

    context: I64  # (distinct,) the number of each one's context among the n-grams of the order below
    counts: I64  # (distinct,) how often each was seen
    train: I32  # (M - order + 1,) the number of the n-gram that ends at each position of the training part
    asked_context: I64  # (positions,) the number of the context before each position of the evaluated text, or -1
    asked: I64  # (positions,) the number of the n-gram that ends there; -1 if it was never seen


def _longer(grams: _Grams, seen: I32, text: I64, V: int) -> tuple[_Grams, I64]:
    """Return the n-grams one token longer, and for each the number of the shorter n-gram without its first token.

    Keys combine the number of the context with the next token, so they stay small for any V and any order.
    """
    length = len(seen) - len(grams.train) + 1  # tokens per context
    keys = grams.train[:-1].astype(np.int64) * V + seen[length:]
    order = np.argsort(keys)
    keys = keys[order]
    new = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    first = np.flatnonzero(new)
    distinct = keys[first]
    train = np.empty(len(keys), np.int32)
    train[order] = np.cumsum(new, dtype=np.int32) - 1
    counts = np.diff(first, append=len(keys))
    ends = grams.train[order[first] + 1].astype(np.int64)  # the shorter n-gram that ends at the same position

    context = np.concatenate([[-1], grams.asked[:-1]])
    asked = _positions(distinct, np.where(context >= 0, context * V + text, -1))
    return _Grams(distinct // V, counts, train, context, asked), ends


def _add_one(counts: I64, asked: I64) -> F64:
    """Return p(token) at every evaluated position (N,), from counts (V,)."""
    result: F64 = (counts[asked] + 1.0) / (counts.sum() + len(counts))
    return result


def _discounted(grams: _Grams, counts: I64, lower: F64) -> F64:
    """Return p(token | context) at every evaluated position (N,) from `counts`; `lower` (N,): the shorter context's."""
    once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    discount = once / (once + 2 * twice) if once else 0.5
    contexts = int(max(grams.context.max(initial=-1), grams.asked_context.max(initial=-1))) + 1
    follows = np.zeros(contexts + 1)  # the last entry, -1, is for unseen contexts: always 0
    distinct = np.zeros(contexts + 1)
    follows[:contexts] = np.bincount(grams.context, counts, contexts)
    distinct[:contexts] = np.bincount(grams.context, counts > 0, contexts)
    count, total = np.append(counts, 0)[grams.asked], follows[grams.asked_context]
    kept = np.maximum(count - discount, 0) + discount * distinct[grams.asked_context] * lower
    return np.where(total > 0, kept / np.maximum(total, 1), lower)


def _positions(ordered: I64, wanted: I64) -> I64:
    """Return the index of each wanted number in `ordered`, -1 if absent."""
    if len(ordered) == 0:
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(ordered[place] == wanted, place, -1)


def _loss(probability: F64, judged: slice) -> float:
    """Return the mean of -log p over the judged positions, in nats."""
    return float(-np.log(probability[judged]).mean())
