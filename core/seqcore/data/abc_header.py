"""The header of a tune in ABC: lines of fields from X: to K:."""

import re
from fractions import Fraction
from typing import NamedTuple

from seqcore.data.abc_fields import Key, default_unit, read_key, read_metre, read_unit
from seqcore.data.abc_tune import AbcError
from seqcore.data.quoting import quoted

_LINE = re.compile(r"[^\n]*\n?")
_FIELD = re.compile(r"([A-Za-z+]):(.*)", re.DOTALL)


class Header(NamedTuple):
    """What a header says, as far as it goes."""

    fields: tuple[tuple[str, str], ...]
    key: Key
    metre: tuple[int, int] | None
    unit: Fraction
    end: int  # text offset at which the body begins
    error: AbcError | None


def read_header(text: str, start: int, end: int, growing: bool) -> Header:
    """Read the fields of a tune at text[start:end], up to the line with K:. See `Tune` for the fields.

    If the text is `growing`, a last line without a line end is unfinished.
    """
    fields: list[tuple[str, str]] = []
    key, metre, unit = Key({}, None), None, None
    at, error = start, None
    while error is None and not (fields and fields[-1][0] == "K"):
        line = _LINE.match(text, at, end)
        assert line is not None  # it matches anything
        content = line[0]
        if at >= end or (growing and not content.endswith("\n")):
            error = AbcError(text, start, at, "the header is not complete: it ends with K:, the key")
            error.unfinished = growing
            break
        try:
            field = _field(content)
            if field is not None:
                letter, value = field
                if letter in "XKML" and any(letter == other for other, _ in fields):
                    raise ValueError(f"a second field {letter}: in the header")
                if letter == "X" and not (value.isascii() and value.isdigit()):
                    raise ValueError(f"invalid number {quoted(value, 24)}: write for instance X:1")
                key = read_key(value) if letter == "K" else key
                metre = read_metre(value) if letter == "M" else metre
                unit = read_unit(value) if letter == "L" else unit
                fields.append(field)
            at = line.end()
        except ValueError as problem:
            error = AbcError(text, start, at, str(problem))
    return Header(tuple(fields), key, metre, unit or default_unit(metre), at, error)


def _field(line: str) -> tuple[str, str] | None:
    """Return the letter and value of a header line; None for a comment."""
    content = line.split("%", 1)[0].strip(" \t\r\n")
    if not content and "%" in line:
        return None
    match = _FIELD.fullmatch(content)
    if match is None:
        raise ValueError(f"not a header field: {quoted(content, 24)}")
    return match[1], match[2].strip(" \t")
