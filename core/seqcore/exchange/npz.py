"""Weights as plain NumPy arrays under the engine's own names, in one .npz, with the metadata as JSON strings.

Read it with file = np.load(path, allow_pickle=False): file["layers.0.W_hh"], json.loads(str(file["model"])).
"""

import io
import zipfile
from pathlib import Path

import numpy as np

from seqcore.data.npz_files import DAMAGED, array, entries, header
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.exchange.contents import FORMAT, Contents, as_float32, check_shapes, told, understood
from seqcore.model import shapes
from seqcore.naming import described
from seqcore.records import F32

_LONGEST = 32 << 20  # characters per metadata string: more than any vocabulary needs
_TEXTS = ("format", "model", "vocabulary", "tokens_by", "task")


def npz_bytes(contents: Contents) -> bytes:
    """Return the contents of the .npz file."""
    texts = {name: np.array(text) for name, text in told(contents).items()}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **contents.arrays, **texts)
    return file.getvalue()


def read_npz(path: Path) -> Contents:
    """Read a .npz written by `npz_bytes`. Sizes are checked before anything is decompressed. Raises SeqError."""
    where = quoted(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, where)
    except OSError as error:
        raise SeqError(f"{quoted(str(path))} cannot be read ({error.strerror or error})") from None
    except DAMAGED:
        raise SeqError(
            f"{where} is not a valid .npz file of plain arrays (truncated or corrupt); export it again"
        ) from None


def _read(archive: zipfile.ZipFile, where: str) -> Contents:
    found_in = entries(archive)
    if any(name.endswith(".pkl") for name in archive.namelist()):
        raise SeqError(
            f"{where} is a pickle file, which seqtui never loads: save the weights with safetensors.torch.save_file"
        )
    if not {"format", "model", "vocabulary"} <= found_in.keys():
        raise SeqError(f"{where} was not written by seqtui export: format, model or vocabulary is missing")
    texts = {name: _text(archive, found_in[name], where) for name in _TEXTS if name in found_in}
    known = understood(texts, where)
    weights = {name: entry for name, entry in found_in.items() if name not in _TEXTS}
    expected = shapes(known.config)
    found = {name: header(archive, entry)[0] for name, entry in weights.items()}
    check_shapes(found, expected, where, described(known.config))
    arrays = {name: _array(archive, weights[name], name, where) for name in expected}
    return Contents(known.config, known.vocabulary, arrays, known.task)


def _text(archive: zipfile.ZipFile, entry: str, where: str) -> str:
    shape, kind = header(archive, entry)
    fits = kind.itemsize <= min(4 * _LONGEST, archive.getinfo(entry).file_size)
    if shape or kind.kind != "U" or not fits:
        raise SeqError(
            f"{where} was not written by seqtui export: its {quoted(entry)} is not a string of format {FORMAT}"
        )
    return str(array(archive, entry))


def _array(archive: zipfile.ZipFile, entry: str, name: str, where: str) -> F32:
    """Read one array whose shape has been checked."""
    _, kind = header(archive, entry)
    if kind.kind != "f" or kind.itemsize > 8:
        raise SeqError(f"{quoted(name)} in {where} has dtype {kind}: use float32 (float16 and float64 are converted)")
    return as_float32(array(archive, entry), name, where)
