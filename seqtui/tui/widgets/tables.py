"""Named arrays as files: a table (.csv), or all of them as NumPy arrays (.npz)."""

import csv
import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from seqtui.tui.widgets.arrays import Arrays

_LONG = ("name", "index", "value")


def npz_bytes(arrays: Arrays) -> bytes:
    """Return the contents of an .npz file: every array under its name, nothing pickled."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **{_entry(name): array for name, array in arrays.items()})
    return file.getvalue()


def _entry(name: str) -> str:
    """Return a name that a member of an archive can have, and that is no parameter of NumPy's function."""
    safe = name.replace("/", "-").replace("\\", "-")
    return f"{safe}_" if safe in ("file", "allow_pickle") else safe


def csv_bytes(arrays: Arrays) -> bytes:
    """Return a table in UTF-8 with a header, numbers with the digits that give them back exactly.

    Arrays that share their first axis are columns, of further axes one for each index: "h[0]", "h[1]"; those without
    axes are columns that do not change. Arrays that share none stand below each other: name, index, value.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerows(_wide(arrays) if _aligned(arrays) else _long(arrays))
    return text.getvalue().encode()


def _aligned(arrays: Arrays) -> bool:
    return len({len(array) for array in arrays.values() if array.ndim}) == 1


def _wide(arrays: Arrays) -> Iterator[list[str]]:
    count = next(len(array) for array in arrays.values() if array.ndim)
    header: list[str] = []
    columns: list[list[str]] = []
    for name, array in arrays.items():
        if not array.ndim:
            header.append(name)
            columns.append([str(array[()])] * count)
            continue
        header += [name + _index(place) for place in np.ndindex(array.shape[1:])]
        flat = array.reshape(count, -1)
        columns += [_cells(flat[:, n]) for n in range(flat.shape[1])]
    yield header
    yield from (list(row) for row in zip(*columns, strict=True))


def _long(arrays: Arrays) -> Iterator[list[str]]:
    yield list(_LONG)
    for name, array in arrays.items():
        places = (_index(place) for place in np.ndindex(array.shape))
        yield from ([name, place, cell] for place, cell in zip(places, _cells(array.reshape(-1)), strict=True))


def _index(place: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, place))}]" if place else ""


def _cells(values: npt.NDArray[np.generic]) -> list[str]:
    return [str(value) for value in values]
