"""A corpus: what a model is trained on, from a sample, a file, a folder or standard input."""

import difflib
import hashlib
import itertools
import os
import sys
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from seqcore.data.decoding import decoded, is_wide, marked_encoding
from seqcore.data.files import files_below, looks_binary, read_file, read_head, read_stream
from seqcore.data.generated import generated_name
from seqcore.data.quoting import printable, quoted
from seqcore.data.samples import SampleInfo, sample_info, sample_names, sample_path
from seqcore.errors import SeqError
from seqcore.records import I32

__all__ = ["LIMIT", "Corpus", "SampleInfo", "read_corpus", "sample_info", "sample_names", "split_tokens"]

LIMIT = 256 << 20  # bytes: a corpus is held in memory as bytes, as text and as int32 tokens
_SAMPLE = "sample:"
_ARRAYS = ".npz"  # is never text
_ENDINGS = (".txt", ".abc", ".tsv", ".csv", ".jsonl", _ARRAYS)  # left out of the name of a corpus


@dataclass(frozen=True)
class Corpus:
    """Bytes and how to decode them. `read_corpus(source, encoding=encoding)` reads the same corpus again."""

    name: str  # for people: printable
    source: str  # "sample:tales", an absolute path, or "-"
    data: bytes  # as found, decompressed; the files of a folder are joined in UTF-8
    encoding: str = "utf-8"  # of the source
    data_encoding: str = ""  # of `data`, if it is not that of the source
    remarks: tuple[str, ...] = field(default=(), compare=False)  # what the user should know, a line each

    @cached_property
    def text(self) -> str:
        """The decoded text: line ends are newlines, a byte order mark at its head is removed. Raises SeqError."""
        return decoded(self.data, self.data_encoding or self.encoding, _described(self.source))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `data` in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


def read_corpus(
    source: str,
    *,
    encoding: str = "utf-8",
    as_bytes: bool = False,
    stdin: BinaryIO | None = None,
    limit: int = LIMIT,
) -> Corpus:
    """Read the corpus that `source` names; at most `limit` bytes of it.

    `source` is, in this order: "-" for standard input (`stdin`, or that of the process); a generated corpus
    ("copy:100", "reverse:20"), whose sequences are generated while a model trains on them; the name of a sample corpus
    ("tales" or "sample:tales"), which takes precedence over a local file of that name (use "./tales" for the file); a
    file, decompressed if it ends in .gz; or a folder, whose files are joined by blank lines in order of their names.
    Hidden and binary files are left out, and links to folders are not followed. A file that begins with the byte order
    mark of UTF-16 or UTF-32 is read as such.

    With `as_bytes` nothing is decoded, and binary files are accepted.

    Raises SeqError, with advice: unknown name, empty, too large, not in `encoding`, binary, no text in the folder, no
    permission, not a regular file, a damaged .gz.
    """
    if source == "-":
        data = read_stream(stdin or _standard_input(), limit, "standard input")
        return _checked(Corpus("stdin", "-", data, encoding), as_bytes)
    generated = generated_name(source)
    if generated is not None:
        return Corpus(generated.replace(":", "-"), generated, generated.encode())
    name = source.removeprefix(_SAMPLE)
    if source.startswith(_SAMPLE) or name in sample_names(None):
        path = sample_path(name)
        return _checked(Corpus(name, _SAMPLE + name, read_file(path, limit)), as_bytes or path.suffix == _ARRAYS)
    path = _existing(source)
    if path.is_dir():
        return _checked(_read_folder(path, encoding, as_bytes, limit), as_bytes)
    stem = path.name.removesuffix(".gz")
    stem = stem.removesuffix(next((end for end in _ENDINGS if stem.endswith(end)), "")) or path.name
    plain = as_bytes or path.suffix.lower() == _ARRAYS
    return _checked(Corpus(printable(stem), str(path), read_file(path, limit), encoding), plain)


def split_tokens(tokens: I32, validation: float) -> tuple[I32, I32]:
    """Split `tokens` (N,) into a training part and a validation part: the last share `validation` of them.

    The share is 0 <= v < 1; 0 gives an empty validation part. Raises SeqError for any other share, and if a part would
    have fewer than two tokens.
    """
    if not 0 <= validation < 1:
        raise SeqError(f"the validation share is {validation:g}: it must be at least 0 and below 1, for instance 0.1")
    held = round(len(tokens) * validation)
    if len(tokens) - held < 2 or (validation > 0 and held < 2):
        raise SeqError(
            f"the corpus has {len(tokens)} tokens: too few to train on and to hold out {validation:g} of them; "
            "give a longer corpus"
        )
    cut = len(tokens) - held
    return tokens[:cut], tokens[cut:]


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise SeqError("there is no standard input to read: give a file, a folder or the name of a sample corpus")
    return sys.stdin.buffer


