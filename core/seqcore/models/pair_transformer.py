"""A transformer's encoder and decoder for pairs of sequences (Vaswani et al. 2017, pre-norm).

    source tokens -> E + positions -> blocks, unmasked -> norm = the memory
    <end> and target tokens -> E + positions -> blocks with attention over the memory -> norm -> head -> losses

Scores of pairs have the shapes and the masks that `models.pairs` describes; the context limits the symbols of a source,
and those of a target. Positions count from the first symbol of the source, and from the bar. Inside, there are only the
rows of symbols and targets, pair by pair: see `pair_layout`. The parameters are listed in `pair_transformer_weights`,
the equations in `layers.decoder`.

Dropout acts as in `models.transformer`; the stages of the decoder are numbered after those of the encoder.
"""

import math
from collections.abc import Iterator

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.config import ModelConfig
from seqcore.data.score_layout import bar_of
from seqcore.errors import SeqError
from seqcore.gemm import padded
from seqcore.layers.block import Activations, Masks
from seqcore.layers.decoder import BRANCHES, CrossActivations, PairActivations
from seqcore.layers.dropout import dropout_key
from seqcore.layers.pair_stack import pair_blocks
from seqcore.layers.stack import embedding_backward
from seqcore.models.clocked import Clocked
from seqcore.models.pair_layout import PairLayout, Rows, most_chunks
from seqcore.models.pair_transformer_weights import PackedPairs, initial, shapes
from seqcore.models.stack_gradient import StackGradient
from seqcore.models.teaching import PLAIN, Teaching
from seqcore.models.transformer import NO_MASKS, workspace_shapes
from seqcore.outer import outer_sum
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Targets
from seqcore.team import team

__all__ = ["PairTransformer", "PairTransformerWorkspace", "initial", "shapes"]

LINE = 16  # elements of a cache line, on which every array begins


def _shapes(config: ModelConfig, M: int, N: int, chunks: int, backward: bool) -> list[dict[str, tuple[int, ...]]]:
    """Return the shapes for M rows of sources and N of targets: encoder, decoder, and attention between them."""
    C, kept = config.hidden, config.layers if backward else 1
    return [
        workspace_shapes(config, 2, M, 0, chunks, backward),
        workspace_shapes(config, BRANCHES, N, config.logits, chunks, backward),
        {
            "q": (kept, N, padded(C)),
            "kv": (kept, M, padded(2 * C)),
            "peaks": (kept, N, 2 * config.heads),
            "y": (kept, N, C),
        },
    ]


