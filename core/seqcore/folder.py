"""The run folder: config.json, metrics.jsonl, checkpoint-STEP.safetensors, samples.txt.

config.json holds everything needed to start again, vocabulary included. Every file but the two that grow is written
beside its place, synced and renamed; a line that was cut off at the end of metrics.jsonl is left out when read.
"""

import contextlib
import difflib
import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, Any, TypeGuard, TypeVar

from platformdirs import user_data_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # looked at before each use

from seqcore.checkpoint import (
    Checkpoint,
    checkpoint_bytes,
    checkpoint_path,
    checkpoint_steps,
    newest_checkpoint,
    sync_folder,
    write_atomically,
)
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.quoting import quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError

FORMAT = "seqtui-run-1"
RUNS_VARIABLE = "SEQTUI_RUNS_DIR"
KEEP = 3  # checkpoints: the newest, and two to fall back to
_T = TypeVar("_T")
_OWN_CORPUS = "corpus.txt"  # of standard input, which cannot be read again


@dataclass(frozen=True)
class CorpusReference:
    """Which corpus a run is on: `source` reads it again, `digest` tells whether it is still the same."""

    name: str
    source: str
    encoding: str
    digest: str

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "CorpusReference":
        """From a JSON object that anybody may have written. Raises SeqError."""
        found = [values.get(field.name) for field in fields(CorpusReference)]
        for field, value in zip(fields(CorpusReference), found, strict=True):
            if not isinstance(value, str):
                raise SeqError(f"its corpus has no {field.name}, or one that is no text")
        return CorpusReference(*map(str, found))


@dataclass(frozen=True)
class RunConfig:
    """config.json."""

    model: ModelConfig
    training: TrainingConfig
    corpus: CorpusReference
    vocabulary: Vocabulary

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "format": FORMAT,
            "model": self.model.to_dict(),
            "training": self.training.to_dict(),
            "corpus": self.corpus.__dict__,
            "vocabulary": self.vocabulary.to_json(),
        }

    @staticmethod
    def from_dict(content: object, where: str) -> "RunConfig":
        """From a JSON object that anybody may have written. Raises SeqError."""
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise SeqError(f"{where} is not the config.json of a seqtui run")
        try:
            for part in ("model", "training", "corpus", "vocabulary"):
                if not isinstance(content.get(part), dict):
                    raise SeqError(f"its {part} is {'missing' if part not in content else 'no JSON object'}")
            model = _made(ModelConfig.from_dict, "model", content["model"])
            training = _made(TrainingConfig.from_dict, "training", content["training"])
            corpus = CorpusReference.from_dict(content["corpus"])
            vocabulary = _made(Vocabulary.from_json, "vocabulary", content["vocabulary"])
            if vocabulary.size != model.vocabulary_size:
                raise SeqError(f"{vocabulary.size} symbols for {model.vocabulary_size} tokens")
        except SeqError as error:
            raise SeqError(f"{where} is damaged: {error}") from None
        return RunConfig(model, training, corpus, vocabulary)


def _made(make: Callable[[dict[str, Any]], _T], part: str, values: dict[str, Any]) -> _T:
    try:
        return make(values)
    except TypeError:  # a list or an object where a word should be
        raise SeqError(f"its {part} has a value of the wrong kind") from None


def runs_root() -> Path:
    """The folder that runs without --out go to: $SEQTUI_RUNS_DIR, or `runs` in the user's data folder."""
    chosen = os.environ.get(RUNS_VARIABLE)
    return Path(chosen) if chosen else user_data_path("seqtui", appauthor=False) / "runs"


