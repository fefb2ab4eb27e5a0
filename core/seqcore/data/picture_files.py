"""Pictures from PNG files. Pillow decodes them: an extra, imported where it is needed."""

import importlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from seqcore.data.files import read_file
from seqcore.data.patch_grid import MOST_SIDE
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.records import U8

_LARGEST = 4 << 20  # bytes of a file: more than any picture of MOST_SIDE pixels needs
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA")  # of Pillow, with at most 8 bits for each level


def read_picture(folder: Path, name: str) -> U8:
    """Return a picture below a folder, (rows, columns, 3); what is transparent is black.

    Raises SeqError: no such file, outside the folder, not a PNG picture, damaged, too large; Pillow is not installed.
    """
    shown = quoted(name, 60)
    path = Path(name)
    if not name or path.is_absolute() or ".." in path.parts:
        raise SeqError(f"{shown} is not the name of a file below the folder of the table")
    try:
        there = (folder / path).resolve(strict=True)
        inside = there.is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # not found, a NUL in the name, a cycle of links
        raise SeqError(f"there is no picture {shown} in the folder of the table") from None
    if not inside:
        raise SeqError(f"{shown} is a link that leads out of the folder of the table")
    return decoded_picture(read_file(there, _LARGEST), shown)


def picture_at(path: str) -> U8:
    """Return the picture of a file that a person named, as `read_picture`. Raises SeqError."""
    return decoded_picture(read_file(Path(os.path.expanduser(path)), _LARGEST), quoted(path, 60))


def decoded_picture(data: bytes, shown: str) -> U8:
    """Return the picture that the bytes of a PNG file hold, (rows, columns, 3). Raises SeqError."""
    image_module = pillow()
    try:
        with image_module.open(io.BytesIO(data), formats=("PNG",)) as image:
            columns, rows = image.size
            if max(rows, columns) > MOST_SIDE:
                raise SeqError(f"{shown} has {columns}x{rows} pixels: the limit is {MOST_SIDE}x{MOST_SIDE}")
            if image.mode not in _MODES:
                raise SeqError(f"{shown} has more than 8 bits for each colour: save it with 8")
            whole = image.convert("RGBA")
            ground = image_module.new("RGBA", whole.size, (0, 0, 0, 255))
            return np.array(image_module.alpha_composite(ground, whole).convert("RGB"), np.uint8)
    except SeqError:
        raise
    except image_module.UnidentifiedImageError:
        raise SeqError(f"{shown} is not a PNG picture") from None
    except Exception as error:  # whatever a decoder raises on damaged data: OSError, SyntaxError, struct.error, ...
        raise SeqError(f"{shown} is a damaged PNG picture ({type(error).__name__})") from None


def pillow() -> Any:
    """Return the module that decodes pictures. Raises SeqError if it is not installed."""
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise SeqError('reading PNG pictures needs Pillow: pip install "seqtui[pictures]"') from None
