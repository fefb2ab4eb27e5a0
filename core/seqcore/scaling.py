"""What a training step is expected to take with more threads, given its phases with one: work, barriers, caches.

A phase is one or more parallel regions (`seqcore.team`), or runs on one thread and takes the same with any number.

    phase(n) = sum over its regions of    work * max(share(n), 1 / ceiling) + opening(n)

- work: the region's part of the measured time of the phase.
- share: the part of the work that the busiest of n threads does. It follows from the items that the region divides
  into: 3 items on 2 threads take as long as 2. For a scan it is the time of a timestep by `layers.plan` relative to
  that of one thread; the barriers of a timestep, and whether W_hh fits the caches, are in there.
- opening: what it costs to call the others, and to wait until the last of them has left.
- ceiling: how much faster the matrix product alone is with n threads. Two threads of one core gain less than two cores.

What it leaves out: memory that all cores share, a clock that falls when more cores work, other programs. Dropout and
the tanh of a feedforward model are in the phase "rest", which counts as one thread's.
"""

from collections.abc import Callable, Sequence
from heapq import heapreplace
from typing import Any, NamedTuple, cast

from seqcore import model, optimizer, outer, packing
from seqcore.bench import StepTime
from seqcore.config import RECURRENT, ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.gemm import NR
from seqcore.jit import entry
from seqcore.layers import block, linear, loss, stack, window
from seqcore.layers.plan import PEAK, planned
from seqcore.models.stack import CELLS

OPENING = 2e-6, 0.3e-6  # seconds of a region with two threads, and of each further one
COPY = 1.0  # time to copy or add an element, relative to multiplying it into a row of a panel
DIVIDE = entry(outer.division)
MOST = 64  # threads: beyond, one memory for all cores is not what machines have

Share = Callable[[int], float]


class Region(NamedTuple):
    """One parallel region of a phase."""

    work: float  # relative to the other regions of the phase
    share: Share  # of the work that the busiest of that many threads does


Phases = dict[str, list[Region]]


def counts(most: int) -> list[int]:
    """Return the numbers of threads to measure: 1, 2, 4, ... and `most`."""
    return [2**n for n in range(most.bit_length()) if 2**n < most] + [most]


def beyond(most: int) -> list[int]:
    """Return the numbers of threads to look ahead to: twice and four times as many, up to MOST."""
    return [threads for threads in (2 * most, 4 * most) if threads <= MOST]


def opening(threads: int) -> float:
    """Return the seconds that opening and closing a region takes."""
    return OPENING[0] + OPENING[1] * (threads - 2) if threads > 1 else 0.0


def expected(timed: StepTime, threads: int, ceiling: float | None = None) -> float:
    """Return the expected seconds of a step with `threads` threads; `timed` was measured with one.

    `ceiling` bounds the speed-up of every region: the peak with that many threads relative to the peak with one.
    Raises SeqError if there is no thread.
    """
    if threads < 1:
        raise SeqError(f"{threads} threads: a step needs 1 or more")
    known, least = regions(timed.config, timed.training), 1 / max(1.0, ceiling) if ceiling else 0.0
    spent = sum(_phase(seconds, known.get(name, ()), threads, least) for name, seconds in timed.phases.items())
    return timed.seconds * spent / sum(timed.phases.values())


def _phase(seconds: float, parts: Sequence[Region], threads: int, least: float) -> float:
    """Return the expected seconds of a phase that takes `seconds` with one thread; without parts, it stays there."""
    if not parts:
        return seconds
    work = sum(part.work for part in parts)
    shares = [part.share(threads) for part in parts]
    shrunk = sum(part.work / work * max(share, least) for part, share in zip(parts, shares, strict=True))
    return seconds * shrunk + opening(threads) * sum(share < 1 for share in shares)  # a single item opens nothing


