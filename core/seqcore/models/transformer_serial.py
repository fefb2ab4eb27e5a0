"""A transformer on one thread, on its own copy of the parameters: it writes texts and is looked at beside training.

See `seqcore.serial` for what all families have in common.
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

SPOILT = Activations._fields.index("slope") + 1  # of the arrays, the first ones: a backward pass reads or changes them


@dataclass
class TransformerState:
    """What was read: the tokens, and the rows of q, k and v of each block, (L, context, padded 3C)."""

    tokens: I32  # (context,), the first `length` of them
    cache: F32
    length: int = 0


class SerialTransformer:
    """Reads tokens one after another, or looks at a whole text. Not for two threads at once."""

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.longest: int | None = config.context  # tokens that `look` takes at most
        self.parameters = Parameters(shapes(config))
        self.packed = PackedWeights(config, self.parameters)
        self._logits = zeros(1, padded(config.vocabulary_size))
        self._packed_back = False
        if parameters is not None:
            self.load(parameters.flat)

    def load(self, flat: F32) -> None:
        """Take over the parameters (P,) as they are now."""
        self.parameters.flat[:] = flat
        self.packed.pack(backward=False, parallel=False)
        self._packed_back = False

    def pack_backward(self) -> None:
        """Pack the transposes too, which only a backward pass needs."""
        if not self._packed_back:
            self.packed.pack_backward_serial()
            self._packed_back = True

    def initial_state(self) -> TransformerState:
        """Before anything is read."""
        config = self.config
        cache = zeros(config.layers, config.context, padded(3 * config.hidden))
        return TransformerState(np.zeros(config.context, np.int32), cache)

    def read(self, token: int, state: TransformerState) -> F32:
        """Read one token; `state` moves on in place. Returns the logits of the next one, (V,), valid until the next.

        The model knows `context` places and no more. When they are taken, the last context // 2 tokens are read again
        as if nothing had come before them, and the text goes on from there.
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
        return self._logits[0, : self.config.vocabulary_size]

    def look(self, tokens: I32) -> "TransformerLook":
        """Everything about tokens (T,), 1 <= T <= context, read from nothing."""
        return TransformerLook(self, self.forward(tokens))

    def forward(self, tokens: I32) -> Activations:
        """All arrays of tokens (T,), read from nothing."""
        work = TransformerWorkspace.of(self.config, tokens.size, 1).arrays
        look_forward(tokens, self.packed.weights, work, self.config.heads)
        return work


class TransformerLook:
    """What is seen of one text: logits (T, V), staves, and attention (layers, heads, T, T), NaN where s > t."""

    def __init__(self, model: SerialTransformer, work: Activations) -> None:
        config, T = model.config, len(work.logits)
        self._model, self._work = model, work
        self.logits = work.logits[:, : config.vocabulary_size].copy()
        self.attention: F32 | None = np.empty((config.layers, config.heads, T, T), np.float32)
        attention_shares(work.qkv, config.hidden, self.attention)
        self.staves = _staves(config, work)

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """|d loss_t / d h_s| (layers, T, T), h the stream after a block, and |d loss_t / d x_s| (T, T); NaN for s >= t.

        Row t of dlogits (T, V) is the gradient of loss_t at the logits after token t - 1; row 0 is not used.
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
    """The norms of q, k and v by head, (T, heads), and of the stream at each place, (T, layers + 1)."""
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
    """The Euclidean norms over the last axis."""
    with np.errstate(invalid="ignore", over="ignore"):  # a model that diverged is shown as it is
        norms: F32 = np.sqrt(np.square(vectors, dtype=np.float64).sum(axis=-1)).astype(np.float32)
    return norms
