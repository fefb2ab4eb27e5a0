"""`python -m seqcore.warm`: reads names of kernels, a line each, compiles them into the cache folder, and answers each.

What the program has started for that, see `seqcore.compilers`; a name that is unknown is answered as well.
"""

import sys


def main() -> None:
    """Until there is nothing more to read: then whoever started it is done, or has gone."""
    from seqcore import model, optimizer, serial  # noqa: F401  # they register their kernels
    from seqcore.jit import KERNELS

    known = {entry.name: entry for entry in KERNELS}
    for line in sys.stdin:
        entry = known.get(line.strip())
        if entry:
            entry.dispatcher.compile(entry.signature)
        print(line, end="", flush=True)


if __name__ == "__main__":
    main()
