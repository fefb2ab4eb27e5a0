"""The models, and the interface that trainer, session and commands use for all of them.

A family is a file in `models` with the functions and classes that `Family` lists, and a line in `FAMILIES_BY_NAME`, or
in `ENCODER_DECODERS` for pairs of sequences.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from seqcore.config import RECURRENT, ModelConfig
from seqcore.models import feedforward, pair_transformer, pairs, recurrent, transformer
from seqcore.models.clocked import Clocked
from seqcore.models.teaching import PLAIN, Teaching
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs, Targets


class Workspace(Protocol):
    """The arrays of one pass over (T, B) timesteps, and the state carried from one pass to the next."""

    def reset(self, rows: slice = slice(None)) -> None:
        """Set the carried state of these rows of the batch to zero."""

    def carry(self) -> None:
        """Make the state after the last timestep the initial state of the next pass."""

    def scores(self, T: int) -> F32:
        """Return a view (T, B, at least K): the last pass's values at each target, or numbers that rank K symbols."""

    def state(self) -> dict[str, F32]:
        """Return views of the carried state by name, batch rows first; empty for a model without one."""


class Model(Protocol):
    """A model for training: parallel, so only for the training thread. `work` must have the same config.

    Inputs and targets: see `records.Inputs` and `records.Targets`.
    """

    config: ModelConfig
    parameters: Parameters
    gradient: Parameters

    def pack(self, backward: bool = True) -> None:
        """Pack the current parameters; call once after every change of them."""

    def losses(self, inputs: Inputs, targets: Targets, work: Any) -> F32:
        """Return the loss at every position (T, B), without dropout and gradients; NaN where the target is masked."""

    def losses_and_gradient(
        self, inputs: Inputs, targets: Targets, work: Any, seed: int = 0, step: int = 0, teaching: Teaching = PLAIN
    ) -> F32:
        """Return the loss at every position (T, B); write the gradient of the mean over targets to `gradient`.

        With label smoothing, the losses are the plain ones, and the gradient is that of the smoothed ones.
        """

    def work_per_token(self) -> float:
        """Return the floating-point operations of training on one timestep."""

    def clocked(self) -> Iterable[Clocked]:
        """Yield the phases that a benchmark measures separately."""


class Family(NamedTuple):
    """The functions that build the models of a family."""

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
_PAIRS = Family(
    pairs.shapes,
    pairs.initial,
    pairs.PairModel,
    pairs.PairWorkspace.of,
    pairs.PairWorkspace.bytes_needed,
)
_PAIR_TRANSFORMER = Family(
    pair_transformer.shapes,
    pair_transformer.initial,
    pair_transformer.PairTransformer,
    pair_transformer.PairTransformerWorkspace.of,
    pair_transformer.PairTransformerWorkspace.bytes_needed,
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
ENCODER_DECODERS: dict[str, Family] = {**dict.fromkeys(RECURRENT, _PAIRS), "attention": _PAIR_TRANSFORMER}


def _family(config: ModelConfig) -> Family:
    return (ENCODER_DECODERS if config.decodes else FAMILIES_BY_NAME)[config.family]


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters by name."""
    return _family(config).shapes(config)


def parameter_count(config: ModelConfig) -> int:
    """Return the number of parameters of a model, without allocating them."""
    return sum(math.prod(shape) for shape in shapes(config).values())


def initial(config: ModelConfig, seed: int) -> Parameters:
    """Return the initial weights of this seed."""
    return _family(config).initial(config, seed)


def build(config: ModelConfig, parameters: Parameters) -> Model:
    """Return the model over these parameters."""
    return _family(config).model(config, parameters)


def workspace(config: ModelConfig, T: int, B: int, backward: bool = True) -> Workspace:
    """Return the zeroed arrays of one pass over (T, B) tokens."""
    return _family(config).workspace(config, T, B, backward)


def workspace_bytes(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
    """Return the bytes that `workspace` allocates."""
    return _family(config).workspace_bytes(config, T, B, backward)


def workspaces(config: ModelConfig, lengths: Sequence[int], B: int, backward: bool = True) -> dict[int, Workspace]:
    """Return a workspace for every T of `lengths`, ascending; one for all of them where it serves any shorter T."""
    if config.decodes:
        return dict.fromkeys(lengths, workspace(config, lengths[-1], B, backward)) if lengths else {}
    return {length: workspace(config, length, B, backward) for length in lengths}


def workspaces_bytes(config: ModelConfig, lengths: Sequence[int], B: int, backward: bool = True) -> int:
    """Return the bytes that `workspaces` allocates."""
    return sum(workspace_bytes(config, T, B, backward) for T in (lengths[-1:] if config.decodes else lengths))