def _described(source: str) -> str:
    """Return how messages name a source."""
    return "standard input" if source == "-" else quoted(source)


def _existing(source: str) -> Path:
    """Return `source` as an absolute path that exists. Raises SeqError with the closest name otherwise."""
    if not source:
        raise SeqError("the corpus name is empty: give a file, a folder, a sample corpus or - for standard input")
    path = Path(os.path.expanduser(source))
    try:
        path.stat()
        return Path(os.path.abspath(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SeqError(f"there is no corpus {quoted(source)}{_nearest(path)}") from error
    except (OSError, ValueError) as error:  # no permission, too long, a NUL in it, a cycle of links
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "not a valid file name"
        raise SeqError(f"{quoted(source)} cannot be read: {reason}") from error


def _nearest(path: Path) -> str:
    """Return the end of a message: what the user may have meant by `path`."""
    names = list(sample_names(None))
    try:
        with os.scandir(path.parent) as entries:
            names += [entry.name for entry in itertools.islice(entries, 2000) if not entry.name.startswith(".")]
    except OSError:
        if not path.parent.exists():
            return f": there is no folder {quoted(str(path.parent))}"
    close = difflib.get_close_matches(path.name[:200], names, n=1)
    if close:
        return f": did you mean {quoted(close[0])}?"
    return (
        f": give a file, a folder, - for standard input, or a sample corpus ({', '.join(sample_names(None)) or 'none'})"
    )


def _read_folder(folder: Path, encoding: str, as_bytes: bool, limit: int) -> Corpus:
    """Join all text below a folder into one corpus, in UTF-8 whatever its encoding (bytes stay as they are)."""
    parts: list[bytes] = []
    marked: list[str] = []
    left, skipped = limit, 0
    found = files_below(folder)
    for path in found.files:
        head = b"" if as_bytes else read_head(path)
        mark = marked_encoding(head, encoding)
        if not as_bytes and not mark and not is_wide(encoding) and looks_binary(head):
            skipped += 1
            continue
        data = read_file(path, left)
        if not as_bytes:
            try:
                data = decoded(data, encoding, quoted(str(path))).strip("\n").encode()
            except SeqError:
                if not mark:
                    raise
                skipped += 1  # two bytes that look like a mark at the head of a binary file
                continue
            marked += [mark] if mark else []
        if data:
            parts.append(data)
            left = max(left - len(data) - 2, 0)
    name = quoted(str(folder))
    if not parts:
        why = f"{skipped} binary files and no text" if skipped else "no text"
        raise SeqError(f"there is {why} in the folder {name}: give one with text files in it")
    data = b"\n\n".join(parts) + (b"" if as_bytes else b"\n")
    remarks = []
    if found.links:
        remarks.append(f"{_count(found.links, 'link')} to {'a folder' if found.links == 1 else 'folders'} in {name} "
                       f"{'was' if found.links == 1 else 'were'} not followed")  # fmt: skip
    if marked:
        names = " and ".join(sorted({mark.upper() for mark in marked}))
        remarks.append(f"{_count(len(marked), 'file')} in {name} read as {names}, by the byte order mark")
    return Corpus(
        printable(folder.name) or "folder", str(folder), data, encoding, "" if as_bytes else "utf-8", tuple(remarks)
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _checked(corpus: Corpus, as_bytes: bool) -> Corpus:
    """Return `corpus` with its remarks, once it is known to hold something. Raises SeqError."""
    name = _described(corpus.source)
    if not corpus.data:
        raise SeqError(f"{name} is empty: there is nothing to learn from it")
    if as_bytes:
        return corpus
    if not corpus.text.strip():
        raise SeqError(f"{name} holds nothing but white space: there is nothing to learn from it")
    mark = marked_encoding(corpus.data, corpus.data_encoding or corpus.encoding)
    if mark:
        return replace(corpus, remarks=(*corpus.remarks, f"{name} read as {mark.upper()}, by its byte order mark"))
    return corpus
