"""What can be chosen of a model: its numbers, their ranges and defaults by family, and how large it comes out."""

import math
from dataclasses import dataclass, fields

from seqcore.config import ACTIVATIONS, FAMILIES, POSITIONS, RECURRENT, ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.presets import with_defaults

from seqtui.following import following
from seqtui.snapshot import ModelChoice

DEEP = (*RECURRENT, "attention")  # families that can be stacked


@dataclass(frozen=True)
class Setting:
    """One number of a model: its name in `ModelChoice`, its range, and what the arrow keys step through."""

    name: str
    label: str
    note: str
    low: float
    high: float
    steps: tuple[float, ...]
    whole: bool = True
    families: tuple[str, ...] = FAMILIES

    def parse(self, text: str) -> float:
        """The number. Raises ValueError with a sentence for the person who wrote it."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high or (self.whole and value != int(value)):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"{self.label}: {kind} {self.range}, please.")
        return int(value) if self.whole else value

    @property
    def range(self) -> str:
        """Between which numbers it lies."""
        return f"from {self.low:g} to {self.high:g}"

    def next(self, value: float, direction: int) -> float:
        """The nearest step above or below a value; beyond the last it stays."""
        if direction > 0:
            return next((step for step in self.steps if step > value), max(value, self.steps[-1]))
        return next((step for step in reversed(self.steps) if step < value), min(value, self.steps[0]))


@dataclass(frozen=True)
class Option:
    """One of a few words: its name in `ModelChoice`, and which there are."""

    name: str
    label: str
    words: tuple[str, ...]
    families: tuple[str, ...] = FAMILIES


FAMILY = Option("family", "family", FAMILIES)
SETTINGS: tuple[Setting | Option, ...] = (
    Option("activation", "activation", ACTIVATIONS, ("rnn",)),
    Setting("hidden", "units", "in each layer", 1, 8192, (16, 32, 64, 96, 128, 192, 256, 384, 512, 768, 1024)),
    Setting("layers", "layers", "on top of each other", 1, 12, (1, 2, 3, 4, 6, 8, 12), families=DEEP),
    Setting("heads", "heads", "share the units of a layer", 1, 256, (1, 2, 4, 8, 16), families=("attention",)),
    Option("positions", "positions", POSITIONS, ("attention",)),
    Setting("dropout", "dropout", "while training", 0.0, 0.95, (0.0, 0.1, 0.2, 0.3, 0.4, 0.5), whole=False),
    Setting("batch", "batch", "sequences at once", 1, 4096, (8, 12, 16, 32, 64, 128, 256)),
    Setting("length", "length", "timesteps of a step", 1, 8192, (16, 32, 64, 96, 128, 192, 256, 512)),
)
NOTES = {
    "rnn": "one state, no gate",
    "gru": "two gates on one state",
    "lstm": "three gates and a cell",
    "attention": "looks back at every place",
    "feedforward": "a baseline: a few tokens back",
}
# x is what is read, h' the state before. Names are those of the parameters.
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


def settings_of(family: str) -> list[Setting | Option]:
    """What can be chosen of a family's models."""
    return [one for one in SETTINGS if family in one.families]


def kind_of(family: str) -> str:
    """Families of one kind are of like size: what was chosen for one of them is sensible for the others."""
    return "recurrent" if family in RECURRENT else family


def defaults(family: str) -> ModelChoice:
    """What a family begins with."""
    model, training = with_defaults({"family": family}, {})
    known = {field.name for field in fields(ModelChoice)}
    return ModelChoice(**{name: value for name, value in (model | training).items() if name in known})


def check(choice: ModelChoice) -> None:
    """Raises ValueError with a sentence where the numbers do not go together."""
    try:
        ModelConfig(vocabulary_size=2, **choice.fields())
    except SeqError as error:
        raise ValueError(f"{error}.") from error


def size(
    choice: ModelChoice, vocabulary: int, shape: ModelConfig | None = None, training: TrainingConfig | None = None
) -> tuple[int, int]:
    """How many numbers such a model learns, and the bytes that training it takes at most: the engine's own reckoning.

    `shape` and `training` are those of the run on the screen: what was not chosen is as there. The engine is loaded
    for it, which costs nothing where a corpus was read already.
    """
    from seqcore.memory import bytes_needed
    from seqcore.model import shapes

    fields, settings = following(choice, shape, training)
    model = ModelConfig(vocabulary_size=vocabulary, **fields)
    return sum(math.prod(size) for size in shapes(model).values()), bytes_needed(model, TrainingConfig(**settings))
