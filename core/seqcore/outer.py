"""Weight gradients: C = A^T B, a sum over all rows of a batch, on all threads.

A is packed first, in blocks of rows, so that a tile reads contiguous memory. Then each worker owns groups of panels of
C and loops over all rows in blocks: a group of B's columns is copied into panels and multiplied while it is in the
cache. Nothing is summed across workers: results are bit-identical for any number of threads.

Two products of the same A share one parallel region, each over its own rows: the states of an RNN are the left factor
of the recurrent weights' gradient and, one timestep later, of the head's.

Shapes: A (K, >= M), B (K, >= N), C (M, N), panels as in `gemm`.
"""

from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_INDEX, NO_MATRIX, NO_VECTOR, Scratch
from seqcore.gemm import LANES, NR, add_row, address, copy8, copy_row, narrow_rows, tile_rows
from seqcore.jit import device, f1, f2, i1, i8, i8_1, kernel, void
from seqcore.records import F32, I32
from seqcore.team import TEAM, WANTED, shared, team

KB = 256  # rows per block
PART = 64  # rows of A packed at a time; fewest rows of C that a worker takes
GROUP = 8  # most panels of C that a worker takes at a time, to read rows of B in longer runs
_tiles, _sums = Scratch(), Scratch()  # packed A; what each thread adds up


