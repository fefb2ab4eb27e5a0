"""Rows of numbers from the columns of a table: as they are, with labels, or as sequences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from seqcore.data.bad_rows import BadRows
from seqcore.data.labelled import LABEL_NAMES, check_classes, named_column, ordered_classes
from seqcore.data.number_cells import is_number, not_a_number, number
from seqcore.data.quoting import listed, quoted
from seqcore.data.tables import Table
from seqcore.errors import SeqError
from seqcore.records import F64, I32


@dataclass(frozen=True)
class Numbers:
    """n rows of D numbers, all finite; no column is constant."""

    names: tuple[str, ...]  # (D,) names of the columns
    values: F64  # (n, D)
    lines: I32  # (n,) the line of the file on which each row starts
    rows: I32  # (n,) index of each row in the table
    skipped: int  # rows that were left out because they are bad
    remarks: tuple[str, ...]  # what the user should know, a line each; those of the table included


@dataclass(frozen=True)
class LabelledNumbers(Numbers):
    """Rows of numbers, each with the label of its class. At least two classes."""

    labels: tuple[str, ...]  # (n,) without surrounding white space, otherwise raw
    label_column: str

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The different labels in order: as numbers if all are, or else as texts."""
        return ordered_classes(self.labels)


@dataclass(frozen=True)
class NumericSequences:
    """Sequences of rows of D numbers, all finite; no column is constant over all sequences."""

    names: tuple[str, ...]  # (D,) names of the columns
    sequences: tuple[F64, ...]  # (T_i, D) each, T_i >= 2
    keys: tuple[str, ...]  # the value of the sequence column for each sequence; ("",) without such a column
    lines: tuple[I32, ...]  # (T_i,) each: the line of the file on which each row starts
    skipped: int
    remarks: tuple[str, ...]


def columns_asked(options: Mapping[str, Any]) -> list[str] | None:
    """Return the columns that an option lists, separated by commas or as a list; None if it was not given."""
    asked = options.get("columns")
    if isinstance(asked, list):
        return asked
    return [name.strip() for name in str(asked).split(",") if name.strip()] if asked is not None else None


def numeric_columns(table: Table, columns: Sequence[str] | None = None, exclude: Sequence[str] = ()) -> Numbers:
    """Read `columns` of `table` (all, if None) except those in `exclude` as numbers.

    Raises SeqError: unknown column, no column left, one without any number, a constant one; and for the first value
    that is not a finite number, unless the table skips bad rows.
    """
    chosen = _chosen(table, columns, {table.index(name, "exclude") for name in exclude})
    return _numbers(table, chosen, table.bad.copy(), None)


def numeric_labelled(
    table: Table, label_column: str | None = None, columns: Sequence[str] | None = None, few: bool = False
) -> LabelledNumbers:
    """Read one column of `table` as labels, and `columns` (all others, if None) as numbers.

    `few` accepts tables that cannot be learnt from: one row, one class, constant columns.

    A label column that is not given is found by its name (label, class, category, target, ...), or it is the only
    column without numbers.

    Raises SeqError, as `numeric_columns` and `labelled_texts` do.
    """
    label = _label(table) if label_column is None else table.index(label_column, "--label-column")
    chosen = _chosen(table, columns, {label})
    bad = table.bad.copy()
    numbers = _numbers(table, chosen, bad, label, few)
    labels = tuple(table.rows[at][label].strip() for at in numbers.rows)
    if not few:
        check_classes(labels, bad.name, f"column {quoted(table.columns[label], 40)}")
    return LabelledNumbers(**vars(numbers), labels=labels, label_column=table.columns[label])


def numeric_sequences(
    table: Table, columns: Sequence[str] | None = None, sequence_column: str | None = None, few: bool = False
) -> NumericSequences:
    """Read `columns` of `table` (all others, if None) as sequences: consecutive rows with the same `sequence_column`.

    `few` accepts constant columns.

    Without a sequence column all rows are one sequence. Where bad rows are skipped, the rows before and after them
    become neighbours.

    Raises SeqError, as `numeric_columns` does, and for a sequence whose rows are not consecutive; for a sequence that
    is shorter than two rows, unless the table skips bad rows.
    """
    key = None if sequence_column is None else table.index(sequence_column, "--sequence-column")
    chosen = _chosen(table, columns, set() if key is None else {key})
    bad = table.bad.copy()
    numbers = _numbers(table, chosen, bad, None, few)
    keys = [""] * len(numbers.rows) if key is None else [table.rows[at][key].strip() for at in numbers.rows]
    spans = _spans(keys, numbers.lines, bad, "" if key is None else table.columns[key])
    if not spans:
        bad.check_left(0)
    kept = np.concatenate([np.arange(first, end) for first, end in spans])
    if not few:
        _check_variety(numbers.values[kept], numbers.names, bad.name)
    return NumericSequences(
        names=numbers.names,
        sequences=tuple(numbers.values[first:end] for first, end in spans),
        keys=tuple(keys[first] for first, _ in spans),
        lines=tuple(numbers.lines[first:end] for first, end in spans),
        skipped=bad.count,
        remarks=(*table.notes, *bad.remarks()),
    )


