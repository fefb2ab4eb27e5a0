"""What a new run of a live session keeps from the run before it."""

from collections.abc import Mapping
from typing import Any

from seqcore.config import ENDS, ModelConfig, TrainingConfig
from seqcore.presets import with_defaults

from seqtui.live.snapshot import ModelChoice

# Live sessions train until stopped.
_ENDLESS: dict[str, Any] = {
    "steps": None, "tokens": None, "minutes": None, "schedule": "constant", "final_teacher_forcing": None,
}  # fmt: skip
_OF_ANY_CORPUS = ("validation", "vocabulary_limit", "seed", "log_every")  # independent of the model and the task
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
    for name in ("vocabulary_size", *ENDS):  # follow from the corpus
        del kept[name]
    if choice.length == training.length or choice.family != "attention":
        chosen.pop("context", None)
    return kept | chosen, before | _ENDLESS | steps


def on_another_task(
    choice: ModelChoice, own: Mapping[str, Any], shape: ModelConfig | None, training: TrainingConfig | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields as `following` does, for a run of another task than the previous one.

    Within a family the model stays the same, but the training starts with the defaults of the family and of the task
    (`own`), which also decide the length.
    """
    before = {} if training is None else {name: training.to_dict()[name] for name in _OF_ANY_CORPUS}
    model = choice.fields()
    if shape is not None and shape.family == choice.family:
        model = shape.to_dict() | model
        for name in ("vocabulary_size", *ENDS):
            del model[name]
    if choice.family == "attention":
        model.pop("context", None)  # follows the length
    return with_defaults(model, before | {"batch": choice.batch} | dict(own))


def decided(
    model: dict[str, Any], training: dict[str, Any], fixed: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields with those that the task decides; the context of attention follows the length."""
    if model.get("family") == "attention" and "length" in fixed:
        model = model | {"context": fixed["length"]}
    return model, training | dict(fixed)
