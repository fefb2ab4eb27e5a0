"""The display name of a model, the same on the screen, in tables and in files."""

from typing import Protocol

from seqcore.config import CONTEXT


class Shape(Protocol):
    """The fields that a name is made of: a `ModelConfig`, or an object with the same choices."""

    @property
    def family(self) -> str:
        """rnn, gru, lstm, attention or feedforward."""

    @property
    def hidden(self) -> int:
        """Units per layer."""

    @property
    def layers(self) -> int:
        """Number of layers."""

    @property
    def activation(self) -> str:
        """Nonlinearity of an rnn."""

    @property
    def context(self) -> int:
        """Context length of a feedforward model in tokens; 0: the default."""


def described(shape: Shape) -> str:
    """Return a name: lstm 2×256; rnn 1×256 relu; attention 4×128; feedforward 8→256 (a context of 8 tokens)."""
    if shape.family == "feedforward":
        return f"feedforward {shape.context or CONTEXT['feedforward']}→{shape.hidden}"
    other = f" {shape.activation}" if shape.family == "rnn" and shape.activation != "tanh" else ""
    return f"{shape.family} {shape.layers}×{shape.hidden}{other}"
