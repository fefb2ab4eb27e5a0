"""The scan of a recurrent layer: all timesteps forward, or all the way back, shared among the threads.

A *group* of rows of the batch runs through time on its own. Its columns are shared out in *blocks* of hidden units,
all columns of a unit together, so that the cell follows the product at once: at each timestep the workers of a group
take its blocks, and go on to the next timestep when all blocks are done. The plan (`seqcore.layers.plan`) says how many
rows make a group and how many units a block.

Each worker begins with a place of its own, a group and the blocks that it takes first at every timestep: it finds their
weights in its own cache. Blocks that their worker does not come for are taken by the others, and so are groups.

Every element is one sum in rising order of k, whatever the plan: results are bit-identical for any plan and any number
of threads.

    forward     z (R, products U) = h_{t-1} W_hh, the block's columns      then the cell: gates, c_t, h_t of its units
    backward    dh_t += dz_{t+1} W_hh^T, the block's units                 then the cell: dz_t, and the direct gradient

Shapes are those of `layers.cell`. W_hh is packed in `products` parts, side by side, and W_hh_T as a whole; see
`packing.Packed`. A cell gives two device functions, each for rows [first, last) and units [u, u + n) at timestep t:

    forward(z, wide, inputs, index, bias, flag, gates, c, h, t, first, last, u, n)
        z[r, g * wide + j] is h_{t-1} W_hh of row first + r, part g and unit u + j
    backward(gates, c, h, dh, direct, flag, t, first, last, u, n)
"""

from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numba import types

from seqcore.atomics import change, load, release, wait_until
from seqcore.gemm import LANES, MR, NR, address, fetch, narrow_rows_at, row_norms, rows_at, shift
from seqcore.jit import boolean, device, f1, f2, f3, i1, i8, i8_1, kernel, void
from seqcore.team import shared

DEPTH = 256  # rows of W_hh per pass over the rows of a group: a panel of them fits the first-level cache
f4 = np.float32
FAR = 1 << 20  # elements of gates from which on the cell's operands are loaded ahead: 10% of a scan back
LINE = 8  # words of a cache line
FREE, TAKEN, DONE = 0, 1, 2  # states of an item, each in a cache line of its own
PLAN = types.UniTuple(types.int64, 3)  # rows, units, steps

# Filled in by `scan_of`, which compiles the functions that use them once for each cell.
PRODUCTS, COLUMNS, SEGMENTS = 0, 0, ((0, 0, 0),)
CELL_FORWARD = CELL_BACKWARD = None


@device
def panel_rows(a, a_row, M, b, K, c, c_row, accumulate, narrow):
    """C (M, NR) = A (M, K) @ one panel (+ C), given pointers to their first elements; LANES columns if `narrow`.

    If there are several tiles of rows, each takes DEPTH rows of the panel at a time: the panel is then read once from
    the second-level cache.
    """
    most = DEPTH if M > MR else K
    for k in range(0, K, most):
        depth, more = min(most, K - k), accumulate or k > 0
        if narrow:
            narrow_rows_at(shift(a, k), a_row, 1, M, shift(b, k * NR), depth, c, c_row, more)
        else:
            rows_at(shift(a, k), a_row, 1, M, shift(b, k * NR), depth, c, c_row, more)


def forward_block(inputs, index, W_hh, bias, flag, gates, c, h, t, first, last, u, n, z, wide):
    """One block of one group at timestep t; z (rows, products * wide) is scratch."""
    B, H, row = h.shape[1], h.shape[2], z.shape[1]
    for j in range(0, n, NR):
        panel = (u + j) // NR * PRODUCTS
        for g in range(PRODUCTS):
            panel_rows(
                address(h, (t * B + first) * H), H, last - first, address(W_hh, (panel + g) * H * NR), H,
                address(z, g * wide + j), row, False, n - j <= LANES,
            )  # fmt: skip
    CELL_FORWARD(z, wide, inputs, index, bias, flag, gates, c, h, t, first, last, u, n)
    if u + n == H:
        gates[t, first:last, COLUMNS * H :] = f4(0)  # what pads a row


