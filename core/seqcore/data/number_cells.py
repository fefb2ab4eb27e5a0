"""Cells of a table as numbers: which texts are numbers, and what to say about those that are not."""

import math
import re

from seqcore.data.quoting import quoted

_LARGEST = 1e300  # a sum over any column stays finite
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


def number(text: str) -> float | None:
    """Return the number that `text` is, or None for anything else: NaN, infinity, and numbers beyond ±1e300 too."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if -_LARGEST <= value <= _LARGEST and "_" not in text else None


def is_number(text: str) -> bool:
    """Return whether `number` accepts the text."""
    return number(text) is not None


def not_a_number(text: str) -> tuple[str, str]:
    """Return why `number` rejects a text: the kind of problem, to complete "3 rows", and what the text is."""
    bare = text.strip()
    if not bare:
        return "with an empty value", "empty, not a number"
    try:
        value = float(bare)
    except ValueError:
        hint = f" (decimal comma): write {quoted(bare.replace(',', '.'), 20)}" if _DECIMAL_COMMA.fullmatch(bare) else ""
        return "with a value that is not a number", f"{quoted(text, 40)}, not a number{hint}"
    if math.isnan(value):
        return "with NaN", f"{quoted(text, 40)}, not a number"
    if abs(value) > _LARGEST:
        return "with an infinite or too large value", f"{quoted(text, 40)}: give finite numbers up to 1e300"
    return "with a value that is not a number", f"{quoted(text, 40)}, not a number: leave out the underscores"
