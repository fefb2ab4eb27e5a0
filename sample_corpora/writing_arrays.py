"""Shared by the programs that make arrays: write an .npz file with its entry in index.json, or check both."""

import io
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
Arrays = dict[str, np.ndarray[Any, Any]]


def npz_bytes(arrays: Arrays) -> bytes:
    """Return a compressed .npz file. Its entries are dated 1980, so that it does not depend on when it is written."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data.getvalue())
    return file.getvalue()


def same_arrays(path: Path, arrays: Arrays) -> bool:
    """Return whether a file holds exactly these arrays: its compressed bytes may depend on the version of zlib."""
    if not path.exists():
        return False
    try:
        with np.load(path, allow_pickle=False) as stored:
            return stored.files == list(arrays) and all(
                stored[name].dtype == array.dtype and np.array_equal(stored[name], array)
                for name, array in arrays.items()
            )
    except (ValueError, OSError, zipfile.BadZipFile):
        return False


def finish_arrays(name: str, task: str, description: str, arrays: Arrays, arguments: list[str]) -> int:
    """Write NAME.npz and its entry in index.json, or with --check only compare them. Return the exit status."""
    if arguments not in ([], ["--check"]):
        print(f"usage: make_{name}.py [--check]", file=sys.stderr)
        return 2
    index = HERE / "index.json"
    entries = json.loads(index.read_text(encoding="utf-8")) if index.exists() else {}
    target = HERE / f"{name}.npz"
    rows = len(next(iter(arrays.values())))
    entry = {"description": description, "rows": rows, "task": task, "file": target.name}
    if arguments:
        same = same_arrays(target, arrays) and entries.get(name) == entry
        print(f"{target.name} is {'up to date' if same else 'out of date: run this program without --check'}")
        return 0 if same else 1
    entries[name] = entry
    data = npz_bytes(arrays)
    target.write_bytes(data)
    index.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{target.name}: {rows:,} rows of {', '.join(arrays)}, {len(data):,} bytes")
    return 0