def backward_block(W_hh_T, flag, gates, c, h, dh, direct, t, first, last, u, n):
    """One block of one group at timestep t, on the way back."""
    T, B, H, a_row, row = dh.shape[0], h.shape[1], h.shape[2], gates.shape[2], dh.shape[2]
    if t < T - 1:
        K, far = W_hh_T.shape[1], gates.size > FAR
        for j in range(u, u + n, NR):
            units = min(NR, u + n - j)
            if far:
                fetch(dh[t, first:last], j, units, True)
                fetch(h[t, first:last], j, units, False)
                if c.size:
                    fetch(c[t, first:last], j, units, False)
                for part in range(COLUMNS):
                    fetch(gates[t, first:last], part * H + j, units, True)
            back(
                address(gates, ((t + 1) * B + first) * a_row), a_row, last - first, address(W_hh_T, j * K), K, H,
                address(dh, (t * B + first) * row + j), row, units, True,
            )  # fmt: skip
    CELL_BACKWARD(gates, c, h, dh, direct, flag, t, first, last, u, n)


def back(dz, dz_row, M, W_hh_T, K, H, dh, dh_row, n, accumulate):
    """dh (M, n) = dz W_hh^T (+ dh if `accumulate`), given pointers to the first elements.

    K is the number of rows in a panel of W_hh^T.
    """
    for j in range(0, n, NR):
        more = accumulate
        for column, k, parts in SEGMENTS:
            panel_rows(
                shift(dz, column * H), dz_row, M, shift(W_hh_T, j * K + k * H * NR), parts * H, shift(dh, j), dh_row,
                more, n - j <= LANES,
            )  # fmt: skip
            more = True


@device
def place(lane, lanes, groups, blocks):
    """Return the group and the block in which a lane begins: its own, if there are as many lanes as that."""
    group = lane * groups // lanes
    first = (group * lanes + groups - 1) // groups  # the first lane of the group
    after = ((group + 1) * lanes + groups - 1) // groups
    return group, (lane - first) * blocks // max(np.int64(1), after - first)


@device
def taken(flags, at, blocks):
    """Return whether all items from number `at` on are taken or done."""
    for block in range(blocks):  # noqa: SIM110  # Numba knows no generators
        if load(flags, (at + block) * LINE) == FREE:
            return False
    return True


@device
def take(flags, at):
    """Return True to the first that asks for item number `at`."""
    return load(flags, at * LINE) == FREE and change(flags, at * LINE, FREE, TAKEN)


@device
def wait_for(flags, at, blocks, begin):
    """Wait until all items from number `at` on are done, one's own first."""
    for i in range(blocks):
        wait_until(flags, (at + (begin + i) % blocks) * LINE, DONE)


