"""The frame rate of the screen: as high as possible without delaying anything."""

FASTEST = 1 / 8  # seconds between frames: a higher rate slows training for little benefit
SLOWEST = 1.0
LATE = 0.5  # fraction of the interval: a frame finished later than this slows down the next ones
SLOWING, RECOVERING = 1.5, 0.9


class Pace:
    """The interval between frames, adapted after each frame: at least `fastest` seconds, and never above SLOWEST."""

    def __init__(self, fastest: float = FASTEST) -> None:
        self.interval = self._fastest = fastest

    def tell(self, delay: float) -> float:
        """Return the next interval, given a frame that was finished `delay` seconds after it was due."""
        factor = SLOWING if delay > LATE * self.interval else RECOVERING
        self.interval = min(max(self.interval * factor, self._fastest), SLOWEST)
        return self.interval
