"""Small runs on pictures for tests: a file of arrays, and PNG files with a table."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.core.tasks import pair_runs

COLOURS = {"red": (220, 20, 20), "blue": (10, 40, 230)}
PLACES = ("left", "right")


def pictures(count: int = 60, seed: int = 4) -> tuple[Any, list[str]]:
    """Pictures of 6x4 pixels with a square at one side, and what they show."""
    draw = np.random.default_rng(seed)
    made, captions = draw.integers(0, 20, (count, 4, 6, 3), np.uint8), []
    for picture in made:
        colour, place = str(draw.choice([*COLOURS])), int(draw.integers(2))
        picture[1:3, 3 * place + 1 : 3 * place + 3] = COLOURS[colour]
        captions.append(f"a {colour} square at the {PLACES[place]}" + (" side" if place else ""))
    return made, captions


def arrays(path: Path, count: int = 60, **changed: Any) -> str:
    """Write pictures as .npz; `changed` replaces arrays, None leaves one out. Returns its path."""
    made, captions = pictures(count)
    held: dict[str, Any] = {"pictures": made, "captions": np.array(captions)} | changed
    np.savez(path, **{name: value for name, value in held.items() if value is not None})
    return str(path)


def start(source: str, out: Path | None = None, model: dict[str, Any] | None = None, **training: Any) -> Any:
    """A small run on pictures."""
    return pair_runs.start(source, out, model, **training)
