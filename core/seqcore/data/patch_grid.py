"""A picture as a grid of square patches, which may overlap: each is one timestep for a model."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from seqcore.errors import SeqError
from seqcore.records import U8

MOST_SIDE = 256  # pixels of a picture
MOST_NUMBERS = 4096  # of a patch
MOST_PATCHES = 1024


@dataclass(frozen=True)
class PatchGrid:
    """Patches of side x side pixels, `stride` pixels apart, over pictures of rows x columns pixels.

    The last patch of a row or column ends at the edge of the picture, so that every pixel is in a patch.
    """

    rows: int
    columns: int
    channels: int  # 1 or 3
    side: int
    stride: int

    @staticmethod
    def over(picture: tuple[int, ...], side: int | None = None) -> "PatchGrid":
        """Return the grid for pictures of this shape (rows, columns, channels): patches that overlap by half.

        By default, a patch has half the shorter side of the picture, or the most that its numbers allow. Raises
        SeqError if `side` is out of range.
        """
        rows, columns, channels = picture
        shorter = min(rows, columns)
        usual = min(-(-shorter // 2), int((MOST_NUMBERS / channels) ** 0.5))
        most = min(shorter, int((MOST_NUMBERS / channels) ** 0.5))
        chosen = usual if side is None else side
        if not 1 <= chosen <= most:
            raise SeqError(f"--patch {chosen}: must be from 1 to {most} for pictures of {columns}x{rows} pixels")
        grid = PatchGrid(rows, columns, channels, chosen, max(1, chosen // 2))
        if grid.count > MOST_PATCHES:
            raise SeqError(f"--patch {chosen}: makes {grid.count:,} patches, the limit is {MOST_PATCHES:,}; give more")
        return grid

    @cached_property
    def tops(self) -> tuple[int, ...]:
        """The first pixel row of each row of patches."""
        return _starts(self.rows, self.side, self.stride)

    @cached_property
    def lefts(self) -> tuple[int, ...]:
        """The first pixel column of each column of patches."""
        return _starts(self.columns, self.side, self.stride)

    @property
    def count(self) -> int:
        """P, the number of patches."""
        return len(self.tops) * len(self.lefts)

    @property
    def numbers(self) -> int:
        """F, the numbers of a patch."""
        return self.side * self.side * self.channels

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the patches, (P,): r1c1, r1c2, ..."""
        return tuple(f"r{r}c{c}" for r in range(1, len(self.tops) + 1) for c in range(1, len(self.lefts) + 1))

    @property
    def boxes(self) -> tuple[tuple[int, int], ...]:
        """The row and column of the first pixel of each patch, (P,)."""
        return tuple((top, left) for top in self.tops for left in self.lefts)

    def cut(self, pictures: U8) -> U8:
        """Return the patches (P, n, F) of pictures (n, rows, columns, channels)."""
        found = np.empty((self.count, len(pictures), self.numbers), np.uint8)
        for p, (top, left) in enumerate(self.boxes):
            part = pictures[:, top : top + self.side, left : left + self.side]
            found[p] = part.reshape(len(pictures), -1)
        return found

    def assembled(self, patches: U8) -> U8:
        """Return the picture (rows, columns, channels) that was cut into patches (P, F)."""
        picture = np.zeros((self.rows, self.columns, self.channels), np.uint8)
        for (top, left), patch in zip(self.boxes, patches, strict=True):
            own = patch.reshape(self.side, self.side, self.channels)
            picture[top : top + self.side, left : left + self.side] = own
        return picture

    def to_json(self) -> dict[str, int]:
        """Return a JSON object."""
        return {name: getattr(self, name) for name in ("rows", "columns", "channels", "side", "stride")}

    @staticmethod
    def from_json(values: Any) -> "PatchGrid":
        """Return the grid in an untrusted JSON value. Raises SeqError."""
        names = ("rows", "columns", "channels", "side", "stride")
        found: list[Any] = [values.get(name) for name in names] if isinstance(values, dict) else []
        if not found or not all(isinstance(one, int) and not isinstance(one, bool) and one >= 1 for one in found):
            raise SeqError("its task has no valid grid of patches")
        grid = PatchGrid(*found)
        fits = max(grid.rows, grid.columns) <= MOST_SIDE and grid.channels in (1, 3) and grid.stride <= grid.side
        if not fits or grid.side > min(grid.rows, grid.columns) or grid.count > MOST_PATCHES:
            raise SeqError("its task has no valid grid of patches")
        return grid


def pixel_names(side: int, numbers: int) -> tuple[str, ...]:
    """Return the names of the numbers of a patch of side x side pixels, (F,): y1x1, y1x2, ..., of colours y1x1 red."""
    channels = numbers // side**2
    colours = ("",) if channels == 1 else (" red", " green", " blue")
    places = range(1, side + 1)
    return tuple(f"y{y}x{x}{colour}" for y in places for x in places for colour in colours)


def _starts(length: int, side: int, stride: int) -> tuple[int, ...]:
    return tuple(dict.fromkeys([*range(0, length - side + 1, stride), length - side]))
