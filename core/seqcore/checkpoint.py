"""Checkpoints: one safetensors file each, with a digest, written so that a kill at any moment leaves one that loads.

A file is written beside its place, synced, and renamed; the folder is synced after that. The digest is the SHA-256 of
all arrays and all other numbers: a file that was cut, changed or comes from elsewhere is told from a good one.
Nothing is ever unpickled.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from seqcore.errors import SeqError
from seqcore.records import F32

FORMAT = "seqtui-checkpoint-1"
_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """The arrays and numbers of `Trainer.state` and `Trainer.numbers`, and what else the run wants kept."""

    arrays: Mapping[str, F32]
    numbers: Mapping[str, Any]


def write_atomically(path: Path, data: bytes, other: str = "another --out") -> None:
    """Write `data` to `path`, all or nothing, also if the power fails. Raises SeqError; the old file then stands.

    `other`: what the person could give where this place refuses.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise SeqError(
            f"{path} cannot be written ({error.strerror or error}): free some space or give {other}"
        ) from None


def sync_folder(folder: Path) -> None:
    """See to it that the folder's entries are on the disk. Raises OSError."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows cannot open a folder, and does not need to
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def _digest(arrays: Mapping[str, F32], numbers: str) -> str:
    digest = hashlib.sha256(numbers.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def checkpoint_bytes(checkpoint: Checkpoint) -> bytes:
    """The file's content."""
    numbers = json.dumps(dict(checkpoint.numbers), sort_keys=True)
    meta = {"format": FORMAT, "numbers": numbers, "digest": _digest(checkpoint.arrays, numbers)}
    return save(dict(checkpoint.arrays), metadata=meta)


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in `path`. Raises SeqError: not there, cut, changed, or not one of ours."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SeqError(f"{path} cannot be read ({error.strerror})") from None
    try:
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        meta = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise SeqError(f"{path.name} is damaged: it is no whole safetensors file") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise SeqError(f"{path.name} is no checkpoint of seqtui")
    if _digest(arrays, meta.get("numbers", "")) != meta.get("digest"):
        raise SeqError(f"{path.name} is damaged: its content does not fit its digest")
    try:
        numbers = json.loads(meta["numbers"])
    except (KeyError, ValueError, TypeError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict):
        raise SeqError(f"{path.name} is damaged: it lacks its numbers")
    return Checkpoint(arrays, numbers)


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of that step lies."""
    return folder / f"checkpoint-{step}.safetensors"


def checkpoint_steps(folder: Path) -> list[int]:
    """The steps of all checkpoints in the folder, newest first."""
    try:
        names = [_NAME.fullmatch(path.name) for path in folder.iterdir()]
    except OSError:
        return []
    return sorted((int(name[1]) for name in names if name), reverse=True)


def newest_checkpoint(folder: Path) -> tuple[Checkpoint, int, list[str]]:
    """The newest checkpoint that loads, its step, and a line for each newer one that is damaged.

    Raises SeqError when there is none, and when one cannot be read at all: it may be good.
    """
    damaged: list[str] = []
    for step in checkpoint_steps(folder):
        try:
            checkpoint_path(folder, step).open("rb").close()
        except OSError as error:
            raise SeqError(f"{checkpoint_path(folder, step)} cannot be read ({error.strerror})") from None
        try:
            return read_checkpoint(checkpoint_path(folder, step)), step, damaged
        except SeqError as error:
            damaged.append(str(error))
    raise SeqError("; ".join([*damaged, f"{folder} holds no checkpoint that loads"]))
