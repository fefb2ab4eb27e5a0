"""Which models there are, and what every one of them can do: the one door from trainer, session and commands to models.

A family is a file below `models` with the functions and classes that `Family` names, and a line in `FAMILIES_BY_NAME`.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from seqcore.config import RECURRENT, ModelConfig
from seqcore.models import feedforward, recurrent, transformer
from seqcore.models.clocked import Clocked
from seqcore.parameters import Parameters
from seqcore.records import F32, I32


class Workspace(Protocol):
    """The arrays of one pass over (T, B) tokens, and the state that is carried from one to the next."""

    def reset(self, rows: slice = slice(None)) -> None:
        """Start those rows of the batch from nothing."""

    def carry(self) -> None:
        """What the last timestep left comes before the next first one."""

    def state(self) -> dict[str, F32]:
        """Views of what is carried, rows first, by name; empty for a model that carries nothing."""


class Model(Protocol):
    """A model for training: parallel, for the training thread alone. `work` is of `workspace` for the same config."""

    config: ModelConfig
    parameters: Parameters
    gradient: Parameters

    def pack(self, backward: bool = True) -> None:
        """Read the parameters as they are now; once after every change of them."""

    def losses(self, tokens: I32, targets: I32, work: Any) -> F32:
        """The loss at every place, (T, B), without dropout and gradients; NaN where the target is -1."""

    def losses_and_gradient(self, tokens: I32, targets: I32, work: Any, seed: int = 0, step: int = 0) -> F32:
        """The loss at every place, (T, B), and in `gradient` that of their mean over the places not masked."""

    def work_per_token(self) -> float:
        """Floating-point operations that one token of training needs."""

    def clocked(self) -> Iterable[Clocked]:
        """What a benchmark measures apart."""


class Family(NamedTuple):
    """How a family's models are made."""

    shapes: Callable[[ModelConfig], dict[str, tuple[int, ...]]]
    initial: Callable[[ModelConfig, int], Parameters]
    model: Callable[[ModelConfig, Parameters], Model]
    workspace: Callable[[ModelConfig, int, int, bool], Workspace]
    workspace_bytes: Callable[[ModelConfig, int, int, bool], int]


_RECURRENT = Family(
    recurrent.shapes,
    recurrent.initial,
    recurrent.RecurrentModel,
    recurrent.RecurrentWorkspace.of,
    recurrent.RecurrentWorkspace.bytes_needed,
)
_FEEDFORWARD = Family(
    feedforward.shapes,
    feedforward.initial,
    feedforward.FeedForward,
    feedforward.FeedForwardWorkspace.of,
    feedforward.FeedForwardWorkspace.bytes_needed,
)
_ATTENTION = Family(
    transformer.shapes,
    transformer.initial,
    transformer.Transformer,
    transformer.TransformerWorkspace.of,
    transformer.workspace_bytes,
)
FAMILIES_BY_NAME: dict[str, Family] = {
    **dict.fromkeys(RECURRENT, _RECURRENT),
    "attention": _ATTENTION,
    "feedforward": _FEEDFORWARD,
}


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The parameters' names and shapes."""
    return FAMILIES_BY_NAME[config.family].shapes(config)


def initial(config: ModelConfig, seed: int) -> Parameters:
    """The weights that training begins with."""
    return FAMILIES_BY_NAME[config.family].initial(config, seed)


def build(config: ModelConfig, parameters: Parameters) -> Model:
    """The model over those parameters."""
    return FAMILIES_BY_NAME[config.family].model(config, parameters)


def workspace(config: ModelConfig, T: int, B: int, backward: bool = True) -> Workspace:
    """The arrays of one pass over (T, B) tokens, zeroed."""
    return FAMILIES_BY_NAME[config.family].workspace(config, T, B, backward)


def workspace_bytes(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
    """What `workspace` will allocate."""
    return FAMILIES_BY_NAME[config.family].workspace_bytes(config, T, B, backward)
