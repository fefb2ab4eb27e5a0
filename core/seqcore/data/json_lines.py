"""Rows of JSON Lines: one object of texts and numbers a line, all with the same keys."""

import json
from collections.abc import Iterator

from seqcore.data.bad_rows import BadRows
from seqcore.data.quoting import quoted
from seqcore.data.row_lines import RowLines

Row = tuple[int, list[str]]  # line number, and one field for each name of the header


class _UnusableError(Exception):
    """A line that cannot be used as a row: the reason in general, and the message about it."""


def json_rows(text: str, bad: BadRows) -> Iterator[Row]:
    """Yield the keys of the first object as a header, then the values of every object as text, in that order.

    Numbers are kept as written; true and false are the words, null is "". Empty lines are left out. Lines that are not
    an object, have nested values, or other keys than the first object, go to `bad`. Raises SeqError if the file begins
    with an array: it is not JSON Lines.
    """
    names: dict[str, None] = {}  # ordered
    lines = RowLines(text, bad.name)
    for line in lines:
        try:
            row = _parsed(line) if line.strip() else None
            if row is not None:
                if not names:
                    names = dict.fromkeys(row)
                    yield lines.number, list(names)
                yield lines.number, _values(row, names)
        except _UnusableError as problem:
            if not names and line.lstrip().startswith("["):
                bad.fail(lines.number, "a JSON array begins here: write one object a line, without the array")
            reason, message = problem.args
            bad.add(lines.number, reason, message)
        lines.start_row()


def _parsed(line: str) -> dict[str, str]:
    """Return the object of a line, its values as text. Raises _UnusableError."""
    try:
        row = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        place = f"{error.msg} at column {error.colno:,}"
        raise _UnusableError("with invalid JSON", f"not valid JSON ({place}): write one object a line") from error
    except RecursionError as error:
        raise _UnusableError(
            "with nested values", "deeply nested values: give an object of texts and numbers"
        ) from error
    if not isinstance(row, dict):
        raise _UnusableError("without an object", 'not a JSON object: write one a line, {"name": value, ...}')
    if not row:
        raise _UnusableError("with an empty object", 'an empty object: write {"name": value, ...}')
    return {_encodable(key): _text(value, key) for key, value in row.items()}


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object's keys and values. Raises _UnusableError if a key occurs twice."""
    row: dict[str, object] = {}
    for key, value in pairs:
        if key in row:
            raise _UnusableError("with a repeated key", f"the key {quoted(key, 40)} occurs twice: give every key once")
        row[key] = value
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=str)


def _text(value: object, key: str) -> str:
    """Return a scalar as text. Raises _UnusableError for anything else."""
    if isinstance(value, dict | list):
        raise _UnusableError("with nested values", f"the value of {quoted(key, 40)} is nested: give a text or a number")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else _encodable(str(value))


def _encodable(text: str) -> str:
    """Return `text` without half characters, such as "\\ud800", which no encoding could write again."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _values(row: dict[str, str], names: dict[str, None]) -> list[str]:
    """Return the values of `names`. Raises _UnusableError, for the first of them, if the row has other keys."""
    for name in names:
        if name not in row:
            message = f"the key {quoted(name, 40)} is missing: every object needs the keys of the first one"
            raise _UnusableError("with missing keys", message)
    for name in row if len(row) > len(names) else ():
        if name not in names:
            message = f"unexpected key {quoted(name, 40)}: every object needs the keys of the first one"
            raise _UnusableError("with unexpected keys", message)
    return [row[name] for name in names]
