"""Earlier runs on the same task and corpus, for comparison: what they measured by the length of the source.

Their folders are read in small pieces between two looks at the model, and again now and then: another process may be
training in one of them. What is in them is not trusted.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from seqcore.config import ModelConfig
from seqcore.errors import SeqError
from seqcore.naming import described

if TYPE_CHECKING:
    from seqcore.run import Run

TURN = 0.01  # seconds of reading at a time
PAUSE = 10.0  # seconds between two readings of all folders
MOST = 6  # runs that are compared: the newest
FIELD = "validation_by_length"
_TAIL = 1 << 16  # bytes of metrics.jsonl that are read, from its end
_BANDS = 64


class Band(NamedTuple):
    """What a validation measured of the sources of some lengths."""

    low: int
    high: int
    examples: int
    loss: float
    exact_match: float


@dataclass(frozen=True)
class Earlier:
    """A run that was validated on the same corpus."""

    name: str  # raw: sanitise before drawing
    label: str  # its model: gru 1×128 without attention
    slot: int  # 0 … MOST - 1: its colour; it keeps it
    step: int  # of the validation
    bands: tuple[Band, ...]


def model_label(model: ModelConfig, reverse: bool = False) -> str:
    """Return what an encoder-decoder is: gru 1×128 without attention; lstm 2×256 general attention both ways."""
    attention = "without" if model.cross_attention == "none" else model.cross_attention
    more = (" both ways" if model.bidirectional else "") + (" reversed source" if reverse else "")
    return f"{described(model)} {attention} attention{more}"


def bands_of(values: object) -> tuple[Band, ...]:
    """Return the bands in an untrusted JSON value, those of shorter sources first; without those that are not valid."""
    found = []
    for one in values[:_BANDS] if isinstance(values, list | tuple) else []:
        with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
            band = Band(
                int(one["from"]), int(one["to"]), int(one["count"]), float(one["loss"]), float(one["exact_match"])
            )
            if 0 <= band.low <= band.high < 2**31 and 0 <= band.exact_match <= 1 and abs(band.loss) < 1e300:
                found.append(band)
    return tuple(sorted(found))


class Publisher(Protocol):
    """Where the runs are published: the observer."""

    def publish(self, run: Run, **changes: Any) -> None:
        """Publish changes of `Seen`."""


class EarlierWatch:
    """Finds the earlier runs that compare with one run."""

    def __init__(self, desk: Publisher, run: Run) -> None:
        self._desk, self._run = desk, run
        self._reading: Iterator[None] | None = None
        self._due = 0.0
        self._labels: dict[Path, tuple[int, str]] = {}  # of each folder: when its config changed; "": does not compare
        self._bands: dict[Path, tuple[tuple[int, int], int, tuple[Band, ...]]] = {}  # when metrics changed, step, bands
        self._slots: dict[str, int] = {}
        self._published: tuple[Earlier, ...] = ()

    def turn(self) -> None:
        """Read on for a moment, if it is time."""
        until = time.monotonic() + TURN
        if not self._run.config.task.decodes or until < self._due:
            return
        self._reading = self._reading or self._read()
        while time.monotonic() < until:
            try:
                next(self._reading)
            except StopIteration:
                self._reading, self._due = None, time.monotonic() + PAUSE
                return

    def _read(self) -> Iterator[None]:
        """Look at all folders, one at a time, and publish what has changed."""
        from seqcore.folder import runs_root

        found: list[tuple[int, Path, str]] = []  # when its metrics changed
        own = self._run.folder.path if self._run.folder is not None else None
        try:
            paths = [Path(entry.path) for entry in os.scandir(runs_root()) if entry.is_dir()]
        except OSError:
            paths = []
        for path in paths:
            yield
            if own is None or path.name != own.name or not _same(path, own):
                with contextlib.suppress(OSError):
                    label = self._label(path)
                    changed = (path / "metrics.jsonl").stat() if label else None
                    if changed is not None and self._measured(path, (changed.st_mtime_ns, changed.st_size)):
                        found.append((changed.st_mtime_ns, path, label))
        newest = sorted(found, reverse=True)[:MOST]
        self._publish([(path, label) for _, path, label in reversed(newest)])

    def _label(self, path: Path) -> str:
        """Return the label of a run; "" if it does not compare. Raises OSError."""
        config = path / "config.json"
        changed = config.stat().st_mtime_ns
        known = self._labels.get(path)
        if known is None or known[0] != changed:
            known = self._labels[path] = (changed, self._described(config.read_bytes()))
        return known[1]

    def _described(self, content: bytes) -> str:
        run = self._run
        with contextlib.suppress(SeqError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            config: Mapping[str, Any] = json.loads(content)
            task, corpus = config["task"], config["corpus"]
            if task["name"] == run.config.task.name and corpus["digest"] == run.corpus.digest:
                return model_label(ModelConfig.from_dict(config["model"]), task.get("reverse_source") is True)
        return ""

    def _measured(self, path: Path, changed: tuple[int, int]) -> bool:
        """Read the last validation of a run; return whether it has one by length. Raises OSError."""
        known = self._bands.get(path)
        if known is None or known[0] != changed:
            known = self._bands[path] = (changed, *_last_validation(path / "metrics.jsonl"))
        return bool(known[2])

    def _publish(self, shown: list[tuple[Path, str]]) -> None:
        """Publish the runs; those that were there keep their colours."""
        names = {path.name for path, _ in shown}
        self._slots = {name: slot for name, slot in self._slots.items() if name in names}
        for path, _ in shown:
            free = (slot for slot in range(MOST) if slot not in self._slots.values())
            if path.name not in self._slots:
                self._slots[path.name] = next(free)
        found = []
        for path, label in shown:
            _, step, bands = self._bands[path]
            found.append(Earlier(path.name, label, self._slots[path.name], step, bands))
        if (new := tuple(found)) != self._published:
            self._published = new
            self._desk.publish(self._run, earlier_runs=new)


def _same(path: Path, own: Path) -> bool:
    return os.path.abspath(path) == os.path.abspath(own)


def _last_validation(path: Path) -> tuple[int, tuple[Band, ...]]:
    """Return the step and the bands of the last validation that has any, near the end of metrics.jsonl."""
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        lines = file.read().splitlines()
    for line in reversed(lines):
        if FIELD.encode() not in line:
            continue
        with contextlib.suppress(ValueError, RecursionError):
            entry = json.loads(line)
            step = entry.get("step") if isinstance(entry, dict) else None
            if isinstance(step, int) and (bands := bands_of(entry.get(FIELD))):
                return step, bands
    return 0, ()