def _size(parts: list[dict[str, tuple[int, ...]]]) -> int:
    """Return the elements of arrays that begin on cache lines."""
    return sum(-(-math.prod(shape) // LINE) * LINE for part in parts for shape in part.values())


class PairTransformerWorkspace:
    """The arrays of a pass over (T, B) timesteps, or fewer, wherever the bar is: one buffer, divided anew each time."""

    def __init__(self, config: ModelConfig, T: int, B: int, backward: bool) -> None:
        self.config, self.rows, self.backward = config, B, backward
        self.buffer = zeros(self.size(config, T, B, backward))
        self.spread = zeros(0 if backward else T * B, padded(config.logits))
        none = Rows.of(np.zeros((0, B), np.bool_))
        self.layout = PairLayout(none, none, np.zeros(1, np.int64))
        self.arrays: PairActivations | None = None

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "PairTransformerWorkspace":
        """Allocate zeroed arrays."""
        return PairTransformerWorkspace(config, T, B, backward)

    @staticmethod
    def size(config: ModelConfig, T: int, B: int, backward: bool) -> int:
        """Return the most elements that the arrays of T * B rows have: all are of sources, or all are of targets."""
        M, chunks = T * B, most_chunks(T, B)
        return max(_size(_shapes(config, M, 0, chunks, backward)), _size(_shapes(config, 0, M, chunks, backward))) + (
            LINE * sum(map(len, _shapes(config, 0, 0, 0, backward)))
        )

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """Return the bytes that `of` will allocate."""
        spread = 0 if backward else T * B * padded(config.logits)
        return 4 * (PairTransformerWorkspace.size(config, T, B, backward) + spread)

    def divide(self, layout: PairLayout) -> PairActivations:
        """Return the arrays for a layout, with arbitrary contents."""
        at, parts = 0, []
        chunks = layout.chunks.size - 1
        for named in _shapes(self.config, layout.source.size, layout.target.size, chunks, self.backward):
            made = {}
            for name, shape in named.items():
                size = math.prod(shape)
                made[name] = self.buffer[at : at + size].reshape(shape)
                at += -(-size // LINE) * LINE
            parts.append(made)
        encoder, decoder, cross = parts
        self.layout = layout
        self.arrays = PairActivations(Activations(**encoder), Activations(**decoder), CrossActivations(**cross))
        return self.arrays

    def reset(self, rows: slice = slice(None)) -> None:
        """Do nothing: every batch starts without state."""

    def carry(self) -> None:
        """Do nothing: no state is carried from one batch to the next."""

    def scores(self, T: int) -> F32:
        """Return the logits, or numbers in their order, (T, B, padded K), of a workspace for evaluation.

        Meaningless where there is no target.
        """
        if self.arrays is not None:
            self.spread[self.layout.target.places] = self.arrays.decoder.logits
        return self.spread[: T * self.rows].reshape(T, self.rows, -1)

    def state(self) -> dict[str, F32]:
        """Return nothing: no state is carried."""
        return {}


def activations(config: ModelConfig, S: int, U: int) -> PairActivations:
    """Return zeroed arrays for one pair, with everything that a backward pass needs."""
    encoder, decoder, cross = (
        {name: zeros(*shape) for name, shape in part.items()} for part in _shapes(config, S, U, 0, True)
    )
    return PairActivations(Activations(**encoder), Activations(**decoder), CrossActivations(**cross))


class PairTransformer:
    """The model over one parameter buffer and one gradient buffer. Parallel: only for the training thread."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        self.packed = PackedPairs(config, parameters)
        self._encoder, self._decoder = (
            StackGradient(self.gradient, names, config.hidden, config.bias)
            for names in (self.packed.encoder, self.packed.decoder)
        )

    def pack(self, backward: bool = True) -> None:
        """Repack the current parameters; call once after every change."""
        self.packed.pack(backward)

    def work_per_token(self) -> float:
        """Return the floating-point operations per timestep, source or target: the mean of encoder and decoder.

        6 per weight used in a product; without those of q k and A v, which depend on the lengths.
        """
        named = self.parameters.shapes
        return 3.0 * sum(math.prod(s) for name, s in named.items() if len(s) == 2 and "embedding." not in name)

    def losses(self, inputs: I32, targets: Targets, work: PairTransformerWorkspace) -> F32:
        """Return the loss at every position, (T, B), without dropout or gradients; NaN where masked."""
        return self._run(inputs, targets, work, NO_MASKS, 0.0, False)

    def losses_and_gradient(
        self,
        inputs: I32,
        targets: Targets,
        work: PairTransformerWorkspace,
        seed: int = 0,
        step: int = 0,
        teaching: Teaching = PLAIN,
    ) -> F32:
        """Return the loss at every position, (T, B); `gradient` receives that of the mean over unmasked positions."""
        masks, places = NO_MASKS, range((2 + BRANCHES) * self.config.layers + 2)
        if self.config.dropout:
            masks = np.array([dropout_key(seed, step, place) for place in places], np.uint32)
        losses = self._run(inputs, targets, work, masks, teaching.smoothing, True)
        self._backward_weights(inputs, work)
        return losses

    def _run(
        self,
        inputs: I32,
        targets: Targets,
        work: PairTransformerWorkspace,
        masks: Masks,
        smoothing: float,
        backward: bool,
    ) -> F32:
        """Run all blocks and the head, and the backward pass if `backward`; returns the losses (T, B)."""
        S = bar_of(inputs, self.config.vocabulary_size)
        layout = PairLayout.of(inputs, targets, S)
        self._check(layout)
        arrays = work.divide(layout)
        source, target = layout.source, layout.target
        wanted = target.values(targets)
        scale = 1 / max(1, int(np.count_nonzero(wanted >= 0)))
        pair_blocks(
            source.starts, target.starts, layout.chunks, source.values(inputs), self._symbols(inputs, target), wanted,
            self.packed.weights, arrays, self.config.heads, masks, self.config.dropout, np.float32(scale),
            np.float32(smoothing), backward, team(),
        )  # fmt: skip
        losses = np.full(targets.shape, np.nan, np.float32)
        losses.reshape(-1)[target.places] = arrays.decoder.losses
        return losses

    def _symbols(self, inputs: I32, target: Rows) -> I32:
        """Return what the decoder reads, its symbols numbered from 0."""
        return target.values(inputs) - np.int32(self.config.vocabulary_size)

    def _check(self, layout: PairLayout) -> None:
        """Raise SeqError if a pair is longer than the context."""
        check_lengths(self.config, layout.source.longest, layout.target.longest - 1)

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`."""
        yield Clocked(self, "pack", "pack")
        yield Clocked(self, "_run", "forward and back")
        yield Clocked(self, "_backward_weights", "weight gradients")

    def _backward_weights(self, inputs: I32, work: PairTransformerWorkspace) -> None:
        """Compute all gradients from what the backward pass left in the workspace."""
        g, layout, arrays = self.gradient, work.layout, work.arrays
        if not layout.source.size or not layout.target.size:
            g.flat[:] = 0
        if arrays is None or not layout.target.size:
            return
        encoder, decoder, cross = arrays
        self._decoder.compute(decoder)
        self._backward_cross(encoder, decoder, cross)
        outer_sum(decoder.normed[-1], decoder.logits, g["head.W_hy"])
        symbols = self._symbols(inputs, layout.target)
        self._backward_embedding("decoder.embedding", layout.target, symbols, decoder.x[0])
        if layout.source.size:
            self._encoder.compute(encoder)
            self._backward_embedding("embedding", layout.source, layout.source.values(inputs), encoder.x[0])

    def _backward_cross(self, encoder: Activations, decoder: Activations, cross: CrossActivations) -> None:
        """Compute the gradients of the attention over the memory."""
        g, out = self.gradient, decoder.dropped if self.config.dropout else decoder.x
        for n in range(self.config.layers):
            prefix, s = f"decoder.{n}.cross", BRANCHES * n + 1
            biases = [g[f"{prefix}.{name}"] if self.config.bias else NO_VECTOR for name in ("b_q", "b_kv", "b_o")]
            outer_sum(decoder.normed[s], cross.q[n], g[f"{prefix}.W_q"], biases[0])
            if len(cross.kv[n]):
                outer_sum(encoder.normed[-1], cross.kv[n], g[f"{prefix}.W_kv"], biases[1])
            outer_sum(cross.y[n], out[s + 1], g[f"{prefix}.W_o"], biases[2])

    def _backward_embedding(self, name: str, rows: Rows, symbols: I32, dx: F32) -> None:
        """Compute the gradient of an embedding and of its learned positions."""
        dP = self.gradient[f"{name}.P"] if self.config.positions == "learned" else NO_MATRIX
        embedding_backward(rows.starts, symbols, dx, self.gradient[f"{name}.E"], dP, True, team())


def check_lengths(config: ModelConfig, source: int, target: int) -> None:
    """Raise SeqError if the symbols of a source or a target are more than the context."""
    for name, length in (("source", source), ("target", target)):
        if length > config.context:
            raise SeqError(
                f"a {name} of {length:,} symbols: must not exceed the context length of the model, {config.context:,}"
            )
