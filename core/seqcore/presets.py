"""Presets, which are named settings with measured results, and the defaults of each family."""

from dataclasses import dataclass, field
from typing import Any

from seqcore.config import VOCABULARY_LIMIT, TrainingConfig
from seqcore.errors import SeqError


@dataclass(frozen=True)
class Preset:
    """Fields of `ModelConfig` and `TrainingConfig` that differ from the defaults, and a description in one line."""

    name: str
    description: str
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


PRESETS = (
    Preset(
        "quick",
        "a small GRU that generates readable text within seconds",
        {"family": "gru", "hidden": 128, "embedding": 64},
        {"batch": 32, "length": 32, "learning_rate": 0.01, "schedule": "cosine", "steps": 600, "eval_every": 0},
    ),
    Preset(
        "good",
        "a medium GRU, half a minute",
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
        "attention, with nanoGPT's settings for a CPU",
        {
            "family": "attention", "hidden": 128, "layers": 4, "heads": 4, "context": 64, "positions": "learned",
            "bias": False, "tied": True,
        },
        {
            "batch": 12, "length": 64, "sampling": "windows", "learning_rate": 0.001, "schedule": "cosine",
            "final_rate": 0.1, "warmup_steps": 100, "steps": 2000, "weight_decay": 0.1, "beta2": 0.99, "clip": 1.0,
            "eval_every": 1000,
        },
    ),
)  # fmt: skip

# The preset "good" of corpora that have their own, by name. Diagnostics keep theirs at every dial.
GOOD: dict[str, Preset] = {
    "reviews": Preset(
        "good",
        "a medium GRU with dropout",
        {"family": "gru", "hidden": 128, "dropout": 0.2},
        {"batch": 32, "learning_rate": 0.003, "schedule": "cosine", "steps": 3000, "eval_every": 500},
    ),
    "tunes": Preset(
        "good",
        "a GRU whose gates start open, through windows longer than a tune, so that it remembers the pickup of a part",
        {"family": "gru", "hidden": 256, "dropout": 0.3, "forget_bias": "2"},
        {"batch": 16, "length": 256, "learning_rate": 0.008, "schedule": "cosine", "steps": 3500, "eval_every": 500},
    ),
    "students": Preset(
        "good",
        "one hidden layer, which is all that a row of numbers needs",
        {"family": "feedforward", "hidden": 16, "context": 1},
        {"learning_rate": 0.01, "weight_decay": 0.3, "schedule": "cosine", "steps": 600, "eval_every": 100},
    ),
    "balls": Preset(
        "good",
        "a medium LSTM",
        {"family": "lstm", "hidden": 128},
        {"batch": 32, "learning_rate": 0.004, "schedule": "cosine", "steps": 2500, "eval_every": 500},
    ),
    "waves": Preset(
        "good",
        "a medium LSTM",
        {"family": "lstm", "hidden": 128},
        {"batch": 32, "learning_rate": 0.004, "schedule": "cosine", "steps": 2500, "eval_every": 500},
    ),
    "adding": Preset(
        "good",
        "a small LSTM",
        {"family": "lstm", "hidden": 64},
        {"learning_rate": 0.005, "steps": 2000, "eval_every": 500},
    ),
    "copy": Preset(
        "good",
        "an LSTM whose forget gates start open for as long as the delay",
        {"family": "lstm", "hidden": 128, "forget_bias": "chrono"},
        {"learning_rate": 0.002, "weight_decay": 0.0, "steps": 13_000, "eval_every": 1000},
    ),
    "order": Preset(
        "good",
        "an LSTM whose forget gates start open for as long as the sequence",
        {"family": "lstm", "hidden": 64, "forget_bias": "chrono"},
        {"learning_rate": 0.005, "steps": 600, "eval_every": 100},
    ),
    "parity": Preset(
        "good",
        "a small LSTM",
        {"family": "lstm", "hidden": 32},
        {"learning_rate": 0.01, "steps": 2000, "eval_every": 500},
    ),
    "anbn": Preset(
        "good",
        "an LSTM of 16 units, which counts",
        {"family": "lstm", "hidden": 16, "embedding": 0},
        {"learning_rate": 0.01, "steps": 2500, "eval_every": 500},
    ),
    "repeat": Preset(
        "good",
        "two layers of attention: one finds the symbol before, the other what came after it",
        {"family": "attention", "hidden": 64, "layers": 2},
        {"batch": 32, "learning_rate": 0.002, "steps": 2500, "eval_every": 250},
    ),
    "recall": Preset(
        "good",
        "two layers of attention: one finds the key before a value, the other the value of the key that is asked",
        {"family": "attention", "hidden": 64, "layers": 2, "positions": "learned"},
        {"batch": 64, "learning_rate": 0.002, "steps": 3000, "eval_every": 250},
    ),
    "phrases": Preset(
        "good",
        "an LSTM that reads the source in both directions, with dropout, and attention",
        {"family": "lstm", "hidden": 128, "embedding": 128, "dropout": 0.3, "bidirectional": True},
        {
            "batch": 64,
            "learning_rate": 0.006,
            "weight_decay": 0.05,
            "schedule": "cosine",
            "steps": 6000,
            "eval_every": 600,
        },
    ),
    "shapes": Preset(
        "good",
        "an LSTM with attention over the patches of a picture, and a little dropout",
        {"family": "lstm", "hidden": 128, "dropout": 0.1},
        {
            "batch": 32,
            "learning_rate": 0.004,
            "weight_decay": 0.05,
            "schedule": "cosine",
            "steps": 20_000,
            "eval_every": 2000,
        },
    ),
    **{
        name: Preset(
            "good",
            "an LSTM that reads the source in both directions, with attention",
            {"family": "lstm", "hidden": 128, "bidirectional": True},
            {"batch": 64, "learning_rate": 0.004, "schedule": "cosine", "steps": 2000, "eval_every": 250},
        )
        for name in ("reverse", "sort", "duplicate", "dates")
    },
}

