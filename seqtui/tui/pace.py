"""The frame rate of the screen: as high as possible without delaying anything."""

FASTEST = 1 / 8  # seconds between frames: a higher rate slows training for little benefit
SLOWEST = 1.0
LATE = 0.5  # fraction of the interval: a frame finished later than this slows down the next ones
SLOWING, RECOVERING = 1.5, 0.9
STILL = 0.5  # seconds between looks while nothing moves
BEFORE_STILL = 1.0  # seconds without a change after which nothing moves


class Pace:
    """The interval between frames, adapted after each frame: at least `fastest` seconds, and never above SLOWEST."""

    def __init__(self, fastest: float = FASTEST) -> None:
        self.interval = self._fastest = fastest
        self._quiet = 0.0  # seconds without a change

    def tell(self, delay: float) -> float:
        """Return the next interval, given a frame that was finished `delay` seconds after it was due."""
        factor = SLOWING if delay > LATE * self.interval else RECOVERING
        self.interval = min(max(self.interval * factor, self._fastest), SLOWEST)
        return self.interval

    def rest(self, interval: float, changed: bool) -> float:
        """Return the seconds until the next look: `interval`, longer once a session that stands still has no news."""
        self._quiet = 0.0 if changed else self._quiet + interval
        return max(interval, STILL) if self._quiet > BEFORE_STILL else interval

    def wake(self) -> bool:
        """Expect news: the user has done something. Return whether the next look was put off."""
        put_off = self._quiet > BEFORE_STILL
        self._quiet = 0.0
        return put_off
