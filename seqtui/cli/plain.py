"""Arrays as JSON values."""

from typing import Any


def lists(array: Any) -> Any:
    """Convert an array to nested lists, with None for values that are not finite."""
    import numpy as np

    if array.dtype.kind != "f" or np.isfinite(array).all():
        return array.tolist()
    holes = array.astype(object)
    holes[~np.isfinite(array)] = None
    return holes.tolist()
