"""Named arrays from whatever a pane draws: records, mappings and sequences, by the names of their fields."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtui.visible import visible

Arrays = dict[str, npt.NDArray[Any]]
_Number = bool | int | float | np.generic


def flat(value: Any, name: str = "") -> Arrays:
    """Return the arrays in a value, each under `name` and the path of fields that leads to it: "verdict.probability".

    Arrays stay as they are; numbers and texts become arrays without axes, None is left out. A sequence of numbers,
    texts, or records of like shape becomes arrays with one more axis in front; of unlike ones each has its number.
    Texts are sanitised. Raises TypeError for anything else.
    """
    if value is None:
        return {}
    if isinstance(value, np.ndarray):
        return {name: value}
    if isinstance(value, str):
        return {name: np.array(visible(value))}
    if isinstance(value, _Number):
        return {name: np.array(value)}
    fields = _fields(value)
    if fields is not None:
        return _merged(flat(part, _joined(name, visible(str(key)))) for key, part in fields.items())
    if isinstance(value, Sequence):
        return _of_sequence(value, name)
    raise TypeError(f"no arrays in {type(value).__name__}")


def _fields(value: Any) -> Mapping[str, Any] | None:
    """Return the fields of a record or mapping; None if it is neither."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return value._asdict() if hasattr(value, "_asdict") else None


def _of_sequence(items: Sequence[Any], name: str) -> Arrays:
    if items and all(_fields(one) is None and isinstance(one, list | tuple) for one in items):
        words = [one for row in items for one in row]
        if words and all(isinstance(one, str) for one in words):  # rows of texts may differ in length
            longest = max(map(len, items))
            return {name: np.array([[visible(one) for one in row] + [""] * (longest - len(row)) for row in items])}
    each = [flat(one) for one in items]
    found: Arrays = {}
    for key in dict.fromkeys(key for one in each for key in one):
        parts = [one.get(key) for one in each]
        known = [part for part in parts if part is not None]
        if len(known) == len(parts) and len({(part.shape, part.dtype.kind in "US") for part in known}) == 1:
            found[_joined(name, key)] = np.stack(known)
        else:
            found |= {_joined(name, str(n), key): part for n, part in enumerate(parts) if part is not None}
    return found


def _joined(*names: str) -> str:
    return ".".join(name for name in names if name)


def _merged(parts: Iterable[Arrays]) -> Arrays:
    found: Arrays = {}
    for part in parts:
        found |= part
    return found
