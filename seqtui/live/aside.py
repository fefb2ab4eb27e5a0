"""Work that takes seconds, on a thread of its own beside the observer's: with progress, and it can be stopped.

Like the observer it may run serial kernels only, and needs a serial model of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from seqcore.errors import SeqError

SHARE = 0.5  # of one core's time

ResultT = TypeVar("ResultT")
Progress = Callable[[int, int], None]
Stop = Callable[[], bool]


class Aside(Generic[ResultT]):
    """One piece of work, begun at once. `work` calls its first argument with what is done of all, at short intervals.

    Its second argument returns True once the work shall end: after `stop`, or when `gone` returns True.
    """

    def __init__(self, work: Callable[[Progress, Stop], ResultT | None], gone: Stop) -> None:
        self._work, self._gone = work, gone
        self._stopped = threading.Event()
        self._since = time.monotonic()
        self.progress = (0, 1)
        self.result: ResultT | None = None
        self.problem = ""  # why there is no result
        self.seconds = 0.0  # that it took
        self._thread = threading.Thread(target=self._run, name="seqtui-aside", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether there may still be a result."""
        return self._thread.is_alive()

    @property
    def percent(self) -> int:
        """How much is done."""
        done, total = self.progress
        return 100 * done // max(1, total)

    def stop(self) -> None:
        """End soon, without a result."""
        self._stopped.set()

    def _stop(self) -> bool:
        return self._stopped.is_set() or self._gone()

    def _report(self, done: int, total: int) -> None:
        """Publish the progress, and leave the core to others for a while."""
        self.progress = (done, total)
        self._stopped.wait((time.monotonic() - self._since) * (1 / SHARE - 1))
        self._since = time.monotonic()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            self.result = self._work(self._report, self._stop)
        except SeqError as error:
            self.problem = str(error)
        except Exception as error:  # a defect here must neither stop the training nor stay hidden
            self.problem = f"internal error: {type(error).__name__}: {error}"
        self.seconds = time.monotonic() - began
        give_back()


def give_back() -> None:
    """Return memory that was freed to the system, where the C library keeps it otherwise (glibc)."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another library, or none to be had by name
        ctypes.CDLL(None).malloc_trim(0)
