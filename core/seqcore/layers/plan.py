"""How a recurrent scan is shared among threads: rows of a group and units of a block; see `layers.scan`.

The rule: of all ways to cut the batch into groups of whole tiles of rows, and the units into as many blocks as there
are threads for a group, take the one that a small model of the cost expects to be fastest. Per timestep, a thread

- multiplies its rows by its columns of W_hh, at the speed of the tile, but not faster than it reads the columns:
  they stay in its second-level cache if they fit, else they come from memory that all share,
- computes the cell for its rows and units,
- and, unless it has the group to itself, meets the others of the group.

So rows are cut first, since groups need not wait for each other; columns when rows do not suffice, or when W_hh is too
large for one cache. The constants were measured on Emerald Rapids and Zen 4; the choice changes little between them.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from seqcore.arrays import Scratch
from seqcore.gemm import MR, NR
from seqcore.layers.scan import LINE
from seqcore.records import F32, I64

PEAK = 150e9  # floating-point operations a second of one core's tile
ELEMENT, PER_BLOCK = 2.6e-9, 50e-9  # seconds of the cell per unit and row, and per row of a block
NEAR, FAR = 60e9, 15e9  # bytes a second from the second-level cache, and from beyond
ITEM = 30e-6  # seconds of work that a worker takes at a time, where it need not wait for others
MEETING = 0.4e-6, 0.1e-6  # seconds of a barrier: two threads, and each further one
Z_BYTES = 32_768  # most scratch memory of a block, where that leaves at least NR units
ROWS = max(8, MR)  # rows of a group are a multiple of this
CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")


@lru_cache
def cache_bytes() -> int:
    """Return the size of a core's second-level cache; 1 MiB where the system does not say."""
    try:
        text = CACHE.read_text().strip()
    except OSError:
        return 1 << 20
    return int(text[:-1]) << 10 if text.endswith("K") and text[:-1].isdigit() else 1 << 20


@dataclass(frozen=True)
class Plan:
    """A way to share a scan of B rows and H units with `products` columns of W_hh a unit."""

    B: int
    H: int
    products: int
    threads: int
    rows: int  # of a group
    units: int  # of a block

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows of a group, units of a block, timesteps of an item."""
        return self.rows, self.units, self.steps

    @property
    def groups(self) -> int:
        """The number of groups."""
        return -(-self.B // self.rows)

    @property
    def blocks(self) -> int:
        """The number of blocks of a group."""
        return -(-self.H // self.units)

    @property
    def lanes(self) -> int:
        """The number of threads that have a place of their own."""
        return min(self.threads, self.groups * self.blocks)

    @cached_property
    def steps(self) -> int:
        """The timesteps that a worker takes at a time: 1 if a group has several blocks, which wait for each other."""
        return max(1, round(ITEM / self._item(1))) if self.blocks == 1 else 1

    @property
    def scratch(self) -> int:
        """The elements of scratch memory of all threads."""
        return self.threads * self.rows * self.products * self.units

    def flags(self, T: int) -> int:
        """Return the number of words that say which items are taken and which are done."""
        return -(-T // self.steps) * self.groups * self.blocks * LINE

    def bytes_needed(self, T: int) -> int:
        """Return the bytes of `memory`."""
        return 8 * self.flags(T) + 4 * self.scratch

    def memory(self, T: int) -> tuple[I64, F32]:
        """Return flags and scratch memory for a scan of T timesteps, kept from one call to the next."""
        return _flags.of(2 * self.flags(T)).view(np.int64), _scratch.of(self.scratch)

    @cached_property
    def seconds(self) -> float:
        """The expected time of a timestep."""
        sharing = max(1, min(self.blocks, self.threads // self.groups))  # threads of a group
        turns = -(-self.groups // self.threads)  # groups of a thread
        own = -(-self.blocks // sharing)  # blocks of a thread
        meeting = MEETING[0] + (sharing - 2) * MEETING[1] if sharing > 1 else 0.0
        return turns * (self._item(own) + meeting)

    def _item(self, own: int) -> float:
        """Return the expected seconds that a thread computes for `own` blocks of a group at one timestep."""
        columns = own * self.units * self.products
        kept = 4 * self.H * columns
        read = kept / (NEAR if kept <= 0.8 * cache_bytes() else FAR)
        product = max(2.0 * self.H * self.rows * columns / PEAK, read)
        return product + self.rows * own * (self.units * ELEMENT + PER_BLOCK)


_flags, _scratch = Scratch(), Scratch()  # both begin on a cache line


def plans(B: int, H: int, products: int, threads: int) -> list[Plan]:
    """Return the plans to choose from, fewest groups first."""
    found = []
    tiles, panels = -(-B // ROWS), -(-H // NR)
    for groups in range(1, min(tiles, 4 * threads) + 1):
        rows = min(B, -(-tiles // groups) * ROWS)
        most = max(1, Z_BYTES // (4 * rows * products * NR))  # panels of a block
        sizes = dict.fromkeys(-(-panels // blocks) for blocks in range(1, panels + 1))
        found += [Plan(B, H, products, threads, rows, NR * size) for size in sizes if size <= most]
    return list(dict.fromkeys(found))


@lru_cache(256)
def planned(B: int, H: int, products: int, threads: int) -> Plan:
    """Return the plan with the smallest expected time; the one with more groups, if two are equal."""
    return min(reversed(plans(B, H, products, threads)), key=lambda plan: plan.seconds)
