"""How likely a score is by chance. Two kinds of chance are kept apart, and a finding must survive both.

*The recording was lucky.* Neighbouring timesteps are not independent: a unit that drifts slowly agrees with a slow
feature over long stretches, and a test that counts timesteps as independent calls almost everything significant. So
the score is compared with those of the same two series shifted against each other, which keeps the autocorrelation
of both. The shift is linear, over a window, rather than circular: circular shifts give false positives on drifting
signals, linear shifts work if one signal is stationary (Harris 2020, "Nonsense correlations in neuroscience",
bioRxiv 2020.11.29.402719). Where a feature says how far a block (a line, a sequence) has got, shifts by a multiple of
the block's length would leave it as it is: there, each block is rotated within itself instead.

*Any network does that.* A unit of random weights remembers some of what it read, and among hundreds the best follows a
vowel or an open quotation well, and significantly so. So the search is repeated on untrained models of the same shape,
over the same timesteps, and the score must exceed what their best units reach (as Zhang and Bowman 2018 and Conneau et
al. 2018 compare with untrained encoders). Since every one of them is searched in the same way, the number of units
searched is taken into account.
"""

import math

import numpy as np

from seqcore.records import F64, I64

_FEWEST_BLOCKS = 10  # the normal approximation of `rotated` needs some
_LEAST_SPREAD = 0.02  # of untrained models


def shifted(values: F64, feature: F64) -> float:
    """Return how likely a correlation at least as large as that of values and feature (n,) is, by linear shifts.

    The middle third of the feature stays, the values are shifted along it: p = (1 + shifts that correlate at least as
    much) / (1 + shifts). 1 if either is constant there.
    """
    n = len(values)
    reach = n // 3
    core, size = feature[reach : n - reach], n - 2 * reach
    if reach < 1 or size < 2:
        return 1.0
    core = core - core.mean()
    centred = values - values.mean()
    length = 1 << (n + size).bit_length()
    cross = np.fft.irfft(np.fft.rfft(centred, length) * np.conj(np.fft.rfft(core, length)), length)[: 2 * reach + 1]
    sums, squares = (np.cumsum(np.concatenate([[0.0], series])) for series in (centred, np.square(centred)))
    last = slice(size, size + 2 * reach + 1)
    spread = squares[last] - squares[: 2 * reach + 1] - (sums[last] - sums[: 2 * reach + 1]) ** 2 / size
    own = float(np.square(core).sum())
    if own <= 0 or spread[reach] <= 1e-12 * max(1.0, float(squares[-1])):
        return 1.0
    score = cross / np.sqrt(np.maximum(spread, 1e-12 * max(1e-30, float(squares[-1]))))
    others = np.delete(score, reach)
    return float(1 + np.count_nonzero(others >= score[reach])) / (1 + others.size)


def rotated(values: F64, feature: F64, starts: I64) -> float:
    """Return how likely a sum of products at least as large is if each block is rotated on its own, by chance.

    Blocks begin at `starts` (b,), the first at 0. The sum over blocks of independent rotations is nearly normal; its
    mean and variance are computed from all rotations of every block. 1 with fewer than ten blocks that vary.
    """
    total = mean = variance = 0.0
    blocks = 0
    for first, last in zip(starts.tolist(), [*starts[1:].tolist(), len(values)], strict=True):
        x, y = values[first:last], feature[first:last]
        if last - first < 2:
            continue
        cross = np.fft.irfft(np.fft.rfft(x - x.mean()) * np.conj(np.fft.rfft(y - y.mean())), last - first)
        total, mean = total + float(cross[0]), mean + float(cross.mean())
        spread = float(cross.var())
        variance, blocks = variance + spread, blocks + (spread > 0)
    if blocks < _FEWEST_BLOCKS or variance <= 0:
        return 1.0
    return 0.5 * math.erfc((total - mean) / math.sqrt(2 * variance))


def beyond(strength: float, column: int, others: F64) -> float:
    """Return how likely one more untrained model has a strength above this for a feature; `others` are (k, F) of them.

    A prediction interval for a normal variable of unknown mean and variance: Student's t with k - 1 degrees of freedom.
    Few models may happen to agree: the spread is taken to be that of the middle feature at least. On the scale of
    `Scored.strength`, which ends at 1, the best of many units vary less upwards than a normal variable: measured on 240
    untrained models of three shapes, 0.2% exceed the limit that this sets at 1% for ten features together, and 1.6%
    without the middle feature; on Fisher's scale, artanh, it is 6%.
    """
    k, spreads = len(others), others.std(axis=0, ddof=1)
    spread = max(_LEAST_SPREAD, float(spreads[column]), float(np.median(spreads)))
    return student_tail((strength - float(others[:, column].mean())) / (spread * math.sqrt(1 + 1 / k)), k - 1)


def student_tail(t: float, degrees: int) -> float:
    """Return P(T > t) for Student's t with that many degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan2(t, math.sqrt(degrees))
    sine, cosine = math.sin(angle), math.cos(angle)
    if degrees % 2:
        term, total = cosine, cosine if degrees > 1 else 0.0
        for n in range(2, degrees - 1, 2):
            term *= cosine * cosine * n / (n + 1)
            total += term
        inside = 2 / math.pi * (angle + sine * total)
    else:
        term = total = 1.0
        for n in range(1, degrees - 2, 2):
            term *= cosine * cosine * n / (n + 1)
            total += term
        inside = sine * total
    return max(0.0, (1 - inside) / 2)
