"""Inverted dropout (Srivastava et al. 2014): y = x * keep / (1 - rate), with a new mask at every step.

The mask is never stored: whether an element is kept depends on a hash of the key, its row and its column. The backward
pass therefore draws the same mask, at any number of threads, and a resumed run the same masks as an uninterrupted one.
"""

import numpy as np

from seqcore.jit import device, elementwise, f2, f4, i8, i8_1, kernel, u4, void
from seqcore.records import F32
from seqcore.team import shared, team

u = np.uint32
ROWS = 64
MASK64 = (1 << 64) - 1


@elementwise
def mix(n):
    """Hash 32 bits: a permutation without visible patterns (constants from Wellons' hash prospector)."""
    n = u(n ^ (n >> u(16)))
    n = u(n * u(0x7FEB352D))
    n = u(n ^ (n >> u(15)))
    n = u(n * u(0x846CA68B))
    return u(n ^ (n >> u(16)))


@device
def drop_rows(x, y, H, first, key, threshold, scale):
    """y[:, :H] = x[:, :H] * scale where hash(key, row, column) >= threshold, else 0; row indices start at `first`.

    y may be x.
    """
    for r in range(x.shape[0]):
        source, to, start = x[r, :H], y[r, :H], mix(u(first + r) ^ key)
        for j in range(H):
            to[j] = source[j] * scale if mix(u(start + u(j))) >= threshold else np.float32(0)


@shared
def drop_chunk(chunk, worker, x, y, H, begin, key, threshold, scale):
    """As `drop_rows`, for one chunk of ROWS rows."""
    first, last = chunk * ROWS, min((chunk + 1) * ROWS, x.shape[0])
    drop_rows(x[first:last], y[first:last], H, begin + first, key, threshold, scale)


@kernel("dropout", "train", void(f2, f2, i8, i8, u4, u4, f4, i8_1))
def drop(x, y, H, begin, key, threshold, scale, team):
    """As `drop_rows`, for all rows."""
    drop_chunk(team, (x.shape[0] + ROWS - 1) // ROWS, (x, y, H, begin, key, threshold, scale))


def dropout_key(seed: int, step: int, layer: int) -> np.uint32:
    """Hash (seed, step, layer) to 32 bits by three rounds of SplitMix64: keys collide no more often than by chance."""
    state = 0
    for value in (seed, step, layer):
        state = (state + value + 0x9E3779B97F4A7C15) & MASK64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK64
        state ^= state >> 31
    return np.uint32(state >> 32)


def dropout(x: F32, y: F32, hidden: int, rate: float, key: np.uint32, first: int = 0) -> None:
    """y = dropout(x) on the first `hidden` columns of x, y (M, >= hidden). The same call on dy is the backward pass.

    The rows are those from number `first` on of all rows that share the key.
    """
    drop(x, y, hidden, first, key, np.uint32(min(rate * 2.0**32, 2.0**32 - 1)), np.float32(1 / (1 - rate)), team())
