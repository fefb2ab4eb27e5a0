"""Worker processes that compile kernels into the cache folder, from which the program loads them; see `seqcore.warm`.

Numba compiles one kernel at a time per process, holds the GIL while compiling, which would freeze the screen, and
retains its intermediate data: 190 MB for all kernels of an LSTM. Worker processes compile several kernels in parallel
and return their memory when they exit.
"""

import atexit
import contextlib
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable

FEW = 1  # up to this many kernels are not worth a process
MOST = 4  # processes: each takes up to 250 MB


class Compilers:
    """Worker processes that each take the next kernel, by name, and exit when none is left."""

    def __init__(self) -> None:
        self._left: deque[str] = deque()
        self._unfinished: set[str] = set()
        self._processes: list[subprocess.Popen[str]] = []
        self._changed = threading.Condition()
        # -P: else a numba.py in the current directory would be imported
        self.command = [sys.executable, "-P", "-m", "seqcore.warm"] if sys.executable else []

    def ask(self, names: Iterable[str]) -> None:
        """Queue kernels for compilation, in that order, after those already queued. Returns immediately.

        Up to FEW unfinished kernels, or all if no process can be started, are left to the caller.
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
        """Wait until the kernel is in the cache folder, or no process is going to compile it.

        Returns early if `stop` returns True, polled every 0.1 s.
        """
        with self._changed:
            while not self._changed.wait_for(lambda: name not in self._unfinished, 0.1):
                if stop():
                    return

    def stop(self) -> None:
        """Kill all processes; unfinished kernels are left to the callers waiting for them."""
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
        """Feed kernels to the process one at a time until none is left or the process ends."""
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
        with contextlib.suppress(OSError), process:  # closes its stdin, on which it exits
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
        """Leave the kernels that no process has started to the callers waiting for them."""
        self._unfinished -= set(self._left)
        self._left.clear()
        self._changed.notify_all()


COMPILERS = Compilers()
atexit.register(COMPILERS.stop)
