"""Rows of numbers that a person types: one row a line, or separated by semicolons."""

import re

import numpy as np

from seqcore.data.number_cells import not_a_number, number
from seqcore.data.quoting import listed
from seqcore.errors import SeqError
from seqcore.records import F64

_BETWEEN_ROWS = re.compile(r"[;\n]")
_BETWEEN_NUMBERS = re.compile(r"[,\s]+")


def typed_rows(text: str, names: tuple[str, ...]) -> F64:
    """Return the rows of a text, (n, D), n >= 1: a number for each of the D `names`, separated by commas or spaces.

    Raises SeqError: a row has another number of values, or a value that is not a finite number; no row.
    """
    rows = []
    for count, line in enumerate(filter(str.strip, _BETWEEN_ROWS.split(text)), start=1):
        cells = [cell for cell in _BETWEEN_NUMBERS.split(line) if cell]
        if len(cells) != len(names):
            raise SeqError(f"row {count}: {len(cells)} numbers instead of {len(names)} ({listed(names)})")
        for name, cell in zip(names, cells, strict=True):
            if number(cell) is None:
                raise SeqError(f"row {count}: {name} is {not_a_number(cell)[1]}")
        rows.append([float(cell) for cell in cells])
    if not rows:
        raise SeqError(f"no numbers: give {listed(names)}, with ; between rows")
    return np.array(rows)
