"""A recurrent language model: tokens in, a loss per place and all gradients out.

    tokens -> input table -> layer 0 -> (dropout -> input product -> layer l)* -> dropout -> head -> losses

Shapes: tokens and targets (T, B) int32, time first; a target of -1 is masked. Names of parameters:

    embedding.E (V, I)      unless one-hot          layers.0.W_xh (I or V, 4H)   layers.l.W_xh (H, 4H)
    layers.l.W_hh (H, 4H)   layers.l.b (4H,)        head.W_hy (H, V)             head.b_y (V,)
"""

import math
from dataclasses import dataclass

import numpy as np

from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.dropout import dropout, dropout_key
from seqcore.layers.embedding import InputTable
from seqcore.layers.loss import Head
from seqcore.layers.lstm import LSTM, LSTMWorkspace
from seqcore.parameters import Parameters
from seqcore.records import F32, I32


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The parameters' names and shapes."""
    V, H = config.vocabulary_size, config.hidden
    named: dict[str, tuple[int, ...]] = {}
    if config.embedding:
        named["embedding.E"] = (V, config.embedding)
    for layer in range(config.layers):
        inputs = H if layer else config.embedding or V
        named[f"layers.{layer}.W_xh"] = (inputs, 4 * H)
        named[f"layers.{layer}.W_hh"] = (H, 4 * H)
        named[f"layers.{layer}.b"] = (4 * H,)
    named["head.W_hy"] = (H, V)
    named["head.b_y"] = (V,)
    return named


def initial(config: ModelConfig, seed: int) -> Parameters:
    """PyTorch's initialisation, but for a forget bias of 1 (Jozefowicz et al. 2015).

    Everything uniform in +-1/sqrt(H), the two biases of PyTorch's LSTM as their sum; the embedding standard normal.
    """
    parameters = Parameters(shapes(config))
    draw, H = np.random.default_rng(seed), config.hidden
    bound = 1 / math.sqrt(H)
    for name, view in parameters.items():
        if name == "embedding.E":
            view[:] = draw.standard_normal(view.shape)
            continue
        view[:] = draw.uniform(-bound, bound, view.shape)
        if name.endswith(".b"):
            view += draw.uniform(-bound, bound, view.shape).astype(np.float32)
            view[H : 2 * H] = 1
    return parameters


@dataclass
class Workspace:
    """The arrays of one pass over (T, B) tokens."""

    layers: list[LSTMWorkspace]
    inputs: list[F32]  # of layer l >= 1: x W_xh + b, (T * B, padded 4H); empty for layer 0
    dropped: list[F32]  # of layer l: dropout(h), (T * B, H), or empty
    index: I32  # (T * B,) 0, 1, 2, ...: row n of the inputs serves place n
    logits: F32  # (T * B, padded V); dlogits after a backward pass
    losses: F32  # (T * B,)

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """What `of` will allocate: linear in T, B and H."""
        H, L, M = config.hidden, config.layers, T * B
        dropped = L * H if config.dropout and backward else 0
        return L * LSTMWorkspace.bytes_needed(T, B, H, backward) + 4 * M * (
            (L - 1) * padded(4 * H) + dropped + padded(config.vocabulary_size) + 2
        )

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "Workspace":
        """Zeroed arrays."""
        H, M = config.hidden, T * B
        drops = M if config.dropout and backward else 0
        return Workspace(
            [LSTMWorkspace.of(T, B, H, backward) for _ in range(config.layers)],
            [np.zeros((M if layer else 0, padded(4 * H)), np.float32) for layer in range(config.layers)],
            [np.zeros((drops, H), np.float32) for _ in range(config.layers)],
            np.arange(M, dtype=np.int32),
            np.zeros((M, padded(config.vocabulary_size)), np.float32),
            np.zeros(M, np.float32),
        )

    def reset(self, rows: slice = slice(None)) -> None:
        """Start those rows of the batch from nothing."""
        for layer in self.layers:
            layer.c[0, rows] = 0
            layer.h[0, rows] = 0

    def carry(self) -> None:
        """The state after the last timestep becomes the state before the next first one."""
        for layer in self.layers:
            layer.c[0] = layer.c[-1]
            layer.h[0] = layer.h[-1]


class RecurrentModel:
    """The layers over one parameter buffer and one gradient buffer. Parallel: for the training thread alone."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        p, g, H = parameters, self.gradient, config.hidden
        self.layers = [
            LSTM(*(source[f"layers.{n}.{name}"] for source in (p, g) for name in ("W_xh", "W_hh", "b")))
            for n in range(config.layers)
        ]
        E, dE = (p["embedding.E"], g["embedding.E"]) if config.embedding else (None, None)
        self.table = InputTable(E, dE, self.layers[0].input)
        self.head = Head(p["head.W_hy"], p["head.b_y"], g["head.W_hy"], g["head.b_y"])
        self._hidden = H

    def pack(self, backward: bool = True) -> None:
        """Read the parameters as they are now; once after every change of them."""
        for layer in self.layers:
            layer.pack(backward)
        self.head.pack(backward)

    def _forward(self, tokens: I32, work: Workspace, key: tuple[int, int] | None) -> F32:
        """Run the layers; returns what the head reads, (T * B, H). `key` (seed, step) draws the dropout."""
        T, B = tokens.shape
        x, rate = np.zeros((0, 0), np.float32), self.config.dropout
        for n, (layer, arrays) in enumerate(zip(self.layers, work.layers, strict=True)):
            if n == 0:
                self.table.forward(tokens)
                layer.forward(self.table.table, self.table.index, arrays)
            else:
                layer.input.forward(x, work.inputs[n])
                layer.forward(work.inputs[n], work.index, arrays)
            x = arrays.h[1:].reshape(T * B, self._hidden)
            if rate and key is not None:
                dropout(x, work.dropped[n], self._hidden, rate, dropout_key(*key, n))
                x = work.dropped[n]
        return x

    def losses(self, tokens: I32, targets: I32, work: Workspace) -> F32:
        """The loss at every place, (T, B), without dropout and gradients; NaN where masked."""
        x = self._forward(tokens, work, None)
        self.head.forward(x, targets.reshape(-1), 1.0, work.logits, work.losses, None)
        return work.losses.reshape(targets.shape)

    def losses_and_gradient(self, tokens: I32, targets: I32, work: Workspace, seed: int = 0, step: int = 0) -> F32:
        """The loss at every place, (T, B), and in `gradient` that of their mean over the places not masked."""
        T, B = tokens.shape
        key = (seed, step)
        x = self._forward(tokens, work, key)
        scale = 1 / max(1, int(np.count_nonzero(targets >= 0)))
        dh = work.layers[-1].dh.reshape(T * B, -1)
        self.head.forward(x, targets.reshape(-1), scale, work.logits, work.losses, dh)
        self.head.backward(x, work.logits)
        for n in range(len(self.layers) - 1, -1, -1):
            layer, arrays = self.layers[n], work.layers[n]
            if self.config.dropout:
                dropout(dh, dh, self._hidden, self.config.dropout, dropout_key(*key, n))
            if n == 0:
                layer.backward(arrays, *self.table.sums())
                self.table.backward()
                break
            layer.backward(arrays)
            dz = arrays.gates.reshape(T * B, -1)
            below = work.layers[n - 1]
            x = work.dropped[n - 1] if self.config.dropout else below.h[1:].reshape(T * B, self._hidden)
            layer.input.backward_weights(x, dz)
            dh = below.dh.reshape(T * B, -1)
            layer.input.backward_input(dz, dh)
        return work.losses.reshape(targets.shape)
