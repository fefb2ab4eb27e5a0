"""Pictures with captions, from the arrays of an .npz file or from a table that names PNG files."""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqcore.data.bad_rows import BadRows
from seqcore.data.corpus import LIMIT, Corpus
from seqcore.data.labelled import named_column
from seqcore.data.npz_files import DAMAGED, array, entries, header
from seqcore.data.patch_grid import MOST_SIDE
from seqcore.data.picture_files import pillow, read_picture
from seqcore.data.picture_names import CAPTION_NAMES, PICTURE_NAMES, is_arrays
from seqcore.data.quoting import listed, quoted
from seqcore.data.tables import Table, is_table, read_table
from seqcore.errors import SeqError
from seqcore.records import U8

_LONGEST = 10_000  # characters of a caption in an .npz file, whose strings all have the same length


@dataclass(frozen=True)
class CaptionedPictures:
    """n pictures of one size and their captions, at least one."""

    pictures: U8  # (n, rows, columns, channels), 1 or 3 of them
    captions: tuple[str, ...]  # (n,) without surrounding white space, none empty; otherwise raw
    places: tuple[str, ...]  # (n,) where each is: "line 7", "picture 7"
    remarks: tuple[str, ...]  # what the user should know, a line each
    digest: str  # of the pictures, if they are not in the corpus itself
    name: str  # stands for the corpus in messages: quoted, printable


def read_pictures(corpus: Corpus, *, skip_bad_rows: bool = False) -> CaptionedPictures:
    """Read the pictures and captions of a corpus.

    An .npz file has the arrays "pictures", (n, rows, columns, 3) or (n, rows, columns) of 8 bits, and "captions", n
    strings. A table has columns "picture", names of PNG files below its folder, and "caption".

    Raises SeqError: not such a file, damaged, an array missing or of another shape or type, pictures too large; and for
    the first picture without caption, or of another size than the first one, or whose file is missing, outside the
    folder or not a PNG picture, unless `skip_bad_rows`.
    """
    if is_arrays(corpus.source):
        return _from_arrays(corpus, skip_bad_rows)
    if is_table(corpus.source):
        return _from_table(corpus, skip_bad_rows)
    name = "standard input" if corpus.source == "-" else quoted(Path(corpus.source).name, 60)
    raise SeqError(f"{name} has no pictures: give an .npz file, or a .tsv file with columns picture and caption")


def _from_arrays(corpus: Corpus, skip_bad_rows: bool) -> CaptionedPictures:
    name = quoted(os.path.basename(corpus.source.removeprefix("sample:")), 60)
    try:
        with zipfile.ZipFile(io.BytesIO(corpus.data)) as archive:
            pictures, captions = _arrays(archive, name)
    except DAMAGED:
        raise SeqError(f"{name} is not a valid .npz file of plain arrays (truncated or corrupt)") from None
    bad = BadRows(name, skip_bad_rows, noun="picture")
    kept: list[int] = []
    for at, caption in enumerate(captions):
        if caption.strip():
            kept.append(at)
        else:
            bad.add(f"picture {at + 1:,}", "with an empty caption", "its caption is empty")
    bad.check_left(len(kept))
    return CaptionedPictures(
        pictures if len(kept) == len(captions) else pictures[kept],
        tuple(captions[at].strip() for at in kept),
        tuple(f"picture {at + 1:,}" for at in kept),
        bad.remarks(),
        "",
        name,
    )


def _arrays(archive: zipfile.ZipFile, name: str) -> tuple[U8, list[str]]:
    """Return the pictures (n, rows, columns, channels) and their captions. Raises SeqError, or one of DAMAGED."""
    held = entries(archive)
    missing = [one for one in ("pictures", "captions") if one not in held]
    if missing:
        raise SeqError(f"{name} has no array {listed(missing)}: it needs pictures and captions, not {listed(held)}")
    shape, kind = header(archive, held["pictures"])
    wanted = "(pictures, rows, columns, 3) or (pictures, rows, columns)"
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)) or 0 in shape:
        raise SeqError(f"{name}: pictures has shape {shape}, expected {wanted}")
    if kind != np.uint8:
        raise SeqError(f"{name}: pictures has dtype {kind}, expected 8-bit levels (uint8, 0 to 255)")
    if max(shape[1:3]) > MOST_SIDE:
        raise SeqError(f"{name}: pictures of {shape[2]}x{shape[1]} pixels: the limit is {MOST_SIDE}x{MOST_SIDE}")
    texts, text_kind = header(archive, held["captions"])
    if text_kind.kind != "U" or len(texts) != 1:
        raise SeqError(f"{name}: captions has dtype {text_kind} and shape {texts}, expected a string for each picture")
    if texts[0] != shape[0]:
        raise SeqError(f"{name} has {shape[0]:,} pictures and {texts[0]:,} captions: give one for each")
    if text_kind.itemsize > 4 * _LONGEST:
        raise SeqError(f"{name}: a caption has more than {_LONGEST:,} characters, the limit")
    size = int(np.prod(shape, dtype=np.float64))
    for entry, need in (("pictures", size), ("captions", texts[0] * text_kind.itemsize)):
        if need > LIMIT:
            raise SeqError(
                f"{name}: {entry} takes {need / 2**20:,.0f} MiB, the limit is {LIMIT >> 20} MiB: give a part of it"
            )
        if need > archive.getinfo(held[entry]).file_size:
            raise ValueError(entry)  # truncated: nothing is allocated for what is not there
    pictures = array(archive, held["pictures"])
    return pictures.reshape(*shape[:3], -1), array(archive, held["captions"]).tolist()


def _from_table(corpus: Corpus, skip_bad_rows: bool) -> CaptionedPictures:
    table = read_table(corpus, skip_bad_rows=skip_bad_rows)
    columns = {"picture": PICTURE_NAMES, "caption": CAPTION_NAMES}
    found = {what: named_column(table, names) for what, names in columns.items()}
    for what, at in found.items():
        if at is None:
            raise SeqError(f"{table.bad.name} has no column {what}: the columns are {listed(table.columns)}")
    pillow()  # said once, and not of every row
    bad, folder = table.bad.copy(), Path(corpus.source).parent
    pictures: list[U8] = []
    captions: list[str] = []
    places: list[str] = []
    left, size = LIMIT, ()
    for line, name, caption in _rows(table, found):
        if not caption.strip():
            bad.add(line, "with an empty caption", "the caption is empty")
            continue
        try:
            picture = read_picture(folder, name)
            if size and picture.shape != size:
                raise SeqError(f"{quoted(name, 60)} has {_said(picture.shape)} pixels, the first picture {_said(size)}")
        except SeqError as error:
            bad.add(line, "with an unusable picture", str(error))
            continue
        size = size or picture.shape
        left -= picture.nbytes
        if left < 0:
            raise SeqError(f"{table.bad.name}: the pictures take more than {LIMIT >> 20} MiB, the limit: give fewer")
        pictures.append(picture)
        captions.append(caption.strip())
        places.append(f"line {line:,}")
    bad.check_left(len(pictures))
    remarks = (*table.notes, *bad.remarks())
    joined = np.stack(pictures)
    digest = hashlib.sha256(joined.tobytes()).hexdigest()
    return CaptionedPictures(joined, tuple(captions), tuple(places), remarks, digest, bad.name)


def _rows(table: Table, found: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    """Yield the line, the name of the picture and the caption of each row."""
    for row, line in zip(table.rows, table.lines.tolist(), strict=True):
        yield line, row[found["picture"]].strip(), row[found["caption"]]


def _said(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
