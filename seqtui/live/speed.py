"""Training speed in tokens per second and as a share of the machine's measured peak."""

from __future__ import annotations

import time
from collections import deque

SPEED_OVER, SHARE_OVER = 1.0, 5.0  # seconds of training to average over
PLAUSIBLE = 0.95  # of the peak: a higher share means that the peak is underestimated
KEPT = 512  # steps
SETTLED = 20  # steps before the first measurement of the peak
MEASURE = 0.03  # seconds per measurement


class Speedometer:
    """Only the trainer thread may use it: it measures the peak with parallel kernels."""

    def __init__(self) -> None:
        self._recent: deque[tuple[int, float]] = deque(maxlen=KEPT)  # (tokens, seconds) of the last steps
        self._peak, self._known, self._measured, self._due = 0.0, False, 0, 0.0

    def reset(self) -> None:
        """Forget the steps so far; the measured peak stays."""
        self._recent.clear()

    def add(self, tokens: int, seconds: float) -> None:
        """Add a training step; measure the peak if a measurement is due.

        The peak is measured repeatedly, at growing intervals: a busy machine makes it look lower than it is.
        """
        self._recent.append((tokens, seconds))
        if len(self._recent) < SETTLED or time.monotonic() < self._due:
            return
        from seqcore.bench import measure_peak

        self._peak = max(self._peak, measure_peak(MEASURE))
        self._measured += 1
        self._due = time.monotonic() + (3.0**self._measured if self._known else 2.0)

    def read(self, work_per_token: float) -> tuple[float, float | None]:
        """Return tokens per second, and the share 0..1 of the peak that they use; None while it is unknown.

        `work_per_token`: floating-point operations per token.
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
        # Training never gets that close: the machine was busy while the peak was measured.
        self._known = used < PLAUSIBLE * self._peak
        return rate or steady, used / self._peak if self._known and steady else None
