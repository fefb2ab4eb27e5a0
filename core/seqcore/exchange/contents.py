"""Contents of an exported file: a model's configuration, its vocabulary and its weights, and the metadata format.

Files are untrusted: their metadata is validated before memory is allocated, and nothing is ever unpickled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from seqcore.config import ENDS, ModelConfig
from seqcore.data.quoting import listed, quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import F32
from seqcore.tasks.language import Language
from seqcore.tasks.table import as_json, stored_task
from seqcore.tasks.task import Task

FORMAT = "seqtui-weights-1"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Contents:
    """A model to export or import: `arrays` have the names and shapes of seqcore.model.shapes(config), float32."""

    config: ModelConfig
    vocabulary: Vocabulary
    arrays: Mapping[str, F32]
    task: Task = field(default_factory=Language)

    @property
    def described(self) -> "Described":
        """The model without its weights."""
        return Described(self.config, self.vocabulary, self.task)


class Described(NamedTuple):
    """A model without its weights."""

    config: ModelConfig
    vocabulary: Vocabulary
    task: Task


def told(contents: Contents) -> dict[str, str]:
    """Return the metadata stored with the weights: ASCII strings by name, JSON for model, vocabulary and task."""
    return {
        "format": FORMAT,
        "model": json.dumps(contents.config.to_dict()),
        "vocabulary": json.dumps(contents.vocabulary.to_json()),
        "tokens_by": contents.vocabulary.kind,
        "task": json.dumps(as_json(contents.task)),
    }


def understood(texts: Mapping[str, str], where: str) -> Described:
    """Parse the metadata that `told` makes, from untrusted strings. Raises SeqError if it is invalid."""
    if texts.get("format") != FORMAT:
        raise SeqError(f"{where} was not written by seqtui export: its format is not {FORMAT}")
    try:
        model, symbols = (json.loads(texts[key]) for key in ("model", "vocabulary"))
        told_task = json.loads(texts["task"]) if "task" in texts else as_json(Language())  # absent in early files
    except KeyError as error:
        raise SeqError(f"{where} is damaged: its metadata has no {error.args[0]}") from None
    except (ValueError, RecursionError):
        raise SeqError(f"{where} is damaged: its model metadata is not valid JSON") from None
    try:
        if not isinstance(model, dict):
            raise SeqError("its model is not a JSON object")
        config, vocabulary = ModelConfig.from_dict(model), Vocabulary.from_json(symbols)
        task = stored_task(told_task)
    except SeqError as error:
        raise SeqError(f"{where} is damaged: {error}") from None
    except TypeError:  # a list where a name should be
        raise SeqError(f"{where} is damaged: its model has a value of the wrong type") from None
    if vocabulary.size != config.vocabulary_size:
        raise SeqError(f"{where} is damaged: {vocabulary.size} symbols for {config.vocabulary_size} tokens")
    if task.ends != tuple(getattr(config, end) for end in ENDS):
        raise SeqError(f"{where} is damaged: its task is not what its model reads and predicts")
    return Described(config, vocabulary, task)


def check_shapes(found: Mapping[str, Shape], expected: Mapping[str, Shape], where: str, model: str) -> None:
    """Check that a file has exactly the expected arrays. Raises SeqError naming those that are wrong."""
    missing = [name for name in expected if name not in found]
    if missing:
        raise SeqError(f"{where} has no {listed(missing, 3)}, required for {model}")
    strange = [name for name in found if name not in expected]
    if strange:
        raise SeqError(f"{where} has unexpected tensors for {model}: {listed(strange, 3)}")
    for name, shape in expected.items():
        if tuple(found[name]) != shape:
            raise SeqError(f"{quoted(name)} in {where} has shape {tuple(found[name])}, expected {shape} for {model}")


def as_float32(array: "np.ndarray[Any, Any]", name: str, where: str) -> F32:
    """Convert to contiguous float32. Raises SeqError if a value is not finite, or overflows float32."""
    with np.errstate(over="ignore"):
        made = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(made).all():
        raise SeqError(
            f"{quoted(name)} in {where} has a value that is not finite in float32; such weights cannot be used"
        )
    return made
