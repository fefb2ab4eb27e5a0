"""The sample corpora that come with the program: their files and descriptions.

In a checkout they are in `sample_corpora/` at its root, in an installed wheel in `seqtui/sample_corpora/` next to this
package. The engine only reads that folder; it imports nothing from there.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from seqcore.config import TASKS
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

_PACKAGES = Path(__file__).resolve().parents[2]  # parent folder of seqcore: site-packages, or core/ in a checkout
_PLACES = (_PACKAGES / "seqtui" / "sample_corpora", _PACKAGES.parent / "sample_corpora")


@dataclass(frozen=True)
class SampleInfo:
    """An entry of `sample_corpora/index.json`, written by the scripts that make the corpora."""

    name: str
    description: str
    characters: int  # language; 0 for tables and pictures
    task: str = "language"
    file: str = ""
    rows: int = 0  # of a table or an array


def _folder() -> Path | None:
    """Return the folder with the sample corpora; None if they are not installed."""
    return next((place for place in _PLACES if (place / "index.json").is_file()), None)


def _index() -> dict[str, SampleInfo]:
    folder = _folder()
    if folder is None:
        return {}
    try:
        entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        return {
            name: SampleInfo(
                name,
                str(entry["description"]),
                int(entry.get("characters", 0)),
                str(entry.get("task", "language")),
                str(entry.get("file", f"{name}.txt")),
                int(entry.get("rows", 0)),
            )
            for name, entry in sorted(entries.items())
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SeqError(f"{quoted(str(folder / 'index.json'))} is damaged: reinstall seqtui") from error


def sample_names(task: str | None = "language") -> tuple[str, ...]:
    """Return the names of the sample corpora for a task, None: all, in alphabetical order; empty without any.

    Every text is for the task language, also one that has a task of its own.

    Raises SeqError if the index is damaged.
    """
    index = [(name, info) for name, info in _index().items() if info.task in TASKS]
    return tuple(name for name, info in index if task in (None, info.task) or (task == "language" and info.characters))


def sample_info(name: str) -> SampleInfo:
    """Return the entry of a sample corpus. Raises SeqError if the name is unknown."""
    index = _index()
    if name not in index:
        known = ", ".join(sample_names(None)) or "none (not installed)"
        raise SeqError(f"unknown sample corpus {quoted(name)}; available: {known}")
    return index[name]


def sample_path(name: str) -> Path:
    """Return the file of a sample corpus. Raises SeqError if the name is unknown."""
    info = sample_info(name)
    folder = _folder()
    assert folder is not None  # sample_info has read the index there
    return folder / info.file
