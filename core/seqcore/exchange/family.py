"""What a family of models defines for its export and import: one entry in `families.table`.

A family has a layout of its weights in PyTorch, the source of the PyTorch module, and its ONNX graphs.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.onnx_graph import Graph

Places = dict[str, tuple[str, bool]]  # our names: (state dict name, whether transposed); several may have one place


class Cell(NamedTuple):
    """One direction of a recurrent layer, for which PyTorch has two biases."""

    ours: str  # "layers.0"
    theirs: str  # "lstm.{}_l0", to be filled with the name of a parameter
    split: bool  # the GRU: its reset gate is applied between the two biases of the candidate


class Layout(NamedTuple):
    """Where our parameters are in the state dict; `places` does not include the biases of `cells`."""

    places: Places
    cells: tuple[Cell, ...] = ()

    def __or__(self, other: "Layout") -> "Layout":
        """Return both together."""
        return Layout(self.places | other.places, self.cells + other.cells)


class Source(NamedTuple):
    """The text of a PyTorch module."""

    over: str  # what the model reads, after its name: "11 tokens"
    stored: str  # what the metadata of the weights file holds besides, a sentence
    parts: Iterable[str]  # classes and functions; the last one is the class Model


class Family(NamedTuple):
    """How the models of a family are exported."""

    layout: Callable[[ModelConfig], Layout]
    source: Callable[[Described], Source]
    graphs: Callable[[Contents], Mapping[str, Graph]]  # by name: "" for a model of a single graph


class Half(NamedTuple):
    """How the encoder or the decoder of an encoder-decoder is exported; see `families.pairs` for what they exchange."""

    layout: Callable[[ModelConfig], Layout]
    parts: Callable[[Described], Iterable[str]]  # the last one is the class Encoder or Decoder
    graph: Callable[[Contents], Graph]
