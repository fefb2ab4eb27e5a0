"""What people call a model, on the screen, in tables and in files: one way everywhere."""

from typing import Protocol

from seqcore.config import CONTEXT


class Shape(Protocol):
    """What the words are made of: a `ModelConfig`, or something that is chosen as one is."""

    @property
    def family(self) -> str:
        """rnn, gru, lstm, attention or feedforward."""

    @property
    def hidden(self) -> int:
        """Units of a layer."""

    @property
    def layers(self) -> int:
        """How many there are."""

    @property
    def activation(self) -> str:
        """Of an rnn."""

    @property
    def context(self) -> int:
        """Tokens that a feedforward model sees; 0: as many as by default."""


def described(shape: Shape) -> str:
    """lstm 2×256; rnn 1×256 relu; attention 4×128; feedforward 8→256, which sees 8 tokens."""
    if shape.family == "feedforward":
        return f"feedforward {shape.context or CONTEXT['feedforward']}→{shape.hidden}"
    other = f" {shape.activation}" if shape.family == "rnn" and shape.activation != "tanh" else ""
    return f"{shape.family} {shape.layers}×{shape.hidden}{other}"
