"""Texts with labels, wherever they are: two columns of a table, or a folder with one sub-folder for each label."""

from pathlib import Path

from seqcore.data.corpus import Corpus
from seqcore.data.labelled import LabelledTexts, labelled_texts
from seqcore.data.labelled_folder import labelled_folder
from seqcore.data.quoting import quoted
from seqcore.data.tables import read_table


def read_labelled(
    corpus: Corpus, text_column: str | None, label_column: str | None, *, skip_bad_rows: bool = False, few: bool = False
) -> LabelledTexts:
    """Read the texts and labels of a corpus; see `labelled_texts` and `labelled_folder`. Raises SeqError."""
    if is_folder(corpus.source):
        return labelled_folder(Path(corpus.source), corpus.encoding, skip_bad_rows=skip_bad_rows)
    return labelled_texts(read_table(corpus, skip_bad_rows=skip_bad_rows), text_column, label_column, few)


def is_folder(source: str) -> bool:
    """Return whether a source, as `Corpus.source` has it, is a folder."""
    return Path(source).is_absolute() and Path(source).is_dir()


def place_of(found: LabelledTexts, at: int, name: str) -> str:
    """Return where a text is: its file, or its line in the table of that name."""
    return quoted(found.files[at], 60) if found.files else f"{name}, line {int(found.lines[at])}"
