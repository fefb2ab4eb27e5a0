"""Bytes from files, folders, gzip files and streams: never more than a limit, never from anything that could hang."""

import gzip
import os
import stat
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

_CHUNK = 1 << 20  # bytes per read: a gzip bomb is noticed one chunk after the limit
_MOST_FILES = 100_000  # per folder
_SNIFF = 8192  # bytes used to tell text from binary

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_stream(stream: BinaryIO, limit: int, name: str) -> bytes:
    """Return all bytes of `stream`. Raises SeqError if there are more than `limit`, or if reading fails.

    `name` stands for the stream in error messages.
    """
    chunks: list[bytes] = []
    left = limit
    try:
        while chunk := stream.read(min(_CHUNK, left + 1)):
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                raise SeqError(f"{name} is larger than {_size(limit)}, the limit: give a part of it")
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SeqError(f"{name} is not a valid gzip file: create it again, or rename it if it is plain text") from error
    except EOFError as error:
        raise SeqError(f"{name} is a truncated gzip file: fetch or create it again") from error
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
        raise SeqError(f"{name} cannot be read: {_reason(error)}") from error
    return b"".join(chunks)


def read_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file, decompressed if its name ends in .gz. Raises SeqError, as `read_stream`."""
    return _read(path, lambda stream: read_stream(stream, limit, quoted(str(path))))


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, as many as `looks_binary` needs. Raises SeqError."""

    def head(stream: BinaryIO) -> bytes:
        try:
            return stream.read(_SNIFF + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return b""  # not skipped: reading the whole file reports the damage

    return _read(path, head)


def _read(path: Path, reader: Callable[[BinaryIO], bytes]) -> bytes:
    """Apply `reader` to the file, decompressed if its name ends in .gz."""
    name = quoted(str(path))
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = next((kind for test, kind in _KINDS if test(mode)), "not a regular file")
            raise SeqError(f"{name} is {kind}: give a file, a folder, or - for standard input")
        with path.open("rb") as file:
            if path.suffix.lower() != ".gz":
                return reader(file)
            with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                return reader(cast(BinaryIO, unpacked))
    except OSError as error:
        raise SeqError(f"{name} cannot be read: {_reason(error)}") from error


class Found(NamedTuple):
    """The regular files below a folder, in order of their names, and how many links to folders were skipped."""

    files: list[Path]
    links: int


def files_below(folder: Path) -> Found:
    """Find all regular files below `folder` that are not hidden.

    Links to files are followed, links to folders are not: they can lead out of the folder. `folder` itself may be a
    link. Raises SeqError if a folder cannot be listed, or if there are too many files.
    """
    found: list[Path] = []
    links, waiting = 0, [folder]
    while waiting:
        path = waiting.pop()
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # a broken link
        if stat.S_ISREG(mode):
            found.append(path)
            if len(found) > _MOST_FILES:
                raise SeqError(f"{quoted(str(folder))} holds more than {_MOST_FILES:,} files: give a smaller folder")
        elif stat.S_ISDIR(mode):
            if path is not folder and path.is_symlink():
                links += 1
            else:
                waiting += _entries(path)
    return Found(found, links)


def _entries(folder: Path) -> list[Path]:
    """Return the entries of `folder` that are not hidden, in reverse order of their names, for a stack."""
    try:
        names = sorted((name for name in os.listdir(folder) if not name.startswith(".")), reverse=True)
    except OSError as error:
        raise SeqError(f"{quoted(str(folder))} cannot be listed: {_reason(error)}") from error
    return [folder / name for name in names]


def looks_binary(data: bytes) -> bool:
    """Return whether `data` starts unlike text in any superset of ASCII: with NUL bytes, or with many control bytes."""
    head = data[:_SNIFF]
    if b"\0" in head or head.startswith((b"%PDF-", b"\x1f\x8b")):
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) - error.start < 4 and len(data) > _SNIFF:
            return False  # the cut goes through a character
        control = sum(byte < 32 and byte not in b"\t\n\r\f\v\b\x1b" for byte in head)
        return control * 20 > len(head)
    return False


def _size(count: int) -> str:
    """Format a number of bytes: 256 MiB."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:g} {name}"
    return f"{count} bytes"


def _reason(error: Exception) -> str:
    """Return what the operating system says, without the path."""
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).lower()