class RunFolder:
    """One run's folder. Raises SeqError for what the disk refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None

    def lock(self) -> None:
        """Keep other processes from training in the folder until `unlock`. Raises SeqError where one does."""
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
                f"{self.path} is being trained by another process: let it end, or give another run"
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
        """What people call the run."""
        return self.path.name

    @staticmethod
    def create(config: RunConfig, corpus: Corpus, out: Path | None = None, label: str = "") -> "RunFolder":
        """A new folder: `out`, which must not hold anything yet, or the next free name under `runs_root`."""
        path = out or _free_name(label or f"{corpus.name}-{config.model.family}")
        try:
            path.mkdir(parents=True, exist_ok=True)
            entries = [entry.name for entry in path.iterdir()]
        except FileExistsError:
            raise SeqError(f"--out {path} is a file: give a folder") from None
        except OSError as error:
            raise SeqError(f"--out {path} cannot be made ({error.strerror}): give a folder you may write to") from None
        if "config.json" in entries:
            raise SeqError(f"--out {path} holds another run: add --resume to go on with it, or give another folder")
        if entries:
            raise SeqError(f"--out {path} is not empty (it holds {quoted(entries[0])}): give a new folder")
        folder = RunFolder(path)
        if corpus.source == "-":
            write_atomically(path / _OWN_CORPUS, corpus.data)
        write_atomically(path / "config.json", json.dumps(config.to_dict(), indent=1).encode())
        with contextlib.suppress(OSError):
            sync_folder(path.parent)
        return folder

    def remove(self) -> None:
        """Take back `create`: its files, and the folder if nothing else is in it."""
        self.unlock()
        for name in ("config.json", _OWN_CORPUS, ".lock"):
            with contextlib.suppress(OSError):
                (self.path / name).unlink()
        with contextlib.suppress(OSError):
            self.path.rmdir()

    @staticmethod
    def find(run: str) -> "RunFolder":
        """The folder that `run` names: a path, or the name of a run under `runs_root`. Raises SeqError."""
        for path in (Path(run), runs_root() / run):
            if (path / "config.json").is_file():
                return RunFolder(path)
        names = [folder.name for folder in list_runs()]
        near = difflib.get_close_matches(run, names, 1)
        hint = f"did you mean {near[0]}?" if near else "seqtui runs lists them"
        if Path(run).is_dir():
            hint = f"the folder holds no config.json; {hint}"
        raise SeqError(f"no run {quoted(run)}: {hint}")

    def config(self) -> RunConfig:
        """config.json. Raises SeqError."""
        path = self.path / "config.json"
        try:
            content = json.loads(path.read_bytes())
        except OSError as error:
            raise SeqError(f"{path} cannot be read ({error.strerror})") from None
        except (ValueError, RecursionError):
            raise SeqError(f"{path} is damaged: it is not JSON") from None
        return RunConfig.from_dict(content, str(path))

    def write_config(self, config: RunConfig) -> None:
        """Replace config.json."""
        write_atomically(self.path / "config.json", json.dumps(config.to_dict(), indent=1).encode())

    def corpus(self, config: RunConfig) -> Corpus:
        """The corpus that the run is on. Raises SeqError when there is none, or it is gone or has changed."""
        reference = config.corpus
        if not reference.source:
            raise SeqError(f"{self.name} was imported without a corpus: import it again, with --corpus")
        as_bytes = config.training.tokens_by == "byte"
        source = str(self.path / _OWN_CORPUS) if reference.source == "-" else reference.source
        corpus = read_corpus(source, encoding=reference.encoding, as_bytes=as_bytes)
        if corpus.digest != reference.digest:
            raise SeqError(f"the corpus {quoted(reference.source)} has changed since this run began on it")
        return replace(corpus, name=reference.name, source=reference.source)

    def save(self, checkpoint: Checkpoint, step: int) -> Path:
        """Write a checkpoint, then let go of those that are too many. Raises SeqError; older ones then stand."""
        path = checkpoint_path(self.path, step)
        write_atomically(path, checkpoint_bytes(checkpoint))
        for old in checkpoint_steps(self.path)[KEEP:]:
            with contextlib.suppress(OSError):
                checkpoint_path(self.path, old).unlink()
        return path

    def newest(self) -> tuple[Checkpoint, int, list[str]]:
        """The newest checkpoint that loads, its step, and a line for each damaged newer one. Raises SeqError."""
        return newest_checkpoint(self.path)

    def forget_after(self, step: int) -> None:
        """Drop the metrics that a run going on from `step` will write again, and leftovers of saves that were killed.

        Later checkpoints are there only because they are damaged: they are put aside under another name.
        """
        kept = [line for line in self.metrics() if line["step"] <= step]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        write_atomically(self.path / "metrics.jsonl", text.encode())
        for later in checkpoint_steps(self.path):
            if later > step:
                path = checkpoint_path(self.path, later)
                with contextlib.suppress(OSError):
                    path.replace(path.with_name(f"{path.name}.damaged"))
        for leftover in self.path.glob(".*.part"):
            with contextlib.suppress(OSError):
                leftover.unlink()

    def metrics(self) -> Iterator[dict[str, Any]]:
        """The lines of metrics.jsonl that have a step, without one that was cut off."""
        try:
            lines = (self.path / "metrics.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        for line in lines:
            with contextlib.suppress(ValueError, RecursionError):
                entry = json.loads(line)
                if isinstance(entry, dict) and is_count(entry.get("step")):
                    yield entry

    def add_metrics(self, line: Mapping[str, float | int]) -> None:
        """Append a line to metrics.jsonl. Raises SeqError."""
        self._append("metrics.jsonl", json.dumps(dict(line)) + "\n")

    def add_sample(self, step: int, text: str) -> None:
        """Append what the model wrote at `step` to samples.txt, as it is: raw text. Raises SeqError."""
        self._append("samples.txt", f"--- step {step}\n{text}\n")

    def _append(self, name: str, text: str) -> None:
        try:
            with open(self.path / name, "ab") as file:
                file.write(text.encode("utf-8", "replace"))
        except OSError as error:
            raise SeqError(f"{self.path / name} cannot be written ({error.strerror}): free some space") from None


def is_count(value: object) -> TypeGuard[int]:
    """True for a whole number that a step can be."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62


def _free_name(label: str) -> Path:
    """The first of label-1, label-2, ... that is not taken, made at once so that two runs never share it."""
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
    """All runs under `runs_root`, by time of their last change, newest first."""
    try:
        folders = [path for path in runs_root().iterdir() if (path / "config.json").is_file()]
    except OSError:
        return []
    return [RunFolder(path) for path in sorted(folders, key=_last_change, reverse=True)]


def _last_change(folder: Path) -> float:
    """When something was last written to the run: a folder's own time does not change when a file in it grows."""
    times = [0.0]
    with contextlib.suppress(OSError):
        times += [path.stat().st_mtime for path in folder.iterdir()]
    return max(times)
