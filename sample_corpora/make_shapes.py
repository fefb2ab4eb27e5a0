"""Generate shapes.npz: small pictures of one to three shapes, each with a sentence that describes it.

A shape has a kind, a colour and a size, and lies in one of nine cells (three rows, three columns), up to a pixel off
its middle. No two touch. The sentence is a function of the picture; shapes are named from top to bottom, and from left
to right within a row:

    one       a small red circle at the top left
    two       a large blue square above and right of a small green ring
              two small red crosses side by side            if they look the same; also: one above the other
    three     a small white cross at the top , a large red circle left of a small blue ring

Arrays: pictures, (n, 16, 16, 3) of 8 bits, and captions, (n,), with all tokens separated by spaces. Run it to write
shapes.npz and its entry in index.json; --check only compares both with what would be written.
"""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from writing_arrays import Arrays, finish_arrays

SEED = 1915
PICTURES = 24_000
SIDE = 16  # pixels
NUMBERS = (1, 2, 2, 3, 3)  # of shapes, all with equal probability
ALIKE = 0.15  # the probability that two shapes are made to look the same
COLOURS = {
    "red": (230, 40, 40),
    "green": (40, 190, 60),
    "blue": (50, 90, 245),
    "yellow": (240, 220, 40),
    "white": (245, 245, 245),
    "purple": (175, 60, 205),
}
SHADES = (0.8, 0.9, 1.0)  # of a colour
DARK = (8, 16, 24, 32)  # levels of the background
# Where the middle of a shape is, by size and by row or column.
MIDDLES = {"small": ((2, 3), (7, 8), (12, 13)), "large": ((3, 4), (7, 8), (11, 12))}
CELLS = (
    ("at the top left", "at the top", "at the top right"),
    ("at the left", "in the middle", "at the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)
PATTERNS: dict[str, dict[str, tuple[str, ...]]] = {
    "small": {
        "square": ("#####", "#####", "#####", "#####", "#####"),
        "circle": (".###.", "#####", "#####", "#####", ".###."),
        "ring": (".###.", "#...#", "#...#", "#...#", ".###."),
        "triangle": ("..#..", ".###.", ".###.", "#####", "#####"),
        "cross": ("..#..", "..#..", "#####", "..#..", "..#.."),
    },
    "large": {
        "square": ("#######",) * 7,
        "circle": ("..###..", ".#####.", "#######", "#######", "#######", ".#####.", "..###.."),
        "ring": ("..###..", ".#...#.", "#.....#", "#.....#", "#.....#", ".#...#.", "..###.."),
        "triangle": ("...#...", "..###..", "..###..", ".#####.", ".#####.", "#######", "#######"),
        "cross": ("...#...", "...#...", "...#...", "#######", "...#...", "...#...", "...#..."),
    },
}
PLURALS = {"cross": "crosses"}

_T = TypeVar("_T")


@dataclass(frozen=True)
class Shape:
    """A shape and where it is."""

    kind: str
    colour: str
    size: str
    row: int  # of the cell
    column: int
    y: int  # the pixel in its middle
    x: int

    @property
    def looks(self) -> str:
        """Its size, colour and kind."""
        return f"{self.size} {self.colour} {self.kind}"

    @property
    def reach(self) -> int:
        """The pixels on each side of its middle."""
        return len(PATTERNS[self.size][self.kind]) // 2

    def apart(self, other: "Shape") -> bool:
        """Return whether at least one row or column of pixels is free between two shapes."""
        return max(abs(self.x - other.x), abs(self.y - other.y)) > self.reach + other.reach + 1


def pick(choices: Sequence[_T], chance: random.Random) -> _T:
    """Return one of `choices`, with equal probability."""
    return choices[int(chance.random() * len(choices))]


def look(chance: random.Random) -> tuple[str, str, str]:
    """Return kind, colour and size of a random shape."""
    size = pick(tuple(PATTERNS), chance)
    return pick(tuple(PATTERNS[size]), chance), pick(tuple(COLOURS), chance), size


def placed(kind: str, colour: str, size: str, chance: random.Random) -> Shape:
    """Return a shape at a random place."""
    row, column = (int(chance.random() * 3) for _ in range(2))
    y, x = (pick(MIDDLES[size][place], chance) for place in (row, column))
    return Shape(kind, colour, size, row, column, y, x)


def looks(chance: random.Random) -> list[tuple[str, str, str]]:
    """Return the looks of one to three shapes; of three, no two look the same."""
    number = pick(NUMBERS, chance)
    if number == 2 and chance.random() < ALIKE:
        return [look(chance)] * 2
    while True:
        drawn = [look(chance) for _ in range(number)]
        if len(set(drawn)) == number:
            return drawn


def scene(chance: random.Random) -> list[Shape]:
    """Return one to three shapes in the order in which they are named."""
    wanted = looks(chance)
    while True:
        shapes = [placed(*one, chance) for one in wanted]
        if all(one.apart(other) for i, one in enumerate(shapes) for other in shapes[:i]):
            return sorted(shapes, key=lambda one: (one.row, one.column))


def relation(one: Shape, other: Shape) -> str:
    """Return where a shape is as seen from another one that is named after it."""
    if one.row == other.row:
        return "left of"
    if one.column == other.column:
        return "above"
    return f"above and {'left' if one.column < other.column else 'right'} of"


def caption(shapes: list[Shape]) -> str:
    """Return the sentence for shapes that are in the order in which they are named."""
    first, last = shapes[0], shapes[-1]
    where = CELLS[first.row][first.column]
    if len(shapes) == 1:
        return f"a {first.looks} {where}"
    if first.looks == last.looks:
        how = {"left of": " side by side", "above": " one above the other"}.get(relation(first, last), "")
        return f"two {first.size} {first.colour} {PLURALS.get(first.kind, first.kind + 's')}{how}"
    pair = f"a {shapes[-2].looks} {relation(shapes[-2], last)} a {last.looks}"
    return pair if len(shapes) == 2 else f"a {first.looks} {where} , {pair}"


def drawn(shapes: list[Shape], chance: random.Random) -> np.ndarray[Any, Any]:
    """Return a picture, (16, 16, 3) of 8 bits."""
    picture = np.full((SIDE, SIDE, 3), pick(DARK, chance), np.uint8)
    for one in shapes:
        shade = pick(SHADES, chance)
        colour = [round(shade * level) for level in COLOURS[one.colour]]
        inside = np.array([[pixel == "#" for pixel in line] for line in PATTERNS[one.size][one.kind]])
        top, left = one.y - one.reach, one.x - one.reach
        picture[top : top + len(inside), left : left + len(inside)][inside] = colour
    return picture


def make() -> Arrays:
    """Return all pictures, of which no two are the same, and their captions."""
    chance = random.Random(SEED)
    pictures: list[np.ndarray[Any, Any]] = []
    captions: list[str] = []
    seen: set[bytes] = set()
    while len(pictures) < PICTURES:
        shapes = scene(chance)
        picture = drawn(shapes, chance)
        if picture.tobytes() not in seen:
            seen.add(picture.tobytes())
            pictures.append(picture)
            captions.append(caption(shapes))
    longest = max(map(len, captions))
    return {"pictures": np.stack(pictures), "captions": np.array(captions, f"<U{longest}")}


if __name__ == "__main__":
    description = "pictures of 16x16 pixels with one to three shapes, and a sentence that describes each"
    sys.exit(finish_arrays("shapes", "caption", description, make(), sys.argv[1:]))
