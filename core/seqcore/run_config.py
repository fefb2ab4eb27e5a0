"""config.json: everything needed to start a run again, vocabulary included."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeGuard, TypeVar

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.quoting import quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.tasks.language import Language
from seqcore.tasks.table import as_json, stored_task
from seqcore.tasks.task import Task

FORMAT = "seqtui-run-1"
_T = TypeVar("_T")


@dataclass(frozen=True)
class CorpusReference:
    """Which corpus a run is on: `source` reads it again, `digest` tells whether it is still the same."""

    name: str
    source: str
    encoding: str
    digest: str
    size: int | None = None  # bytes; None in folders written before it was recorded

    @staticmethod
    def of(corpus: Corpus) -> "CorpusReference":
        """Return the reference to a corpus."""
        return CorpusReference(corpus.name, corpus.source, corpus.encoding, corpus.digest, len(corpus.data))

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "CorpusReference":
        """Return the reference in an untrusted JSON object. Raises SeqError."""
        found = {name: values.get(name) for name in ("name", "source", "encoding", "digest")}
        for key, value in found.items():
            if not isinstance(value, str):
                raise SeqError(f"its corpus has no {key}, or one that is not text")
        size = values.get("size")
        name, source, encoding, digest = map(str, found.values())
        return CorpusReference(name, source, encoding, digest, size if is_count(size) else None)

    def changed(self, corpus: Corpus) -> str:
        """Return the line that says that the corpus at its source is now another one."""
        then = f"{self.size:,} bytes then, " if self.size is not None else ""
        return f"{quoted(self.source)} has changed since this run began ({then}{len(corpus.data):,} bytes now)"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {name: value for name, value in vars(self).items() if value is not None}


class Parent(NamedTuple):
    """The run that a run was forked from."""

    run: str  # its name
    step: int  # of the checkpoint

    @staticmethod
    def from_dict(values: object) -> "Parent | None":
        """Return the parent in an untrusted JSON value; None if there is none. Raises SeqError."""
        if values is None:
            return None
        run, step = (values.get("run"), values.get("step")) if isinstance(values, dict) else (None, None)
        if not isinstance(run, str) or not is_count(step):
            raise SeqError("its parent is not the name of a run and a step")
        return Parent(run, step)


@dataclass(frozen=True)
class RunConfig:
    """The content of config.json."""

    model: ModelConfig
    training: TrainingConfig
    corpus: CorpusReference
    vocabulary: Vocabulary
    task: Task = field(default_factory=Language)
    turns: tuple[tuple[int, int], ...] = ()  # step and tokens trained on whenever the examples changed, ascending
    parent: Parent | None = None

    def on(self, corpus: Corpus) -> "RunConfig":
        """Return the configuration on another corpus for the same task. Raises SeqError."""
        task, fixed = self.task.on(corpus), self.task.fixed
        decided = {name: value for name, value in task.defaults(corpus.source).items() if name in fixed}
        return replace(self, corpus=CorpusReference.of(corpus), task=task, training=self.training.changed(**decided))

    def read_corpus(self, source: str) -> Corpus:
        """Read the run's corpus from `source`, under the name that the run has for it. Raises SeqError."""
        as_bytes = self.training.tokens_by == "byte"
        return replace(read_corpus(source, encoding=self.corpus.encoding, as_bytes=as_bytes), name=self.corpus.name)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "format": FORMAT,
            "model": self.model.to_dict(),
            "training": self.training.to_dict(),
            "corpus": self.corpus.to_dict(),
            "vocabulary": self.vocabulary.to_json(),
            "task": as_json(self.task),
            **({"turns": [list(turn) for turn in self.turns]} if self.turns else {}),
            **({"parent": self.parent._asdict()} if self.parent is not None else {}),
        }

    @staticmethod
    def from_dict(content: object, where: str) -> "RunConfig":
        """Return the configuration in an untrusted JSON object. Raises SeqError."""
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise SeqError(f"{where} is not the config.json of a seqtui run")
        try:
            for part in ("model", "training", "corpus", "vocabulary"):
                if not isinstance(content.get(part), dict):
                    raise SeqError(f"its {part} is {'missing' if part not in content else 'not a JSON object'}")
            model = _made(ModelConfig.from_dict, "model", content["model"])
            training = _made(TrainingConfig.from_dict, "training", content["training"])
            corpus = CorpusReference.from_dict(content["corpus"])
            vocabulary = _made(Vocabulary.from_json, "vocabulary", content["vocabulary"])
            task = _made(stored_task, "task", content.get("task", {"name": Language.name}))  # absent in early folders
            turns, parent = _turns(content.get("turns", [])), Parent.from_dict(content.get("parent"))
            if vocabulary.size != model.vocabulary_size:
                raise SeqError(f"{vocabulary.size} symbols for {model.vocabulary_size} tokens")
        except SeqError as error:
            raise SeqError(f"{where} is damaged: {error}") from None
        return RunConfig(model, training, corpus, vocabulary, task, turns, parent)


def _turns(values: object) -> tuple[tuple[int, int], ...]:
    """Return the turns of the dial in an untrusted JSON value. Raises SeqError."""
    turns = [tuple(turn) if isinstance(turn, list) else () for turn in values] if isinstance(values, list) else [()]
    if not all(len(turn) == 2 and all(is_count(number) for number in turn) for turn in turns):
        raise SeqError("its turns are not pairs of a step and of tokens")
    return tuple(sorted((step, tokens) for step, tokens in turns))


def _made(make: Callable[[Any], _T], part: str, values: object) -> _T:
    try:
        return make(values)
    except TypeError:  # a list or an object where a word is expected
        raise SeqError(f"its {part} has a value of the wrong type") from None


def is_count(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number that a step can be."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
