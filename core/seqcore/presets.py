"""Named settings that are known to reach something, and what they reached on the machine they were measured on."""

from dataclasses import dataclass, field
from typing import Any

from seqcore.errors import SeqError


@dataclass(frozen=True)
class Preset:
    """Fields of `ModelConfig` and `TrainingConfig` that differ from the defaults, and a sentence for people."""

    name: str
    description: str
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


PRESETS = (
    Preset(
        "quick",
        "a small GRU that says something within seconds",
        {"family": "gru", "hidden": 128, "embedding": 64},
        {"batch": 32, "length": 32, "learning_rate": 0.01, "schedule": "cosine", "steps": 600, "eval_every": 0},
    ),
    Preset(
        "good",
        "a middling GRU, half a minute",
        {"family": "gru", "hidden": 256, "embedding": 64},
        {"batch": 32, "length": 64, "learning_rate": 0.006, "schedule": "cosine", "steps": 1800, "eval_every": 600},
    ),
    Preset(
        "best",
        "a large GRU with dropout, several minutes",
        {"family": "gru", "hidden": 512, "embedding": 64, "dropout": 0.3},
        {"batch": 32, "length": 64, "learning_rate": 0.004, "schedule": "cosine", "steps": 3300, "eval_every": 500},
    ),
    Preset(
        "nanogpt",
        "attention, by the recipe that nanoGPT gives for a CPU",
        {"family": "attention", "hidden": 128, "layers": 4, "heads": 4, "context": 64, "bias": False, "tied": True},
        {
            "batch": 12, "length": 64, "sampling": "windows", "learning_rate": 0.001, "schedule": "cosine",
            "final_rate": 0.1, "warmup_steps": 100, "steps": 2000, "weight_decay": 0.1, "beta2": 0.99, "clip": 1.0,
            "eval_every": 1000,
        },
    ),
)  # fmt: skip

# What a family begins with where nothing is said and `ModelConfig` and `TrainingConfig` would begin elsewhere.
_FAMILY_MODEL: dict[str, dict[str, Any]] = {"attention": {"hidden": 128, "layers": 4}}
_FAMILY_TRAINING: dict[str, dict[str, Any]] = {
    "rnn": {"learning_rate": 0.002},
    "attention": {
        "batch": 12, "sampling": "windows", "learning_rate": 0.001, "warmup_steps": 100, "weight_decay": 0.1,
    },
    "feedforward": {"learning_rate": 0.002},
}  # fmt: skip


def family_defaults(key: str) -> dict[str, Any]:
    """What families begin with where it is not the field's own default, by family."""
    levels = (_FAMILY_MODEL, _FAMILY_TRAINING)
    return {family: fields[key] for level in levels for family, fields in level.items() if key in fields}


def with_defaults(model: dict[str, Any], training: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of `ModelConfig` and `TrainingConfig` that were said, and below them what the family begins with.

    Attention sees as much at once as a step has timesteps, unless both are said.
    """
    family = model.get("family", "lstm")
    model = _FAMILY_MODEL.get(family, {}) | model
    training = _FAMILY_TRAINING.get(family, {}) | training
    if family == "attention":
        model = {"context": training.get("length", 64)} | model
        training = {"length": model["context"]} | training
    return model, training


def preset(name: str) -> Preset:
    """The preset of that name. Raises SeqError."""
    for entry in PRESETS:
        if entry.name == name:
            return entry
    raise SeqError(f"no preset {name!r}: there are {', '.join(entry.name for entry in PRESETS)}")
