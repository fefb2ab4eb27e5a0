"""A corpus: what a model is trained on, from a sample, a file, a folder or standard input."""

import codecs
import difflib
import hashlib
import itertools
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from seqcore.data.files import files_below, looks_binary, read_file, read_head, read_stream
from seqcore.data.quoting import printable, quoted
from seqcore.data.samples import SampleInfo, sample_info, sample_names, sample_path
from seqcore.errors import SeqError
from seqcore.records import I32

__all__ = ["LIMIT", "Corpus", "SampleInfo", "read_corpus", "sample_info", "sample_names", "split_tokens"]

LIMIT = 256 << 20  # bytes: a corpus lies in memory as bytes, as text and as int32 tokens
_SAMPLE = "sample:"


@dataclass(frozen=True)
class Corpus:
    """Bytes and how they are to be read. `read_corpus(source, encoding=encoding)` reads the same corpus again."""

    name: str  # for people: printable
    source: str  # "sample:tales", an absolute path, or "-"
    data: bytes  # as they were found, decompressed; the text of a folder's files is joined in UTF-8
    encoding: str = "utf-8"  # of the source
    data_encoding: str = ""  # of `data`, where it is not that of the source

    @cached_property
    def text(self) -> str:
        """The decoded text: line ends are newlines, a byte order mark at its head is gone. Raises SeqError."""
        return _decoded(self.data, self.data_encoding or self.encoding, _called(self.source))

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
    """The corpus that `source` names; at most `limit` bytes of it.

    `source` is, looked up in this order: "-" for standard input (`stdin`, or that of the process); the name of a sample
    corpus ("tales" or "sample:tales"), which wins over a local file of that name (write "./tales" for the file); a
    file, decompressed if it ends in .gz; or a folder, whose files are joined by blank lines in the order of their
    names, hidden and binary ones left out.

    With `as_bytes` nothing is decoded and nothing is too binary.

    Raises SeqError, saying what would be right: nothing of that name, empty, too large, not in `encoding`, binary, no
    text in the folder, no permission, no regular file, a damaged .gz.
    """
    if source == "-":
        data = read_stream(stdin or _standard_input(), limit, "standard input")
        return _checked(Corpus("stdin", "-", data, encoding), as_bytes)
    name = source.removeprefix(_SAMPLE)
    if source.startswith(_SAMPLE) or name in sample_names():
        return _checked(Corpus(name, _SAMPLE + name, read_file(sample_path(name), limit)), as_bytes)
    path = _existing(source)
    if path.is_dir():
        return _checked(_read_folder(path, encoding, as_bytes, limit), as_bytes)
    stem = path.name.removesuffix(".gz").removesuffix(".txt") or path.name
    return _checked(Corpus(printable(stem), str(path), read_file(path, limit), encoding), as_bytes)


def split_tokens(tokens: I32, validation: float) -> tuple[I32, I32]:
    """The first part of `tokens` (N,) to train on and the last one, a share `validation` of it, to validate on.

    The share is 0 <= v < 1; 0 gives an empty validation part. Raises SeqError for another share, and where a part would
    have less than two tokens.
    """
    if not 0 <= validation < 1:
        raise SeqError(f"the validation share is {validation:g}: it must be at least 0 and below 1, for instance 0.1")
    held = round(len(tokens) * validation)
    if len(tokens) - held < 2 or (validation > 0 and held < 2):
        raise SeqError(
            f"the corpus has {len(tokens)} tokens: too few to train on and to hold {validation:g} of them back; "
            "give a longer corpus"
        )
    cut = len(tokens) - held
    return tokens[:cut], tokens[cut:]


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise SeqError("there is no standard input to read: give a file, a folder or the name of a sample corpus")
    return sys.stdin.buffer


def _called(source: str) -> str:
    """How messages call a source."""
    return "standard input" if source == "-" else quoted(source)


