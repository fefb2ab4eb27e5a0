"""Texts with labels, from two columns of a table."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from seqcore.data.number_cells import number
from seqcore.data.quoting import listed, quoted
from seqcore.data.tables import Table
from seqcore.errors import SeqError
from seqcore.records import I32

_MOST_CLASSES = 1000
TEXT_NAMES = ("text", "sentence", "review", "content", "body", "message", "comment", "tweet", "document", "title")
LABEL_NAMES = ("label", "class", "category", "sentiment", "target", "labels", "classes", "topic", "species")


@dataclass(frozen=True)
class LabelledTexts:
    """n texts, each with the label of its class. At least two classes."""

    texts: tuple[str, ...]  # (n,) raw, none blank
    labels: tuple[str, ...]  # (n,) without surrounding white space, otherwise raw
    lines: I32  # (n,) line of the file on which the row of each text starts; 1 for the files of a folder
    text_column: str = ""  # "" for a folder
    label_column: str = ""
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the other columns, (n,) each: groups
    files: tuple[str, ...] = ()  # (n,) for a folder: the path of each text below it
    skipped: int = 0  # rows or files that were left out because they are bad
    remarks: tuple[str, ...] = ()  # what the user should know, a line each; those of the table included

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The different labels in order: as numbers if all are, or else as texts."""
        return ordered_classes(self.labels)


def ordered_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the different `labels` in order: as numbers if all are, or else as texts."""
    found = sorted(set(labels))
    values = {label: number(label) for label in found}
    return tuple(sorted(found, key=lambda label: values[label] or 0)) if None not in values.values() else tuple(found)


def labelled_texts(
    table: Table, text_column: str | None = None, label_column: str | None = None, few: bool = False
) -> LabelledTexts:
    """Take texts and labels from two columns of `table`.

    A column that is not given is found by its name (text, sentence, review, ...; label, class, category, ...). Of
    exactly two columns, one determines the other; if neither name is known, the label is the one with fewer different
    values.

    Raises SeqError: unknown column, columns that cannot be guessed; unless `few`, fewer than two classes, too many, or
    one example of each; and for the first blank text or label, unless the table skips bad rows.
    """
    text, label, note = _text_and_label(table, text_column, label_column)
    bad = table.bad.copy()
    kept: list[int] = []
    for at, row in enumerate(table.rows):
        problem = "text" if not row[text].strip() else "" if row[label].strip() else "label"
        if problem:
            column = quoted(table.columns[text if problem == "text" else label], 40)
            bad.add(int(table.lines[at]), f"with an empty {problem}", f"the {problem} (column {column}) is empty")
        else:
            kept.append(at)
    rows = [table.rows[at] for at in kept]
    bad.check_left(len(rows))
    labels = tuple(row[label].strip() for row in rows)
    if not few:
        check_classes(labels, bad.name, f"column {quoted(table.columns[label], 40)}")
    others = [at for at in range(len(table.columns)) if at not in (text, label)]
    return LabelledTexts(
        texts=tuple(row[text] for row in rows),
        labels=labels,
        lines=table.lines[kept],
        text_column=table.columns[text],
        label_column=table.columns[label],
        extra={table.columns[at]: tuple(row[at] for row in rows) for at in others},
        skipped=bad.count,
        remarks=(*table.notes, *note, *bad.remarks()),
    )


def check_classes(labels: Sequence[str], name: str, where: str, advice: str = "choose another --label-column") -> None:
    """Raise SeqError with `advice` unless `labels` can be learnt: two classes or more, and far fewer than examples.

    `name` stands for the data and `where` for the place of the labels in messages.
    """
    classes = len(set(labels))
    if classes == 1:
        only = quoted(labels[0], 40)
        raise SeqError(f"{name}: every label is {only} ({where}): a classifier needs at least two classes")
    if classes > _MOST_CLASSES:
        raise SeqError(f"{name}: {classes:,} different labels ({where}), more than {_MOST_CLASSES:,}: {advice}")
    if too_varied(labels):
        raise SeqError(
            f"{name}: {classes:,} different labels in {len(labels):,} examples ({where}): a classifier needs "
            f"several of each class; {advice}"
        )


def too_varied(labels: Sequence[str]) -> bool:
    """Return whether `labels` are too many different ones to be learnt: not several of each, or more than 1,000."""
    classes = len(set(labels))
    return classes > _MOST_CLASSES or classes == len(labels) or (classes > 20 and 2 * classes > len(labels))


def named_column(table: Table, names: Sequence[str], taken: int | None = None) -> int | None:
    """Return the position of the column with the first of `names` that exists, in any case, and is not `taken`."""
    places = {name.casefold(): at for at, name in reversed(list(enumerate(table.columns))) if at != taken}
    return next((places[name] for name in names if name in places), None)


def _text_and_label(table: Table, text: str | None, label: str | None) -> tuple[int, int, tuple[str, ...]]:
    """Return the positions of the text column and the label column, and a note if they were guessed from the values."""
    texts = None if text is None else table.index(text, "--text-column")
    labels = None if label is None else table.index(label, "--label-column")
    texts = named_column(table, TEXT_NAMES, labels) if texts is None else texts
    labels = named_column(table, LABEL_NAMES, texts) if labels is None else labels
    if len(table.columns) == 2 and texts is None and labels is None:
        return _by_variety(table)
    return *both_columns(table, ("text", "label"), texts, labels), ()


def both_columns(table: Table, nouns: tuple[str, str], first: int | None, second: int | None) -> tuple[int, int]:
    """Return two positions, of which one may be missing if the table has two columns.

    Raises SeqError, with the names of the flags after `nouns`, if one is missing otherwise, or both are the same.
    """
    if len(table.columns) == 2:
        second = 1 - first if second is None and first is not None else second
        first = 1 - second if first is None and second is not None else first
    if first is None or second is None:
        missing = " and ".join(
            f"{noun} (--{noun}-column)" for noun, at in zip(nouns, (first, second), strict=True) if at is None
        )
        raise SeqError(f"{table.bad.name}: choose the column of the {missing}: one of {listed(table.columns)}")
    if first == second:
        column, (one, other) = quoted(table.columns[first], 40), nouns
        raise SeqError(f"{table.bad.name}: {column} cannot be both {one} and {other}: choose another --{other}-column")
    return first, second


def _by_variety(table: Table) -> tuple[int, int, tuple[str, ...]]:
    """Take the column with fewer different values as the label. Raises SeqError if that does not decide."""
    sizes = [len(set(table.values(at))) for at in (0, 1)]
    label = int(sizes[1] < sizes[0])
    names = listed(table.columns)
    if sizes[0] == sizes[1]:
        raise SeqError(f"{table.bad.name}: which column is the label? Choose one of {names} with --label-column")
    if table.columns[label] in table.values(label):
        raise SeqError(f"{table.bad.name}: {names} look like values: write the names of the columns in the first line")
    chosen = quoted(table.columns[label], 40)
    note = f"{table.bad.name}: column {chosen} is taken as the label (--label-column changes it)"
    return 1 - label, label, (note,)