def forward_lane(lane, worker, inputs, index, W_hh, bias, flag, gates, c, h, plan, lanes, scratch, flags):
    """Go through all groups, beginning at the lane's place, and take what is not taken.

    An item is a block of a group for `steps` timesteps. (To take one, a core must first have finished all its stores:
    up to 2 microseconds, as much as a timestep of a small model.)
    """
    rows, units, steps = plan
    T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
    groups, blocks = (B + rows - 1) // rows, (H + units - 1) // units
    size = rows * PRODUCTS * units
    z = scratch[worker * size : (worker + 1) * size].reshape((rows, PRODUCTS * units))
    own, begin = place(lane, lanes, groups, blocks)
    for turn in range(groups):
        group = (own + turn) % groups
        if taken(flags, ((T - 1) // steps * groups + group) * blocks, blocks):
            continue
        first, last = group * rows, min((group + 1) * rows, B)
        for begun in range(0, T, steps):
            at = (begun // steps * groups + group) * blocks
            if begun > 0:
                wait_for(flags, at - groups * blocks, blocks, begin)
            for i in range(blocks):
                block = (begin + i) % blocks
                if take(flags, at + block):
                    u = block * units
                    n = min(units, H - u)
                    for t in range(begun, min(begun + steps, T)):
                        forward_block(inputs, index, W_hh, bias, flag, gates, c, h, t, first, last, u, n, z, units)
                    release(flags, (at + block) * LINE, DONE)


def backward_lane(lane, worker, W_hh_T, flag, gates, c, h, dh, direct, plan, lanes, flags):
    """As `forward_lane`, from the last timestep to the first."""
    rows, units, steps = plan
    T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
    groups, blocks = (B + rows - 1) // rows, (H + units - 1) // units
    own, begin = place(lane, lanes, groups, blocks)
    for turn in range(groups):
        group = (own + turn) % groups
        if taken(flags, ((T - 1) // steps * groups + group) * blocks, blocks):
            continue
        first, last = group * rows, min((group + 1) * rows, B)
        for begun in range(0, T, steps):
            at = (begun // steps * groups + group) * blocks
            if begun > 0:
                wait_for(flags, at - groups * blocks, blocks, begin)
            for i in range(blocks):
                block = (begin + i) % blocks
                if take(flags, at + block):
                    u = block * units
                    n = min(units, H - u)
                    for step in range(begun, min(begun + steps, T)):
                        backward_block(W_hh_T, flag, gates, c, h, dh, direct, T - 1 - step, first, last, u, n)
                    release(flags, (at + block) * LINE, DONE)


def scan_forward(inputs, index, W_hh, bias, flag, gates, c, h, plan, lanes, scratch, flags, team):
    """Run the forward scan; see the shapes above."""
    flags[:] = 0
    forward_lane(team, lanes, (inputs, index, W_hh, bias, flag, gates, c, h, plan, lanes, scratch, flags))


def scan_forward_serial(inputs, index, W_hh, bias, flag, gates, c, h):
    """As `scan_forward`, for threads that may not run parallel kernels: generation and probes."""
    T, B, H = gates.shape[0], gates.shape[1], h.shape[2]
    wide = (H + NR - 1) // NR * NR
    z = np.empty((B, PRODUCTS * wide), np.float32)
    for t in range(T):
        forward_block(inputs, index, W_hh, bias, flag, gates, c, h, t, 0, B, 0, H, z, wide)


def scan_backward(W_hh_T, flag, gates, c, h, dh, direct, plan, lanes, flags, team):
    """Run the backward scan: turn gates into their gradients and dh into the full gradient of h.

    `direct` holds the gradient that bypasses W_hh after the last timestep, and then that before the first.
    """
    flags[:] = 0
    backward_lane(team, lanes, (W_hh_T, flag, gates, c, h, dh, direct, plan, lanes, flags))


def reach(gates, c, h, W_hh_T, flag, dh, direct, dz, norms):
    """Kernel of `Cell.back_one`: gates (width,) of the timestep, c and h (2, 1, H) before and after it."""
    H = h.shape[2]
    for r in range(norms.size):
        dz[r] = gates
        CELL_BACKWARD(
            dz[r : r + 1].reshape((1, 1, dz.shape[1])), c, h, dh[r : r + 1].reshape((1, 1, dh.shape[1])),
            direct[r : r + 1].reshape((1, 1, direct.shape[1])), flag, 0, 0, 1, 0, H,
        )  # fmt: skip
    row_norms(dh, H, norms)
    back(
        address(dz, 0), dz.shape[1], norms.size, address(W_hh_T, 0), W_hh_T.shape[1], H, address(dh, 0), dh.shape[1], H,
        False,
    )  # fmt: skip


class Scan(NamedTuple):
    """The kernels of one cell."""

    forward: Any
    forward_serial: Any
    backward: Any
    reach: Any


def scan_of(name: str, products: int, columns: int, forward: Any, backward: Any) -> Scan:
    """Compile the scan of a cell: its two device functions, its columns of W_hh and of `gates`, in multiples of H.

    Where `gates` is wider than W_hh, its last columns but one do not pass through W_hh on the way back.
    """
    whole = products - 1 if columns > products else products
    gap = ((columns - 1, whole, 1),) if columns > products else ()
    names: dict[str, Any] = {
        "PRODUCTS": products, "COLUMNS": columns, "SEGMENTS": ((0, 0, whole), *gap), "CELL_FORWARD": device(forward),
        "CELL_BACKWARD": device(backward),
    }  # fmt: skip
    template: Callable[..., None]
    for template in (forward_block, back, backward_block):
        names[template.__name__] = device(_bound(template, name, names))
    for template in (forward_lane, backward_lane):
        names[template.__name__] = shared(_bound(template, name, names))

    def made(template: Callable[..., None], label: str, group: str, *arguments: Any) -> Any:
        return kernel(f"{name} {label}", f"{group}-{name}", void(*arguments))(_bound(template, name, names))

    return Scan(
        made(scan_forward, "forward", "train", f2, i1, f3, f1, boolean, f3, f3, f3, PLAN, i8, f1, i8_1, i8_1),
        made(scan_forward_serial, "forward, one thread", "look", f2, i1, f3, f1, boolean, f3, f3, f3),
        made(scan_backward, "backward", "train", f3, boolean, f3, f3, f3, f3, f3, PLAN, i8, i8_1, i8_1),
        made(reach, "reach", "look", f1, f3, f3, f3, boolean, f2, f2, f2, f1),
    )


def _bound(template: Callable[..., None], name: str, names: dict[str, Any]) -> Callable[..., None]:
    """Copy a function with `names` among its globals: of a closure, Numba could not cache the machine code."""
    bound = FunctionType(template.__code__, template.__globals__ | names, f"{name}_{template.__name__}")
    bound.__qualname__, bound.__doc__, bound.__module__ = bound.__name__, template.__doc__, template.__module__
    return bound
