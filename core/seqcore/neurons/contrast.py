"""Which units tell two selections apart, by more than any two selections of that shape are told apart somewhere.

Each selection is cut in two: the first parts choose a unit, the second parts score it. Timesteps within a stretch are
not independent, and a few stretches are separated by some unit in any case, so the score is compared with those of the
same procedure, choice of the unit included, on the same pattern of stretches moved along the recording.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqcore.errors import SeqError
from seqcore.neurons.recording import F16, Recording
from seqcore.records import F64, I64

Stretch = tuple[int, int]  # [first, last)
MOST = 10
_SHIFTS = 400
_SEED = 0x5EA
_AT_MOST = 2000  # timesteps of a selection that are compared, at equal distances


class Separation(NamedTuple):
    """A unit, and how well it tells the first selection from the second."""

    layer: int
    unit: int
    score: float  # AUC on the second parts, in the direction that the first parts gave
    sign: int  # 1: higher in the first selection; -1: lower
    chance: float  # the probability that the best of all units scores so for a pattern like this, elsewhere


def contrast(
    recording: Recording, one: Sequence[Stretch], other: Sequence[Stretch], most: int = MOST
) -> list[Separation]:
    """Return the units that separate two selections best, best first by the first parts.

    A selection is one or more stretches of timesteps. Raises SeqError: a stretch is empty or outside the recording, a
    timestep is in both, or a selection has fewer than two timesteps.
    """
    T = len(recording.values)
    a, b = _timesteps(one, T), _timesteps(other, T)
    if np.intersect1d(a, b).size:
        raise SeqError("the two selections share timesteps: give stretches that do not overlap")
    parts = [*_cut(a), *_cut(b)]
    order, signs, scores = _procedure(recording.values, parts)
    chance = np.random.default_rng(_SEED)
    low, high = min(int(part[0]) for part in parts), max(int(part[-1]) for part in parts)
    width = high - low + 1
    starts = np.arange(0, T - width + 1)
    starts = starts[np.abs(starts - low) > width // 2]  # elsewhere
    if starts.size > _SHIFTS:
        starts = np.sort(chance.choice(starts, _SHIFTS, replace=False))
    best = []
    for start in starts.tolist():
        where, _, held = _procedure(recording.values, [part - low + start for part in parts])
        best.append(float(held[where[0]]))
    found = []
    for column in order[:most].tolist():
        score = float(scores[column])
        p = (1 + sum(value >= score for value in best)) / (1 + len(best))
        unit = recording.units[column]
        found.append(Separation(unit.layer, unit.unit, score, int(signs[column]), p))
    return found


def _timesteps(stretches: Sequence[Stretch], T: int) -> I64:
    """Return the timesteps of a selection, ascending, at most _AT_MOST of them."""
    for first, last in stretches:
        if not 0 <= first < last <= T:
            raise SeqError(f"the stretch {first}:{last} is not one of the timesteps 0 to {T:,}")
    found = np.unique(np.concatenate([np.arange(first, last) for first, last in stretches] or [np.zeros(0, np.int64)]))
    if found.size < 2:
        raise SeqError("a selection needs two timesteps at least: one part chooses the unit, the other one scores it")
    return found[:: -(-found.size // _AT_MOST)]


def _cut(timesteps: I64) -> tuple[I64, I64]:
    """Return the first half and the second half."""
    return timesteps[: timesteps.size // 2], timesteps[timesteps.size // 2 :]


def _procedure(values: F16, parts: Sequence[I64]) -> tuple[I64, npt.NDArray[np.int64], F64]:
    """Return the columns in the order of the first parts, their signs (U,), and their scores on the second parts (U,).

    `parts` are the first and second part of one selection, then those of the other one.
    """
    first = _aucs(values[parts[0]], values[parts[2]])
    second = _aucs(values[parts[1]], values[parts[3]])
    signs = np.where(first >= 0.5, 1, -1)
    return np.argsort(-np.abs(first - 0.5), kind="stable"), signs, 0.5 + signs * (second - 0.5)


def _aucs(one: F16, other: F16) -> F64:
    """Return for each of U units the AUC of one (n, U) against the other (m, U); ties count one half."""
    both = np.concatenate([one, other]).astype(np.float32)
    order = np.argsort(both, axis=0, kind="stable")
    ordered = np.take_along_axis(both, order, axis=0)
    n, m = len(one), len(other)
    place = np.arange(1, n + m + 1, dtype=np.float64)[:, None]
    new = np.concatenate([np.ones((1, both.shape[1]), np.bool_), ordered[1:] != ordered[:-1]])
    lowest = np.maximum.accumulate(np.where(new, place, 0), axis=0)
    ends = np.concatenate([new[1:], np.ones((1, both.shape[1]), np.bool_)])
    highest = np.minimum.accumulate(np.where(ends, place, n + m)[::-1], axis=0)[::-1]
    ranks = np.empty_like(lowest)
    np.put_along_axis(ranks, order, (lowest + highest) / 2, axis=0)
    found: F64 = (ranks[:n].sum(axis=0) - n * (n + 1) / 2) / (n * m)
    return found
