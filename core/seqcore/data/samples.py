"""The corpora that come with the program: where they lie and what they are.

In a checkout they lie in `sample_corpora/` at its root, in an installed wheel in `seqtui/sample_corpora/` beside this
package. The engine knows that folder's place only; it imports nothing from there.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from seqcore.data.quoting import quoted
from seqcore.errors import SeqError

_PACKAGES = Path(__file__).resolve().parents[2]  # what holds seqcore: site-packages, or core/ in a checkout
_PLACES = (_PACKAGES / "seqtui" / "sample_corpora", _PACKAGES.parent / "sample_corpora")


@dataclass(frozen=True)
class SampleInfo:
    """A line of `sample_corpora/index.json`, written by the programs that make the corpora."""

    name: str
    description: str
    characters: int


def _folder() -> Path | None:
    """The folder with the sample corpora; None where they were not installed."""
    return next((place for place in _PLACES if (place / "index.json").is_file()), None)


def _index() -> dict[str, SampleInfo]:
    folder = _folder()
    if folder is None:
        return {}
    try:
        entries = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        return {
            name: SampleInfo(name, str(entry["description"]), int(entry["characters"]))
            for name, entry in sorted(entries.items())
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SeqError(f"{quoted(str(folder / 'index.json'))} is damaged: install seqtui again") from error


def sample_names() -> tuple[str, ...]:
    """The names of the sample corpora, in alphabetical order; empty where none are installed."""
    return tuple(_index())


def sample_info(name: str) -> SampleInfo:
    """What the sample corpus of that name is. Raises SeqError if there is none."""
    index = _index()
    if name not in index:
        raise SeqError(f"there is no sample corpus {quoted(name)}: there are {', '.join(index) or 'none installed'}")
    return index[name]


def sample_path(name: str) -> Path:
    """The file of a sample corpus. Raises SeqError if there is none of that name."""
    info = sample_info(name)
    folder = _folder()
    assert folder is not None  # sample_info found its index there
    return folder / f"{info.name}.txt"
