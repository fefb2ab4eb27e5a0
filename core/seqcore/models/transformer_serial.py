"""A transformer on one thread, on its own copy of the parameters: for generation and inspection during training.

See `seqcore.serial` for the interface of all families.
"""

import math
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import NO_INDEX, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.block import Activations
from seqcore.layers.look import attention_shares, look_backward, look_forward, look_reach, read_token
from seqcore.models.serial_weights import SerialBlocks
from seqcore.models.transformer import TransformerWorkspace
from seqcore.models.transformer_weights import PackedWeights, shapes
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Inputs, Stave

SPOILT = Activations._fields.index("slope") + 1  # number of leading fields that a backward pass reads or overwrites


@dataclass
class TransformerState:
    """The inputs read so far and the q, k, v rows of each block, (L, context, padded 3C)."""

    inputs: Inputs  # (context,) or (context, D), the first `length` of them
    cache: F32
    length: int = 0


class SerialTransformer(SerialBlocks[PackedWeights]):
    """A transformer that reads inputs one at a time, or a whole sequence. Not thread-safe."""

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.longest: int | None = config.context  # most timesteps that `look` accepts
        self.parameters = Parameters(shapes(config))
        self.packed = PackedWeights(config, self.parameters)
        self._logits = zeros(1, padded(config.logits))
        self._entered = zeros(1, padded(config.hidden))
        if parameters is not None:
            self.load(parameters.flat)

    def initial_state(self) -> TransformerState:
        """Return a state with an empty cache."""
        config = self.config
        cache = zeros(config.layers, config.context, padded(3 * config.hidden))
        inputs = zeros(config.context, config.inputs) if config.inputs else np.zeros(config.context, np.int32)
        return TransformerState(inputs, cache)

    def fork(self, state: TransformerState) -> TransformerState:
        """Return a copy of a state."""
        return TransformerState(state.inputs.copy(), state.cache.copy(), state.length)

    def read(self, token: int | F32, state: TransformerState) -> F32:
        """Read one input and update `state`. Returns the logits or values (K,) there, valid until the next call.

        The model has `context` positions. When they are full, the last context // 2 inputs are re-read from position 0
        as a new context, and reading continues from there.
        """
        if state.length == self.config.context:
            again = state.inputs[state.length - state.length // 2 :].copy()
            state.length = len(again)
            if len(again):
                state.inputs[: len(again)] = again
                state.cache[:, : len(again)] = self.forward(again).qkv
        state.inputs[state.length] = token
        symbols = self._enter(state.inputs[state.length : state.length + 1], self._entered)
        weights, cache, heads = self.packed.weights, state.cache, self.config.heads
        read_token(symbols, self._entered, state.length, weights, cache, self._logits, heads)
        state.length += 1
        return self._logits[0, : self.config.logits]

    def _enter(self, inputs: Inputs, entered: F32) -> I32:
        """Return the tokens (T,); or of real inputs (T, D) none, and fill entered (T, padded C) with their product."""
        if self.packed.entry is None:
            return inputs
        self.packed.entry.forward_serial(inputs, entered)
        return NO_INDEX

    def look(self, inputs: Inputs) -> "TransformerLook":
        """Read inputs (T,) or (T, D), 1 <= T <= context, from an empty context and keep all intermediate results."""
        return TransformerLook(self, self.forward(inputs))

    @property
    def states(self) -> tuple[str, ...]:
        """The residual stream after each block, the outputs of its heads side by side, and its MLP after gelu."""
        return ("stream", "heads", "mlp")

    def record(self, inputs: Inputs, state: TransformerState, *names: str) -> tuple[F32, ...]:
        """Read inputs (T,) or (T, D), T <= context, as a new context; return (T, layers, units) of some of `states`."""
        work, C = self.forward(inputs), self.config.hidden
        found = {"stream": work.x[2::2, :, :C], "heads": work.y, "mlp": work.u}
        return tuple(np.ascontiguousarray(np.swapaxes(found[name], 0, 1)) for name in names)

    def forward(self, inputs: Inputs) -> Activations:
        """Run inputs (T,) or (T, D) from an empty context and return all arrays."""
        work = TransformerWorkspace.of(self.config, len(inputs), 1).arrays
        look_forward(self._enter(inputs, work.x[0]), self.packed.weights, work, self.config.heads)
        return work


class TransformerLook:
    """Results for one sequence: logits or values (T, K), staves, attention (layers, heads, T, T), NaN where s > t."""

    def __init__(self, model: SerialTransformer, work: Activations) -> None:
        config, T = model.config, len(work.logits)
        self.model, self.work = model, work
        self.logits = work.logits[:, : config.logits].copy()
        self.attention: F32 | None = np.empty((config.layers, config.heads, T, T), np.float32)
        attention_shares(work.qkv, config.hidden, self.attention)
        self.staves = _staves(config, work)

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (layers, T, T) |d loss_t / d h_s|, h the stream after a block, and (T, T) |d loss_t / d x_s|.

        NaN where s >= t; x is the embedded token, or the real inputs. Row t of dlogits (T, K) is the gradient of loss t
        at the logits after timestep t - 1; row 0 is unused.
        """
        model, config, T = self.model, self.model.config, len(dlogits)
        hidden, inputs = np.full((config.layers, T, T), np.nan, np.float32), np.full((T, T), np.nan, np.float32)
        model.pack_backward()
        rows = np.ascontiguousarray(dlogits, np.float32)
        scratch = TransformerWorkspace.of(config, T, 1).arrays
        for t in range(1, T):
            self._restore(scratch, t)
            work = scratch._replace(dtop=scratch.dtop[:t])
            look_reach(rows[t : t + 1], model.packed.weights, work, config.heads, hidden, inputs)
            if model.packed.entry is not None:
                dx = zeros(t, model.packed.entry.input_width)
                model.packed.entry.backward_input_serial(np.ascontiguousarray(work.x[0, :t]), dx)
                inputs[t, :t] = norms_of(dx[:, : config.inputs])
        return hidden, inputs

    def gradients(self, dlogits: F32) -> Activations:
        """Return arrays in which x, qkv, slope and dtop are gradients: of all losses, from dlogits (T, K)."""
        scratch = TransformerWorkspace.of(self.model.config, len(dlogits), 1).arrays
        self.model.pack_backward()
        self._restore(scratch, len(dlogits))
        look_backward(np.ascontiguousarray(dlogits), self.model.packed.weights, scratch, self.model.config.heads)
        return scratch

    def _restore(self, scratch: Activations, t: int) -> None:
        """Copy what a backward pass through the first t timesteps reads."""
        for kept, spoilt in zip(self.work[:SPOILT], scratch[:SPOILT], strict=True):
            np.copyto(spoilt[:, :t], kept[:, :t])


def _staves(config: ModelConfig, work: Activations) -> tuple[Stave, ...]:
    """Return the norms of q, k, v per head, (T, heads), and of the stream at each block boundary, (T, layers + 1)."""
    C, T = config.hidden, work.x.shape[1]
    stream = np.ascontiguousarray(norms_of(work.x[::2, :, :C]).T)
    staves = []
    for n in range(config.layers):
        for place, name in enumerate(("q", "k", "v")):
            heads = work.qkv[n, :, place * C : (place + 1) * C].reshape(T, config.heads, -1)
            staves.append(Stave(name, n, norms_of(heads), False, math.inf, gate=False))
        staves.append(Stave("stream", n, stream, False, math.inf, gate=False))
    return tuple(staves)


def norms_of(vectors: F32) -> F32:
    """Return the Euclidean norms over the last axis."""
    with np.errstate(invalid="ignore", over="ignore"):  # show a diverged model without warnings
        norms: F32 = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=-1)).astype(np.float32)
    return norms
