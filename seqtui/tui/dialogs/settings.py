"""The model settings that can be chosen: their ranges, their defaults per family, and the resulting model size."""

import math
from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Any

from seqcore.config import (
    ACTIVATIONS,
    CROSS_ATTENTIONS,
    ENDS,
    FAMILIES,
    POSITIONS,
    RECURRENT,
    ModelConfig,
    TrainingConfig,
)  # fmt: skip
from seqcore.errors import SeqError
from seqcore.presets import with_defaults

from seqtui.live.following import following
from seqtui.live.snapshot import BOTH_WAYS, FED, ModelChoice

DEEP = (*RECURRENT, "attention")  # families that can be stacked


@dataclass(frozen=True)
class Setting:
    """A numeric model setting: its name in `ModelChoice`, its range, and the values that arrow keys step through."""

    name: str
    label: str
    note: str
    low: float
    high: float
    steps: tuple[float, ...]
    whole: bool = True
    families: tuple[str, ...] = FAMILIES

    def parse(self, text: str) -> float:
        """Return the number. Raises ValueError with a message for the user."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"{self.label}: enter {kind} {self.range}.")
        return int(value) if self.whole else value

    @property
    def range(self) -> str:
        """The valid range, as text."""
        return f"from {self.low:g} to {self.high:g}"

    def next(self, value: float, direction: int) -> float:
        """Return the nearest step above or below a value; at or beyond the last step, the value itself."""
        if direction > 0:
            return next((step for step in self.steps if step > value), max(value, self.steps[-1]))
        return next((step for step in reversed(self.steps) if step < value), min(value, self.steps[0]))


@dataclass(frozen=True)
class Option:
    """A model setting with a fixed set of values: its name in `ModelChoice`, and the values."""

    name: str
    label: str
    words: tuple[str, ...]
    families: tuple[str, ...] = FAMILIES
    needs: str = ""  # what the task must have (see `TaskInfo.features`)


FAMILY = Option("family", "family", FAMILIES)
SETTINGS: tuple[Setting | Option, ...] = (
    Option("activation", "activation", ACTIVATIONS, ("rnn",)),
    Setting("hidden", "units", "per layer", 1, 8192, (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)),
    Setting("layers", "layers", "stacked", 1, 12, (1, 2, 3, 4, 6, 8, 12), families=DEEP),
    Setting("heads", "heads", "split the units of a layer", 1, 256, (1, 2, 4, 8, 16), families=("attention",)),
    Option("positions", "positions", POSITIONS, ("attention",)),
    Option("cross_attention", "attention", CROSS_ATTENTIONS, RECURRENT, "pairs"),
    Option("directions", "source is read", ("one way", BOTH_WAYS), RECURRENT, "directions"),
    Option("feeding", "feeding", ("none", FED), RECURRENT, "pairs"),
    Setting("dropout", "dropout", "while training", 0.0, 0.95, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), whole=False),
    Setting("batch", "batch", "sequences per step", 1, 4096, (8, 12, 16, 32, 64, 128, 256)),
    Setting("length", "length", "timesteps per sequence", 1, 8192, (16, 32, 64, 96, 128, 192, 256, 512)),
)
NOTES = {
    "rnn": "one state, no gates",
    "gru": "two gates on one state",
    "lstm": "three gates and a cell",
    "attention": "attends to all past timesteps",
    "feedforward": "baseline: the last few tokens",
}
# x is the input, h' the previous state. Other names are those of the parameters.
EQUATIONS = {
    "rnn": ("h = {}(x W_xh + h' W_hh + b)", "y = h W_hy + b_y"),
    "gru": ("h = (1 - z) n + z h'   r, z = σ(x W_xh + h' W_hh + b)", "n = tanh(x W_xn + b_n + r (h' W_hn + b_hn))"),
    "lstm": ("i, f, o = σ(x W_xh + h' W_hh + b)   g = tanh(likewise)", "c = f c' + i g   h = o tanh(c)"),
    "attention": (
        "q, k, v = norm(x) W_qkv   A = softmax(q k / √d), causal",
        "x = x + (A v) W_o   x = x + gelu(norm(x) W_fc) W_proj",
    ),
    "feedforward": ("h = tanh([x before … x] W_xh + b)", "y = h W_hy + b_y"),
}


def settings_of(family: str, features: Collection[str] = ()) -> list[Setting | Option]:
    """Return the settings of a family on a task with these features."""
    needs = {one.name: one.needs for one in SETTINGS if isinstance(one, Option) and one.needs}
    return [one for one in SETTINGS if family in one.families and needs.get(one.name, "") in ("", *features)]


def kind_of(family: str) -> str:
    """Return the kind of a family. Families of one kind have similar sizes, so they can share setting values."""
    return "recurrent" if family in RECURRENT else family


def defaults(family: str) -> ModelChoice:
    """Return the default settings of a family."""
    model, training = with_defaults({"family": family}, {})
    known = {field.name for field in fields(ModelChoice)}
    return ModelChoice(**{name: value for name, value in (model | training).items() if name in known})


def check(choice: ModelChoice, decodes: bool = False) -> None:
    """Raise ValueError with a message if the settings are inconsistent; `decodes`: of an encoder-decoder."""
    ends: dict[str, Any] = choice.across() | {"outputs": 2, "decodes": True} if decodes else {}
    try:
        ModelConfig(vocabulary_size=2, **ends, **choice.fields())
    except SeqError as error:
        raise ValueError(f"{error}.") from error


def size(
    choice: ModelChoice,
    vocabulary: int,
    shape: ModelConfig | None = None,
    training: TrainingConfig | None = None,
    batches: tuple[tuple[int, ...], tuple[int, ...], int] | None = None,
) -> tuple[int, int]:
    """Return the number of parameters and the peak memory of training in bytes, both as computed by the engine.

    Settings missing from `choice` come from `shape` and `training`, those of the run on the screen; `batches` are the
    sizes of its batches, None for those of language modelling. This imports the
    engine, which costs nothing once a corpus has been read.
    """
    from seqcore.memory import Sizes, bytes_needed
    from seqcore.model import parameter_count

    fields, settings = following(choice, shape, training)
    ends = {} if shape is None else {name: getattr(shape, name) for name in ENDS}
    across = choice.across() if shape is not None and shape.decodes else {}
    if shape is not None and shape.patches:
        del across["bidirectional"]
    fields |= across
    model = ModelConfig(vocabulary_size=vocabulary, **ends, **fields)
    sizes = None if batches is None else Sizes(*batches)
    return parameter_count(model), bytes_needed(model, TrainingConfig(**settings), sizes)
