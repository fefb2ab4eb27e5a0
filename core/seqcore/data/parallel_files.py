"""Parallel text files: two files of as many lines, line i of one the translation of line i of the other."""

import itertools
import os
import re
from pathlib import Path

import numpy as np

from seqcore.data.bad_rows import BadRows
from seqcore.data.corpus import LIMIT
from seqcore.data.decoding import decoded, is_wide, marked_encoding
from seqcore.data.files import files_below, looks_binary, read_file, read_head
from seqcore.data.quoting import listed, printable, quoted
from seqcore.data.tables import Table
from seqcore.errors import SeqError

_ENDING = re.compile(r"[a-z]{1,12}([-_][a-z]{2,4})?", re.IGNORECASE)  # en, fr, pt-BR, src, english
_LANGUAGE = re.compile(r"[a-z]{2}([-_][a-z]{2,4})?|src|tgt|source|target", re.IGNORECASE)  # before .txt
_FORMAT = re.compile(  # endings that name a format and not a language
    r"abc|bib|c|cfg|cpp|css|csv|h|html?|ini|java|js|jsonl?|log|lua|md|ndjson|org|pdf|py|rb|rst|rtf|srt|sty|tex|text|"
    r"toml|tsv|txt|xml|ya?ml",
    re.IGNORECASE,
)


def is_parallel(source: str) -> bool:
    """Return whether a corpus is a folder of parallel files: two text files of one stem whose endings are languages.

    "train.en" and "train.pt-BR" are, also as "train.en.txt" or "train.en.gz"; "a.txt" and "b.txt" are not, nor are
    "notes.txt" and "notes.md", or any other number of files or folders. Hidden ones do not count.
    """
    folder = Path(os.path.expanduser(source))
    try:
        with os.scandir(folder) as entries:
            names = [*itertools.islice((one.name for one in entries if not one.name.startswith(".")), 3)]
        if len(names) != 2 or not all((folder / name).is_file() for name in names):
            return False
        endings = _endings(*names)
        expected = _LANGUAGE if all(_plain(name).endswith(".txt") for name in names) else _ENDING
        if not all(expected.fullmatch(ending) and not _FORMAT.fullmatch(ending) for ending in endings):
            return False
        return all(_is_text(folder / name, "utf-8") for name in names)
    except (OSError, ValueError, SeqError):  # ValueError: a NUL in the name
        return False


def parallel_table(folder: Path, encoding: str = "utf-8", limit: int = LIMIT, *, skip_bad_rows: bool = False) -> Table:
    """Read the two text files below `folder` as a table of two columns, in alphabetical order; at most `limit` bytes.

    The columns have the names of the files' endings if the stems are equal (train.en, train.fr: "en", "fr"), or else
    those of the files. Lines that are blank in both files are left out. As in `read_corpus`, hidden and binary files do
    not count, and files ending in .gz are decompressed. `skip_bad_rows` leaves out lines that are blank in one file.

    Raises SeqError: not exactly two text files, different numbers of lines, a file not in `encoding`, too large; a line
    that is blank in one file alone, unless skipped.
    """
    name = quoted(str(folder), 80)
    found = files_below(folder)
    files = [path for path in found.files if _is_text(path, encoding)]
    places = [str(path.relative_to(folder)) for path in files]
    if len(files) != 2:
        what = f"{len(files):,} text files ({listed(places, 3)})" if len(files) > 1 else f"only {listed(places)}"
        raise SeqError(
            f"{name} holds {what if files else 'no text files'}: give a folder with exactly two, whose lines correspond"
        )
    texts: list[list[str]] = []
    for path in files:
        data = read_file(path, limit)
        limit -= len(data)
        texts.append(_lines(decoded(data, encoding, quoted(str(path.relative_to(folder)), 60))))
    first, second = (quoted(place, 40) for place in places)
    if len(texts[0]) != len(texts[1]):
        raise SeqError(
            f"{name}: {first} has {len(texts[0]):,} lines and {second} {len(texts[1]):,}: "
            "line i of one must be the translation of line i of the other"
        )
    bad = BadRows(name, skip_bad_rows, noun="line")
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    for line, (one, other) in enumerate(zip(*texts, strict=True), 1):
        if one.strip() and other.strip():
            rows.append((one, other))
            lines.append(line)
        elif one.strip() or other.strip():
            blank, full = (second, first) if one.strip() else (first, second)
            bad.add(f"{blank}, line {line:,}", "blank in one file", f"the line is blank, but not that of {full}")
    bad.check_left(len(rows))
    order = sorted((0, 1), key=_columns(places).__getitem__)
    columns = tuple(printable(_columns(places)[at]) for at in order)
    if order == [1, 0]:
        rows = [(other, one) for one, other in rows]
    left_out = len(found.files) - 2
    note = f"{name}: {left_out:,} binary file{'' if left_out == 1 else 's'} left out"
    return Table(columns, tuple(rows), np.array(lines, np.int32), bad, (note,) if left_out else ())


def _lines(text: str) -> list[str]:
    """Return the lines of a text; only a newline ends one, so that no other character can shift the pairs."""
    return text.removesuffix("\n").split("\n") if text else []


def _is_text(path: Path, encoding: str) -> bool:
    head = read_head(path)
    return bool(marked_encoding(head, encoding)) or is_wide(encoding) or not looks_binary(head)


def _plain(name: str) -> str:
    return name.removesuffix(".gz")


def _endings(first: str, second: str) -> tuple[str, str]:
    """Return the endings of two file names of the same stem, without a .gz or a common .txt; ("", "") if it differs."""
    names = [_plain(name) for name in (first, second)]
    if all(name.endswith(".txt") for name in names):
        names = [name.removesuffix(".txt") for name in names]
    (stem, _, ending), (other, _, second_ending) = (name.rpartition(".") for name in names)
    alike = stem == other and stem and ending != second_ending and ending and second_ending
    return (ending, second_ending) if alike else ("", "")


def _columns(places: list[str]) -> list[str]:
    """Return the names of the columns for two files."""
    endings = _endings(places[0], places[1])
    return list(endings) if endings[0] else places
