"""Rows of CSV and TSV: the csv module parses, every problem gets the line it is on."""

import csv
from collections.abc import Iterator

from seqcore.data.bad_rows import BadRows
from seqcore.data.row_lines import RowLines

Row = tuple[int, list[str]]  # line number of its first line, and its fields


def delimited_rows(text: str, delimiter: str, bad: BadRows) -> Iterator[Row]:
    """Yield the rows of `text`, the header first; empty lines are left out.

    `delimiter` "" chooses between a comma and a semicolon by the header. Rows with broken quotes go to `bad`, each
    line of them counted as a row. Raises SeqError if that is the header, and about a quote that is never closed: the
    rest of the file is in it.
    """
    lines = RowLines(text, bad.name)
    reader = csv.reader(lines, delimiter=delimiter or _sniffed(text, bad.name), strict=True)
    header = True
    while True:
        lines.start_row()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _malformed(str(error), lines, bad, header)
            continue
        if row:
            yield lines.first, row
            header = False


def _sniffed(text: str, name: str) -> str:
    """Return the delimiter that gives the header more names: a comma or a semicolon, the comma if both give as many."""

    def names(delimiter: str) -> int:
        rows = csv.reader(RowLines(text, name), delimiter=delimiter, strict=True)
        try:
            return len(next((row for row in rows if row), []))
        except csv.Error:
            return 0

    return max(",;", key=names)


def _malformed(reason: str, lines: RowLines, bad: BadRows, header: bool) -> None:
    """Count a row that the csv module cannot parse, or raise SeqError; `reason` is what the module said."""
    first, last = lines.first, lines.number
    if lines.ended:
        bad.fail(first, 'a quote opened in this row is never closed: close it, or write a quote in a text as ""')
    if "limit" in reason:
        most = csv.field_size_limit()
        bad.fail(first, f"a field of this row has more than {most:,} characters: check for a quote that is not closed")
    if "new-line" in reason:
        kind, message = "with a stray carriage return", "a carriage return inside the row: put the field in quotes"
    else:
        place = "" if first == last else f" (on line {last:,})"
        kind = "with a broken quote"
        message = f'text after the closing quote of a field{place}: write a quote in a text as ""'
    if header:
        bad.fail(first, message)
    bad.add(first, kind, message, rows=last - first + 1)
