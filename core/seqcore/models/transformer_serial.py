"""A transformer on one thread, on its own copy of the parameters: for generation and inspection during training.

See `seqcore.serial` for the interface of all families.
"""

import math
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.block import Activations
from seqcore.layers.look import attention_shares, look_forward, look_reach, read_token
from seqcore.models.transformer import TransformerWorkspace
from seqcore.models.transformer_weights import PackedWeights, shapes
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Stave

SPOILT = Activations._fields.index("slope") + 1  # number of leading fields that a backward pass reads or overwrites


@dataclass
class TransformerState:
    """The tokens read so far and the q, k, v rows of each block, (L, context, padded 3C)."""

    tokens: I32  # (context,), the first `length` of them
    cache: F32
    length: int = 0


class SerialTransformer:
    """A transformer that reads tokens one at a time, or a whole text. Not thread-safe."""

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.longest: int | None = config.context  # most tokens that `look` accepts
        self.parameters = Parameters(shapes(config))
        self.packed = PackedWeights(config, self.parameters)
        self._logits = zeros(1, padded(config.logits))
        self._packed_back = False
        if parameters is not None:
            self.load(parameters.flat)

    def load(self, flat: F32) -> None:
        """Copy the parameters (P,) and repack them."""
        self.parameters.flat[:] = flat
        self.packed.pack(backward=False, parallel=False)
        self._packed_back = False

    def pack_backward(self) -> None:
        """Also pack the transposes, which only a backward pass needs."""
        if not self._packed_back:
            self.packed.pack_backward_serial()
            self._packed_back = True

    def initial_state(self) -> TransformerState:
        """Return a state with an empty cache."""
        config = self.config
        cache = zeros(config.layers, config.context, padded(3 * config.hidden))
        return TransformerState(np.zeros(config.context, np.int32), cache)

    def read(self, token: int, state: TransformerState) -> F32:
        """Read one token and update `state`. Returns the next token's logits (V,), valid until the next call.

        The model has `context` positions. When they are full, the last context // 2 tokens are re-read from position 0
        as a new context, and reading continues from there.
        """
        if state.length == self.config.context:
            again = state.tokens[state.length - state.length // 2 :].copy()
            state.length = again.size
            if again.size:
                state.tokens[: again.size] = again
                state.cache[:, : again.size] = self.forward(again).qkv
        state.tokens[state.length] = token
        read_token(token, state.length, self.packed.weights, state.cache, self._logits, self.config.heads)
        state.length += 1
        return self._logits[0, : self.config.logits]

    def look(self, tokens: I32) -> "TransformerLook":
        """Read tokens (T,), 1 <= T <= context, from an empty context and keep all intermediate results."""
        return TransformerLook(self, self.forward(tokens))

    def forward(self, tokens: I32) -> Activations:
        """Run tokens (T,) from an empty context and return all arrays."""
        work = TransformerWorkspace.of(self.config, tokens.size, 1).arrays
        look_forward(tokens, self.packed.weights, work, self.config.heads)
        return work


class TransformerLook:
    """Results for one text: logits (T, V), staves, and attention (layers, heads, T, T), NaN where s > t."""

    def __init__(self, model: SerialTransformer, work: Activations) -> None:
        config, T = model.config, len(work.logits)
        self._model, self._work = model, work
        self.logits = work.logits[:, : config.logits].copy()
        self.attention: F32 | None = np.empty((config.layers, config.heads, T, T), np.float32)
        attention_shares(work.qkv, config.hidden, self.attention)
        self.staves = _staves(config, work)

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (layers, T, T) |d loss_t / d h_s|, h the stream after a block, and (T, T) |d loss_t / d x_s|.

        NaN where s >= t. Row t of dlogits (T, V) is the gradient of loss t at the logits after token t - 1; row 0 is
        unused.
        """
        model, config, T = self._model, self._model.config, len(dlogits)
        hidden, inputs = np.full((config.layers, T, T), np.nan, np.float32), np.full((T, T), np.nan, np.float32)
        model.pack_backward()
        rows = np.ascontiguousarray(dlogits, np.float32)
        scratch = TransformerWorkspace.of(config, T, 1).arrays
        for t in range(1, T):
            for kept, spoilt in zip(self._work[:SPOILT], scratch[:SPOILT], strict=True):
                np.copyto(spoilt[:, :t], kept[:, :t])
            work = scratch._replace(dtop=scratch.dtop[:t])
            look_reach(rows[t : t + 1], model.packed.weights, work, config.heads, hidden, inputs)
        return hidden, inputs


def _staves(config: ModelConfig, work: Activations) -> tuple[Stave, ...]:
    """Return the norms of q, k, v per head, (T, heads), and of the stream at each block boundary, (T, layers + 1)."""
    C, T = config.hidden, work.x.shape[1]
    stream = np.ascontiguousarray(_norms(work.x[::2, :, :C]).T)
    staves = []
    for n in range(config.layers):
        for place, name in enumerate(("q", "k", "v")):
            heads = work.qkv[n, :, place * C : (place + 1) * C].reshape(T, config.heads, -1)
            staves.append(Stave(name, n, _norms(heads), False, math.inf, gate=False))
        staves.append(Stave("stream", n, stream, False, math.inf, gate=False))
    return tuple(staves)


def _norms(vectors: F32) -> F32:
    """Return the Euclidean norms over the last axis."""
    with np.errstate(invalid="ignore", over="ignore"):  # show a diverged model without warnings
        norms: F32 = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=-1)).astype(np.float32)
    return norms