@device
def pack_tiles(A, M, first, last, tiles):
    """tiles[i // 8, k, i % 8] = A[k, i], i < M, for rows k in [first, last): a tile reads contiguous memory."""
    K, a_row = A.shape[0], A.shape[1]
    for k in range(first, last):
        for i in range(0, M - 7, 8):
            copy8(address(A, k * a_row + i), address(tiles, (i * K) + k * 8))
        for i in range(M - M % 8, M):
            tiles[(i // 8 * K + k) * 8 + i % 8] = A[k, i]


@device
def copy_panels(B, k0, depth, at, N, panels):
    """panels[q, k] = B[k0 + k, at + q*NR : ...], zero from column N on; row by row, for sequential reads."""
    b_row, length = B.shape[1], panels.shape[1] * NR
    whole = max(0, min(panels.shape[0], (N - at) // NR))
    for k in range(depth):
        source = (k0 + k) * b_row + at
        for q in range(whole):
            copy_row(address(B, source + q * NR), address(panels, q * length + k * NR))
    for q in range(whole, panels.shape[0]):
        width = max(0, N - at - q * NR)
        for k in range(depth):
            source, row = B[k0 + k, at + q * NR : at + q * NR + width], panels[q, k]
            for j in range(width):
                row[j] = source[j]
            for j in range(width, NR):
                row[j] = np.float32(0)


@device
def copy_around(B, k0, depth, at, N, gap_at, gap, panels):
    """As `copy_panels`, but columns from `gap_at` on are read `gap` further to the right."""
    count = panels.shape[0]
    before = max(0, min(count, (gap_at - at + NR - 1) // NR))  # panels that begin before the gap
    copy_panels(B, k0, depth, at, min(N, gap_at), panels[:before])
    if before > 0 and at + before * NR > gap_at:  # the last of them spans the gap
        begin = at + (before - 1) * NR
        inside = gap_at - begin
        width = max(inside, min(NR, N - begin))
        for k in range(depth):
            source, row = B[k0 + k, begin + gap : begin + gap + width], panels[before - 1, k]
            for j in range(inside, width):
                row[j] = source[j]
    if before < count:
        copy_panels(B, k0, depth, at + before * NR + gap, N + gap, panels[before:])


@device
def sum_rows(one, panels, depth, column, accumulate):
    """column[q] = the sum over the first `depth` rows of panels[q] (+ column[q]): a product with ones, `one` (1,)."""
    for q in range(panels.shape[0]):
        tile_rows(one, 0, 0, 0, 1, panels, q * panels.shape[1] * NR, depth, column, q * NR, NR, accumulate)


@device
def add_by_index(B, k0, index, at, width, table, clear):
    """table[index[k], at : at + width] += B[k0 + k, same columns]; zero those columns of table first if `clear`."""
    if clear:
        for u in range(table.shape[0]):
            for j in range(at, at + width):
                table[u, j] = np.float32(0)
    b_row, row, whole = B.shape[1], table.shape[1], width // NR
    for k in range(index.size):
        source, to = (k0 + k) * b_row + at, index[k] * row + at
        for q in range(whole):
            add_row(address(B, source + q * NR), address(table, to + q * NR))
    if whole * NR < width:
        for k in range(index.size):
            last, into = B[k0 + k, at + whole * NR : at + width], table[index[k], at + whole * NR : at + width]
            for j in range(width - whole * NR):
                into[j] += last[j]


@device
def sum_block(A, column, row, k0, M, depth, N, at, panel, total, accumulate):
    """total[q, :M] = the block's part of the sum for the panels at columns at, at + NR, ... of N (+ total).

    The block is `depth` rows of A from k0 on. A[k, i], i a multiple of 8, is i * column + k * row elements after
    A[0, 0]: (column, row) is (number of rows, 8) if A is packed, otherwise (1, width of A).
    """
    block = panel.shape[1] * NR
    for q in range(panel.shape[0]):
        narrow = N - at - q * NR <= LANES
        for i in range(0, M, 8):
            a_at, c_at, rows = i * column + k0 * row, (q * M + i) * NR, min(8, M - i)
            if narrow:
                narrow_rows(A, a_at, 1, row, rows, panel, q * block, depth, total, c_at, NR, accumulate)
            else:
                tile_rows(A, a_at, 1, row, rows, panel, q * block, depth, total, c_at, NR, accumulate)


@device
def store_panels(total, column, at, C, sums):
    """Store the panels in C from column `at` on, and the column sums that `sums` has room for; see `outer_sum`."""
    M, N = C.shape
    unsummed = N - sums.size
    for q in range(total.shape[0]):
        begin = at + q * NR
        width = min(NR, N - begin)
        for i in range(M):
            source, to = total[q, i], C[i, begin : begin + width]
            for j in range(width):
                to[j] = source[j]
        for j in range(max(0, unsummed - begin), width):
            sums[begin + j - unsummed] = column[q, j]


@device
def group_size(panels, workers):
    """Return the panels of the next group if `panels` are left: few at the end, so that all workers finish together."""
    return max(np.int64(1), min(np.int64(GROUP), panels // workers))


@device
def first_panel(panels, workers, group):
    """Return the first panel of that group; `panels` or more past the last group."""
    first = np.int64(0)
    for _ in range(group):
        first += group_size(panels - first, workers)
    return first


@device
def sum_memory(scratch, worker, panels, depth, M):
    """Return a worker's panel (panels, depth, NR), total (panels, M, NR), column (panels, NR) and a one (1,).

    scratch (threads, `sum_size` or more).
    """
    own, first, second = scratch[worker], panels * depth * NR, panels * M * NR
    panel = own[:first].reshape((panels, depth, NR))
    total = own[first : first + second].reshape((panels, M, NR))
    column = own[first + second : first + second + panels * NR].reshape((panels, NR))
    one = own[first + second + panels * NR :][:1]
    one[0] = np.float32(1)
    return panel, total, column, one


def sum_size(panels: int, depth: int, M: int) -> int:
    """Return the number of elements that `sum_memory` divides."""
    return panels * (depth + M + 1) * NR + 1


@device
def division(panels, panels_2, M, threads):
    """Return the panels in a group of the second product, its groups, those of the first, and the parts of M.

    The few panels of a head come together, so that A is read once. If the groups are too few to keep all threads busy,
    the rows of C are divided, too.
    """
    size_2 = max(np.int64(1), min(np.int64(GROUP), (panels + panels_2) // threads))
    groups_2 = (panels_2 + size_2 - 1) // size_2
    groups, first = np.int64(0), np.int64(0)
    while first < panels:
        first += group_size(panels - first, threads)
        groups += 1
    most, wanted = max(np.int64(1), M // PART), 2 * threads if threads > 1 else np.int64(1)
    return size_2, groups_2, groups, min(most, max(np.int64(1), wanted // max(np.int64(1), groups + groups_2)))


@shared
def pack_rows(block, worker, A, M, tiles):
    """Pack PART rows of A; see `pack_tiles`."""
    pack_tiles(A, M, block * PART, min((block + 1) * PART, A.shape[0]), tiles)


@shared
def sum_group(
    item, worker, threads, A, M, B, gap_at, gap, C, sums, index, table, shift, B_2, C_2, sums_2, tiles, scratch
):
    """Compute one group of panels of C_2, or of C after those, and one part of its rows."""
    rows, N, N_2, zero = A.shape[0], C.shape[1], C_2.shape[1], np.int64(0)
    panels, panels_2 = (N + NR - 1) // NR, (N_2 + NR - 1) // NR
    size_2, groups_2, _, parts = division(panels, panels_2, M, threads)
    group, part = item // parts, item % parts
    head = group < groups_2
    first = group * size_2 if head else first_panel(panels, threads, group - groups_2)
    count = min(size_2, panels_2 - first) if head else group_size(panels - first, threads)
    b, c, s, n, later, around = (B_2, C_2, sums_2, N_2, shift, N_2) if head else (B, C, sums, N, zero, gap_at)
    top, end = M * part // parts // 8 * 8, M if part == parts - 1 else M * (part + 1) // parts // 8 * 8
    panel, total, column, one = sum_memory(scratch, worker, GROUP, KB, end - top)
    at, summed = first * NR, part == 0 and (first + count) * NR > n - s.size
    for k0 in range(0, b.shape[0], KB):
        depth = min(KB, b.shape[0] - k0)
        copy_around(b, k0, depth, at, n, around, gap, panel[:count])
        if summed:
            sum_rows(one, panel[:count], depth, column, k0 > 0)
        if index.size and part == 0 and not head:
            width = min(count * NR, n - at)
            add_by_index(b, k0, index[k0 : k0 + depth], at, width, table, k0 == 0)
        for q in range(count):
            own = at + q * NR
            sum_block(
                tiles[top * rows :], rows, 8, later + k0, end - top, depth, n, own, panel[q : q + 1], total[q : q + 1],
                k0 > 0,
            )  # fmt: skip
    store_panels(total[:count], column, at, c[top:end], s if summed else s[:0])


@kernel(
    "weight gradients",
    "train",
    void(f2, i8, f2, i8, i8, f2, f1, i1, f2, i8, f2, f2, f1, f1, f2, i8_1),
)
def two_sums(A, M, B, gap_at, gap, C, sums, index, table, shift, B_2, C_2, sums_2, tiles, scratch, team):
    """See `outer_sum`. Either product may have no columns.

    tiles (>= ceil(M / 8) * rows of A * 8,) and scratch (threads, `sum_size`) are scratch memory.
    """
    pack_rows(team, (A.shape[0] + PART - 1) // PART, (A, M, tiles))
    panels, panels_2, threads = (C.shape[1] + NR - 1) // NR, (C_2.shape[1] + NR - 1) // NR, team[WANTED]
    _, groups_2, groups, parts = division(panels, panels_2, M, threads)
    arguments = (threads, A, M, B, gap_at, gap, C, sums, index, table, shift, B_2, C_2, sums_2, tiles, scratch)
    sum_group(team, (groups + groups_2) * parts, arguments)


class Second(NamedTuple):
    """A second product of the same A: C (M, N) = A[shift:].T @ B, sums (N,) = the column sums of B."""

    shift: int
    B: F32
    C: F32
    sums: F32


NO_SECOND = Second(0, NO_MATRIX, NO_MATRIX, NO_VECTOR)


def packed_size(M: int, rows: int) -> int:
    """Return the elements of an A of M columns and `rows` rows, packed."""
    return -(-M // 8) * 8 * rows


def scratch_bytes(M: int, rows: int) -> int:
    """Return the bytes of scratch memory that `outer_sum` keeps for an A of M columns and `rows` rows."""
    return 4 * (packed_size(M, rows) + TEAM.threads * sum_size(GROUP, KB, M))


def outer_sum(
    A: F32, B: F32, C: F32, sums: F32 = NO_VECTOR, index: I32 = NO_INDEX, table: F32 = NO_MATRIX,
    gap: tuple[int, int] | None = None, second: Second = NO_SECOND,
) -> None:  # fmt: skip
    """C (M, N) = A[: len(B)].T @ B; sums (S,) = the sums of B's last S columns, 0 <= S <= N.

    If `index` (K,) is given, table[u] (U, padded N) = the sum of the rows of B whose index is u: they are in the cache
    for the product, and reading them again would add up to a tenth of its time.

    gap (at, width): columns of C and sums from `at` on are computed from the columns of B `width` further to the right.
    The table still uses the first N columns of B.

    Call it only from the thread that runs parallel kernels: the scratch memory is shared.
    """
    M, N = C.shape
    tiles = _tiles.of(packed_size(M, len(A)))
    two_sums(A, M, B, *(gap or (N, 0)), C, sums, index, table, *second, tiles, sum_scratch(GROUP, KB, M), team())


def sum_scratch(panels: int, depth: int, M: int) -> F32:
    """Return scratch memory for every thread, (threads, elements); see `sum_memory`."""
    size = -(-sum_size(panels, depth, M) // NR) * NR
    return _sums.of(TEAM.threads * size).reshape(TEAM.threads, size)