# Where the defaults of a family differ from those of `ModelConfig` and `TrainingConfig`. Attention: chosen by sweeps on
# both sample corpora. With learned positions it stays at the trigram loss of `brackets` for thousands of steps; with
# rotary positions two layers learn to match brackets within 250 steps, at rates of 0.002 and 0.003 and all seeds tried.
# Four layers of 64 units, or batches of 8, stay there for 1,000 steps and more. GRU: at 0.005 its loss on `tales` rises
# again after 20 seconds.
_FAMILY_MODEL: dict[str, dict[str, Any]] = {"attention": {"hidden": 128, "layers": 2, "positions": "rotary"}}
_FAMILY_TRAINING: dict[str, dict[str, Any]] = {
    "rnn": {"learning_rate": 0.002},
    "gru": {"learning_rate": 0.002},
    "attention": {
        "batch": 16, "length": 128, "sampling": "windows", "learning_rate": 0.002, "warmup_steps": 100,
        "weight_decay": 0.01,
    },
    "feedforward": {"learning_rate": 0.002},
}  # fmt: skip


def family_defaults(key: str) -> dict[str, Any]:
    """Return the defaults of a setting that differ by family: family -> value."""
    levels = (_FAMILY_MODEL, _FAMILY_TRAINING)
    return {family: fields[key] for level in levels for family, fields in level.items() if key in fields}


def with_defaults(model: dict[str, Any], training: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the given fields of `ModelConfig` and `TrainingConfig`, completed by the defaults of the family.

    A vocabulary of byte pairs is smaller by default than one of words.

    The context of attention equals the length of a step unless both are given.
    """
    family = model.get("family", "lstm")
    if family == "attention" and "context" in model:
        training = {"length": model["context"]} | training
    model = _FAMILY_MODEL.get(family, {}) | model
    training = _FAMILY_TRAINING.get(family, {}) | training
    if training.get("tokens_by") in VOCABULARY_LIMIT:
        training = {"vocabulary_limit": VOCABULARY_LIMIT[training["tokens_by"]]} | training
    if model.get("forget_bias") == "chrono":
        model |= {"forget_bias": f"chrono:{training.get('length', TrainingConfig.length)}"}
    if family == "attention":
        model = {"context": training["length"]} | model
    return model, training


def preset(name: str, source: str = "") -> Preset:
    """Return the preset with this name; "good" is another one for a corpus that has its own. Raises SeqError."""
    kind = source.removeprefix("sample:").partition(":")[0]
    if name == "good" and kind in GOOD:
        return GOOD[kind]
    for entry in PRESETS:
        if entry.name == name:
            return entry
    raise SeqError(f"unknown preset {name!r}: choose one of {', '.join(entry.name for entry in PRESETS)}")
