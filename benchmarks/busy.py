"""Keep one core busy until the parent has gone: a program that asks for nothing but time.

python busy.py PARENT           free to move from core to core
python busy.py PARENT CORE      on that core alone
"""

from __future__ import annotations

import os
import sys

PIECE = 1_000_000  # rounds between two looks at the parent: some 10 ms


def main() -> None:
    parent, *cores = map(int, sys.argv[1:])
    if cores:
        os.sched_setaffinity(0, cores)
    print("busy", flush=True)
    while os.getppid() == parent:
        for _ in range(PIECE):
            pass


if __name__ == "__main__":
    main()
