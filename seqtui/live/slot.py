"""The slot in which the trainer thread leaves its newest state, for any other thread to read."""

import threading
import time
from dataclasses import replace
from typing import Any

from seqtui.live.snapshot import Snapshot


class Slot:
    """Holds one frozen snapshot. One thread publishes; any thread reads."""

    def __init__(self, state: Snapshot) -> None:
        self._lock = threading.Lock()
        self._state, self._said_at = state, 0.0
        self.published = 0.0  # time of the last publication on the monotonic clock

    @property
    def state(self) -> Snapshot:
        """The newest state."""
        with self._lock:
            return self._state

    def read(self) -> tuple[Snapshot, float]:
        """Return the newest state, and when its message was published (monotonic clock)."""
        with self._lock:
            return self._state, self._said_at

    def publish(self, **changes: Any) -> None:
        """Replace fields of the state; the serial grows by one."""
        now = time.monotonic()
        with self._lock:
            self._state = replace(self._state, serial=self._state.serial + 1, **changes)
            if "message" in changes:
                self._said_at = now
        self.published = now