def _existing(source: str) -> Path:
    """`source` as an absolute path of something that exists. Raises SeqError with the nearest name otherwise."""
    if not source:
        raise SeqError("the corpus has no name: give a file, a folder, a sample corpus or - for standard input")
    path = Path(os.path.expanduser(source))
    try:
        path.stat()
        return Path(os.path.abspath(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SeqError(f"there is no corpus {quoted(source)}{_nearest(path)}") from error
    except (OSError, ValueError) as error:  # no permission, too long, a NUL in it, links in a circle
        reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else "no possible file name"
        raise SeqError(f"{quoted(source)} cannot be read: {reason}") from error


def _nearest(path: Path) -> str:
    """What was perhaps meant by `path`, as the rest of a message."""
    names = list(sample_names())
    try:
        with os.scandir(path.parent) as entries:
            names += [entry.name for entry in itertools.islice(entries, 2000) if not entry.name.startswith(".")]
    except OSError:
        if not path.parent.exists():
            return f": there is no folder {quoted(str(path.parent))}"
    close = difflib.get_close_matches(path.name[:200], names, n=1)
    if close:
        return f": did you mean {quoted(close[0])}?"
    return f": give a file, a folder, - for standard input, or a sample corpus ({', '.join(sample_names()) or 'none'})"


def _read_folder(folder: Path, encoding: str, as_bytes: bool, limit: int) -> Corpus:
    """All text below a folder as one corpus, in UTF-8 whatever it was in (bytes stay as they are)."""
    parts: list[bytes] = []
    left, skipped = limit, 0
    for path in files_below(folder):
        if not as_bytes and not _is_wide(encoding) and looks_binary(read_head(path)):
            skipped += 1
            continue
        data = read_file(path, left)
        if not as_bytes:
            data = _decoded(data, encoding, quoted(str(path))).strip("\n").encode()
        if data:
            parts.append(data)
            left = max(left - len(data) - 2, 0)
    if not parts:
        why = f"{skipped} binary files and no text" if skipped else "no text"
        raise SeqError(f"there is {why} in the folder {quoted(str(folder))}: give one with text files in it")
    data = b"\n\n".join(parts) + (b"" if as_bytes else b"\n")
    return Corpus(printable(folder.name) or "folder", str(folder), data, encoding, "" if as_bytes else "utf-8")


def _checked(corpus: Corpus, as_bytes: bool) -> Corpus:
    """`corpus`, once it is known that there is something in it that can be read."""
    name = _called(corpus.source)
    if not corpus.data:
        raise SeqError(f"{name} is empty: there is nothing to learn from it")
    if as_bytes:
        return corpus
    if not corpus.text.strip():
        raise SeqError(f"{name} holds nothing but white space: there is nothing to learn from it")
    return corpus


def _decoded(data: bytes, encoding: str, name: str) -> str:
    """`data` as text. Raises SeqError that tells what to do about bytes which are none."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SeqError(_undecodable(data, encoding, error, name)) from error
    except LookupError as error:
        raise SeqError(
            f"there is no text encoding {quoted(encoding)}: common ones are utf-8, latin-1, cp1252"
        ) from error
    except Exception as error:  # a codec may raise what it likes: punycode an AssertionError, idna a UnicodeError
        raise SeqError(f"{name} cannot be read as {quoted(encoding)}: give another --encoding") from error
    if "\0" in text:
        offset = text.index("\0")
        hint = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None
        advice = f"--encoding {hint}" if hint else "give a text, or train on its bytes with --tokens-by byte"
        raise SeqError(f"{name} is binary, not text (a NUL at offset {offset:,}): {advice}")
    if not text.isascii():
        # some codecs (utf-7, unicode_escape) make half characters, which no encoding could write again
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _undecodable(data: bytes, encoding: str, error: UnicodeDecodeError, name: str) -> str:
    """The message about bytes that are not in the encoding."""
    encoding = codecs.lookup(encoding).name  # as given it may hold characters that are not for a terminal
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") and not _is_wide(encoding):
        return f"{name} is not {encoding} but seems to be UTF-16: try --encoding utf-16"
    if looks_binary(data) and not _is_wide(encoding):
        return f"{name} is binary, not text: give a text, or train on its bytes with --tokens-by byte"
    line = data.count(b"\n", 0, error.start) + 1
    other = "latin-1" if encoding == "utf-8" else "utf-8"
    return (
        f"{name} is not {encoding}: byte 0x{data[error.start]:02x} at offset {error.start:,} (line {line:,}); "
        f"say what it is written in, for instance --encoding {other}, or train on bytes with --tokens-by byte"
    )


def _is_wide(encoding: str) -> bool:
    """Whether the encoding's plain letters have NUL bytes in them."""
    return encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32"))