def even(items: int) -> Share:
    """Items of the same size, or nearly."""
    return lambda threads: -(-items // threads) / items


def uneven(sizes: Callable[[int], Sequence[float]]) -> Share:
    """Items of different sizes, claimed in this order by whichever thread is free; they may depend on the threads."""

    def share(threads: int) -> float:
        loads = [0.0] * threads
        for size in sizes(threads):
            heapreplace(loads, loads[0] + size)
        return max(loads) / sum(loads)

    return share


def scan(B: int, H: int, products: int) -> Share:
    """The scan of a recurrent layer: a timestep by its plan; less than 1 / threads where W_hh fits more caches only."""
    return lambda threads: planned(B, H, products, threads).seconds / planned(B, H, products, 1).seconds


def panels(N: int) -> int:
    """Return the number of panels of N columns."""
    return -(-N // NR)


def rows_of_linear(M: int) -> Share:
    """The product of a linear layer, in chunks of rows."""

    def share(threads: int) -> float:
        size = linear.ROWS if 4 * linear.ROWS * threads <= M else linear.FEW_ROWS
        return even(-(-M // size))(threads)

    return share


def weight_gradient(rows: int, M: int, N: int, second: int = 0) -> list[Region]:
    """Return the regions of an `outer_sum` over `rows` rows: packing A, then the panels of both products, in groups.

    Work is in rows of A times columns of A times panels.
    """
    size_of, divide = cast(Any, outer.group_size).py_func, DIVIDE

    def groups(threads: int) -> list[float]:
        size, _, _, parts = divide(panels(N), panels(second), M, threads)
        sizes = [min(size, panels(second) - at) for at in range(0, panels(second), size)]
        left = panels(N)
        while left > 0:
            sizes.append(size_of(left, threads))
            left -= sizes[-1]
        return [float(size) / parts for size in sizes for _ in range(parts)]

    packed, count = even(-(-rows // outer.PART)), panels(N) + panels(second)
    return [Region(rows * M * COPY, packed), Region(float(rows * M * count), uneven(groups))]


def regions(config: ModelConfig, training: TrainingConfig) -> Phases:
    """Return the parallel regions of each phase of a step of a model that reads tokens."""
    rows, parameters = training.batch * training.length, model.parameter_count(config)
    known: Phases = {
        "optimizer": [Region(1.0, even(-(-parameters // optimizer.BLOCK)))] * 2,  # the norm, the update
    }
    if config.family != "attention":  # there the head is part of "forward and back"
        known["head"] = [Region(1.0, even(-(-rows // loss.ROWS)))]
    if parameters >= packing.SMALL:
        known["pack"] = [Region(1.0, even(_packed_panels(config)))]
    family = _recurrent if config.family in RECURRENT else _OTHERS[config.family]
    return known | family(config, training)


def _packed_panels(config: ModelConfig) -> int:
    """Return the panels of all matrices that are multiplied, and of their transposes."""
    head = "embedding.E" if config.family == "attention" and config.tied else ""
    matrices = [shape for name, shape in model.shapes(config).items()
                if len(shape) == 2 and (name == head or not name.startswith("embedding."))]  # fmt: skip
    return sum(panels(K) + panels(N) for K, N in matrices)


def _recurrent(config: ModelConfig, training: TrainingConfig) -> Phases:
    B, T, H, L = training.batch, training.length, config.hidden, config.layers
    M, products = B * T, CELLS[config.family].products
    N = products * H
    scans = [Region(T * planned(B, H, products, 1).seconds, scan(B, H, products))] * L
    between = [Region(2.0 * M * H * N / PEAK, rows_of_linear(M))] * (L - 1)  # the input products of the upper layers
    sums = weight_gradient(M, H, N, 0 if config.dropout else config.logits)  # that of the head along with the last W_hh
    sums += weight_gradient(M, H, N) * (2 * (L - 1))
    if config.dropout:
        sums += weight_gradient(M, H, config.logits)
    return {
        "table": _table(config, M, N), "scan forward": scans + between, "scan backward": scans + between,
        "weight gradients": sums,
    }  # fmt: skip


def _table(config: ModelConfig, M: int, N: int) -> list[Region]:
    """Return the regions of `layers.embedding.InputTable`, M tokens to rows of N, if it has products."""
    V, I = config.vocabulary_size, config.embedding  # noqa: E741  # the width of the input, as in the layer
    if not I:
        return []
    U = min(V, M)  # distinct tokens, if they are random
    gathering = Region(COPY * (4 * M + U * (I + N) + V * I), even(1))
    there, back = (Region(float(U * a * panels(b)), rows_of_linear(U)) for a, b in ((I, N), (N, I)))
    return [gathering, there, *weight_gradient(U, I, N), back]


def _feedforward(config: ModelConfig, training: TrainingConfig) -> Phases:
    M, H, width = training.batch * training.length, config.hidden, config.input_width
    product = [Region(1.0, rows_of_linear(M))]
    sums = weight_gradient(M, config.context * width, H) + weight_gradient(M, H, config.logits)
    windows = [Region(1.0, even(-(-M // window.ROWS))), Region(1.0, even(-(-width // window.COLUMNS)))]
    return {"table": windows, "forward": product, "backward": product, "weight gradients": sums}


def _attention(config: ModelConfig, training: TrainingConfig) -> Phases:
    M, T, C, L, K = training.batch * training.length, training.length, config.hidden, config.layers, config.logits
    chunk = max(1, block.ROWS // T) * T
    sizes: list[float] = []
    for rows, columns in ((4 * C, C), (C, 4 * C), (C, 3 * C), (C, C)):  # W_proj, W_fc, W_qkv, W_o
        for at in range(0, panels(columns), stack.GROUP):
            sizes += [float(M * rows * min(stack.GROUP, panels(columns) - at))] * L
    sums = [Region(sum(sizes), uneven(lambda threads: sizes))]
    sums += weight_gradient(M, K, C) if config.tied else weight_gradient(M, C, K)
    tables = 2 if config.positions == "learned" else 1  # E, and P
    sums.append(Region(tables * M * C * COPY, even(panels(C))))
    return {"forward and back": [Region(1.0, even(-(-M // chunk)))], "weight gradients": sums}


_OTHERS: dict[str, Callable[[ModelConfig, TrainingConfig], Phases]] = {
    "attention": _attention, "feedforward": _feedforward,
}  # fmt: skip
