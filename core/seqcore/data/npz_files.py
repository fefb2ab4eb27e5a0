"""Entries of an .npz file, whose headers are checked before anything is decompressed. Nothing is ever unpickled."""

import zipfile
import zlib
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

# What reading a damaged file raises, or one that holds other things than plain arrays.
DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError)


def entries(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the names of the arrays, and the entries that hold them."""
    return {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}


def opened(archive: zipfile.ZipFile, entry: str) -> tuple[IO[bytes], tuple[int, ...], "np.dtype[Any]"]:
    """Open an entry: the stream past its header, the array's shape and dtype. Raises ValueError if invalid."""
    stream = archive.open(entry)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    version = npy.read_magic(stream)
    if version not in readers:
        raise ValueError(version)
    shape, _, kind = readers[version](stream)
    return stream, shape, kind


def header(archive: zipfile.ZipFile, entry: str) -> tuple[tuple[int, ...], "np.dtype[Any]"]:
    """Return the shape and the dtype of an array. Raises ValueError if its header is invalid."""
    stream, shape, kind = opened(archive, entry)
    stream.close()
    return shape, kind


def array(archive: zipfile.ZipFile, entry: str) -> "np.ndarray[Any, Any]":
    """Return an array, whose size has been checked. Raises ValueError if it is one of objects."""
    with archive.open(entry) as stream:
        found: np.ndarray[Any, Any] = npy.read_array(stream, allow_pickle=False)
    return found
