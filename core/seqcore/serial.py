"""The same models on one thread, on their own copy of the parameters: for generation and probes beside training.

Only one thread of a process may run parallel kernels (Numba's fallback thread layer aborts the process when two do),
and that is the training thread. Everything here is serial and holds no lock of the interpreter while it computes.
"""

from collections.abc import Callable
from typing import Any, Protocol

import seqcore.layers.draw  # noqa: F401  # registers the kernel that whoever writes with a serial model needs
from seqcore.config import RECURRENT, ModelConfig
from seqcore.models.feedforward_serial import SerialFeedForward
from seqcore.models.recurrent_serial import SerialRecurrent
from seqcore.models.transformer_serial import SerialTransformer
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Stave


class Look(Protocol):
    """What a model computed for one text of T tokens."""

    logits: F32  # (T, V)

    @property
    def attention(self) -> F32 | None:
        """(layers, heads, T, T) weights, NaN where s > t; None for a model without."""

    @property
    def staves(self) -> tuple[Stave, ...]:
        """Every quantity of every layer, bottom first."""

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """(layers, T, T) |d loss_t / d h_s| and (T, T) |d loss_t / d x_s|, NaN where s >= t.

        Row t of dlogits (T, V) is the gradient of loss t at the logits after token t - 1; row 0 is not read.
        """


class SerialModel(Protocol):
    """A model that reads tokens one at a time, or a text at once. Not for two threads at once."""

    config: ModelConfig
    parameters: Parameters
    longest: int | None  # tokens that `look` takes at most

    def load(self, flat: F32) -> None:
        """Take over the parameters (P,) as they are now."""

    def initial_state(self) -> Any:
        """What the model remembers before anything is read."""

    def read(self, token: int, state: Any) -> F32:
        """Read one token; `state` moves on in place. Returns the logits of the next one, (V,), valid until the next."""

    def look(self, tokens: I32) -> Look:
        """Read tokens (T,), at most `longest`, from nothing and keep all that was computed."""


_SERIAL: dict[str, Callable[[ModelConfig, Parameters | None], SerialModel]] = {
    **dict.fromkeys(RECURRENT, SerialRecurrent),
    "attention": SerialTransformer,
    "feedforward": SerialFeedForward,
}


def serial_model(config: ModelConfig, parameters: Parameters | None = None) -> SerialModel:
    """The serial model of the config's family; without parameters, `load` gives it some."""
    return _SERIAL[config.family](config, parameters)
