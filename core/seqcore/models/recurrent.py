"""A recurrent model: tokens or real values in, a loss per position and all gradients out.

    tokens -> input table -> layer 0 -> (dropout -> input product -> layer l)* -> dropout -> head -> losses
    values -> input product -> layer 0 -> ...

Shapes: tokens and targets (T, B) int32, time first; a target of -1 is masked. Real inputs are (T, B, D) float32, real
targets (T, B, K) float32, masked where NaN. Parameters, with N the columns of the cell's products (rnn H, gru 3H, lstm
4H), I the width of the input (`ModelConfig.input_width`), and K the number of logits or values (`ModelConfig.logits`):

    embedding.E (V, I)      learned, for tokens     layers.0.W_xh (I, N)         layers.l.W_xh (H, N)
    layers.l.W_hh (H, N)    layers.l.b (N,)         gru: layers.l.b_hn (H,)      head.W_hy (H, K)    head.b_y (K,)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import flat, unmasked, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.cell import ALWAYS_OPEN, CellWorkspace
from seqcore.layers.heads import head_of
from seqcore.models.clocked import Clocked
from seqcore.models.stack import CELLS, Key, Stack, StackWorkspace, draw_layers
from seqcore.models.teaching import PLAIN, Teaching
from seqcore.outer import NO_SECOND
from seqcore.packing import packs
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs, Targets


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    V, K, H, cell = config.vocabulary_size, config.logits, config.hidden, CELLS[config.family]
    named: dict[str, tuple[int, ...]] = {}
    if config.embedding:
        named["embedding.E"] = (V, config.embedding)
    for layer in range(config.layers):
        inputs = H if layer else config.input_width
        named |= {f"layers.{layer}.{name}": shape for name, shape in cell.shapes(inputs, H).items()}
    named["head.W_hy"] = (H, K)
    named["head.b_y"] = (K,)
    return named


def initial(config: ModelConfig, seed: int) -> Parameters:
    """Initialise as PyTorch does: uniform in +-1/sqrt(H), a standard normal embedding; biases by `Cell.draw_bias`."""
    parameters = Parameters(shapes(config))
    draw_layers(parameters, list(parameters.shapes), CELLS[config.family], seed, 1 / math.sqrt(config.hidden))
    _experiments(config, parameters, seed)
    return parameters


def _experiments(config: ModelConfig, parameters: Parameters, seed: int) -> None:
    """Apply `keep_bias`, `init` and `drop_gate`; the draws of all other parameters stay the same.

    A dropped gate has no weights and a bias for which sigmoid is exactly 1: its gradient is exactly 0, so that it stays
    so while the model learns.
    """
    draw, cell = np.random.default_rng([seed, 1]), CELLS[config.family]
    for layer in range(config.layers):
        W_hh, b = parameters[f"layers.{layer}.W_hh"], parameters[f"layers.{layer}.b"]
        blocks = b.reshape(-1, config.hidden)
        if config.keep_bias is not None and cell.keeps is not None:
            blocks[cell.keeps] = np.log(draw.uniform(*config.keep_bias, config.hidden))
            if config.forget_bias.startswith("chrono") and cell.takes is not None:
                blocks[cell.takes] = -blocks[cell.keeps]
        if config.init == "identity":
            W_hh[:], b[:] = np.eye(config.hidden), 0
        if config.drop_gate != "none":
            gate = [shown.name for shown in cell.shown].index(config.drop_gate)
            block = slice(gate * config.hidden, (gate + 1) * config.hidden)
            W_hh[:, block], parameters[f"layers.{layer}.W_xh"][:, block], b[block] = 0, 0, ALWAYS_OPEN


@dataclass
class RecurrentWorkspace:
    """The arrays of one pass over (T, B) tokens."""

    stack: StackWorkspace
    logits: F32  # (T * B, padded K); dlogits after a backward pass
    losses: F32  # (T * B,)

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """Return the bytes that `of` will allocate: linear in T, B and H."""
        return StackWorkspace.bytes_needed(config, T, B, backward) + 4 * T * B * (padded(config.logits) + 1)

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "RecurrentWorkspace":
        """Allocate zeroed arrays."""
        M = T * B
        return RecurrentWorkspace(StackWorkspace.of(config, T, B, backward), zeros(M, padded(config.logits)), zeros(M))

    @property
    def layers(self) -> list[CellWorkspace]:
        """The arrays of each layer."""
        return self.stack.layers

    def reset(self, rows: slice = slice(None)) -> None:
        """Zero the state of those rows of the batch."""
        for state in self.state().values():
            state[rows] = 0

    def carry(self) -> None:
        """Carry the state after the last timestep into the next batch."""
        for layer in self.layers:
            layer.carry()

    def scores(self, T: int) -> F32:
        """Return the logits, or numbers in their order, or the values, of the last pass: (T, B, padded K)."""
        return self.logits.reshape(T, -1, self.logits.shape[1])

    def state(self) -> dict[str, F32]:
        """Return views of every layer's state before the first timestep, (B, H), keyed by layer and name: "0.h"."""
        return self.stack.state()


