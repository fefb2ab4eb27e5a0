"""A feed-forward model (Bengio et al. 2003): a window of tokens or values, one hidden layer, a loss per position.

    window of embeddings -> input product -> tanh -> dropout -> head -> losses

The baseline for recurrence and attention: its context is limited to the window. The direct connections from the
embeddings to the output are left out; the paper found that they do not improve generalisation.

Shapes: tokens and targets (T, B) int32, time first; a target of -1 is masked. Real inputs are (T, B, D) float32, zero
before the first; real targets (T, B, K) float32, masked where NaN. Parameters, with n the context, I the width of the
input and K the number of logits or values:

    embedding.E (V + 1, I), row V for "nothing before"; for tokens      layers.0.W_xh (n I, H)   layers.0.b (H,)
    head.W_hy (H, K)    head.b_y (K,)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import NO_MATRIX, flat, unmasked, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.dropout import dropout, dropout_key
from seqcore.layers.heads import head_of
from seqcore.layers.linear import Linear
from seqcore.layers.tanh import tanh_backward, tanh_forward
from seqcore.layers.window import Window
from seqcore.models.clocked import Clocked
from seqcore.models.teaching import PLAIN, Teaching
from seqcore.packing import packs
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Inputs, Targets
from seqcore.team import team


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    V, K, H, width = config.vocabulary_size, config.logits, config.hidden, config.input_width
    return ({} if config.inputs else {"embedding.E": (V + 1, width)}) | {
        "layers.0.W_xh": (config.context * width, H),
        "layers.0.b": (H,),
        "head.W_hy": (H, K),
        "head.b_y": (K,),
    }


def initial(config: ModelConfig, seed: int) -> Parameters:
    """Initialise as PyTorch does: uniform in +-1/sqrt(inputs) for both linear layers, a standard normal embedding."""
    parameters = Parameters(shapes(config))
    draw = np.random.default_rng(seed)
    for name, view in parameters.items():
        if name == "embedding.E":
            view[:] = draw.standard_normal(view.shape)
            continue
        inputs = config.hidden if name.startswith("head") else config.context * config.input_width
        view[:] = draw.uniform(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs), view.shape)
    return parameters


@dataclass
class FeedForwardWorkspace:
    """The arrays of one pass over (T, B) timesteps."""

    nothing: int  # the token id that means "nothing before"; 0 for real inputs
    context: F32  # (B, n - 1) the tokens before the first timestep, oldest first; exact as float32. Real: (B, n - 1, D)
    tokens: I32  # (n - 1 + T, B) `context`, then the batch; real inputs: 0, 1, 2, ..., the rows of `values`
    values: F32  # ((n - 1 + T) * B, D) real inputs, `context` first; empty for tokens
    x: F32  # (T * B, n I)
    dx: F32  # (T * B, padded n I); empty for a forward-only workspace
    z: F32  # (T * B, padded H)
    h: F32  # (T * B, H)
    dropped: F32  # (T * B, H), or empty
    dh: F32  # (T * B, padded H); empty for a forward-only workspace
    logits: F32  # (T * B, padded K); dlogits after a backward pass
    losses: F32  # (T * B,)

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """Return the bytes that `of` will allocate: linear in T, B and H."""
        M, n, H, x = T * B, config.context, config.hidden, config.context * config.input_width
        back = padded(H) + (0 if config.inputs else padded(x)) if backward else 0
        dropped = H if config.dropout and backward else 0
        row = x + padded(H) + H + dropped + back + padded(config.logits) + 1
        return 4 * (M * row + (n - 1) * B * max(1, config.inputs) + (M + (n - 1) * B) * (1 + config.inputs))

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "FeedForwardWorkspace":
        """Allocate zeroed arrays with an empty context."""
        M, n, H, x = T * B, config.context, config.hidden, config.context * config.input_width
        back, drops = (M if backward else 0), (M if config.dropout and backward else 0)
        D, places = config.inputs, (n - 1 + T) * B
        context = zeros(B, n - 1, D) if D else zeros(B, n - 1)
        context[:] = config.vocabulary_size
        tokens = np.zeros((n - 1 + T, B), np.int32)
        if D:
            tokens.flat[:] = np.arange(places)
        return FeedForwardWorkspace(
            nothing=config.vocabulary_size,
            context=context,
            tokens=tokens,
            values=zeros(places if D else 0, D),
            x=zeros(M, x),
            dx=zeros(0 if D else back, padded(x)),
            z=zeros(M, padded(H)),
            h=zeros(M, H),
            dropped=zeros(drops, H),
            dh=zeros(back, padded(H)),
            logits=zeros(M, padded(config.logits)),
            losses=zeros(M),
        )

    @property
    def _read(self) -> Inputs:
        """What is read, (n - 1 + T, B) or (n - 1 + T, B, D): a view of `tokens` or `values`."""
        return self.values.reshape(*self.tokens.shape, -1) if self.values.size else self.tokens

    def take(self, inputs: Inputs) -> None:
        """Fill `tokens` or `values` with the context followed by the batch's inputs."""
        before, read = self.context.shape[1], self._read
        read[:before] = self.context.swapaxes(0, 1)
        read[before:] = inputs

    def reset(self, rows: slice = slice(None)) -> None:
        """Clear the context of those rows of the batch."""
        self.context[rows] = self.nothing

    def carry(self) -> None:
        """Make the last inputs the context of the next batch."""
        self.context[:] = self._read[len(self.tokens) - self.context.shape[1] :].swapaxes(0, 1)

    def scores(self, T: int) -> F32:
        """Return the logits, or numbers in their order, or the values, of the last pass: (T, B, padded K)."""
        return self.logits.reshape(T, -1, self.logits.shape[1])

    def state(self) -> dict[str, F32]:
        """Return the carried state: the context."""
        return {"context": self.context}


