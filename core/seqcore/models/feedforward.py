"""A feed-forward language model (Bengio et al. 2003): a window of tokens, one hidden layer, a loss per position.

    window of embeddings -> input product -> tanh -> dropout -> head -> losses

The baseline for recurrence and attention: its context is limited to the window. The direct connections from the
embeddings to the output are left out; the paper found that they do not improve generalisation.

Shapes: tokens and targets (T, B) int32, time first; a target of -1 is masked. Parameters, with n the
context and K the number of logits (V, unless other symbols are predicted):

    embedding.E (V + 1, I), row V for "nothing before"      layers.0.W_xh (n I, H)   layers.0.b (H,)
    head.W_hy (H, K)    head.b_y (K,)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.jit import TEAM
from seqcore.layers.dropout import dropout, dropout_key
from seqcore.layers.linear import Linear
from seqcore.layers.loss import Head
from seqcore.layers.window import Window, tanh_backward, tanh_forward
from seqcore.models.clocked import Clocked
from seqcore.packing import packs
from seqcore.parameters import Parameters
from seqcore.records import F32, I32


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    V, K, H, width = config.vocabulary_size, config.logits, config.hidden, config.embedding
    return {
        "embedding.E": (V + 1, width),
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
        inputs = config.hidden if name.startswith("head") else config.context * config.embedding
        view[:] = draw.uniform(-1 / math.sqrt(inputs), 1 / math.sqrt(inputs), view.shape)
    return parameters


@dataclass
class FeedForwardWorkspace:
    """The arrays of one pass over (T, B) tokens."""

    nothing: int  # the token id that means "nothing before"
    context: F32  # (B, n - 1) the tokens before the first timestep, oldest first; exact as float32
    tokens: I32  # (n - 1 + T, B) `context`, then the batch
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
        M, n, H, x = T * B, config.context, config.hidden, config.context * config.embedding
        back = padded(x) + padded(H) if backward else 0
        dropped = H if config.dropout and backward else 0
        row = x + padded(H) + H + dropped + back + padded(config.logits) + 1
        return 4 * (M * row + 2 * (n - 1) * B + M)

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "FeedForwardWorkspace":
        """Allocate zeroed arrays with an empty context."""
        M, n, H, x = T * B, config.context, config.hidden, config.context * config.embedding
        back, drops = (M if backward else 0), (M if config.dropout and backward else 0)
        context = zeros(B, n - 1)
        context[:] = config.vocabulary_size
        return FeedForwardWorkspace(
            nothing=config.vocabulary_size,
            context=context,
            tokens=np.zeros((n - 1 + T, B), np.int32),
            x=zeros(M, x),
            dx=zeros(back, padded(x)),
            z=zeros(M, padded(H)),
            h=zeros(M, H),
            dropped=zeros(drops, H),
            dh=zeros(back, padded(H)),
            logits=zeros(M, padded(config.logits)),
            losses=zeros(M),
        )

    def take(self, tokens: I32) -> None:
        """Fill `tokens` with the context followed by the batch's tokens (T, B)."""
        before = self.context.shape[1]
        self.tokens[:before] = self.context.T
        self.tokens[before:] = tokens

    def reset(self, rows: slice = slice(None)) -> None:
        """Clear the context of those rows of the batch."""
        self.context[rows] = self.nothing

    def carry(self) -> None:
        """Make the last tokens the context of the next batch."""
        self.context[:] = self.tokens[len(self.tokens) - self.context.shape[1] :].T

    def scores(self, T: int) -> F32:
        """Return the logits, or values in their order, of the last pass, (T, B, padded K)."""
        return self.logits.reshape(T, -1, self.logits.shape[1])

    def state(self) -> dict[str, F32]:
        """Return the carried state: the context tokens."""
        return {"context": self.context}


class FeedForward:
    """The layers over one parameter buffer and one gradient buffer. Parallel: only for the training thread."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        p, g = parameters, self.gradient
        self.window = Window(p["embedding.E"], g["embedding.E"], config.context)
        self.input = Linear(p["layers.0.W_xh"], p["layers.0.b"], g["layers.0.W_xh"], g["layers.0.b"])
        self.head = Head(p["head.W_hy"], p["head.b_y"], g["head.W_hy"], g["head.b_y"])
        self._packs = packs(p.flat, self.input, self.head.linear)

    def pack(self, backward: bool = True) -> None:
        """Repack the current parameters; call once after every change."""
        self._packs.pack(back=backward)

    def work_per_token(self) -> float:
        """Return the floating-point operations per training token: 6 per weight used in a product."""
        config = self.config
        return 6.0 * config.hidden * (config.context * config.embedding + config.logits)

    def _forward(self, tokens: I32, work: FeedForwardWorkspace, key: tuple[int, int] | None) -> F32:
        """Run the layers and return the head's input, (T * B, H). `key` (seed, step) seeds the dropout; None: none."""
        work.take(tokens)
        self.window.forward(work.tokens, work.x)
        self.input.forward(work.x, work.z)
        tanh_forward(work.z, work.h, TEAM)
        if self.config.dropout and key is not None:
            dropout(work.h, work.dropped, self.config.hidden, self.config.dropout, dropout_key(*key, 0))
            return work.dropped
        return work.h

    def losses(self, tokens: I32, targets: I32, work: FeedForwardWorkspace) -> F32:
        """Return the loss at every position, (T, B), without dropout or gradients; NaN where masked."""
        h = self._forward(tokens, work, None)
        self.head.forward(h, targets.reshape(-1), 1.0, work.logits, work.losses, None)
        return work.losses.reshape(targets.shape)

    def losses_and_gradient(
        self, tokens: I32, targets: I32, work: FeedForwardWorkspace, seed: int = 0, step: int = 0
    ) -> F32:
        """Return the loss at every position, (T, B); `gradient` receives that of the mean over unmasked positions."""
        key, rate = (seed, step), self.config.dropout
        h = self._forward(tokens, work, key)
        scale = 1 / max(1, int(np.count_nonzero(targets >= 0)))
        self.head.forward(h, targets.reshape(-1), scale, work.logits, work.losses, work.dh)
        self.head.backward(h, work.logits)
        if rate:
            dropout(work.dh, work.dh, self.config.hidden, rate, dropout_key(*key, 0))
        tanh_backward(work.h, work.dh, TEAM)
        self.input.backward_weights(work.x, work.dh)
        self.input.backward_input(work.dh, work.dx)
        self.window.backward(work.tokens, work.dx)
        return work.losses.reshape(targets.shape)

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
