"""What a new run of a live session keeps from the run before it."""

from typing import Any

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.presets import with_defaults
from seqcore.tasks.task import Ends

from seqtui.live.snapshot import ModelChoice

# Live sessions train until stopped.
_ENDLESS: dict[str, Any] = {"steps": None, "tokens": None, "minutes": None, "schedule": "constant"}
_OF_THE_TEXT = ("validation", "tokens_by", "vocabulary_limit", "seed", "log_every")  # independent of the model


def following(
    choice: ModelChoice, shape: ModelConfig | None, training: TrainingConfig | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of `ModelConfig` (without the vocabulary) and of `TrainingConfig` of the next run.

    `shape` and `training` are those of the previous run, if there is one. Within a family, everything that `choice`
    does not set stays. Another family starts with its own defaults on the same text. If the length changes, the
    context of attention follows it.
    """
    steps = {"batch": choice.batch, "length": choice.length}
    if shape is None or training is None:
        return with_defaults(choice.fields(), steps)
    before = training.to_dict()
    if choice.family != shape.family:
        return with_defaults(choice.fields(), {name: before[name] for name in _OF_THE_TEXT} | steps)
    kept, chosen = shape.to_dict(), choice.fields()
    for name in ("vocabulary_size", *Ends._fields):  # follow from the corpus
        del kept[name]
    if choice.length == training.length or choice.family != "attention":
        chosen.pop("context", None)
    return kept | chosen, before | _ENDLESS | steps
