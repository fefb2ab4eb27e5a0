"""The feed-forward model on one thread, on its own copy of the parameters: for generation and inspection."""

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.linear import Linear
from seqcore.layers.tanh import tanh_forward_serial
from seqcore.layers.window import Window
from seqcore.models.feedforward import shapes
from seqcore.models.serial_weights import SerialWeights
from seqcore.packing import packs
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs, Stave


class SerialFeedForward(SerialWeights):
    """A feed-forward model that reads one sequence, timestep by timestep. Not thread-safe."""

    longest: int | None = None  # timesteps that `look` accepts: no limit

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.parameters = p = Parameters(shapes(config))
        self.window = Window(NO_MATRIX if config.inputs else p["embedding.E"], NO_MATRIX, config.context)
        self.input = Linear(p["layers.0.W_xh"], p["layers.0.b"], NO_MATRIX, NO_VECTOR)
        self.head = Linear(p["head.W_hy"], p["head.b_y"], NO_MATRIX, NO_VECTOR)
        self._packs = packs(p.flat, self.input, self.head)
        self._one = Activations(config, 1)
        if parameters is not None:
            self.load(parameters.flat)

    def initial_state(self) -> Inputs:
        """Return the window of the last `context` inputs, (n, 1) or (n, 1, D), with nothing read yet."""
        return self._nothing(self.config.context)

    def fork(self, state: Inputs) -> Inputs:
        """Return a copy of a window."""
        return state.copy()

    def _nothing(self, steps: int) -> Inputs:
        """Return what is read before the first timestep, (steps, 1) or (steps, 1, D)."""
        if self.config.inputs:
            return zeros(steps, 1, self.config.inputs)
        return np.full((steps, 1), self.config.vocabulary_size, np.int32)

    def read(self, token: int | F32, state: Inputs) -> F32:
        """Read one input and update `state`. Returns the logits or values (K,) there, valid until the next call."""
        state[:-1] = state[1:]
        state[-1] = token
        self.run(state, self._one)
        return self._one.logits[0, : self.config.logits]

    def run(self, inputs: Inputs, work: "Activations") -> None:
        """Fill `work` from inputs (n - 1 + T, 1) or (n - 1 + T, 1, D)."""
        if self.config.inputs:
            rows = np.arange(len(inputs), dtype=np.int32)[:, None]
            self.window.forward_serial(rows, work.x, inputs[:, 0])
        else:
            self.window.forward_serial(inputs, work.x, NO_MATRIX)
        self.input.forward_serial(work.x, work.z)
        tanh_forward_serial(work.z, work.h)
        self.head.forward_serial(work.h, work.logits)

    def look(self, inputs: Inputs) -> "FeedForwardLook":
        """Read inputs (T,) or (T, D) from the initial state and keep all intermediate results."""
        return FeedForwardLook(self, self._after(self.initial_state(), inputs)[1])

    @property
    def states(self) -> tuple[str, ...]:
        """The hidden units."""
        return ("h",)

    def record(self, inputs: Inputs, state: Inputs, *names: str) -> tuple[F32, ...]:
        """Read inputs (T,) or (T, D) after `state`, which is updated; return (T, 1, H) of the only one of `states`."""
        state[:], work = self._after(state, inputs)
        return tuple(work.h[:, None].copy() for _ in names)

    def _after(self, state: Inputs, inputs: Inputs) -> "tuple[Inputs, Activations]":
        """Read inputs (T,) or (T, D) after `state`; return the state then, and all results."""
        work = Activations(self.config, len(inputs))
        read = np.concatenate((state, inputs[:, None].astype(state.dtype)))
        self.run(read[1:], work)
        return read[len(inputs) :], work


class Activations:
    """Results for T timesteps: x (T, n I), z (T, padded H), h (T, H), logits (T, padded K)."""

    def __init__(self, config: ModelConfig, T: int) -> None:
        self.x = zeros(T, config.context * config.input_width)
        self.z = zeros(T, padded(config.hidden))
        self.h = zeros(T, config.hidden)
        self.logits = zeros(T, padded(config.logits))


class FeedForwardLook:
    """What the model computed for one sequence, and the reach of its losses."""

    attention: F32 | None = None

    def __init__(self, model: SerialFeedForward, work: Activations) -> None:
        self.model, self.x, self.h = model, work.x, work.h
        self.logits = work.logits[:, : model.config.logits]  # (T, K)

    @property
    def staves(self) -> tuple[Stave, ...]:
        """The hidden units."""
        return (Stave("h", 0, self.h.copy(), True, 1.0),)

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (1, T, T) |d loss_t / d h_s| and (T, T) |d loss_t / d x_s|, NaN where s >= t.

        See `serial.Look.reach`. Loss t depends only on the hidden units of timestep t - 1 and the tokens in their
        window; earlier entries are 0.
        """
        model, config, T = self.model, self.model.config, len(dlogits)
        earlier = np.tri(T, k=-1, dtype=bool)
        hidden = np.where(earlier, np.float32(0), np.float32(np.nan))[None]
        inputs = hidden[0].copy()
        if T < 2:
            return hidden, inputs
        model.pack_backward()
        dh = zeros(T, padded(config.hidden))
        model.head.backward_input_serial(dlogits, dh)
        dh = dh[1:]  # row t - 1: gradient of loss t at timestep t - 1
        hidden[0, np.arange(1, T), np.arange(T - 1)] = np.sqrt(np.square(dh, dtype=np.float64).sum(axis=1))
        dz = dh.copy()
        dz[:, : config.hidden] *= 1 - np.square(self.h[: len(dz)])
        dx = zeros(T - 1, model.input.input_width)
        model.input.backward_input_serial(dz, dx)
        n, width = config.context, config.input_width
        norms = np.sqrt(np.square(dx[:, : n * width].reshape(T - 1, n, width), dtype=np.float64).sum(axis=2))
        for t in range(1, T):
            first = max(0, t - n)  # the window of timestep t - 1 ends with token t - 1
            inputs[t, first:t] = norms[t - 1, n - (t - first) :]
        return hidden, inputs
