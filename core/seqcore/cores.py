"""How many threads this process may run: its cores, and what its container allows."""

import math
import os
from functools import cache
from pathlib import Path

from seqcore.cgroups import groups

VARIABLE = "NUMBA_NUM_THREADS"  # the variable that other Numba programs obey, too
CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores() -> int:
    """Return the number of logical cores that the system lets this process run on (affinity, cpuset)."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def quota() -> float | None:
    """Return the processor time that the control groups of this process allow, in cores; None if unlimited.

    The tightest limit counts, of its own group and all above it: cpu.max of version 2, cpu.cfs_quota_us of version 1.
    """
    found = [limit for folder in _groups() for limit in (_version_2(folder), _version_1(folder)) if limit is not None]
    return min(found, default=None)


def _groups() -> list[Path]:
    """Return the folders that may hold a limit: of this process's groups, and where a container has its own on top."""
    return [CGROUPS, CGROUPS / "cpu", CGROUPS / "cpu,cpuacct", *groups("cpu", MEMBERSHIP, CGROUPS)]


def _numbers(path: Path) -> list[float]:
    """Return the numbers in a file, or none if it is missing or holds words such as "max"."""
    try:
        return [float(word) for word in path.read_text().split()]
    except (OSError, ValueError):
        return []


def _version_2(folder: Path) -> float | None:
    match _numbers(folder / "cpu.max"):
        case [time, period] if time > 0 and period > 0:
            return time / period
    return None


def _version_1(folder: Path) -> float | None:
    match _numbers(folder / "cpu.cfs_quota_us") + _numbers(folder / "cpu.cfs_period_us"):
        case [time, period] if time > 0 and period > 0:
            return time / period
    return None


@cache
def most_threads() -> int:
    """Return the most threads that training uses: NUMBA_NUM_THREADS if set, else the cores that are its own.

    More threads than the quota allows would all be stopped for the rest of each period once they have used it up.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    limit = quota()
    cores = usable_cores()
    return cores if limit is None else max(1, math.floor(min(cores, limit + 0.25)))
