"""A stack of recurrent layers of one family: from tokens or real values to the top states, and all the way back.

    tokens -> input table -> layer 0 -> (dropout -> input product -> layer l)* -> dropout
    values -> input product -> layer 0 -> ...

Shapes: tokens (T, B) int32, time first; real inputs (T, B, D) float32. The parameters of layer l are named
`<prefix>.l.W_xh` and so on, see `layers.cell`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_INDEX, NO_MATRIX, flat, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.layers.dropout import dropout, dropout_key
from seqcore.layers.embedding import InputTable
from seqcore.layers.gru import GRU
from seqcore.layers.lstm import LSTM
from seqcore.layers.rnn import RNN
from seqcore.outer import NO_SECOND, Second
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Inputs

CELLS: dict[str, type[Cell]] = {"rnn": RNN, "gru": GRU, "lstm": LSTM}


class Key(NamedTuple):
    """What seeds the dropout of a step; `layer` numbers the layers of a model that has several stacks."""

    seed: int
    step: int
    layer: int = 0

    def of(self, layer: int) -> np.uint32:
        """Return the key of a layer."""
        return dropout_key(self.seed, self.step, self.layer + layer)


@dataclass
class StackWorkspace:
    """The arrays of one pass over (T, B) timesteps."""

    layers: list[CellWorkspace]
    inputs: list[F32]  # of layer l: x W_xh + b, (T * B, padded N); empty for layer 0 if it reads tokens
    dropped: list[F32]  # of layer l: dropout(h), (T * B, H), or empty
    index: I32  # (T * B,) 0, 1, 2, ...: row n of the inputs is for position n

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "StackWorkspace":
        """Allocate zeroed arrays."""
        H, M, cell = config.hidden, T * B, CELLS[config.family]
        drops, width = M if config.dropout and backward else 0, padded(cell.products * H)
        return StackWorkspace(
            [cell.workspace(T, B, H, backward) for _ in range(config.layers)],
            [zeros(M if layer or config.inputs else 0, width) for layer in range(config.layers)],
            [zeros(drops, H) for _ in range(config.layers)],
            np.arange(M, dtype=np.int32),
        )

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """Return the bytes that `of` will allocate: linear in T, B and H."""
        H, L, M, cell = config.hidden, config.layers, T * B, CELLS[config.family]
        dropped, products = L * H if config.dropout and backward else 0, L if config.inputs else L - 1
        rows = products * padded(cell.products * H) + dropped + 1
        return L * cell.bytes_needed(T, B, H, backward) + 4 * M * rows

    def cut(self, first: int, count: int, B: int) -> "StackWorkspace":
        """Return views of `count` timesteps from `first` on, for a stack that reads tokens."""
        rows = slice(first * B, (first + count) * B)
        return StackWorkspace(
            [layer.cut(first, count) for layer in self.layers],
            [array[rows] for array in self.inputs],
            [array[rows] for array in self.dropped],
            self.index[: count * B],
        )

    def state(self) -> dict[str, F32]:
        """Return views of every layer's state before the first timestep, (B, H), keyed by layer and name: "0.h"."""
        return {f"{n}.{name}": view for n, layer in enumerate(self.layers) for name, view in layer.state().items()}


class Stack:
    """The layers over views into a parameter buffer and a gradient buffer; `E` names the embedding, if there is one."""

    def __init__(
        self, config: ModelConfig, p: Parameters, g: Parameters, prefix: str = "layers", E: str = "embedding.E"
    ) -> None:
        cell = CELLS[config.family]
        self.hidden, self.rate = config.hidden, config.dropout
        self.layers = [cell.of(p, g, f"{prefix}.{n}", config.activation) for n in range(config.layers)]
        E_, dE = (p[E], g[E]) if config.embedding else (None, None)
        self.table = None if config.inputs else InputTable(E_, dE, self.layers[0].input)

    def forward(self, inputs: Inputs, work: StackWorkspace, key: Key | None) -> F32:
        """Run the layers and return the top states, (T * B, H). `key` seeds the dropout; None: no dropout."""
        T, B = inputs.shape[:2]
        x = flat(inputs)
        for n, (layer, arrays) in enumerate(zip(self.layers, work.layers, strict=True)):
            if n == 0 and self.table is not None:
                self.table.forward(inputs)
                layer.forward(self.table.table, self.table.index, arrays)
            else:
                layer.input.forward(x, work.inputs[n])
                layer.forward(work.inputs[n], work.index, arrays)
            x = arrays.h[1:].reshape(T * B, self.hidden)
            if self.rate and key is not None:
                dropout(x, work.dropped[n], self.hidden, self.rate, key.of(n))
                x = work.dropped[n]
        return x

    def backward(self, inputs: Inputs, work: StackWorkspace, key: Key, second: Second = NO_SECOND) -> None:
        """Backpropagate from the gradient of the top states, in `dh` of the top layer, and fill all gradients.

        `second` is a product whose left factor is the top layer's h; see `Cell.backward`.
        """
        T, B = inputs.shape[:2]
        dh = work.layers[-1].dh.reshape(T * B, -1)
        for n in range(len(self.layers) - 1, -1, -1):
            layer, arrays = self.layers[n], work.layers[n]
            if self.rate:
                dropout(dh, dh, self.hidden, self.rate, key.of(n))
            layer.backward(arrays, *self.sums(n), second)
            second = NO_SECOND
            self.backward_inputs(n, inputs, work)
            if n:
                dh = flat(work.layers[n - 1].dh)
                layer.input.backward_input(flat(arrays.gates), dh)

    def sums(self, n: int) -> tuple[I32, F32]:
        """Return the index and the table of `Cell.backward` for layer n."""
        return self.table.sums() if n == 0 and self.table is not None else (NO_INDEX, NO_MATRIX)

    def backward_inputs(self, n: int, inputs: Inputs, work: StackWorkspace) -> None:
        """Fill the gradients of the input product of layer n, or of the table, after those of its recurrence."""
        if n == 0 and self.table is not None:
            self.table.backward()
            return
        x = flat(inputs)
        if n:
            x = work.dropped[n - 1] if self.rate else flat(work.layers[n - 1].h[1:])
        self.layers[n].input.backward_weights(x, flat(work.layers[n].gates))


def draw_layers(parameters: Parameters, names: Sequence[str], cell: type[Cell], seed: int, bound: float) -> None:
    """Initialise as PyTorch does: uniform in +-bound, a standard normal embedding; biases by `Cell.draw_bias`."""
    draw = np.random.default_rng(seed)
    for name in names:
        view = parameters[name]
        if name.endswith("embedding.E"):
            view[:] = draw.standard_normal(view.shape)
            continue
        view[:] = draw.uniform(-bound, bound, view.shape)
        if name.endswith(".b") and f"{name[:-1]}W_hh" in parameters:
            cell.draw_bias(view, draw, bound)
