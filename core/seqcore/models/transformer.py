"""A causal transformer, as in nanoGPT: tokens or real values in, a loss per position and all gradients out.

    tokens -> E + positions -> dropout -> L blocks -> norm -> head -> losses

Shapes: tokens and targets (T, B) int32, time first, T at most `context`; a target of -1 is masked. Real inputs are
(T, B, D) float32, real targets (T, B, K) float32, masked where NaN. Inside, rows are batch first. The parameters are
listed in `transformer_weights`, the equations in `layers.block`.

Dropout acts on the residual stream: on the embedding (stage 0) and on the output of each branch (stages 2l+1 and 2l+2
of block l), but not on the attention weights. Its keys are `layers.dropout.dropout_key(seed, step, stage)`, with rows
counted batch first.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import NO_INDEX, NO_MATRIX, flat, unmasked, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.block import ROWS, Activations, Masks
from seqcore.layers.dropout import dropout_key
from seqcore.layers.stack import blocks, embedding_backward
from seqcore.models.clocked import Clocked
from seqcore.models.stack_gradient import StackGradient
from seqcore.models.teaching import PLAIN, Teaching
from seqcore.models.transformer_weights import PackedWeights, initial, shapes
from seqcore.outer import outer_sum
from seqcore.parameters import Parameters
from seqcore.records import F32, I64, Inputs, Targets
from seqcore.team import team

__all__ = ["Transformer", "TransformerWorkspace", "initial", "shapes", "workspace_bytes"]

NO_MASKS = np.zeros(0, np.uint32)


def workspace_shapes(
    config: ModelConfig, branches: int, M: int, K: int, chunks: int, backward: bool
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays of a stack, see `layers.block.Activations`; K logits, 0 for none."""
    C, L, width = config.hidden, config.layers, padded(config.hidden)
    stages = branches * L + 1
    kept, few, two = (L, stages, stages) if backward else (1, 1, 2)
    return {
        "x": (two, M, width),
        "normed": (few, M, C),
        "stats": (few, M, 2),
        "qkv": (kept, M, padded(3 * C)),
        "peaks": (kept, M, 2 * config.heads),
        "y": (kept, M, C),
        "slope": (kept, M, padded(4 * C)),
        "u": (kept, M, 4 * C),
        "logits": (M if K else 0, padded(K)),
        "losses": (M if K else 0,),
        "dtop": (M if backward else 0, width),
        "dropped": (stages, M, width) if config.dropout and backward else (0, 0, 0),
        "dscales": (chunks if backward else 0, stages * 2 * C),
    }