class FeedForward:
    """The layers over one parameter buffer and one gradient buffer. Parallel: only for the training thread."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        p, g = parameters, self.gradient
        E, dE = (NO_MATRIX, NO_MATRIX) if config.inputs else (p["embedding.E"], g["embedding.E"])
        self.window = Window(E, dE, config.context)
        self.input = Linear(p["layers.0.W_xh"], p["layers.0.b"], g["layers.0.W_xh"], g["layers.0.b"])
        self.head = head_of(config, p["head.W_hy"], p["head.b_y"], g["head.W_hy"], g["head.b_y"])
        self._packs = packs(p.flat, self.input, self.head.linear)

    def pack(self, backward: bool = True) -> None:
        """Repack the current parameters; call once after every change."""
        self._packs.pack(back=backward)

    def work_per_token(self) -> float:
        """Return the floating-point operations per training token: 6 per weight used in a product."""
        config = self.config
        return 6.0 * config.hidden * (config.context * config.input_width + config.logits)

    def _forward(self, inputs: Inputs, work: FeedForwardWorkspace, key: tuple[int, int] | None) -> F32:
        """Run the layers and return the head's input, (T * B, H). `key` (seed, step) seeds the dropout; None: none."""
        work.take(inputs)
        self.window.forward(work.tokens, work.x, work.values)
        self.input.forward(work.x, work.z)
        tanh_forward(work.z, work.h, team())
        if self.config.dropout and key is not None:
            dropout(work.h, work.dropped, self.config.hidden, self.config.dropout, dropout_key(*key, 0))
            return work.dropped
        return work.h

    def losses(self, inputs: Inputs, targets: Targets, work: FeedForwardWorkspace) -> F32:
        """Return the loss at every position, (T, B), without dropout or gradients; NaN where masked."""
        h = self._forward(inputs, work, None)
        self.head.forward(h, flat(targets), 1.0, work.logits, work.losses, None)
        return work.losses.reshape(targets.shape[:2])

    def losses_and_gradient(
        self,
        inputs: Inputs,
        targets: Targets,
        work: FeedForwardWorkspace,
        seed: int = 0,
        step: int = 0,
        teaching: Teaching = PLAIN,
    ) -> F32:
        """Return the loss at every position, (T, B); `gradient` receives that of the mean over unmasked positions."""
        key, rate = (seed, step), self.config.dropout
        h = self._forward(inputs, work, key)
        scale = 1 / max(1, int(np.count_nonzero(unmasked(targets))))
        self.head.forward(h, flat(targets), scale, work.logits, work.losses, work.dh, teaching.smoothing)
        self.head.backward(h, work.logits)
        if rate:
            dropout(work.dh, work.dh, self.config.hidden, rate, dropout_key(*key, 0))
        tanh_backward(work.h, work.dh, team())
        self.input.backward_weights(work.x, work.dh)
        if not self.config.inputs:
            self.input.backward_input(work.dh, work.dx)
            self.window.backward(work.tokens, work.dx)
        return work.losses.reshape(targets.shape[:2])

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`."""
        yield Clocked(self, "pack", "pack")
        yield Clocked(self.window, "forward", "table")
        yield Clocked(self.window, "backward", "table")
        yield Clocked(self.input, "forward", "forward")
        yield Clocked(self.input, "backward_input", "backward")
        yield Clocked(self.input, "backward_weights", "weight gradients")
        yield Clocked(self.head, "forward", "head")
        yield Clocked(self.head, "backward", "weight gradients")
