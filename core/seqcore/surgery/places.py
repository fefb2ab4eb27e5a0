"""What can be cut of a model: the units, gates and heads of its layers, under the names that a probe's staves have."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from seqcore.config import RECURRENT, ModelConfig

GATES = {"rnn": (), "gru": ("reset", "update", "candidate"), "lstm": ("input", "forget", "cell", "output")}  # blocks
SIDES = ("encoder", "second", "decoder")  # of an encoder-decoder; "second": the direction that reads from the end
_OPEN = (0.0, 1.0)  # a gate
_SIGNED = (-1.0, 1.0)  # what comes out of tanh
_SILENT = (0.0, 0.0)  # it can be silenced, not clamped


class Place(NamedTuple):
    """A quantity of one layer, `units` numbers at each timestep."""

    side: str  # "" unless it is an encoder-decoder
    layer: int
    quantity: str
    units: int
    low: float  # the values that its units can be clamped to; if both are 0, they can only be silenced
    high: float
    kind: str  # what to do with the weights, see `edits.EDITS`
    prefix: str  # of the parameters

    @property
    def clamps(self) -> bool:
        """Whether it can be set to other values than 0."""
        return self.low < self.high

    @property
    def where(self) -> tuple[str, int]:
        """The layer, and of which side."""
        return self.side, self.layer


def places(config: ModelConfig) -> tuple[Place, ...]:
    """Return all places of a model, layer by layer, in each the one first that a number alone stands for."""
    return tuple(_places(config))


def _places(config: ModelConfig) -> Iterator[Place]:
    sides = [("encoder", "layers"), ("decoder", "decoder")] if config.decodes else [("", "layers")]
    if config.bidirectional:
        sides.insert(1, ("second", "back"))
    for layer in range(config.layers):
        for side, prefix in sides:
            if side == "encoder" and config.patches:
                if layer == 0:
                    yield Place(side, 0, "h", config.hidden, *_SIGNED, "patches", "patches")
            else:
                yield from _layer(config, side, layer, f"{prefix}.{layer}")


def _layer(config: ModelConfig, side: str, layer: int, prefix: str) -> Iterator[Place]:
    H, family = config.hidden, config.family
    if family == "attention":
        yield Place(side, layer, "head", config.heads, *_SILENT, "heads", prefix)
        if side == "decoder":
            yield Place(side, layer, "cross", config.heads, *_SILENT, "heads", f"{prefix}.cross")
        free = (-math.inf, math.inf) if config.bias else _SILENT
        yield Place(side, layer, "mlp", 4 * H, *free, "mlp", prefix)
        return
    yield Place(side, layer, "h", H, *_states(config), family, prefix)
    if family == "lstm":
        yield Place(side, layer, "c", H, *_SIGNED, family, prefix)
    for gate in GATES[family] if family in RECURRENT else ():
        yield Place(side, layer, gate, H, *(_SIGNED if gate in ("cell", "candidate") else _OPEN), family, prefix)
    if side == "decoder" and layer + 1 == config.layers and config.cross_attention != "none":
        yield Place(side, layer, "cross", 1, *_SILENT, "annotations", "attention")


def _states(config: ModelConfig) -> tuple[float, float]:
    """Return the values that h can be held at."""
    if config.family == "lstm":
        return -0.76, 0.76  # o tanh(c), with an open gate and c up to 1: tanh(1) is 0.7616
    return (0.0, math.inf) if (config.family, config.activation) == ("rnn", "relu") else _SIGNED
