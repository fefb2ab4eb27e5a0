"""A causal transformer language model, as nanoGPT has it: tokens in, a loss per place and all gradients out.

    tokens -> E + positions -> dropout -> L blocks -> norm -> head -> losses

Shapes: tokens and targets (T, B) int32, time first, T at most `context`; a target of -1 is masked. Inside, rows are
batch first. The parameters are listed in `transformer_weights`, the equations stand in `layers.block`.

Dropout acts on the residual stream: on the embedding (place 0) and on the output of each branch (places 2l+1 and 2l+2
of block l), and not on the attention weights. The keys of `layers.dropout` are dropout_key(seed, step, place), with
rows counted batch first.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import NO_MATRIX, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.jit import TEAM
from seqcore.layers.block import ROWS, Activations, Masks
from seqcore.layers.dropout import dropout_key
from seqcore.layers.embedding import column_sums
from seqcore.layers.stack import blocks, blocks_weights, embedding_backward
from seqcore.models.clocked import Clocked
from seqcore.models.transformer_weights import BIASES, PackedWeights, initial, norm_names, shapes
from seqcore.outer import outer_sum
from seqcore.parameters import Parameters
from seqcore.records import F32, I32

__all__ = ["Transformer", "TransformerWorkspace", "initial", "shapes", "workspace_bytes"]

NO_MASKS = np.zeros(0, np.uint32)


def _shapes(config: ModelConfig, T: int, B: int, backward: bool) -> dict[str, tuple[int, ...]]:
    """The shapes of a workspace's arrays, by name; see `layers.block`."""
    C, L, M = config.hidden, config.layers, T * B
    width, kept = padded(C), L if backward else 1
    stages, few = (2 * L + 1, 2 * L + 1) if backward else (2, 1)
    chunks = -(-M // (max(1, ROWS // T) * T)) if backward else 0
    return {
        "x": (stages, M, width),
        "normed": (few, M, C),
        "stats": (few, M, 2),
        "qkv": (kept, M, padded(3 * C)),
        "peaks": (kept, M, 2 * config.heads),
        "y": (kept, M, C),
        "slope": (kept, M, padded(4 * C)),
        "u": (kept, M, 4 * C),
        "dtop": (M if backward else 0, width),
        "dropped": (2 * L + 1, M, width) if config.dropout and backward else (0, 0, 0),
        "dscales": (chunks, (2 * L + 1) * 2 * C),
        "logits": (M, padded(config.vocabulary_size)),
        "losses": (M,),
    }


def workspace_bytes(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
    """What `TransformerWorkspace.of` will allocate: linear in T, B and hidden."""
    return 4 * sum(math.prod(shape) for shape in _shapes(config, T, B, backward).values())


@dataclass
class TransformerWorkspace:
    """The arrays of one pass over (T, B) tokens."""

    arrays: Activations

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "TransformerWorkspace":
        """Zeroed arrays; for a forward pass alone one block's serve all blocks."""
        named = _shapes(config, T, B, backward)
        return TransformerWorkspace(Activations(**{name: zeros(*shape) for name, shape in named.items()}))

    def reset(self, rows: slice = slice(None)) -> None:
        """Nothing: every window starts from nothing."""

    def carry(self) -> None:
        """Nothing: no state goes from one window to the next."""

    def state(self) -> dict[str, F32]:
        """What is carried to the next step: nothing."""
        return {}


class Transformer:
    """The model over one parameter buffer and one gradient buffer. Parallel: for the training thread alone."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        self.packed = PackedWeights(config, parameters)
        L, C = config.layers, config.hidden
        begins = self.packed.starts
        names = ("W_proj", "W_fc", "W_qkv", "W_o")
        self._places = np.array([[begins[f"layers.{n}.{name}"] for name in names] for n in range(L)], np.int64)
        self._dscales = zeros(2 * L + 1, 2, C)
        self._dbiases = np.zeros_like(self.packed.weights.biases)

    def work_per_token(self) -> float:
        """Floating-point operations that one token of training needs.

        6 for each weight that is multiplied, and for each pair of a timestep and an earlier one (or itself) 12 C a
        block: q k and A v forward, twice that back.
        """
        C, L, pairs = self.config.hidden, self.config.layers, (self.config.context + 1) / 2
        return 6.0 * (L * 12 * C * C + C * self.config.vocabulary_size) + L * pairs * 12 * C

    def pack(self, backward: bool = True) -> None:
        """Read the parameters as they are now; once after every change of them."""
        self.packed.pack(backward)

    def losses(self, tokens: I32, targets: I32, work: TransformerWorkspace) -> F32:
        """The loss at every place, (T, B), without dropout and gradients; NaN where masked."""
        return self._run(batch_first(tokens), targets, work, NO_MASKS, 1.0, False)

    def losses_and_gradient(
        self, tokens: I32, targets: I32, work: TransformerWorkspace, seed: int = 0, step: int = 0
    ) -> F32:
        """The loss at every place, (T, B), and in `gradient` that of their mean over the places not masked."""
        rows, masks, places = batch_first(tokens), NO_MASKS, range(2 * self.config.layers + 1)
        if self.config.dropout:
            masks = np.array([dropout_key(seed, step, place) for place in places], np.uint32)
        scale = 1 / max(1, int(np.count_nonzero(targets >= 0)))
        losses = self._run(rows, targets, work, masks, scale, True)
        self._backward_weights(work.arrays)
        self._backward_embedding(rows, len(tokens), work.arrays)
        return losses

    def _run(
        self, rows: I32, targets: I32, work: TransformerWorkspace, masks: Masks, scale: float, backward: bool
    ) -> F32:
        """All blocks and the head, and back where `backward`; returns the losses (T, B)."""
        T, B = targets.shape
        blocks(
            rows, batch_first(targets), self.packed.weights, work.arrays, T, self.config.heads, masks,
            self.config.dropout, np.float32(scale), backward, TEAM,
        )  # fmt: skip
        return np.ascontiguousarray(work.arrays.losses.reshape(B, T).T)

    def clocked(self) -> Iterator[Clocked]:
        """What a benchmark measures apart, see `Clocked`: a chunk goes forward, through the head and back in one go."""
        yield Clocked(self, "pack", "pack")
        yield Clocked(self, "_run", "forward and back")
        yield Clocked(self, "_backward_weights", "weight gradients")
        yield Clocked(self, "_backward_embedding", "weight gradients")

    def _backward_weights(self, work: Activations) -> None:
        """The gradients of the blocks' matrices and biases, each one product over all rows, and of the norms."""
        g, L = self.gradient, self.config.layers
        blocks_weights(work, g.flat, self._places, self._dbiases, TEAM)
        column_sums(work.dscales, self._dscales.reshape(-1))
        for scale, name in zip(self._dscales, norm_names(L), strict=True):
            g[f"{name}.g"][:] = scale[0]
            if self.config.bias:
                g[f"{name}.b"][:] = scale[1]
        for n, row in enumerate(self._dbiases):
            at = 0
            for name in BIASES if row.size else ():
                to = g[f"layers.{n}.{name}"]
                to[:] = row[at : at + to.size]
                at += to.size

    def _backward_embedding(self, rows: I32, T: int, work: Activations) -> None:
        """The gradients of the head, of the embedding, whose matrix may be the same, and of learned positions."""
        g, top, tied = self.gradient, work.normed[-1], self.config.tied
        if tied:
            outer_sum(work.logits, top, g["embedding.E"])
        else:
            outer_sum(top, work.logits, g["head.W_hy"])
        dP = g["embedding.P"] if self.config.positions == "learned" else NO_MATRIX
        embedding_backward(rows, work.x[0], g["embedding.E"], dP, T, not tied, TEAM)


def batch_first(array: I32) -> I32:
    """(T, B) as rows m = b T + t, (M,)."""
    return np.ascontiguousarray(array.T).reshape(-1)
