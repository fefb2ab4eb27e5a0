"""The line of a TOML text on which a key is set, for error messages: tomllib does not keep it."""

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any


def line_of(text: str, key: Sequence[str]) -> int:
    """Return the line, from 1, on which the statement begins that sets a key.

    A text can be cut only between two statements and still be valid TOML. The shortest valid beginning that has the
    key therefore ends with its statement, which begins after the longest shorter one.

    Args:
        text: valid TOML.
        key: the names of its tables, then its own. A table without a line of its own has that of its first key.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    begins = 1
    for end in range(1, len(lines) + 1):
        try:
            found = tomllib.loads("\n".join(lines[:end]) + "\n")
        except tomllib.TOMLDecodeError:
            continue  # in the midst of a value
        if _has(found, key):
            return begins
        begins = end + 1
    raise KeyError(".".join(key))


def _has(table: Mapping[str, Any], key: Sequence[str]) -> bool:
    inside: Any = table
    for name in key:
        if not isinstance(inside, Mapping) or name not in inside:
            return False
        inside = inside[name]
    return True
