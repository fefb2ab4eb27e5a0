"""The number of threads that is fastest for a training, found in its first steps.

More threads are not always faster: a small step has too little work for many, and cores may be busy elsewhere.
Results have the same bits for any number of threads, so the first steps of a training serve to measure: the
candidates take turns, and those that are clearly slower drop out. From time to time the question is asked again.
"""

import time
from collections.abc import Iterator

from seqcore.team import TEAM

ROUNDS = 8  # timed steps per candidate, of which the fastest counts: others may have been disturbed
CLEARLY = 1.25  # a candidate drops out if it takes that many times as long as the best
AS_FAST = 1.03  # of candidates within this factor of the best, the one with the fewest threads wins
SOON, AGAIN = 10.0, 60.0  # seconds until the candidates are compared again: first, since a program that starts is busy


def candidates(most: int) -> list[int]:
    """Return the numbers of threads to compare: `most`, half of it, half of that, ... 1."""
    found = [most]
    while found[-1] > 1:
        found.append(found[-1] // 2)
    return found


class Fastest:
    """Chooses the number of threads for each step, if the team is free to; call `before` and `after` every step."""

    def __init__(self) -> None:
        self._turns: Iterator[tuple[int, bool]] | None = None
        self._rates: dict[int, list[float]] = {}
        self._turn: tuple[int, bool] | None = None
        self._again, self._pause = 0.0, SOON

    def before(self) -> None:
        """Set the number of threads of the next step."""
        if not TEAM.free or TEAM.most == 1:
            return
        if self._turns is None and time.monotonic() >= self._again:
            self._rates = {count: [] for count in candidates(TEAM.most)}
            self._turns = self._comparison()
        self._turn = next(self._turns, None) if self._turns is not None else None
        if self._turn is not None:
            TEAM.use(self._turn[0])

    def after(self, seconds: float, size: int) -> None:
        """Note the time of a step of `size` timesteps, padding included."""
        if self._turn is None:
            return
        count, timed = self._turn
        if timed:
            self._rates[count].append(seconds / size)
        TEAM.use(self._best())
        if timed and all(len(rates) >= ROUNDS for rates in self._rates.values()):
            self._turns, self._turn = None, None
            self._again, self._pause = time.monotonic() + self._pause, AGAIN

    def _comparison(self) -> Iterator[tuple[int, bool]]:
        """Yield the number of threads of each step, and whether it is timed; the step after a change is not."""
        while True:
            for count in list(self._rates):
                if count in self._rates:
                    yield count, False
                    yield count, True
            best = min(min(rates) for rates in self._rates.values())
            for count, rates in list(self._rates.items()):
                if min(rates) > CLEARLY * best:
                    del self._rates[count]

    def _best(self) -> int:
        """Return the best number so far."""
        times = {count: min(rates) for count, rates in self._rates.items() if rates}
        if not times:
            return TEAM.most
        return min(count for count, spent in times.items() if spent <= AS_FAST * min(times.values()))
