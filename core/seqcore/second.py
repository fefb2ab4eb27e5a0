"""A second process that compiles beside the program: see `seqcore.warm`, which is what it runs."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence

FEW = 1  # kernels that are not worth a second process


class Helper:
    """The second process, and which kernel it is at: it says the name of each before it compiles it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._at: str | None = None
        self._moved = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        """Until the process ends, whatever ends it."""
        with contextlib.suppress(OSError, ValueError):  # its output may be closed meanwhile
            for line in self.process.stdout or ():
                self._move(line.strip())
        self._move(None)

    def _move(self, name: str | None) -> None:
        with self._moved:
            self._at = name
            self._moved.notify_all()

    def wait_for(self, name: str) -> None:
        """Return once it does not compile that kernel: at once, but for the one that it is at.

        It began earlier, so that waiting is shorter than compiling the same again.
        """
        with self._moved:
            self._moved.wait_for(lambda: self._at != name)


@contextlib.contextmanager
def second_process(groups: Sequence[str] | None, missing: int) -> Iterator[Helper | None]:
    """Have another process (None if there is none) compile from the list's end while the block runs."""
    if missing <= FEW or (os.cpu_count() or 1) < 2 or not sys.executable:
        yield None
        return
    # -P: without it, a numba.py in the folder that a person happens to be in would be run
    command = [sys.executable, "-P", "-m", "seqcore.warm", *(groups or ())]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError:  # it would only have been faster
        yield None
        return
    try:
        yield Helper(process)
    finally:
        process.kill()
        process.wait()
