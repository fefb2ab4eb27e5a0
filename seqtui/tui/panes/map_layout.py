"""Labels on a map: which are drawn and where, so that none covers another; plain numbers, no widgets."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from seqcore.records import F32

EDGE = 4  # cells at the left and right that are left to labels


@dataclass(frozen=True)
class Window:
    """The part of the plane that is shown. The axes have a scale each, so that a wide pane is used."""

    x: float  # the plane's point in the middle
    y: float
    reach_x: float  # from the middle to the edge
    reach_y: float
    width: int  # cells
    height: int

    def cell_of(self, place: F32) -> tuple[int, int] | None:
        """Return the column and line of a place (2,); None if it is outside or not finite."""
        if not np.isfinite(place).all():
            return None
        middle, half = (self.width - 1) / 2, (self.width - 1) / 2 - min(EDGE, self.width // 4)
        column = round((float(place[0]) - self.x) / self.reach_x * half + middle)
        line = round(((self.y - float(place[1])) / self.reach_y + 1) * (self.height - 1) / 2)
        inside = 0 <= column < self.width and 0 <= line < self.height
        return (column, line) if inside else None


@dataclass(frozen=True)
class Drawn:
    """A token on the map: its label from `column` on, or only a point if there was no room for the label."""

    token: int
    column: int
    line: int
    label: str  # "" for a point


def extent(places: F32) -> tuple[float, float]:
    """Return how far out places (n, 2) are along each axis; 0 if none is finite."""
    far = np.abs(places[np.isfinite(places).all(axis=1)]).max(axis=0, initial=0.0)
    return float(far[0]), float(far[1])


def arranged(window: Window, tokens: Iterable[int], places: F32, labels: dict[int, tuple[str, int]]) -> list[Drawn]:
    """Place the labels of tokens, the first ones first; a token whose label would touch another is a point.

    Args:
        window: where to draw.
        tokens: ids, the most important first.
        places: (V, 2).
        labels: the label of each token, and its width in cells.
    """
    taken = np.zeros((window.height, window.width), np.bool_)
    drawn = []
    for token in tokens:
        at = window.cell_of(places[token])
        if at is None:
            continue
        text, size = labels[token]
        column = max(0, min(at[0] - (size - 1) // 2, window.width - size))
        around = taken[at[1], max(0, column - 1) : column + size + 1]
        if size <= window.width and not around.any():
            taken[at[1], column : column + size] = True
            drawn.append(Drawn(token, column, at[1], text))
        elif not taken[at[1], at[0]]:
            taken[at[1], at[0]] = True
            drawn.append(Drawn(token, at[0], at[1], ""))
    return drawn
