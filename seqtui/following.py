"""What a run in the Lab takes over from the one that was on the screen before it."""

from typing import Any

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.presets import with_defaults

from seqtui.snapshot import ModelChoice

_ENDLESS: dict[str, Any] = {"steps": None, "tokens": None, "minutes": None, "schedule": "constant"}  # as the Lab trains
_OF_THE_TEXT = ("validation", "tokens_by", "vocabulary_limit", "seed", "log_every")  # whatever the model


def following(
    choice: ModelChoice, shape: ModelConfig | None, training: TrainingConfig | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of `ModelConfig`, but for the vocabulary, and of `TrainingConfig` of the next run.

    `shape` and `training` are those of the run before. What was not chosen stays as it is there, within a family;
    another family begins as it always does, on the same text. Attention's context follows a length that was changed.
    """
    steps = {"batch": choice.batch, "length": choice.length}
    if shape is None or training is None:
        return with_defaults(choice.fields(), steps)
    before = training.to_dict()
    if choice.family != shape.family:
        return with_defaults(choice.fields(), {name: before[name] for name in _OF_THE_TEXT} | steps)
    kept, chosen = shape.to_dict(), choice.fields()
    del kept["vocabulary_size"]
    if choice.length == training.length or choice.family != "attention":
        chosen.pop("context", None)
    return kept | chosen, before | _ENDLESS | steps
