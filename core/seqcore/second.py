"""A second process that compiles beside the program: see `seqcore.warm`, which is what it runs."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

FEW = 4  # kernels that are not worth a second process


@contextlib.contextmanager
def second_process(groups: Sequence[str] | None, missing: int) -> Iterator[subprocess.Popen[bytes] | None]:
    """Have another process (the value; None if there is none) compile from the list's end while the block runs."""
    if missing <= FEW or (os.cpu_count() or 1) < 2 or not sys.executable:
        yield None
        return
    # -P: without it, a numba.py in the folder that a person happens to be in would be run
    command = [sys.executable, "-P", "-m", "seqcore.warm", *(groups or ())]
    try:
        helper = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:  # it would only have been faster
        yield None
        return
    try:
        yield helper
    finally:
        helper.kill()
        helper.wait()
