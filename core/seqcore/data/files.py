"""Bytes from files, folders, gzip files and streams, never more than a limit and never from what could hang."""

import gzip
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

_CHUNK = 1 << 20  # bytes a read: a gzip bomb is noticed after one chunk too many
_MOST_FILES = 100_000  # that a folder is searched for
_SNIFF = 8192  # bytes from which a file is judged

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_stream(stream: BinaryIO, limit: int, name: str) -> bytes:
    """All bytes of `stream`. Raises SeqError beyond `limit` bytes, or when it cannot be read.

    `name` is how messages call it.
    """
    chunks: list[bytes] = []
    left = limit
    try:
        while chunk := stream.read(min(_CHUNK, left + 1)):
            chunks.append(chunk)
            left -= len(chunk)
            if left < 0:
                raise SeqError(f"{name} is larger than {_size(limit)}, the most that is read: give a part of it")
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SeqError(f"{name} is not a sound gzip file: make it anew, or rename it if it is plain text") from error
    except EOFError as error:
        raise SeqError(f"{name} ends too early: the gzip file is cut off, fetch or make it anew") from error
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
        raise SeqError(f"{name} cannot be read: {_reason(error)}") from error
    return b"".join(chunks)


def read_file(path: Path, limit: int) -> bytes:
    """The bytes of one regular file, decompressed where its name ends in .gz. Raises SeqError, also beyond `limit`."""
    return _read(path, lambda stream: read_stream(stream, limit, quoted(str(path))))


def read_head(path: Path) -> bytes:
    """As many of the file's first bytes as `looks_binary` wants to see. Raises SeqError."""

    def head(stream: BinaryIO) -> bytes:
        try:
            return stream.read(_SNIFF + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return b""  # no reason to leave the file out: reading it tells what is wrong with it

    return _read(path, head)


def _read(path: Path, reader: Callable[[BinaryIO], bytes]) -> bytes:
    """What `reader` makes of the file, decompressed where its name ends in .gz."""
    name = quoted(str(path))
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = next((kind for test, kind in _KINDS if test(mode)), "no regular file")
            raise SeqError(f"{name} is {kind}: give a file, a folder, or - for standard input")
        with path.open("rb") as file:
            if path.suffix.lower() != ".gz":
                return reader(file)
            with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                return reader(cast(BinaryIO, unpacked))
    except OSError as error:
        raise SeqError(f"{name} cannot be read: {_reason(error)}") from error


def files_below(folder: Path) -> Iterator[Path]:
    """All regular files below `folder` that are not hidden, in the order of their names; each folder once.

    Links are followed; a link that leads back to a folder already seen is not. Raises SeqError for a folder that
    cannot be listed.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    found = 0
    while waiting:
        path = waiting.pop()
        try:
            status = path.stat()
        except OSError:
            continue  # a link that leads nowhere
        if stat.S_ISREG(status.st_mode):
            found += 1
            if found > _MOST_FILES:
                raise SeqError(f"{quoted(str(folder))} holds more than {_MOST_FILES:,} files: give a smaller folder")
            yield path
        elif stat.S_ISDIR(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            waiting += _entries(path)


def _entries(folder: Path) -> list[Path]:
    """What lies in `folder` and is not hidden, last name first, as a stack wants it."""
    try:
        names = sorted((name for name in os.listdir(folder) if not name.startswith(".")), reverse=True)
    except OSError as error:
        raise SeqError(f"{quoted(str(folder))} cannot be listed: {_reason(error)}") from error
    return [folder / name for name in names]


def looks_binary(data: bytes) -> bool:
    """Whether `data` begins like no text in an encoding that keeps ASCII: with NUL bytes, or full of control bytes."""
    head = data[:_SNIFF]
    if b"\0" in head or head.startswith((b"%PDF-", b"\x1f\x8b")):
        return True
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if len(head) - error.start < 4 and len(data) > _SNIFF:
            return False  # the cut went through a character
        control = sum(byte < 32 and byte not in b"\t\n\r\f\v\b\x1b" for byte in head)
        return control * 20 > len(head)
    return False


def _size(count: int) -> str:
    """A number of bytes for people: 256 MiB."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:g} {name}"
    return f"{count} bytes"


def _reason(error: Exception) -> str:
    """What the operating system says, without the path it repeats."""
    return (error.strerror if isinstance(error, OSError) and error.strerror else str(error)).lower()
