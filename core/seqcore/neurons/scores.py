"""How well units follow features: chosen on the first half of a recording, scored on the second half."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR
from seqcore.layers.linear import Linear
from seqcore.neurons.features import Feature
from seqcore.neurons.recording import F16, midranks
from seqcore.records import F32, F64, Bools

CANDIDATES = 6  # units by correlation, for each feature, whose score is computed
KEPT = 3  # of them that are scored on the second half
_ROWS = 1024  # timesteps of a product


class Scored(NamedTuple):
    """A unit that was chosen for a feature."""

    unit: int  # its column in the recording
    sign: int  # 1: high where the feature is so, or large; -1: low there
    score: float  # on the second half, with that sign: the AUC, or the correlation

    def strength(self, either: bool) -> float:
        """Return the score from 0, a coin's, to 1; `either`: it is an AUC. Below 0 if the two halves disagree."""
        return 2 * self.score - 1 if either else self.score


def correlations(values: F16, features: F64) -> F64:
    """Return the correlation of every unit with every feature, (U, F), of values (T, U) and features (T, F).

    0 for a constant. The products are those of the serial kernels: NumPy's own would start threads beside training.
    """
    T, U = values.shape
    features = features - features.mean(axis=0)
    sums, squares, cross = np.zeros(U), np.zeros(U), np.zeros((U, features.shape[1]))
    for first in range(0, T, _ROWS):
        x = np.ascontiguousarray(values[first : first + _ROWS].T, np.float32)
        sums += x.sum(axis=1, dtype=np.float64)
        squares += np.square(x, dtype=np.float64).sum(axis=1)
        cross += _product(x, features[first : first + _ROWS].astype(np.float32))
    spread = np.sqrt(np.maximum(squares - sums**2 / T, 0))[:, None] * np.sqrt(np.square(features).sum(axis=0))
    flat = spread <= 1e-9 * max(1.0, float(np.sqrt(squares.max(initial=0))))
    found: F64 = np.where(flat, 0.0, cross / np.where(flat, 1.0, spread))
    return found


def _product(x: F32, y: F32) -> F32:
    """Return x (U, K) y (K, F), on this thread."""
    linear = Linear(np.ascontiguousarray(y), NO_VECTOR, NO_MATRIX, NO_VECTOR)
    linear.packed.pack(parallel=False)
    made = np.zeros((len(x), linear.width), np.float32)
    linear.forward_serial(x, made)
    return made[:, : y.shape[1]]


def auc(values: F16, is_so: Bools) -> float:
    """Return the probability that a value where something is so exceeds one where it is not; ties count one half."""
    true = int(np.count_nonzero(is_so))
    total = float(midranks(values)[is_so].sum())
    return (total - true * (true + 1) / 2) / (true * (len(is_so) - true))


def correlation(values: F16, numbers: F64) -> float:
    """Return Pearson's correlation of values and numbers (n,); 0 if either is constant."""
    x, y = values.astype(np.float64), numbers - numbers.mean()
    x -= x.mean()
    spread = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    return float((x * y).sum()) / spread if spread > 1e-12 else 0.0


def _score(values: F16, feature: Feature, part: slice) -> float:
    told = feature.values[part]
    return auc(values, told) if feature.either else correlation(values, told)


def held_out_scores(values: F16, features: Sequence[Feature], middle: int) -> list[list[Scored]]:
    """Return for each feature at most KEPT units of values (T, U), the best one of the first half first.

    Unit, sign and order follow from the timesteps before `middle` alone, the scores from those after it.
    """
    first, second = slice(0, middle), slice(middle, len(values))
    told = np.stack([feature.values[first].astype(np.float64) for feature in features], axis=1)
    found = np.abs(correlations(values[first], told))
    kept: list[list[Scored]] = []
    for column, feature in enumerate(features):
        neutral = 0.5 if feature.either else 0.0
        chosen = np.argsort(-found[:, column], kind="stable")[:CANDIDATES].tolist()
        scores = {unit: _score(values[first, unit], feature, first) - neutral for unit in chosen}
        best = sorted(chosen, key=lambda unit: -abs(scores[unit]))[:KEPT]
        row = []
        for unit in best:
            sign = 1 if scores[unit] >= 0 else -1
            score = _score(values[second, unit], feature, second)
            row.append(Scored(unit, sign, neutral + sign * (score - neutral)))
        kept.append(row)
    return kept
