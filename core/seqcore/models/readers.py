"""What the encoder of an encoder-decoder is: recurrent layers over symbols, or a dense layer over a picture's patches.

A third one is a file in this package with these functions and this class, and a line in `reader_of`.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

from seqcore.config import ModelConfig
from seqcore.models import encoder, patches
from seqcore.models.clocked import Clocked
from seqcore.models.encoder import State
from seqcore.models.stack import Key
from seqcore.packing import BothWays
from seqcore.parameters import Parameters
from seqcore.records import F32, I64, Inputs


class Source(Protocol):
    """What stands before the bar in a batch."""

    @property
    def lengths(self) -> I64:
        """The annotations of each sequence, (B,): those at its last timesteps."""


class Workspace(Protocol):
    """The arrays of one pass of an encoder."""

    dnotes: F32  # (S * B, padded D) the gradient of the top annotations

    def cut(self, S: int, B: int) -> "Workspace":
        """Return views of the first S timesteps."""


class Reader(Protocol):
    """An encoder. `source` and `work` are those of its own kind."""

    def factors(self) -> Iterator[BothWays]:
        """Yield the layers whose matrices are packed."""

    def source(self, inputs: Inputs) -> Any:
        """Return the `Source` that inputs (S, B, ...) hold."""

    def forward(self, source: Any, work: Any, key: Key | None) -> F32:
        """Return the annotations of the top layer, (S * B, D). `key` seeds the dropout; None: no dropout."""

    def annotations(self, work: Any, source: Any) -> F32:
        """Return what `forward` has returned."""

    def last(self, n: int, work: Any) -> State:
        """Return the last state of layer n, which the bridge reads."""

    def backward(self, source: Any, work: Any, last: list[State], key: Key) -> None:
        """Fill all gradients, given those of the top annotations, work.dnotes, and of each layer's last state."""

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`."""


class Kind(NamedTuple):
    """The functions that build the encoders of a kind."""

    shapes: Callable[[ModelConfig], dict[str, tuple[int, ...]]]
    reader: Callable[[ModelConfig, Parameters, Parameters], Reader]
    workspace: Callable[[ModelConfig, int, int, bool], Workspace]
    workspace_bytes: Callable[[ModelConfig, int, int, bool], int]


_SYMBOLS = Kind(encoder.shapes, encoder.Encoder, encoder.EncoderWorkspace.of, encoder.EncoderWorkspace.bytes_needed)
_PICTURES = Kind(patches.shapes, patches.PatchEncoder, patches.PatchWorkspace.of, patches.PatchWorkspace.bytes_needed)


def reader_of(config: ModelConfig) -> Kind:
    """Return the kind of encoder that a model has."""
    return _PICTURES if config.patches else _SYMBOLS
