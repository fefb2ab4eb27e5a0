"""Processes that compile kernels into the cache folder, from where the program loads them: see `seqcore.warm`.

Numba compiles one kernel at a time in a process, holds the interpreter's lock while it does, so that a screen would
stand still, and keeps what it was made from: for all that an LSTM needs 190 MB. Beside the program it goes on two
kernels at a time, and leaves nothing behind.
"""

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable

FEW = 1  # kernels that are not worth a process
MOST = 4  # processes: each takes up to 250 MB


class Compilers:
    """Processes that take the next kernel, by its name, as long as one is left, and end when none is."""

    def __init__(self) -> None:
        self._left: deque[str] = deque()
        self._unfinished: set[str] = set()
        self._processes: list[subprocess.Popen[str]] = []
        self._changed = threading.Condition()
        # -P: without it, a numba.py in the folder that a person happens to be in would be run
        self.command = [sys.executable, "-P", "-m", "seqcore.warm"] if sys.executable else []

    def ask(self, names: Iterable[str]) -> None:
        """Have those kernels compiled, in that order after what was asked before. Returns at once.

        A few, and all of them where no process can be had, are left to the caller.
        """
        with self._changed:
            new = [name for name in names if name not in self._unfinished]
            if not self.command or len(self._unfinished) + len(new) <= FEW:
                return
            self._left += new
            self._unfinished |= set(new)
            with contextlib.suppress(OSError):
                while len(self._processes) < min(len(self._left), os.cpu_count() or 1, MOST):
                    self._begin()
            if not self._processes:
                self._leave_the_rest()

    def wait_for(self, name: str, stop: Callable[[], bool] = lambda: False) -> None:
        """Return once no process will compile that kernel any more: it is in the cache folder, or none could do it.

        Or a tenth of a second after `stop` said so.
        """
        with self._changed:
            while not self._changed.wait_for(lambda: name not in self._unfinished, 0.1):
                if stop():
                    return

    def stop(self) -> None:
        """End them at once; what they had not finished is left to whoever waits for it."""
        with self._changed:
            self._leave_the_rest()
            for process in self._processes:
                process.kill()

    def _begin(self) -> None:
        process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._processes.append(process)
        threading.Thread(target=self._serve, args=(process,), daemon=True).start()

    def _serve(self, process: subprocess.Popen[str]) -> None:
        """Give the process one kernel after the other until none is left, or until it ends, whatever ends it."""
        answer = " "
        while answer and (name := self._next(process)) is not None:
            answer = ""
            with contextlib.suppress(OSError, ValueError):
                print(name, file=process.stdin, flush=True)
                answer = process.stdout.readline() if process.stdout else ""
            with self._changed:
                self._unfinished.discard(name)
                if not answer:
                    self._retire(process)
                self._changed.notify_all()
        with contextlib.suppress(OSError), process:  # closes what it reads from, at which it ends
            pass

    def _next(self, process: subprocess.Popen[str]) -> str | None:
        with self._changed:
            if self._left:
                return self._left.popleft()
            self._retire(process)
            return None

    def _retire(self, process: subprocess.Popen[str]) -> None:
        self._processes.remove(process)
        if not self._processes:
            self._leave_the_rest()

    def _leave_the_rest(self) -> None:
        """To whoever waits for it: what no process has begun."""
        self._unfinished -= set(self._left)
        self._left.clear()
        self._changed.notify_all()


COMPILERS = Compilers()
atexit.register(COMPILERS.stop)
