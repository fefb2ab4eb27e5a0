"""`python -m seqcore.warm`: reads kernel names, one per line, compiles each into the cache folder and echoes its name.

Started by `seqcore.compilers`. Unknown names are echoed as well.
"""

import sys


def main() -> None:
    """Compile until end of input: then the parent process is done, or has exited."""
    from seqcore import model, optimizer, serial  # noqa: F401  # importing registers their kernels
    from seqcore.jit import KERNELS

    known = {entry.name: entry for entry in KERNELS}
    for line in sys.stdin:
        entry = known.get(line.strip())
        if entry:
            entry.dispatcher.compile(entry.signature)
        print(line, end="", flush=True)


if __name__ == "__main__":
    main()
