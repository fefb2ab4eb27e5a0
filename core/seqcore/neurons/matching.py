"""Where else the units of a selection are on (Strobelt et al. 2018, LSTMVis, IEEE TVCG 24(1), section 5).

A selection is a stretch of timesteps and a threshold. Its units are those at or above the threshold at every timestep
of the stretch, and below it just before and just after. Other stretches at which many of them are on all along, and
few others, are what the selection is about.
"""

from typing import NamedTuple

import numpy as np

from seqcore.errors import SeqError
from seqcore.neurons.recording import Recording, Unit
from seqcore.records import I64, Bools

MOST = 50
_LEAST_SHARE = 0.5  # of the units of a selection that are on in a match
_TRIED = 400  # stretches whose other units are counted, for each number of shared units


class Match(NamedTuple):
    """A stretch of timesteps [first, last) at which units of a selection are on, and not at those around it."""

    first: int
    last: int
    shared: int  # units of the selection that are on throughout
    others: int  # further units that are on throughout

    def likeness(self, selected: int) -> float:
        """Return the share that is common to both sets of units: 1 if the same units are on, and no others."""
        return self.shared / (selected + self.others)


class Matches(NamedTuple):
    """The units of a selection, and where else they are on."""

    units: tuple[Unit, ...]
    found: tuple[Match, ...]  # best first, without the selection itself


def units_on(recording: Recording, first: int, last: int, threshold: float, bounded: bool = True) -> I64:
    """Return the columns of the units that are on throughout [first, last) and, if `bounded`, off just outside.

    On is at or above the threshold. Raises SeqError: the stretch is empty or outside the recording.
    """
    T = len(recording.values)
    if not 0 <= first < last <= T:
        raise SeqError(
            f"the stretch {first}:{last} is not one of the timesteps 0 to {T:,}: give START:END, END excluded"
        )
    on: Bools = np.all(recording.values[first:last] >= threshold, axis=0)
    if bounded:
        for outside in (first - 1, last):
            if 0 <= outside < T:
                on &= recording.values[outside] < threshold
    return np.flatnonzero(on)


def matching(
    recording: Recording, first: int, last: int, threshold: float, bounded: bool = True, most: int = MOST
) -> Matches:
    """Return the units of the selection [first, last) at a threshold, and at most `most` other stretches like it.

    Best first: by the share of units in common, then by how near the length is. A match has half of the units at least.
    Raises SeqError: the stretch is not in the recording.
    """
    columns = units_on(recording, first, last, threshold, bounded)
    return matches_of(recording, columns, last - first, threshold, (first, last), most)


def matches_of(
    recording: Recording, columns: I64, length: int, threshold: float, without: tuple[int, int] = (0, 0),
    most: int = MOST,
) -> Matches:  # fmt: skip
    """Return the stretches at which the units of these columns (n,) are on; best first, see `matching`.

    The columns may be those of a selection in another recording, of `length` timesteps; none of the stretches has
    timesteps of `without`.
    """
    first, last = without
    if not columns.size:
        return Matches((), ())
    count = np.count_nonzero(recording.values[:, columns] >= threshold, axis=1)
    taken = np.zeros(len(count), np.bool_)
    taken[first:last] = True
    found: list[Match] = []
    for shared in range(columns.size, int(np.ceil(_LEAST_SHARE * columns.size)) - 1, -1):
        runs = _runs((count >= shared) & ~taken)
        nearest = np.argsort(np.abs(runs[:, 1] - runs[:, 0] - length), kind="stable")[:_TRIED]
        for begin, end in runs[nearest].tolist():
            on: Bools = np.all(recording.values[begin:end] >= threshold, axis=0)
            both = int(np.count_nonzero(on[columns]))
            if both >= max(1, _LEAST_SHARE * columns.size):
                found.append(Match(begin, end, both, int(np.count_nonzero(on)) - both))
                taken[begin:end] = True
    found.sort(key=lambda one: (-one.likeness(columns.size), abs(one.last - one.first - length), one.first))
    return Matches(tuple(recording.units[column] for column in columns.tolist()), tuple(found[:most]))


def _runs(marks: Bools) -> I64:
    """Return the beginning and end of every run of marked timesteps, (n, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]])))
    return edges.reshape(-1, 2)
