"""What the columns of a table are: guessed from their names and from the first rows."""

from dataclasses import replace
from typing import NamedTuple

from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.labelled import LABEL_NAMES, TEXT_NAMES, named_column, too_varied
from seqcore.data.number_cells import is_number
from seqcore.data.pairs import matched_pair, named_pair
from seqcore.data.picture_names import names_pictures
from seqcore.data.tables import Table, read_table
from seqcore.errors import SeqError

_ROWS = 2000  # looked at
_HEAD = 1 << 18  # bytes looked at
_BACK = 50  # lines to go back for one that does not end within quotes
_MOST_LABELS = 20  # different values of a column of numbers that can be a label
_RUN = 3  # rows that a sequence has at least, on average
_NUMERIC = 0.5  # share of numbers in a column of numbers: the others are mistakes


class Columns(NamedTuple):
    """The positions of the columns of a table, by what is in them."""

    numbers: list[int]
    others: list[int]  # words, or dates, or texts


def table_kind(source: str, encoding: str = "utf-8") -> str:
    """Return what a table can be used for: "texts" or "rows" with labels, "pairs" of texts, "sequences" of numbers,
    "pictures" with captions.

    "texts" if it cannot be told, or cannot be read: the error then comes where the table is read.
    """
    try:
        corpus = read_corpus(source, encoding=encoding)
        return kind_of(read_table(_head(corpus), skip_bad_rows=True))
    except SeqError:
        return "texts"


def _head(corpus: Corpus) -> Corpus:
    """Return the first rows of a table, cut at the end of a line, if possible not within quotes."""
    text = corpus.text
    if len(text) <= _HEAD:
        return corpus
    whole_lines = cut = text[:_HEAD].rpartition("\n")[0] or text
    for _ in range(_BACK):
        if cut.count('"') % 2 == 0:
            whole_lines = cut
            break
        cut = cut.rpartition("\n")[0]
    return replace(corpus, data=whole_lines.encode("utf-8", "surrogatepass"), data_encoding="utf-8")


def kind_of(table: Table) -> str:
    """Return "texts", "rows", "pairs", "pictures" or "sequences"; see `table_kind`."""
    if named_column(table, TEXT_NAMES) is not None:
        return "texts"
    if names_pictures(table):
        return "pictures"
    columns = by_content(table)
    label = named_column(table, LABEL_NAMES)
    if _has_pairs(table, columns, label):
        return "pairs"
    if label is not None and (label in columns.others or len(set(table.values(label))) <= _MOST_LABELS):
        return "texts" if set(columns.others) - {label} else "rows"
    if len(columns.others) == 1 and columns.numbers:
        column = columns.others[0]  # rows that are sorted by their labels have them in the last column, as a rule
        return "sequences" if is_key(table, column) and column < len(table.columns) - 1 else "rows"
    return "texts" if columns.others else "sequences"


def _has_pairs(table: Table, columns: Columns, label: int | None) -> bool:
    """Return whether there are columns of a source and of a target, and none of labels.

    A column named "target" can be either: beside one named "source" it is that of the targets, otherwise that of the
    labels if it has several of each.
    """
    source, target = named_pair(table) or (None, None)
    if source is None or target is None or source not in columns.others:
        return False
    if target in columns.numbers and is_key(table, source):
        return False  # several numbers of each source
    if label == target:
        return (source, target) == matched_pair(table) or too_varied([value.strip() for value in table.values(target)])
    return label is None or (label in columns.numbers and len(set(table.values(label))) > _MOST_LABELS)


def by_content(table: Table) -> Columns:
    """Sort the columns by whether they have numbers in most rows."""
    numbers: list[int] = []
    others: list[int] = []
    for at in range(len(table.columns)):
        values = table.values(at)[:_ROWS]
        share = sum(map(is_number, values)) / max(1, len(values))
        (numbers if share >= _NUMERIC else others).append(at)
    return Columns(numbers, others)


def is_key(table: Table, column: int) -> bool:
    """Return whether a column names the sequence that a row belongs to: equal values are in consecutive rows."""
    values = [value.strip() for value in table.values(column)]
    starts = [value for at, value in enumerate(values) if at == 0 or value != values[at - 1]]
    whole = column in by_content(table).others or all(value.lstrip("-").isdigit() for value in values)
    return whole and 1 < len(starts) == len(set(starts)) and len(values) >= _RUN * len(starts)


def sequence_column(table: Table) -> str | None:
    """Return the name of the first column that names the sequence of each row; None if there is none."""
    return next((name for at, name in enumerate(table.columns) if is_key(table, at)), None)
