"""A table of examples: named columns and rows of text, from CSV, TSV or JSON Lines."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqcore.data.bad_rows import BadRows
from seqcore.data.corpus import Corpus
from seqcore.data.delimited import Row, delimited_rows
from seqcore.data.json_lines import json_rows
from seqcore.data.number_cells import is_number
from seqcore.data.quoting import listed, quoted
from seqcore.data.samples import sample_path
from seqcore.errors import SeqError
from seqcore.records import I32

KINDS = ("csv", "tsv", "jsonl")
_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_MOST_CELLS = 20_000_000  # each one is a Python object: about 1.5 GB in all


@dataclass(frozen=True)
class Table:
    """Rows of text under the names of their columns; n rows, D columns. At least one row."""

    columns: tuple[str, ...]  # (D,) all different, none empty; otherwise raw: sanitise before drawing
    rows: tuple[tuple[str, ...], ...]  # (n, D) as in the file, raw
    lines: I32  # (n,) the line of the file on which each row starts; the first line is 1
    bad: BadRows  # the rows skipped so far, and whether bad values are skipped too
    notes: tuple[str, ...] = ()  # what the user should know besides, a line each

    @property
    def skipped(self) -> int:
        """Number of rows that were skipped."""
        return self.bad.count

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user should know, a line each: the notes, and how many rows were skipped and why."""
        return (*self.notes, *self.bad.remarks())

    def index(self, column: str, option: str) -> int:
        """Return the position of a column: its exact name, or the only one that differs in case alone.

        Raises SeqError that offers the closest name, and names the command-line option.
        """
        if column in self.columns:
            return self.columns.index(column)
        alike = [at for at, name in enumerate(self.columns) if name.casefold() == column.strip().casefold()]
        if len(alike) == 1:
            return alike[0]
        close = difflib.get_close_matches(column[:100], [name[:100] for name in self.columns[:2000]], n=1)
        meant = f"did you mean {quoted(close[0], 40)}?" if close else f"the columns are {listed(self.columns)}"
        raise SeqError(f"{self.bad.name} has no column {quoted(column, 40)} ({option}): {meant}")

    def values(self, index: int) -> list[str]:
        """Return all values of the column at `index`."""
        return [row[index] for row in self.rows]


def is_table(source: str) -> bool:
    """Return whether a source, as `Corpus.source` has it, is named as a table: .csv, .tsv or .jsonl, or these in .gz.

    Raises SeqError if it is a sample corpus that does not exist.
    """
    return _kind(source) != ""


def read_table(corpus: Corpus, *, kind: str = "", skip_bad_rows: bool = False) -> Table:
    """Parse the text of `corpus` as a table with a header.

    `kind` is one of KINDS; "" takes it from the name of the source. CSV has commas or semicolons, whichever gives the
    header more names, and quotes as RFC 4180 has them; TSV has the same quotes. Spaces around the names of columns are
    removed; a column without a name is left out, with a note. Empty lines are skipped.

    Raises SeqError: unknown kind, no header, a name that occurs twice, no rows, too many of them, a quote that is never
    closed; and for the first malformed row (too few or many fields, broken quotes, not a JSON object, nested values,
    other keys than the first), unless `skip_bad_rows`: then such rows are skipped and counted.
    """
    name = "standard input" if corpus.source == "-" else quoted(_file_name(corpus.source), 60)
    kind = kind or _kind(corpus.source)
    if kind not in KINDS:
        raise SeqError(f"{name} is not known to be a table: give a file whose name ends in .csv, .tsv or .jsonl")
    bad = BadRows(name, skip_bad_rows)
    if kind == "jsonl":
        found = json_rows(corpus.text, bad)
    else:
        found = delimited_rows(corpus.text, "\t" if kind == "tsv" else "", bad)
    return _table(found, kind, bad)


def _file_name(source: str) -> str:
    """Return the name of the file behind a source, as `Corpus.source` has it."""
    return sample_path(source.removeprefix("sample:")).name if source.startswith("sample:") else Path(source).name


def _kind(source: str) -> str:
    """Return the kind of table that a source holds, or ""."""
    name = _file_name(source).lower().removesuffix(".gz")
    return next((kind for ending, kind in _ENDINGS.items() if name.endswith(ending)), "")


def _table(found: Iterator[Row], kind: str, bad: BadRows) -> Table:
    """Collect the rows that fit the header. Raises SeqError, as `read_table`."""
    line, header = next(found, (0, []))
    if not line:
        if bad.count:
            bad.check_left(0)
        raise SeqError(f"{bad.name} is empty: give a table with the names of its columns in the first line")
    columns, kept = _checked_header(header, line, kind, bad)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    most = _MOST_CELLS // len(header)
    expected = listed(header, 4)
    for line, row in found:
        if len(row) != len(header):
            if len(row) > 1 or row[0].strip():
                _misfit(len(row), len(header), expected, line, bad)
            continue
        rows.append(tuple(row) if len(kept) == len(row) else tuple(row[at] for at in kept))
        lines.append(line)
        if len(rows) > most:
            raise SeqError(f"{bad.name} has more than {_MOST_CELLS:,} values, the limit: give a part of it")
    bad.check_left(len(rows))
    unnamed = len(header) - len(kept)
    note = f"{bad.name}: {unnamed:,} column{'s' if unnamed > 1 else ''} without a name left out"
    return Table(columns, tuple(rows), np.array(lines, np.int32), bad, (note,) if unnamed else ())


def _checked_header(header: list[str], line: int, kind: str, bad: BadRows) -> tuple[tuple[str, ...], list[int]]:
    """Return the names of the columns, and the positions of those that have one. Raises SeqError."""
    names = [name.strip() for name in header]
    kept = [at for at, name in enumerate(names) if name]
    columns = [names[at] for at in kept]
    if not columns:
        bad.fail(line, "no names of columns: write them in the first line")
    if kind != "jsonl" and 2 * sum(map(is_number, columns)) >= len(columns):
        bad.fail(line, f"{listed(columns, 3)} are values, not names of columns: write a header in the first line")
    if kind == "csv" and "\t" in header[0].strip():
        bad.fail(line, "tabs between the names of columns: rename the file to end in .tsv")
    seen: set[str] = set()
    for name in columns:
        if name in seen:
            bad.fail(line, f"two columns have the name {quoted(name, 40)}: rename one of them")
        seen.add(name)
    return tuple(columns), kept


def _misfit(found: int, wanted: int, expected: str, line: int, bad: BadRows) -> None:
    """Report a row that has another number of fields than the header, whose names are `expected`."""
    message = f"{found:,} field{'' if found == 1 else 's'} instead of {wanted:,}"
    if found < wanted:
        bad.add(line, "with too few fields", f"{message}: the columns are {expected}")
    else:
        bad.add(line, "with too many fields", f"{message}: put a field that contains the delimiter in quotes")
