"""How often the screen is painted: as often as it can be without holding anything up."""

FASTEST = 1 / 8  # seconds between frames: more often costs training more than it shows
SLOWEST = 1.0
LATE = 0.5  # of the interval: a frame that late, or that long, slows the next ones
SLOWING, RECOVERING = 1.5, 0.9


class Pace:
    """The interval between frames. It is told how each frame went, and is asked for the next one."""

    def __init__(self) -> None:
        self.interval = FASTEST

    def tell(self, delay: float) -> float:
        """The next interval, after a frame that was done `delay` seconds after it was due."""
        factor = SLOWING if delay > LATE * self.interval else RECOVERING
        self.interval = min(max(self.interval * factor, FASTEST), SLOWEST)
        return self.interval
