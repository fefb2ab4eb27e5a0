"""A transformer for pairs on one thread, on its own copy of the parameters: for decoding and inspection.

The score of a pair (T,) has S source symbols, numbered from 0, and then what the decoder reads, numbered from V on. The
decoder keeps q, k and v of what it has read, and k and v of the source in each of its blocks.
"""

import math
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.decoder import BRANCHES, PairActivations
from seqcore.layers.pair_look import encode_source, look_pair, look_pair_backward, pair_reach, pair_shares, read_symbol
from seqcore.models.pair_transformer import activations, check_lengths
from seqcore.models.pair_transformer_weights import PackedPairs, shapes
from seqcore.models.serial_weights import SerialBlocks, Unrecorded
from seqcore.models.transformer_serial import norms_of
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs, Stave


@dataclass
class PairTransformerState:
    """What the decoder has read, `length` symbols, and the source that it may look at."""

    kv: F32  # (L, S, padded 2C) keys and values of the source
    cache: F32  # (L, context + 1, padded 3C)
    weights: F32  # (S,) the mean over all blocks and heads of what attention looked at in the last step
    length: int = 0


class SerialPairTransformer(SerialBlocks[PackedPairs], Unrecorded):
    """A transformer for one pair at a time. Not thread-safe."""

    longest: int | None = None  # timesteps that `look` accepts: the context limits each side by itself

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.most: int | None = config.context + 1  # symbols that it can write, the end symbol among them
        self.parameters = Parameters(shapes(config))
        self.packed = PackedPairs(config, self.parameters)
        self._logits = zeros(1, padded(config.logits))
        if parameters is not None:
            self.load(parameters.flat)

    def initial_state(self) -> PairTransformerState:
        """Return the state after an empty source; `begin` reads one."""
        return self.begin(np.zeros(0, np.int32))

    def begin(self, source: Inputs) -> PairTransformerState:
        """Read a source (S,) and return the state before the decoder's first symbol.

        Raises SeqError if it is longer than the context.
        """
        config, S = self.config, len(source)
        check_lengths(config, S, 0)
        work = activations(config, S, 0)
        encode_source(source, self.packed.weights, work, config.heads)
        cache = zeros(config.layers, config.context + 1, padded(3 * config.hidden))
        return PairTransformerState(work.cross.kv, cache, np.zeros(S, np.float32))

    def fork(self, state: PairTransformerState) -> PairTransformerState:
        """Return a copy of a state; the source is shared."""
        cache = np.zeros_like(state.cache)
        cache[:, : state.length] = state.cache[:, : state.length]
        return PairTransformerState(state.kv, cache, state.weights, state.length)

    def read(self, token: int | F32, state: PairTransformerState) -> F32:
        """Read one of the K symbols and update `state`. Returns the logits (K,), valid until the next call.

        Raises SeqError after `most` symbols.
        """
        config = self.config
        check_lengths(config, 0, state.length)
        shares = zeros(config.layers, config.heads, state.kv.shape[1])
        symbol = np.array([int(token)], np.int32)
        read_symbol(symbol, state.length, self.packed.weights, state.cache, state.kv, self._logits, shares)
        state.weights, state.length = shares.mean(axis=(0, 1)), state.length + 1
        return self._logits[0, : config.logits]

    def look(self, inputs: Inputs) -> "PairTransformerLook":
        """Read the score of a pair (T,) and keep all intermediate results. The decoder reads one symbol at least.

        Raises SeqError if either side is too long.
        """
        V = self.config.vocabulary_size
        S = int(np.argmax(inputs >= V))
        source, symbols = np.ascontiguousarray(inputs[:S], np.int32), (inputs[S:] - V).astype(np.int32)
        check_lengths(self.config, S, len(symbols) - 1)
        work = activations(self.config, S, len(symbols))
        look_pair(source, symbols, self.packed.weights, work, self.config.heads)
        return PairTransformerLook(self, work)


