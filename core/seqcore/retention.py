"""Which checkpoints of a run are kept: dense near now, sparse far back, within a budget of bytes.

Ages of the kept ones, counted back from the newest, grow by about the same factor from one to the next, as in backups
that keep days, weeks and months.
"""

from collections.abc import Sequence

NEWEST = 3  # always kept, whatever the budget: the newest, and two to fall back on
MOST = 200  # kept at most: more than one can tell apart


def room(budget: int, each: int) -> int:
    """Return how many checkpoints of `each` bytes may be kept within a budget of bytes."""
    return max(NEWEST, min(MOST, budget // max(1, each)))


def surplus(steps: Sequence[int], count: int) -> list[int]:
    """Return the steps whose checkpoints are to be deleted so that at most `count` (at least NEWEST) remain.

    The NEWEST newest and, where there is room, the oldest are kept. Of the others, that one goes first whose neighbours
    are closest to each other, measured by the ratio of their ages.
    """
    kept, gone = sorted(steps), []
    while len(kept) > max(NEWEST, count):
        if count <= NEWEST:
            gone.append(kept.pop(0))
            continue
        now = kept[-1]
        middle = range(1, len(kept) - NEWEST)
        if not middle:
            gone.append(kept.pop(0))
            continue
        gone.append(kept.pop(min(middle, key=lambda i: (now - kept[i - 1]) / (now - kept[i + 1]))))
    return gone
