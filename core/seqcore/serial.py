"""The models on one thread, on their own copy of the parameters: for generation and probes during training.

Parallel kernels belong to the training thread: they share scratch memory, and while it has a region open, no other
thread gets workers. Everything here is serial and releases the GIL while it computes.
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import seqcore.layers.draw  # noqa: F401  # registers the kernel that generation needs
from seqcore.config import RECURRENT, ModelConfig
from seqcore.models.feedforward_serial import SerialFeedForward
from seqcore.models.pair_transformer_serial import SerialPairTransformer
from seqcore.models.pairs_serial import SerialPairs
from seqcore.models.recurrent_serial import SerialRecurrent
from seqcore.models.transformer_serial import SerialTransformer
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs, Stave


class Look(Protocol):
    """What a model computed for one sequence of T timesteps."""

    logits: F32  # (T, K), or the predicted values

    @property
    def attention(self) -> F32 | None:
        """Return the attention weights (layers, heads, T, T); None for a model without attention.

        NaN where there are none: where s > t, except in an encoder, which looks at all of its source.
        """

    @property
    def staves(self) -> tuple[Stave, ...]:
        """Return every quantity of every layer, bottom first."""

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (layers, T, T) |d loss_t / d h_s| and (T, T) |d loss_t / d x_s|, NaN where s >= t.

        x is the embedded token, the one-hot vector, or the real inputs. Row t of dlogits (T, K) is the gradient of
        loss t at the logits, or values, after timestep t - 1; row 0 is unused. There may be one row more
        than timesteps.
        """


class SerialModel(Protocol):
    """A model that reads inputs one at a time, or a whole sequence. Not thread-safe.

    An input is a token, or for a model of real inputs an array (D,) float32.
    """

    config: ModelConfig
    parameters: Parameters
    longest: int | None  # most timesteps that `look` accepts; None: no limit

    def load(self, flat: F32) -> None:
        """Copy the parameters (P,) and repack them."""

    def initial_state(self) -> Any:
        """Return the state before anything is read."""

    def read(self, token: int | F32, state: Any) -> F32:
        """Read one input and update `state`. Returns the logits or values (K,) there, valid until the next call."""

    def fork(self, state: Any) -> Any:
        """Return a copy of a state: reading on from one does not change the other."""

    def look(self, inputs: Inputs) -> Look:
        """Read inputs (T,) or (T, D), at most `longest`, from the initial state and keep all intermediate results."""

    @property
    def states(self) -> tuple[str, ...]:
        """Return the names of what `record` can return, the one to look at first in front; empty: none."""

    def record(self, inputs: Inputs, state: Any, *names: str) -> tuple[F32, ...]:
        """Read inputs (T,) or (T, D), at most `longest`, after `state`, and return (T, layers, units) of each name.

        `state` is updated; a model with a context reads the inputs as a new one, whatever the state.
        """


class PairLook(Look, Protocol):
    """What an encoder-decoder computed for the score of one pair; the logits are zero up to the bar."""

    @property
    def bar(self) -> int:
        """Return S, the timesteps of the source."""

    @property
    def handed(self) -> tuple[Stave, ...]:
        """Return the states (1, units) in which the decoder starts, by layer; none if it starts without one."""


@runtime_checkable
class SerialEncoderDecoder(SerialModel, Protocol):
    """A model that reads a source, and then writes symbols one at a time.

    The state of one with attention has `weights` (S,): what it attended to in the last step.
    """

    most: int | None  # symbols that it can write, the end symbol among them; None: no limit

    def begin(self, source: Inputs) -> Any:
        """Read a source (S,) or (S, D), and return the state before the first symbol. Raises SeqError: too long."""

    def look(self, inputs: Inputs) -> PairLook:
        """Read the score of a pair (T,), whose symbols after the bar are numbered from V on. Raises SeqError."""


_ENCODER_DECODERS: dict[str, Callable[[ModelConfig, Parameters | None], SerialEncoderDecoder]] = {
    **dict.fromkeys(RECURRENT, SerialPairs),
    "attention": SerialPairTransformer,
}
_SERIAL: dict[str, Callable[[ModelConfig, Parameters | None], SerialModel]] = {
    **dict.fromkeys(RECURRENT, SerialRecurrent),
    "attention": SerialTransformer,
    "feedforward": SerialFeedForward,
}


def serial_model(config: ModelConfig, parameters: Parameters | None = None) -> SerialModel:
    """Return the serial model of the config's family; without parameters, call `load` before use."""
    return (_ENCODER_DECODERS if config.decodes else _SERIAL)[config.family](config, parameters)
