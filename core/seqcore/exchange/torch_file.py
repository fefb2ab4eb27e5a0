"""Weights for PyTorch: a safetensors file in the layout of `torch_layout`, with the model described in its metadata.

Reads such files back, also those that PyTorch trained further and saved, which drops the metadata.
"""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import save

from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents, Described, as_float32, check_shapes, told, understood
from seqcore.exchange.torch_layout import from_torch, to_torch, torch_shapes
from seqcore.model import shapes
from seqcore.naming import described
from seqcore.records import F32

_READ = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<u2"}  # by safetensors' names


def torch_bytes(contents: Contents) -> bytes:
    """Return the contents of the safetensors file."""
    return save(to_torch(contents.config, contents.arrays), metadata=told(contents))


def read_torch(path: Path, like: Described | None = None) -> Contents:
    """Read the model in a safetensors file; `like` describes it if the file does not.

    Converts float16, bfloat16 and float64 to float32. Raises SeqError if the file cannot be read or is invalid, if its
    tensors do not match the model, or if values are not finite.
    """
    where = quoted(path.name)
    try:
        known = _checked(path, where, like)
        entries: list[tuple[str, dict[str, Any]]] = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]  # no type hints upstream
        state = {name: _float32(entry, name, where) for name, entry in entries}
        return Contents(known.config, known.vocabulary, from_torch(known.config, state), known.task)
    except OSError as error:
        raise SeqError(f"{quoted(str(path))} cannot be read ({error.strerror or error})") from None
    except (SafetensorError, ValueError):  # ValueError: the file changed during the read
        raise SeqError(f"{where} is not a valid safetensors file (truncated or corrupt); export it again") from None


def _checked(path: Path, where: str, like: Described | None) -> Described:
    """Return the file's model after checking all tensor names, shapes and dtypes. Reads no tensor data."""
    with safe_open(path, "numpy") as file:
        texts: dict[str, str] = file.metadata() or {}
        found = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a dict
        kinds = {name: part.get_dtype() for name, part in found.items()}
        sizes = {name: tuple(part.get_shape()) for name, part in found.items()}
    if texts.get("format", "").startswith("seqtui-checkpoint"):
        raise SeqError(f"{where} is a checkpoint of a run: write a file to import with seqtui export")
    known = _told(texts, where, like)
    check_shapes(sizes, torch_shapes(known.config, shapes(known.config)), where, described(known.config))
    for name, kind in kinds.items():
        if kind not in _READ:
            raise SeqError(f"{quoted(name)} in {where} has dtype {kind}: use F32 (F16, BF16 and F64 are converted)")
    return known


def _told(texts: dict[str, str], where: str, like: Described | None) -> Described:
    """Return the model described in the file's metadata, or `like` if there is no description."""
    if "model" in texts:
        return understood(texts, where)
    if like is None:
        raise SeqError(f"{where} has no model metadata: give --like RUN, the run it was exported from")
    return like


def _float32(entry: dict[str, Any], name: str, where: str) -> F32:
    """Decode one tensor from its bytes, shape and dtype."""
    kind = entry["dtype"]
    array = np.frombuffer(entry["data"], _READ[kind]).reshape(entry["shape"])
    if kind == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return as_float32(array, name, where)