def _label(table: Table) -> int:
    """Return the position of the label column, guessed from names and values. Raises SeqError."""
    named = named_column(table, LABEL_NAMES)
    if named is not None:
        return named
    words = [at for at in range(len(table.columns)) if not any(map(is_number, table.values(at)))]
    if len(words) != 1:
        names = listed(table.columns)
        raise SeqError(f"{table.bad.name}: choose the column of the label (--label-column): one of {names}")
    return words[0]


def _chosen(table: Table, columns: Sequence[str] | None, exclude: set[int]) -> list[int]:
    """Return the positions of the columns to read as numbers. Raises SeqError."""
    if columns is None:
        chosen = [at for at in range(len(table.columns)) if at not in exclude]
    else:
        chosen = [table.index(name, "--columns") for name in columns]
    name = table.bad.name
    seen: set[int] = set()
    for at in chosen:
        column = quoted(table.columns[at], 40)
        if at in exclude:
            raise SeqError(f"{name}: {column} is the label or sequence: leave it out of --columns")
        if at in seen:
            raise SeqError(f"{name}: {column} occurs twice in --columns: give every column once")
        seen.add(at)
    if not chosen:
        raise SeqError(f"{name} has no column left to read as numbers: give it with --columns")
    return chosen


def _numbers(table: Table, chosen: list[int], bad: BadRows, label: int | None, few: bool = False) -> Numbers:
    """Read the columns `chosen`; rows whose `label` is blank are bad too. Raises SeqError; `few`: see above."""
    for at in chosen:
        if not any(map(is_number, table.values(at))):
            _no_numbers(table, at)
    rows: list[int] = []
    values: list[list[float]] = []
    for at, row in enumerate(table.rows):
        found = [number(row[column]) for column in chosen]
        if None in found:
            column = chosen[found.index(None)]
            reason, what = not_a_number(row[column])
            bad.add(int(table.lines[at]), reason, f"column {quoted(table.columns[column], 40)} is {what}")
        elif label is not None and not row[label].strip():
            message = f"the label (column {quoted(table.columns[label], 40)}) is empty"
            bad.add(int(table.lines[at]), "with an empty label", message)
        else:
            rows.append(at)
            values.append([value for value in found if value is not None])
    bad.check_left(len(rows))
    names = tuple(table.columns[at] for at in chosen)
    array = np.array(values, np.float64)
    if not few:
        _check_variety(array, names, bad.name)
    index = np.array(rows, np.int32)
    return Numbers(names, array, table.lines[index], index, bad.count, (*table.notes, *bad.remarks()))


def _no_numbers(table: Table, column: int) -> None:
    """Raise SeqError about a column without any number; names those that have some."""
    numeric = [name for at, name in enumerate(table.columns) if any(is_number(row[at]) for row in table.rows[:100])]
    choose = f"choose from {listed(numeric)} with --columns" if numeric else "no other column has any either"
    table.bad.fail(
        int(table.lines[0]),
        f"column {quoted(table.columns[column], 40)} has no numbers ({quoted(table.rows[0][column], 20)}): {choose}",
    )


def _check_variety(values: F64, names: Sequence[str], name: str) -> None:
    """Raise SeqError if a column is constant, or if there is only one row."""
    if len(values) < 2:
        raise SeqError(f"{name} has only one usable row: give at least two")
    for at in np.flatnonzero(values.min(axis=0) == values.max(axis=0))[:1]:
        raise SeqError(
            f"{name}: column {quoted(names[at], 40)} is constant ({values[0, at]:g} in every row): "
            "leave it out with --columns"
        )


def _spans(keys: list[str], lines: I32, bad: BadRows, column: str) -> list[tuple[int, int]]:
    """Return first and end of each run of equal `keys`. Raises SeqError if a key comes back, or a run has one row."""
    starts = [at for at in range(len(keys)) if at == 0 or keys[at] != keys[at - 1]]
    seen: dict[str, int] = {}
    spans = []
    for first, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        key, line = keys[first], int(lines[first])
        if key in seen:
            advice = f"continues here after another one: sort the rows by {quoted(column, 40)}"
            bad.fail(line, f"sequence {quoted(key, 40)} began on line {seen[key]:,} and {advice}")
        seen[key] = line
        if end - first < 2:
            bad.add(line, "in a sequence of one row", f"sequence {quoted(key, 40)} has only one row: give at least two")
        else:
            spans.append((first, end))
    return spans
