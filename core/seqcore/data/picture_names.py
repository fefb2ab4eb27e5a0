"""How files of pictures are recognised: by the ending of their name, or the names of their columns."""

from pathlib import Path

from seqcore.data.labelled import named_column
from seqcore.data.samples import sample_path
from seqcore.data.tables import Table

PICTURE_NAMES, CAPTION_NAMES = ("picture", "image"), ("caption", "description")
ARRAYS = ".npz"


def is_arrays(source: str) -> bool:
    """Return whether a source is named as an .npz file. Raises SeqError if it is an unknown sample corpus."""
    path = sample_path(source.removeprefix("sample:")) if source.startswith("sample:") else Path(source)
    return path.suffix.lower() == ARRAYS


def names_pictures(table: Table) -> bool:
    """Return whether a table has columns of pictures and captions."""
    return named_column(table, PICTURE_NAMES) is not None and named_column(table, CAPTION_NAMES) is not None
