"""Checkpoints: one safetensors file each, with a digest, written so that a kill at any moment leaves one that loads.

A file is written under a temporary name, synced, and renamed; then the folder is synced. The digest is the SHA-256 of
all arrays and all other numbers: it detects a truncated, modified or foreign file. Nothing is ever unpickled.
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
BEST = "best.safetensors"  # the checkpoint with the lowest validation loss
_NAME = re.compile(r"checkpoint-(\d+)\.safetensors")


@dataclass(frozen=True)
class Checkpoint:
    """The arrays and numbers of `Trainer.state` and `Trainer.numbers`, and further numbers of the run."""

    arrays: Mapping[str, F32]
    numbers: Mapping[str, Any]


def write_atomically(path: Path, data: bytes, other: str = "another --out") -> None:
    """Write `data` to `path`, all or nothing, even if the power fails. Raises SeqError; the old file is then kept.

    `other`: what the user could give if this place cannot be written.
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
    """Flush the entries of a folder to the disk. Raises OSError."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows cannot open a folder, and need not
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
    """Return the content of the file."""
    numbers = json.dumps(dict(checkpoint.numbers), sort_keys=True)
    meta = {"format": FORMAT, "numbers": numbers, "digest": _digest(checkpoint.arrays, numbers)}
    return save(dict(checkpoint.arrays), metadata=meta)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises SeqError: missing, truncated, corrupt, or not one of ours."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SeqError(f"{path} cannot be read ({error.strerror})") from None
    try:
        arrays = load(data)
        length = int.from_bytes(data[:8], "little")
        meta = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise SeqError(f"{path.name} is damaged: it is not a valid safetensors file (truncated or corrupt)") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise SeqError(f"{path.name} is not a seqtui checkpoint")
    if _digest(arrays, meta.get("numbers", "")) != meta.get("digest"):
        raise SeqError(f"{path.name} is damaged: its content does not match its digest")
    try:
        numbers = json.loads(meta["numbers"])
    except (KeyError, ValueError, TypeError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict):
        raise SeqError(f"{path.name} is damaged: its numbers are missing")
    return Checkpoint(arrays, numbers)


def checkpoint_path(folder: Path, step: int) -> Path:
    """Return the path of the checkpoint of a step."""
    return folder / f"checkpoint-{step}.safetensors"


def checkpoint_steps(folder: Path) -> list[int]:
    """Return the steps of all checkpoints in the folder, newest first; the best one is not among them."""
    try:
        names = [_NAME.fullmatch(path.name) for path in folder.iterdir()]
    except OSError:
        return []
    return sorted((int(name[1]) for name in names if name), reverse=True)


def newest_checkpoint(folder: Path) -> tuple[Checkpoint, int, list[str]]:
    """Return the newest checkpoint that loads, its step, and a line for each newer one that is damaged.

    Raises SeqError if there is none, and if one cannot be read at all: it may be good.
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
    raise SeqError("; ".join([*damaged, f"{folder} has no checkpoint that loads"]))