def _shapes(config: ModelConfig, T: int, B: int, backward: bool) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a workspace's arrays, by name; see `layers.block`."""
    M = T * B
    return workspace_shapes(config, 2, M, config.logits, -(-M // (max(1, ROWS // T) * T)), backward)


def workspace_bytes(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
    """Return the bytes that `TransformerWorkspace.of` will allocate: linear in T, B and hidden."""
    return 4 * sum(math.prod(shape) for shape in _shapes(config, T, B, backward).values())


@dataclass
class TransformerWorkspace:
    """The arrays of one pass over (T, B) tokens."""

    arrays: Activations

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "TransformerWorkspace":
        """Allocate zeroed arrays; in a forward-only workspace, all blocks share the arrays of one."""
        named = _shapes(config, T, B, backward)
        return TransformerWorkspace(Activations(**{name: zeros(*shape) for name, shape in named.items()}))

    def reset(self, rows: slice = slice(None)) -> None:
        """Do nothing: every window starts without state."""

    def carry(self) -> None:
        """Do nothing: no state is carried from one window to the next."""

    def scores(self, T: int) -> F32:
        """Return the logits, or numbers in their order, or the values, of the last pass: (T, B, padded K)."""
        logits = self.arrays.logits
        return logits.reshape(-1, T, logits.shape[1]).transpose(1, 0, 2)

    def state(self) -> dict[str, F32]:
        """Return an empty dict: no state is carried."""
        return {}


class Transformer:
    """The model over one parameter buffer and one gradient buffer. Parallel: only for the training thread."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        self.packed = PackedWeights(config, parameters, self.gradient)
        self._stack = StackGradient(self.gradient, self.packed.names, config.hidden, config.bias)

    def work_per_token(self) -> float:
        """Return the floating-point operations per training token.

        6 per weight used in a product, and 12 C per block for each pair of a timestep and an earlier one (or itself):
        q k and A v forward, twice that backward.
        """
        C, L, pairs = self.config.hidden, self.config.layers, (self.config.context + 1) / 2
        return 6.0 * (L * 12 * C * C + C * (self.config.logits + self.config.inputs)) + L * pairs * 12 * C

    def pack(self, backward: bool = True) -> None:
        """Repack the current parameters; call once after every change."""
        self.packed.pack(backward)

    def losses(self, inputs: Inputs, targets: Targets, work: TransformerWorkspace) -> F32:
        """Return the loss at every position, (T, B), without dropout or gradients; NaN where masked."""
        return self._run(batch_first(inputs), targets, work, NO_MASKS, 1.0, 0.0, False)

    def losses_and_gradient(
        self,
        inputs: Inputs,
        targets: Targets,
        work: TransformerWorkspace,
        seed: int = 0,
        step: int = 0,
        teaching: Teaching = PLAIN,
    ) -> F32:
        """Return the loss at every position, (T, B); `gradient` receives that of the mean over unmasked positions."""
        rows, masks, places = batch_first(inputs), NO_MASKS, range(2 * self.config.layers + 1)
        if self.config.dropout:
            masks = np.array([dropout_key(seed, step, place) for place in places], np.uint32)
        scale = 1 / max(1, int(np.count_nonzero(unmasked(targets))))
        losses = self._run(rows, targets, work, masks, scale, teaching.smoothing, True)
        self._backward_weights(work.arrays)
        self._backward_embedding(rows, starts_of(*inputs.shape[:2]), work.arrays)
        return losses

    def _run(
        self,
        rows: Inputs,
        targets: Targets,
        work: TransformerWorkspace,
        masks: Masks,
        scale: float,
        smoothing: float,
        backward: bool,
    ) -> F32:
        """Run all blocks and the head, and the backward pass if `backward`; returns the losses (T, B).

        `rows` are the inputs batch first, (M,) or (M, D).
        """
        T, B = targets.shape[:2]
        wanted = batch_first(targets)
        symbols, values = (NO_INDEX, wanted) if self.config.values else (wanted, NO_MATRIX)
        tokens = rows
        if self.packed.entry is not None:
            self.packed.entry.forward(rows, work.arrays.x[0])
            tokens = NO_INDEX
        blocks(
            starts_of(T, B), max(1, ROWS // T), tokens, symbols, values, self.packed.weights, work.arrays,
            self.config.heads, masks, self.config.dropout, np.float32(scale), np.float32(smoothing), backward, team(),
        )  # fmt: skip
        return np.ascontiguousarray(work.arrays.losses.reshape(B, T).T)

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`.

        Forward, head and backward are one phase: each chunk of rows runs through all three in one call.
        """
        yield Clocked(self, "pack", "pack")
        yield Clocked(self, "_run", "forward and back")
        yield Clocked(self, "_backward_weights", "weight gradients")
        yield Clocked(self, "_backward_embedding", "weight gradients")

    def _backward_weights(self, work: Activations) -> None:
        """Compute the gradients of the blocks and norms."""
        self._stack.compute(work)

    def _backward_embedding(self, rows: Inputs, starts: I64, work: Activations) -> None:
        """Compute the gradients of the head, of the embedding (one matrix if tied) and of learned positions.

        For real inputs, those of their product in place of the embedding's.
        """
        g, top, tied = self.gradient, work.normed[-1], self.config.tied
        if tied:
            outer_sum(work.logits, top, g["embedding.E"])
        else:
            outer_sum(top, work.logits, g["head.W_hy"])
        dP = g["embedding.P"] if self.config.positions == "learned" else NO_MATRIX
        entry = self.packed.entry
        if entry is None:
            embedding_backward(starts, rows, work.x[0], g["embedding.E"], dP, not tied, team())
            return
        entry.backward_weights(rows, work.x[0])
        if dP.size:
            embedding_backward(starts, NO_INDEX, work.x[0], self.packed.weights.E, dP, False, team())


def batch_first(array: Inputs | Targets) -> Inputs:
    """Return an array (T, B, ...) as rows m = b T + t, (M, ...)."""
    return flat(np.ascontiguousarray(array.swapaxes(0, 1)))


def starts_of(T: int, B: int) -> I64:
    """Return the first row of each of B sequences of T timesteps, and the number of rows, (B + 1,)."""
    return np.arange(B + 1) * T