class PairTransformerLook:
    """What the model computed for one pair, and the reach of its losses."""

    def __init__(self, model: SerialPairTransformer, work: PairActivations) -> None:
        config = model.config
        self.model, self.work = model, work
        self.bar, U = work.encoder.normed.shape[1], len(work.decoder.logits)  # S: the timesteps of the source
        T = self.bar + U
        self.logits = zeros(T, config.logits)  # zero up to the bar
        self.logits[self.bar :] = work.decoder.logits[:, : config.logits]
        self.attention: F32 | None = np.empty((config.layers, config.heads, T, T), np.float32)
        pair_shares(work, config.hidden, self.attention)
        self.staves = _staves(config, work)

    @property
    def handed(self) -> tuple[Stave, ...]:
        """None: the decoder starts without a state, and looks at the whole source."""
        return ()

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (layers, T, T) |d loss_t / d h_s| and (T, T) |d loss_t / d x_s|, NaN where s >= t.

        Row t of dlogits (T or T + 1, K) is the gradient of loss t at the logits of timestep t - 1; rows up to the bar
        are unused. h is the stream after a block, up to the bar that of the encoder, and x the embedded symbol.
        """
        model, S, R = self.model, self.bar, len(dlogits)
        hidden, inputs = np.full((model.config.layers, R, R), np.nan, np.float32), np.full((R, R), np.nan, np.float32)
        model.pack_backward()
        rows = np.ascontiguousarray(dlogits, np.float32)
        work = self._spare()
        for t in range(S + 1, R):
            self._restore(work)
            pair_reach(rows[t : t + 1], S, t - S - 1, model.packed.weights, work, model.config.heads, hidden, inputs)
        return hidden, inputs

    def gradients(self, dlogits: F32) -> PairActivations:
        """Return arrays in which x, qkv, slope and dtop, and q and kv of attention over the source, are gradients.

        Of all losses, from dlogits (U, K) at the decoder's logits; the encoder's dtop is that of the memory.
        """
        model, work = self.model, self._spare()
        model.pack_backward()
        self._restore(work)
        rows = np.ascontiguousarray(dlogits, np.float32)
        look_pair_backward(rows, self.bar, model.packed.weights, work, model.config.heads)
        return work

    def _spare(self) -> PairActivations:
        """Return the arrays with room of their own for what a backward pass overwrites."""
        parts = {part: getattr(self.work, part) for part in SPOILT}
        own = {
            part: arrays._replace(**{name: np.empty_like(getattr(arrays, name)) for name in SPOILT[part]})
            for part, arrays in parts.items()
        }
        return self.work._replace(**own)

    def _restore(self, work: PairActivations) -> None:
        """Copy what a backward pass reads and overwrites."""
        for part, names in SPOILT.items():
            for name in names:
                np.copyto(getattr(getattr(work, part), name), getattr(getattr(self.work, part), name))


# What a backward pass overwrites.
SPOILT = {
    "encoder": ("x", "qkv", "slope", "dtop"), "decoder": ("x", "qkv", "slope", "dtop"), "cross": ("q", "kv")
}  # fmt: skip


def _staves(config: ModelConfig, work: PairActivations) -> tuple[Stave, ...]:
    """Return the norms of q, k and v per head, (T, heads), and of the stream at each block boundary, (T, layers + 1).

    Up to the bar they are the encoder's. The attention over the source has a q in the decoder, and a k and v in the
    source.
    """
    C, L, heads = config.hidden, config.layers, config.heads
    S, U = work.encoder.normed.shape[1], len(work.decoder.logits)
    x, y, over = work.encoder, work.decoder, work.cross

    def by_head(rows: F32, place: int) -> F32:
        return norms_of(rows[:, place * C : (place + 1) * C].reshape(len(rows), heads, C // heads))

    stream = np.concatenate([norms_of(x.x[::2, :, :C]).T, norms_of(y.x[::BRANCHES, :, :C]).T])
    staves, none = [], np.full((max(S, U), heads), np.nan, np.float32)
    for n in range(L):
        parts = {
            name: (by_head(x.qkv[n], place), by_head(y.qkv[n], place)) for place, name in enumerate(("q", "k", "v"))
        }
        parts["source q"] = none[:S], by_head(over.q[n], 0)
        parts["source k"], parts["source v"] = ((by_head(over.kv[n], place), none[:U]) for place in (0, 1))
        staves += [Stave(name, n, np.concatenate(sides), False, math.inf, gate=False) for name, sides in parts.items()]
        staves.append(Stave("stream", n, stream, False, math.inf, gate=False))
    return tuple(staves)
