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
        "a small model that says something within seconds",
        {"hidden": 128, "embedding": 64},
        {"batch": 32, "length": 32, "learning_rate": 0.01, "schedule": "cosine", "steps": 700, "eval_every": 0},
    ),
    Preset(
        "good",
        "a middling model, half a minute",
        {"hidden": 256, "embedding": 64},
        {"batch": 32, "length": 64, "learning_rate": 0.006, "schedule": "cosine", "steps": 2000, "eval_every": 500},
    ),
    Preset(
        "best",
        "a large model with dropout, several minutes",
        {"hidden": 512, "embedding": 64, "dropout": 0.3},
        {"batch": 32, "length": 64, "learning_rate": 0.004, "schedule": "cosine", "steps": 5000, "eval_every": 500},
    ),
)


def preset(name: str) -> Preset:
    """The preset of that name. Raises SeqError."""
    for entry in PRESETS:
        if entry.name == name:
            return entry
    raise SeqError(f"no preset {name!r}: there are {', '.join(entry.name for entry in PRESETS)}")
