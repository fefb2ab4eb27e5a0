"""Count models of one, two and three tokens: the losses a network is measured against."""

import math
from typing import NamedTuple

import numpy as np

from seqcore.records import F64, I32, I64, References

# Counting takes about 50 bytes and 0.5 µs a token, and twice the time for words: of a longer text only so much is read.
MOST = 4_000_000  # tokens that are counted on
MEASURED = 1_000_000  # tokens that are measured on


def references(train: I32, validation: I32, vocabulary_size: int) -> References:
    """Losses on `validation` (N,) in nats per token, of models counted on `train` (M,), which comes right before it.

    Every token of the validation part is predicted; the first ones have the end of the training part before them.
    Of a longer training part the last MOST tokens count, of a longer validation part the first MEASURED ones: the two
    stretches that meet. With V tokens in the vocabulary:

    - uniform: log V.
    - unigram: add-one, p(w) = (c(w) + 1) / (M + V).
    - bigram and trigram: interpolated Kneser-Ney, which has nothing to tune,

          p(w | h) = (max(c(h w) - D, 0) + D N(h) p'(w | h')) / c(h),    D = n1 / (n1 + 2 n2),

      where h' is h without its first token, c(h) how often h was followed by anything, N(h) by how many distinct
      tokens, and n1, n2 are how many h w were seen once and twice (D = 1/2 where none was seen once). p' is the same
      formula on distinct n-grams in place of n-grams: c'(h' w) tells after how many distinct tokens h' w was seen. Of
      no context it is add-one on those counts. p(w | h) = p'(w | h') for an unseen h.
      (Kneser and Ney, "Improved backing-off for m-gram language modeling", 1995; interpolated as in Chen and Goodman,
      "An empirical study of smoothing techniques for language modeling", 1999, section 2.7.)

    A loss that has nothing to be measured on or counted from is NaN.
    """
    train, validation, V = train[-MOST:], validation[:MEASURED], vocabulary_size
    if len(train) == 0 or len(validation) == 0:
        return References(math.log(V), math.nan, math.nan, math.nan)
    past = train[-2:]
    seen = train.astype(np.int64)
    text = np.concatenate([past, validation]).astype(np.int64)
    asked = text[len(past) :]
    unigram = _loss(_add_one(np.bincount(seen, minlength=V), asked))
    if len(past) < 2:  # a training part of one token: nothing was ever followed by anything
        return References(math.log(V), unigram, math.nan, math.nan)

    one, two = seen[:-1] * V + seen[1:], text[1:-1]
    pairs = np.unique(one)
    ending = _add_one(np.bincount(pairs % V, minlength=V), asked)  # p' of no context: in how many pairs a token is last
    bigram = _discounted(_Places(seen[:-1], seen[1:]), _Places(two, asked), V, ending)

    # A pair is numbered by its place among the distinct pairs, so that keys stay small for any V.
    numbers = np.searchsorted(pairs, one)
    triples = np.unique(numbers[:-1] * V + seen[2:])
    ending = _discounted(_Places(pairs[triples // V] % V, triples % V), _Places(two, asked), V, ending)
    before = _positions(pairs, text[:-2] * V + two)
    trigram = _discounted(_Places(numbers[:-1], seen[2:]), _Places(before, asked), V, ending)
    return References(math.log(V), unigram, _loss(bigram), _loss(trigram))


class _Places(NamedTuple):
    """Places of a text: the number of the context before each, -1 where it was never seen, and the token there."""

    context: I64  # (places,)
    token: I64  # (places,)


def _add_one(counts: I64, asked: I64) -> F64:
    """p(token) at every asked place (N,), from counts (V,)."""
    result: F64 = (counts[asked] + 1.0) / (counts.sum() + len(counts))
    return result


def _discounted(seen: _Places, asked: _Places, V: int, lower: F64) -> F64:
    """p(token | context) at every asked place (N,), counted from the seen; `lower` (N,) is that of the shorter one."""
    keys, counts = np.unique(seen.context * V + seen.token, return_counts=True)
    once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    discount = once / (once + 2 * twice) if once else 0.5
    contexts = int(seen.context.max(initial=0)) + 1
    total = np.bincount(seen.context, minlength=contexts + 1)
    distinct = np.bincount(keys // V, minlength=contexts + 1)
    known = (asked.context >= 0) & (asked.context < contexts)
    context = np.where(known, asked.context, contexts)  # the last one is that of all unseen: nothing follows it
    place = _positions(keys, np.where(known, context * V + asked.token, -1))
    count = np.where(place >= 0, counts[place] if len(counts) else 0, 0)
    follows = total[context]
    kept = np.maximum(count - discount, 0) + discount * distinct[context] * lower
    return np.where(follows > 0, kept / np.maximum(follows, 1), lower)


def _positions(ordered: I64, wanted: I64) -> I64:
    """The index of each wanted number in the ordered ones, -1 where it is not among them."""
    if len(ordered) == 0:
        return np.full(len(wanted), -1, np.int64)
    place = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    return np.where(ordered[place] == wanted, place, -1)


def _loss(probability: F64) -> float:
    """The mean of -log p, in nats."""
    return float(-np.log(probability).mean())
