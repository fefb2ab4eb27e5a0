"""`python -m seqcore.warm GROUP...`: compile kernels into the cache folder, last one first.

Numba compiles one kernel at a time, so a second process works through the list from its other end while the program
compiles from the front; what either has compiled the other one loads. It says which one it begins, so that the program
waits for that one rather than compile it too. Halves the wait of the very first start.
"""

import sys
from collections.abc import Sequence


def main(groups: Sequence[str]) -> None:
    """Compile every kernel of `groups` (all if empty), last one first."""
    from seqcore import model, optimizer, serial  # noqa: F401  # they register their kernels
    from seqcore.jit import KERNELS

    for entry in reversed(KERNELS):
        if entry.needed_by(groups or None):
            print(entry.name, flush=True)
            entry.dispatcher.compile(entry.signature)


if __name__ == "__main__":
    main(sys.argv[1:])
