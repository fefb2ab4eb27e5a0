"""Texts with labels from a folder that has one sub-folder for each label, and one text in each file."""

from pathlib import Path

import numpy as np

from seqcore.data.bad_rows import BadRows
from seqcore.data.corpus import LIMIT
from seqcore.data.decoding import decoded, is_wide, marked_encoding
from seqcore.data.files import files_below, looks_binary, read_file
from seqcore.data.labelled import LabelledTexts, check_classes
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError


def labelled_folder(
    folder: Path, encoding: str = "utf-8", limit: int = LIMIT, *, skip_bad_rows: bool = False
) -> LabelledTexts:
    """Read the files below `folder`; the label of each is the name of the sub-folder of `folder` that it is in.

    At most `limit` bytes in all. As in `read_corpus`, hidden and binary files are left out, links to folders are not
    followed, and files ending in .gz are decompressed. `skip_bad_rows` leaves out files that are empty or not in
    `encoding`.

    Raises SeqError: not a folder, fewer than two sub-folders with text, too large; an empty file, and one that is not
    in `encoding`, unless skipped.
    """
    name = quoted(str(folder), 80)
    if not folder.is_dir():
        raise SeqError(f"{name} is not a folder: give one with a sub-folder for each label")
    bad = BadRows(name, skip_bad_rows, noun="file")
    found = files_below(folder)
    texts: list[str] = []
    labels: list[str] = []
    files: list[str] = []
    beside, binary, left = 0, 0, limit
    for path in found.files:
        place = path.relative_to(folder)
        if len(place.parts) < 2:
            beside += 1
            continue
        data = read_file(path, limit)
        left -= len(data)
        if left < 0:
            raise SeqError(f"{name} holds more than {limit:,} bytes, the limit: give a part of it")
        if looks_binary(data) and not is_wide(encoding) and not marked_encoding(data, encoding):
            binary += 1
            continue
        text = _text(data, encoding, str(place), bad)
        if text:
            texts.append(text)
            labels.append(_valid(place.parts[0]))
            files.append(_valid(str(place)))
    _check_labels(labels, name, bad)
    remarks = [
        f"{name}: {count:,} {noun}{'' if count == 1 else 's'} {what}"
        for count, noun, what in (
            (beside, "file", "beside the sub-folders left out"),
            (binary, "binary file", "left out"),
            (found.links, "link", "to folders not followed"),
        )
        if count
    ]
    return LabelledTexts(
        texts=tuple(texts),
        labels=tuple(labels),
        lines=np.ones(len(texts), np.int32),
        files=tuple(files),
        skipped=bad.count,
        remarks=(*remarks, *bad.remarks()),
    )


def _text(data: bytes, encoding: str, place: str, bad: BadRows) -> str:
    """Return the text of a file; "" if it was skipped."""
    try:
        text = decoded(data, encoding, quoted(place, 60))
    except SeqError as error:
        if not bad.skip:
            raise
        bad.add(quoted(place, 60), "in another encoding", str(error))
        return ""
    if text.strip():
        return text
    bad.add(quoted(place, 60), "without text", "the file is empty: remove it")
    return ""


def _check_labels(labels: list[str], name: str, bad: BadRows) -> None:
    """Raise SeqError unless there are enough labels, and not too many."""
    found = sorted(set(labels))
    if len(found) < 2:
        only = f"only one sub-folder with text ({quoted(found[0], 40)})" if found else "no sub-folder with text"
        skipped = f"; {bad.remarks()[0]}" if bad.count else ""
        raise SeqError(f"{name} has {only}{skipped}: give one sub-folder for each label, at least two")
    check_classes(labels, name, "one for each sub-folder", "put several texts into each sub-folder")


def _valid(name: str) -> str:
    """Return a file name without what is not valid in its encoding."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
