"""What an exchanged file holds: a model's shape, its vocabulary and its weights, and how a file tells of them.

Files come from anywhere: what a file says is checked before memory is spent on it, and nothing is ever unpickled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcore.config import ModelConfig
from seqcore.data.quoting import listed, quoted
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.records import F32

FORMAT = "seqtui-weights-1"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Contents:
    """A model that can move: `arrays` have the names and shapes of seqcore.model.shapes(config), float32."""

    config: ModelConfig
    vocabulary: Vocabulary
    arrays: Mapping[str, F32]


def told(config: ModelConfig, vocabulary: Vocabulary) -> dict[str, str]:
    """What a file says of its model beside the weights: JSON texts by name, in ASCII."""
    return {
        "format": FORMAT,
        "model": json.dumps(config.to_dict()),
        "vocabulary": json.dumps(vocabulary.to_json()),
        "tokens_by": vocabulary.kind,
    }


def understood(texts: Mapping[str, str], where: str) -> tuple[ModelConfig, Vocabulary]:
    """What `told` told of, from texts that anybody may have written. Raises SeqError."""
    if texts.get("format") != FORMAT:
        raise SeqError(f"{where} was not written by seqtui export: its format is not {FORMAT}")
    try:
        model, symbols = (json.loads(texts[key]) for key in ("model", "vocabulary"))
    except KeyError as error:
        raise SeqError(f"{where} is damaged: it does not tell its {error.args[0]}") from None
    except (ValueError, RecursionError):
        raise SeqError(f"{where} is damaged: what it tells of its model is not JSON") from None
    try:
        if not isinstance(model, dict):
            raise SeqError("its model is no JSON object")
        config, vocabulary = ModelConfig.from_dict(model), Vocabulary.from_json(symbols)
    except SeqError as error:
        raise SeqError(f"{where} is damaged: {error}") from None
    except TypeError:  # a list where a name should be
        raise SeqError(f"{where} is damaged: what it tells of its model is of the wrong kind") from None
    if vocabulary.size != config.vocabulary_size:
        raise SeqError(f"{where} is damaged: {vocabulary.size} symbols for {config.vocabulary_size} tokens")
    return config, vocabulary


def check_shapes(found: Mapping[str, Shape], expected: Mapping[str, Shape], where: str, model: str) -> None:
    """See that a file has exactly those arrays. Raises SeqError that names what is missing, odd or strange."""
    missing = [name for name in expected if name not in found]
    if missing:
        raise SeqError(f"{where} has no {listed(missing, 3)}: a model {model} needs it")
    strange = [name for name in found if name not in expected]
    if strange:
        raise SeqError(f"{where} has {listed(strange, 3)}, which a model {model} has not")
    for name, shape in expected.items():
        if tuple(found[name]) != shape:
            raise SeqError(
                f"{quoted(name)} in {where} has the shape {tuple(found[name])}: a model {model} needs {shape}"
            )


def as_float32(array: "np.ndarray[Any, Any]", name: str, where: str) -> F32:
    """The array in float32, contiguous. Raises SeqError where a value is not finite, or not in float32."""
    with np.errstate(over="ignore"):
        made = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(made).all():
        raise SeqError(
            f"{quoted(name)} in {where} holds a value that is not finite in float32: such weights do not work"
        )
    return made