class RecurrentModel:
    """The layers over one parameter buffer and one gradient buffer. Parallel: only for the training thread."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        p, g = parameters, self.gradient
        self.stack = Stack(config, p, g)
        self.head = head_of(config, p["head.W_hy"], p["head.b_y"], g["head.W_hy"], g["head.b_y"])
        layers = self.stack.layers
        self._packs = packs(parameters.flat, *layers, *(layer.input for layer in layers), self.head.linear)

    def pack(self, backward: bool = True) -> None:
        """Repack the current parameters; call once after every change."""
        self._packs.pack(back=backward)

    def work_per_token(self) -> float:
        """Return the floating-point operations per training token: 6 per weight used in a product.

        The first layer's input product is not counted for tokens, where it is a table lookup.
        """
        H, L, K = self.config.hidden, self.config.layers, self.config.logits
        N = self.stack.layers[0].products * H
        return 6.0 * (L * N * H + (L - 1) * N * H + N * self.config.inputs + H * K)

    def losses(self, inputs: Inputs, targets: Targets, work: RecurrentWorkspace) -> F32:
        """Return the loss at every position, (T, B), without dropout or gradients; NaN where masked."""
        x = self.stack.forward(inputs, work.stack, None)
        self.head.forward(x, flat(targets), 1.0, work.logits, work.losses, None)
        return work.losses.reshape(targets.shape[:2])

    def losses_and_gradient(
        self,
        inputs: Inputs,
        targets: Targets,
        work: RecurrentWorkspace,
        seed: int = 0,
        step: int = 0,
        teaching: Teaching = PLAIN,
    ) -> F32:
        """Return the loss at every position, (T, B); `gradient` receives that of the mean over unmasked positions."""
        T, B = inputs.shape[:2]
        key = Key(seed, step)
        x = self.stack.forward(inputs, work.stack, key)
        scale = 1 / max(1, int(np.count_nonzero(unmasked(targets))))
        dh = work.layers[-1].dh.reshape(T * B, -1)
        self.head.forward(x, flat(targets), scale, work.logits, work.losses, dh, teaching.smoothing)
        second = self.head.second(B, work.logits)
        if self.config.dropout:  # else the head reads h itself, and its dW is computed in the same product as dW_hh
            self.head.backward(x, work.logits)
            second = NO_SECOND
        self.stack.backward(inputs, work.stack, key, second)
        return work.losses.reshape(targets.shape[:2])

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`."""
        yield Clocked(self, "pack", "pack")
        yield from clocked_stack(self.stack)
        yield Clocked(self.head, "forward", "head")
        yield Clocked(self.head, "backward", "weight gradients")


def clocked_stack(stack: Stack) -> Iterator[Clocked]:
    """Yield the methods of a stack that a benchmark times."""
    if stack.table is not None:
        yield Clocked(stack.table, "forward", "table")
        yield Clocked(stack.table, "backward", "table")
    for layer in stack.layers:
        yield Clocked(layer, "forward", "scan forward")
        yield Clocked(layer, "backward_weights", "weight gradients")
        yield Clocked(layer, "backward", "scan backward", "weight gradients")
        if layer is not stack.layers[0] or stack.table is None:  # else the input product is in the table
            yield Clocked(layer.input, "forward", "scan forward")
            yield Clocked(layer.input, "backward_input", "scan backward")
            yield Clocked(layer.input, "backward_weights", "weight gradients")
