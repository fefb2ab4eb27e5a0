"""Pairs of a source text and a target text, from two columns of a table or from two parallel text files."""

from dataclasses import dataclass
from pathlib import Path

from seqcore.data.corpus import Corpus
from seqcore.data.labelled import both_columns, named_column
from seqcore.data.labelled_source import is_folder
from seqcore.data.parallel_files import is_parallel, parallel_table
from seqcore.data.quoting import quoted
from seqcore.data.tables import Table, read_table
from seqcore.records import I32

__all__ = ["SOURCE_NAMES", "TARGET_NAMES", "TextPairs", "is_parallel", "matched_pair", "named_pair", "read_pairs"]

SOURCE_NAMES = ("source", "src", "input", "question", "english", "en", "from")
TARGET_NAMES = (
    "target", "tgt", "output", "answer", "french", "fr", "german", "de", "spanish", "es", "translation", "to",
)  # fmt: skip
_MATCHED = 4  # so many names of a source go with the name of a target at the same position


@dataclass(frozen=True)
class TextPairs:
    """n pairs of texts, at least one."""

    sources: tuple[str, ...]  # (n,) without surrounding white space, none empty; otherwise raw
    targets: tuple[str, ...]  # (n,) likewise
    lines: I32  # (n,) line of the file on which each pair starts
    source_column: str  # its name; of parallel files, the ending or the name of the file
    target_column: str
    skipped: int  # rows that were left out because they are bad
    remarks: tuple[str, ...]  # what the user should know, a line each; those of the table included
    name: str  # stands for the corpus in messages: quoted, printable


def read_pairs(
    corpus: Corpus, source_column: str | None, target_column: str | None, *, skip_bad_rows: bool = False
) -> TextPairs:
    """Read the pairs of a corpus: a table (see `read_table`), or a folder of two files (see `parallel_table`).

    A column that is not given is found by its name (source, input, english, ...; target, output, french, ...). Of
    exactly two columns, one determines the other; if neither name is known, and of parallel files, the first is the
    source, with a remark.

    Raises SeqError: as these functions; unknown column, columns that cannot be guessed, the same column twice; and for
    the first blank source or target, unless `skip_bad_rows`: then such rows are skipped and counted.
    """
    if is_folder(corpus.source):
        table = parallel_table(Path(corpus.source), corpus.encoding, skip_bad_rows=skip_bad_rows)
        source, target, note = _chosen(table, source_column, target_column, by_name=False)
    else:
        table = read_table(corpus, skip_bad_rows=skip_bad_rows)
        source, target, note = _chosen(table, source_column, target_column, by_name=True)
    bad = table.bad.copy()
    kept: list[int] = []
    for at, row in enumerate(table.rows):
        blank = "source" if not row[source].strip() else "" if row[target].strip() else "target"
        if blank:
            column = quoted(table.columns[source if blank == "source" else target], 40)
            bad.add(int(table.lines[at]), f"with an empty {blank}", f"the {blank} (column {column}) is empty")
        else:
            kept.append(at)
    bad.check_left(len(kept))
    return TextPairs(
        sources=tuple(table.rows[at][source].strip() for at in kept),
        targets=tuple(table.rows[at][target].strip() for at in kept),
        lines=table.lines[kept],
        source_column=table.columns[source],
        target_column=table.columns[target],
        skipped=bad.count,
        remarks=(*table.notes, *note, *bad.remarks()),
        name=bad.name,
    )


def named_pair(table: Table) -> tuple[int, int] | None:
    """Return the positions of the columns whose names say that they are source and target; None if there are none.

    Names that go together take precedence (input and output), or else the first of each kind is taken.
    """
    matched = matched_pair(table)
    if matched is not None:
        return matched
    source, target = named_column(table, SOURCE_NAMES), named_column(table, TARGET_NAMES)
    return None if source is None or target is None else (source, target)


def matched_pair(table: Table) -> tuple[int, int] | None:
    """Return the positions of the first columns whose names go together, as source and target do."""
    for names in zip(SOURCE_NAMES[:_MATCHED], TARGET_NAMES[:_MATCHED], strict=True):
        source, target = (named_column(table, (name,)) for name in names)
        if source is not None and target is not None:
            return source, target
    return None


def _chosen(
    table: Table, source_column: str | None, target_column: str | None, by_name: bool
) -> tuple[int, int, tuple[str, ...]]:
    """Return the positions of source and target, and a note if they were taken in order. Raises SeqError."""
    source = None if source_column is None else table.index(source_column, "--source-column")
    target = None if target_column is None else table.index(target_column, "--target-column")
    if by_name:
        if source is None and target is None:
            source, target = named_pair(table) or (None, None)
        source = named_column(table, SOURCE_NAMES, target) if source is None else source
        if target is None:
            target = named_column(table, TARGET_NAMES, source)
            both = source is None and named_column(table, TARGET_NAMES, target) is not None
            target = None if both and len(table.columns) == 2 else target  # french, german: their order decides
    note: tuple[str, ...] = ()
    if len(table.columns) == 2 and source is None and target is None:
        source = 0
        first, noun = quoted(table.columns[0], 40), "column" if by_name else "file"
        note = (f"{table.bad.name}: {noun} {first} is taken as the source (--source-column changes it)",)
    return *both_columns(table, ("source", "target"), source, target), note
