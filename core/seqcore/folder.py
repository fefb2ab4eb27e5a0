"""The run folder: config.json, metrics.jsonl, updates.jsonl, checkpoints (safetensors), samples.txt.

Every file but those that grow is written under a temporary name, synced and renamed; a truncated last line of
metrics.jsonl or updates.jsonl is ignored when it is read.
"""

import contextlib
import difflib
import itertools
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Literal

from platformdirs import user_data_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # checked before each use

from seqcore.checkpoint import (
    BEST,
    Checkpoint,
    checkpoint_bytes,
    checkpoint_path,
    checkpoint_steps,
    newest_checkpoint,
    read_checkpoint,
    sync_folder,
    write_atomically,
)
from seqcore.data.corpus import Corpus
from seqcore.data.quoting import quoted
from seqcore.errors import CorpusChanged, SeqError
from seqcore.retention import room, surplus
from seqcore.run_config import RunConfig, is_count

RUNS_VARIABLE = "SEQTUI_RUNS_DIR"
BUDGET = 100 << 20  # bytes of checkpoints that a run keeps, beside the best one
_TOLD = 6  # checkpoints in an error
_METRICS, _UPDATES = "metrics.jsonl", "updates.jsonl"
_OWN_CORPUS = "corpus.txt"  # a copy of standard input, which cannot be read again

At = Literal["best", "last"] | int  # which checkpoint: the best, the newest, or that of a step


def runs_root() -> Path:
    """Return the folder of runs without --out: $SEQTUI_RUNS_DIR, or `runs` in the user's data folder."""
    chosen = os.environ.get(RUNS_VARIABLE)
    return Path(chosen) if chosen else user_data_path("seqtui", appauthor=False) / "runs"


