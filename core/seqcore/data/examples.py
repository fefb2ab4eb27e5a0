"""Examples of any length, and batches of examples of similar length.

The order of examples follows from the seed and the epoch alone, so that a resumed run gets the same batches. A batch is
padded to its longest example, rounded up to a multiple of `ROUND`; padded timesteps read token 0, or zeros, and are
masked. Since padding comes last and every model is causal, it changes nothing of an example's results.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from seqcore.data.batches import Batch
from seqcore.errors import SeqError
from seqcore.records import I64, Inputs, Targets

ROUND = 8  # timesteps: so many different lengths of batches are avoided that memory for each can be kept
POOL = 32  # batches that are drawn at random and then sorted by length among themselves
HELD_OUT_ROWS = 64


class Batched(Protocol):
    """n examples that can be put together into batches."""

    @property
    def count(self) -> int:
        """n."""

    @property
    def lengths(self) -> I64:
        """The timesteps of each example, (n,), without padding."""

    @property
    def order(self) -> I64:
        """A key for each example, (n,): sorted by it, examples of similar length are neighbours."""

    @property
    def batch_lengths(self) -> tuple[int, ...]:
        """The T that batches can have, ascending."""

    def batch(self, which: I64, rows: int) -> Batch:
        """Return examples as a batch (T, rows)."""


@dataclass(frozen=True)
class Examples:
    """n examples, joined; example i is the part from starts[i] to starts[i + 1].

    Inputs are tokens (total,) int32 or real values (total, D) float32; targets are symbols (total,) int32, -1: masked,
    or real values (total, K) float32, NaN: masked.
    """

    inputs: Inputs
    targets: Targets
    starts: I64  # (n + 1,)

    @staticmethod
    def of(inputs: Sequence[Inputs], targets: Sequence[Targets]) -> "Examples":
        """Join examples of one or more timesteps each; example i has as many targets as inputs."""
        starts = np.zeros(len(inputs) + 1, np.int64)
        np.cumsum([len(part) for part in inputs], out=starts[1:])
        if not inputs:
            return Examples(np.zeros(0, np.int32), np.zeros(0, np.int32), starts)
        return Examples(np.concatenate(list(inputs)), np.concatenate(list(targets)), starts)

    def some(self, which: Sequence[int]) -> "Examples":
        """Return some of the examples."""
        spans = [slice(self.starts[i], self.starts[i + 1]) for i in which]
        if not spans:
            return Examples(self.inputs[:0], self.targets[:0], np.zeros(1, np.int64))
        return Examples.of([self.inputs[span] for span in spans], [self.targets[span] for span in spans])

    @property
    def count(self) -> int:
        """The number of examples."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> I64:
        """The timesteps of each example, (n,)."""
        return np.diff(self.starts)

    @property
    def order(self) -> I64:
        """The lengths, by which examples are sorted."""
        return self.lengths

    @property
    def batch_lengths(self) -> tuple[int, ...]:
        """The T that batches of these examples can have, ascending."""
        return tuple(sorted({padded_length(int(length)) for length in np.unique(self.lengths)}))

    def example(self, i: int) -> Inputs:
        """Return the inputs of an example, (T,) or (T, D)."""
        return self.inputs[self.starts[i] : self.starts[i + 1]]

    def wanted(self, i: int) -> Targets:
        """Return the targets of an example, (T,) or (T, K)."""
        return self.targets[self.starts[i] : self.starts[i + 1]]

    def batch(self, which: I64, rows: int) -> Batch:
        """Return examples as a batch (T, rows); rows without an example are fully masked."""
        lengths = self.lengths[which]
        T = padded_length(int(lengths.max(initial=1)))
        place = np.arange(T)[:, None]
        inside = place < lengths
        at = np.minimum(self.starts[which] + place, len(self.inputs) - 1)
        inputs = np.zeros((T, rows, *self.inputs.shape[1:]), self.inputs.dtype)
        targets = np.full((T, rows, *self.targets.shape[1:]), masked(self.targets), self.targets.dtype)
        inputs[:, : which.size][inside] = self.inputs[at[inside]]
        targets[:, : which.size][inside] = self.targets[at[inside]]
        return Batch(inputs, targets, True, which=which)


def masked(targets: Targets) -> float:
    """Return the value of a masked target: -1 for symbols, NaN for real values."""
    return math.nan if targets.dtype == np.float32 else -1


def padded_length(length: int) -> int:
    """Return the T of a batch whose longest example has `length` timesteps; examples of one are not padded."""
    return 1 if length == 1 else -(-length // ROUND) * ROUND


class ExampleBatches:
    """Training batches of `batch` examples each; the last few examples of an epoch are left out, others each time.

    Raises SeqError if there are fewer examples than a batch needs.
    """

    carries = False

    def __init__(self, examples: Batched, batch: int, seed: int) -> None:
        if examples.count < batch:
            raise SeqError(
                f"the training part has {examples.count:,} examples: --batch {batch} needs at least {batch}; "
                f"--batch {max(1, examples.count)} would work"
            )
        self.examples, self.rows, self.seed = examples, batch, seed
        self.steps_per_epoch = examples.count // batch
        self.lengths = examples.batch_lengths
        self._plan: tuple[int, I64, I64] = (-1, np.zeros((0, 0), np.int64), np.zeros(1, np.int64))
        self._ended: list[int] = [0]  # tokens of all epochs before epoch e

    def epoch(self, step: int) -> float:
        """Return the number of passes over the examples before `step`, fractional."""
        return step / self.steps_per_epoch

    def tokens(self, step: int) -> int:
        """Return the number of timesteps before `step`, without padding."""
        epoch, place = divmod(step, self.steps_per_epoch)
        while len(self._ended) <= epoch:
            self._ended.append(self._ended[-1] + int(self._order(len(self._ended) - 1)[1][-1]))
        return self._ended[epoch] + int(self._order(epoch)[1][place])

    def at(self, step: int) -> Batch:
        """Return the batch of `step`, from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        return self.examples.batch(self._order(epoch)[0][place], self.rows)

    def _order(self, epoch: int) -> tuple[I64, I64]:
        """Return the examples of each batch (steps, B), and the timesteps before each and in all (steps + 1,)."""
        if self._plan[0] != epoch:
            chance = np.random.default_rng([self.seed, epoch])
            lengths, key = self.examples.lengths, self.examples.order
            order = chance.permutation(self.examples.count)[: self.steps_per_epoch * self.rows]
            pool = POOL * self.rows
            for first in range(0, order.size, pool):
                part = order[first : first + pool]
                order[first : first + pool] = part[np.argsort(key[part], kind="stable")]
            batches = order.reshape(self.steps_per_epoch, self.rows)
            batches = batches[chance.permutation(self.steps_per_epoch)]
            before = np.concatenate([[0], np.cumsum(lengths[batches].sum(axis=1))])
            self._plan = epoch, batches, before
        return self._plan[1:]


def held_out_batches(examples: Batched) -> Iterator[Batch]:
    """Yield batches that hold every example once, shortest first; all have the same B."""
    rows = held_out_rows(examples)
    order = np.argsort(examples.order, kind="stable")
    for first in range(0, order.size, rows):
        which = order[first : first + rows]
        yield examples.batch(which, rows)


def held_out_rows(examples: Batched) -> int:
    """Return the B of `held_out_batches`."""
    return min(HELD_OUT_ROWS, examples.count)


def held_out_lengths(examples: Batched) -> tuple[int, ...]:
    """Return the T of `held_out_batches`, ascending."""
    return tuple(sorted({len(batch.inputs) for batch in held_out_batches(examples)}))
