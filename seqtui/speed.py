"""How fast a training is, in tokens a second and as a share of what the machine can do."""

from __future__ import annotations

import time
from collections import deque

SPEED_OVER, SHARE_OVER = 1.0, 5.0  # seconds of training that they are the mean of
PLAUSIBLE = 0.95  # of the peak: a higher share is not believed
KEPT = 512  # steps
SETTLED = 20  # steps before the peak is measured for the first time
MEASURE = 0.03  # seconds a measurement takes


class Speedometer:
    """For the thread that runs parallel kernels: it measures the machine's peak with them."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float]] = deque(maxlen=KEPT)  # (tokens, seconds) of the last steps
        self._peak, self._known, self._measured, self._due = 0.0, False, 0, 0.0

    def reset(self) -> None:
        """Forget the steps so far; the machine's peak stays."""
        self._recent.clear()

    def add(self, tokens: int, seconds: float) -> None:
        """A step of training, and now and then a look at the peak.

        Again and again, ever more rarely: a machine that does something else then looks slower than it is.
        """
        self._recent.append((tokens, seconds))
        if len(self._recent) < SETTLED or time.monotonic() < self._due:
            return
        from seqcore.bench import measure_peak

        self._peak = max(self._peak, measure_peak(MEASURE))
        self._measured += 1
        self._due = time.monotonic() + (3.0**self._measured if self._known else 2.0)

    def read(self, work_per_token: float) -> tuple[float, float | None]:
        """Tokens a second, and the share 0..1 of the peak that they use; None while it is not known.

        `work_per_token`: floating-point operations.
        """
        tokens, seconds = 0, 0.0
        rate: float | None = None
        for count, spent in reversed(self._recent):
            tokens, seconds = tokens + count, seconds + spent
            if rate is None and seconds > SPEED_OVER:
                rate = tokens / seconds
            if seconds > SHARE_OVER:
                break
        steady = tokens / seconds if seconds else 0.0
        used = steady * work_per_token
        # No training comes that near: the machine was busy with something else while the peak was measured.
        self._known = used < PLAUSIBLE * self._peak
        return rate or steady, used / self._peak if self._known and steady else None