class RunFolder:
    """The folder of one run. Raises SeqError for whatever the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def lock(self) -> None:
        """Keep other processes from training in the folder until `unlock`. Raises SeqError if one already does."""
        if fcntl is None or self._lock is not None:
            return
        try:
            file = open(self.path / ".lock", "ab")  # noqa: SIM115  # held open as long as the lock
        except OSError as error:
            raise SeqError(f"{self.path} cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise SeqError(
                f"{self.path} is being trained by another process: wait until it ends, or give another run"
            ) from None
        except OSError:  # a file system without locks
            file.close()
            return
        self._lock = file

    def unlock(self) -> None:
        """Let others train in the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def argument(self) -> str:
        """What to type for RUN in a shell: the name of a run under `runs_root`, the path of any other."""
        at_home = os.path.abspath(self.path.parent) == os.path.abspath(runs_root())
        word = self.name if at_home else str(self.path)
        return shlex.quote(f"./{word}" if word.startswith("-") else word)

    @staticmethod
    def create(config: RunConfig, corpus: Corpus, out: Path | None = None, label: str = "") -> "RunFolder":
        """Create a folder: `out`, which must be empty or new, or the next free name under `runs_root`."""
        path = out or _free_name(label or f"{corpus.name}-{config.model.family}")
        try:
            path.mkdir(parents=True, exist_ok=True)
            entries = [entry.name for entry in path.iterdir()]
        except FileExistsError:
            raise SeqError(f"--out {path} is a file: give a folder") from None
        except OSError as error:
            raise SeqError(f"--out {path} cannot be created ({error.strerror}): give a writable folder") from None
        if "config.json" in entries:
            raise SeqError(f"--out {path} holds another run: add --resume to continue it, or give another folder")
        if entries:
            raise SeqError(f"--out {path} is not empty (it holds {quoted(entries[0])}): give a new folder")
        folder = RunFolder(path)
        folder.keep_corpus(corpus)
        folder.write_config(config)
        with contextlib.suppress(OSError):
            sync_folder(path.parent)
        return folder

    def remove(self) -> None:
        """Undo `create`: delete its files, and the folder if nothing else is in it."""
        self.unlock()
        for name in ("config.json", _OWN_CORPUS, ".lock", _METRICS, _UPDATES, BEST):
            with contextlib.suppress(OSError):
                (self.path / name).unlink()
        with contextlib.suppress(OSError):
            self.path.rmdir()

    @staticmethod
    def find(run: str) -> "RunFolder":
        """Return the folder that `run` names: a path, or the name of a run under `runs_root`. Raises SeqError."""
        for path in (Path(run), runs_root() / run):
            if (path / "config.json").is_file():
                return RunFolder(path)
        names = [folder.name for folder in list_runs()]
        near = difflib.get_close_matches(run, names, 1)
        hint = f"did you mean {near[0]}?" if near else "seqtui runs lists all runs"
        if Path(run).is_dir():
            hint = f"the folder has no config.json; {hint}"
        raise SeqError(f"unknown run {quoted(run)}: {hint}")

    def config(self) -> RunConfig:
        """Read config.json. Raises SeqError."""
        path = self.path / "config.json"
        try:
            content = json.loads(path.read_bytes())
        except OSError as error:
            raise SeqError(f"{path} cannot be read ({error.strerror})") from None
        except (ValueError, RecursionError):
            raise SeqError(f"{path} is damaged: it is not valid JSON") from None
        return RunConfig.from_dict(content, str(path))

    def write_config(self, config: RunConfig) -> None:
        """Replace config.json."""
        write_atomically(self.path / "config.json", json.dumps(config.to_dict(), indent=1).encode())

    def corpus(self, config: RunConfig, changed_ok: bool = False) -> Corpus:
        """Read the corpus that the run is on. Raises SeqError if there is none or it is gone, CorpusChanged."""
        reference = config.corpus
        if not reference.source:
            raise SeqError(f"{self.name} was imported without a corpus: import it again, with --corpus")
        source = str(self.path / _OWN_CORPUS) if reference.source == "-" else reference.source
        if os.path.isabs(source) and not os.path.lexists(source):
            raise SeqError(f"the corpus of {self.name} is no longer at {quoted(source)}: give its new path as CORPUS")
        corpus = replace(config.read_corpus(source), source=reference.source)
        if corpus.digest != reference.digest and not changed_ok:
            raise CorpusChanged(reference.changed(corpus))
        return corpus

    def keep_corpus(self, corpus: Corpus) -> None:
        """Keep a copy of a corpus that came from standard input."""
        if corpus.source == "-":
            write_atomically(self.path / _OWN_CORPUS, corpus.data)

    def save(self, checkpoint: Checkpoint, step: int, budget: int = BUDGET) -> Path:
        """Write a checkpoint, then thin out the earlier ones: see `retention`. Raises SeqError; all are then kept.

        `budget`: bytes that the checkpoints of the run may take, this one included.
        """
        path, data = checkpoint_path(self.path, step), checkpoint_bytes(checkpoint)
        write_atomically(path, data)
        for old in surplus(checkpoint_steps(self.path), room(budget, len(data))):
            with contextlib.suppress(OSError):
                checkpoint_path(self.path, old).unlink()
        return path

    def save_best(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint with the lowest validation loss. Raises SeqError; the old one is then kept."""
        write_atomically(self.path / BEST, checkpoint_bytes(checkpoint))

    def best(self) -> Checkpoint | None:
        """Return the checkpoint with the lowest validation loss; None if there is none. Raises SeqError if damaged."""
        path = self.path / BEST
        if not path.exists():
            return None
        checkpoint = read_checkpoint(path)
        if not is_count(checkpoint.numbers.get("steps")):
            raise SeqError(f"{path.name} is damaged: it has no step")
        return checkpoint

    def newest(self) -> tuple[Checkpoint, int, list[str]]:
        """Return the newest checkpoint that loads, its step, and a line for each damaged newer one. Raises SeqError."""
        return newest_checkpoint(self.path)

    def checkpoint(self, at: At) -> tuple[Checkpoint, int, list[str]]:
        """Return a checkpoint, its step, and a line for each damaged one that was passed over. Raises SeqError."""
        if at == "last":
            return self.newest()
        if at == "best":
            best = self.best()
            if best is None:
                raise SeqError(f"{self.name} has no best checkpoint: it was never validated, or by an older version")
            return best, best.numbers["steps"], []
        steps = checkpoint_steps(self.path)
        if at not in steps:
            near = sorted(sorted(steps, key=lambda step: (abs(step - at), step))[:_TOLD])
            kept = ", ".join(f"{step:,}" for step in near) or "none"
            which = "the nearest are" if len(near) < len(steps) else "there are"
            raise SeqError(f"{self.name} has no checkpoint of step {at:,}: {which} {kept}, and --at best or last")
        return read_checkpoint(checkpoint_path(self.path, at)), at, []

    def forget_after(self, step: int) -> None:
        """Drop the metrics that a run resumed at `step` will write again, and leftovers of interrupted saves.

        Checkpoints after `step` are still there only if they are damaged: they get another name.
        """
        for name in (_METRICS, _UPDATES):
            kept = [line for line in self._lines(name) if line["step"] <= step]
            if kept or (self.path / name).exists() or name == _METRICS:
                text = "".join(json.dumps(line) + "\n" for line in kept)
                write_atomically(self.path / name, text.encode())
        for later in checkpoint_steps(self.path):
            if later > step:
                self.set_aside(checkpoint_path(self.path, later).name)
        for leftover in self.path.glob(".*.part"):
            with contextlib.suppress(OSError):
                leftover.unlink()

    def take_from(self, parent: "RunFolder", step: int) -> None:
        """Copy the metrics of another run up to a step, and its best checkpoint, if that is not later. Raises SeqError.

        Samples stay with the parent.
        """
        for name in (_METRICS, _UPDATES):
            text = "".join(json.dumps(line) + "\n" for line in parent._lines(name) if line["step"] <= step)
            if text:
                write_atomically(self.path / name, text.encode())
        with contextlib.suppress(SeqError):  # a damaged one
            best = parent.best()
            if best is not None and best.numbers["steps"] <= step:
                self.save_best(best)

    def set_aside(self, name: str) -> None:
        """Rename a damaged file, so that nothing reads it again."""
        with contextlib.suppress(OSError):
            (self.path / name).replace(self.path / f"{name}.damaged")

    def metrics(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of metrics.jsonl that have a step, without a truncated one."""
        return self._lines(_METRICS)

    def updates(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of updates.jsonl that have a step; none for a run of an older version."""
        return self._lines(_UPDATES)

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        try:
            lines = (self.path / name).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict) and is_count(entry.get("step")):
                    yield entry

    def on_disk(self) -> dict[str, Any]:
        """Return the size of the run in bytes, and when it last changed (seconds since the epoch)."""
        total, changed = 0, 0.0
        for path in self.path.iterdir():
            try:
                status = path.stat()
            except OSError:
                continue  # deleted meanwhile
            total, changed = total + status.st_size, max(changed, status.st_mtime)
        return {"bytes": total, "changed": round(changed, 3)}

    def add_metrics(self, line: Mapping[str, Any]) -> None:
        """Append a line to metrics.jsonl. Raises SeqError."""
        self._append(_METRICS, json.dumps(dict(line)) + "\n")

    def add_updates(self, line: Mapping[str, Any]) -> None:
        """Append a line to updates.jsonl. Raises SeqError."""
        self._append(_UPDATES, json.dumps(dict(line)) + "\n")

    def add_sample(self, step: int, text: str) -> None:
        """Append a text that the model generated at `step` to samples.txt, not sanitised. Raises SeqError."""
        self._append("samples.txt", f"--- step {step}\n{text}\n")

    def _append(self, name: str, text: str) -> None:
        try:
            with open(self.path / name, "ab") as file:
                file.write(text.encode("utf-8", "replace"))
        except OSError as error:
            raise SeqError(f"{self.path / name} cannot be written ({error.strerror}): free some space") from None


def _free_name(label: str) -> Path:
    """Create the first of label-1, label-2, ... that is not taken, so that two runs never share it."""
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in label).strip("-.")[:60] or "run"
    root = runs_root()
    for number in itertools.count(1):
        path = root / f"{safe}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise SeqError(f"{root} cannot be written ({error.strerror}): give --out, or set {RUNS_VARIABLE}") from None
        return path
    raise AssertionError("count never ends")


def list_runs() -> list[RunFolder]:
    """Return all runs under `runs_root`, the most recently changed first."""
    try:
        folders = [path for path in runs_root().iterdir() if (path / "config.json").is_file()]
    except OSError:
        return []
    return [RunFolder(path) for path in sorted(folders, key=_last_change, reverse=True)]


def _last_change(folder: Path) -> float:
    """Return when a file of the run was last written; the time of the folder does not change when a file grows."""
    times = [0.0]
    with contextlib.suppress(OSError):
        times += [path.stat().st_mtime for path in folder.iterdir()]
    return max(times)
