"""Pictures with captions, and batches of them: P timesteps of real inputs, a patch each, and then the decoder's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcore.data.pair_examples import Targets, concatenated
from seqcore.data.patch_grid import PatchGrid
from seqcore.errors import SeqError
from seqcore.records import F32, I32, I64, U8

_WHITE = 255.0


@dataclass(frozen=True)
class Levels:
    """From levels of 0 to 255 to the numbers that a model reads, mean 0 and deviation 1, and back."""

    mean: float
    deviation: float

    @staticmethod
    def learnt(pictures: U8) -> "Levels":
        """Return the mean and deviation of all levels of pictures; of one level only, a deviation of 1."""
        deviation = float(pictures.std(dtype=np.float64))
        return Levels(float(pictures.mean(dtype=np.float64)), deviation or 1.0)

    @staticmethod
    def from_json(values: Any) -> "Levels":
        """Return the levels in an untrusted JSON value. Raises SeqError."""
        found: list[Any] = [values.get(name) for name in ("mean", "deviation")] if isinstance(values, dict) else []
        if not found or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in found):
            raise SeqError("its task has no valid levels of its pictures")
        if not (0 <= found[0] <= _WHITE and 0 < found[1] <= _WHITE):
            raise SeqError("its task has no valid levels of its pictures")
        return Levels(float(found[0]), float(found[1]))

    def read(self, levels: U8) -> F32:
        """Return levels as numbers."""
        return (levels - np.float32(self.mean)) * np.float32(1 / self.deviation)

    def undo(self, numbers: F32) -> U8:
        """Return the levels nearest to numbers."""
        levels: U8 = np.rint(np.nan_to_num(numbers) * self.deviation + self.mean).clip(0, _WHITE).astype(np.uint8)
        return levels


@dataclass(frozen=True)
class PictureExamples(Targets):
    """n pictures (n, rows, columns, channels), which are cut into patches when they are read."""

    pictures: U8
    grid: PatchGrid
    levels: Levels

    @staticmethod
    def of(pictures: U8, captions: Sequence[I32], end: int, grid: PatchGrid, levels: Levels) -> "PictureExamples":
        """Join pictures and the symbols of their captions."""
        return PictureExamples(*concatenated(list(captions)), end, pictures, grid, levels)

    def some(self, which: Sequence[int]) -> "PictureExamples":
        """Return some of the pictures."""
        captions = [self.target(i) for i in which]
        return PictureExamples.of(self.pictures[list(which)], captions, self.end, self.grid, self.levels)

    @property
    def source_lengths(self) -> I64:
        """The patches of each picture, (n,)."""
        return np.full(self.count, self.grid.count)

    @property
    def measured_lengths(self) -> I64:
        """The lengths of the captions: all pictures have the same number of patches."""
        return self.target_lengths

    def read(self, i: int) -> F32:
        """Return the patches of a picture as a model reads them, (P, F + 1)."""
        return np.ascontiguousarray(self._patches(self.pictures[i : i + 1])[:, 0])

    @property
    def _first(self) -> int:
        return 0

    def _steps(self, lengths: I64) -> I64:
        return lengths

    def _inputs(self, which: I64, S: int, symbols: I32) -> F32:
        inputs = np.zeros((S + len(symbols), symbols.shape[1], self.grid.numbers + 1), np.float32)
        inputs[:S, :, -1] = -1
        inputs[:S, : which.size] = self._patches(self.pictures[which])
        inputs[S:, :, -1] = symbols
        return inputs

    def _patches(self, pictures: U8) -> F32:
        return picture_patches(pictures, self.grid, self.levels)


def picture_patches(pictures: U8, grid: PatchGrid, levels: Levels) -> F32:
    """Return pictures (n, rows, columns, channels) as a model reads them, (P, n, F + 1); see `data.score_layout`."""
    inputs = np.full((grid.count, len(pictures), grid.numbers + 1), -1, np.float32)
    inputs[:, :, :-1] = levels.read(grid.cut(pictures))
    return inputs
