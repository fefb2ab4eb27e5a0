"""The gradients of a transformer's stack of blocks, from what the backward pass left in its workspace."""

import numpy as np

from seqcore.arrays import zeros
from seqcore.layers.block import Activations
from seqcore.layers.embedding import column_sums
from seqcore.layers.stack import DEPTH, GROUP, blocks_weights
from seqcore.models.transformer_weights import BIASES, StackNames, starts
from seqcore.outer import sum_scratch
from seqcore.parameters import Parameters
from seqcore.team import team


class StackGradient:
    """The gradients of the matrices and biases of all blocks, each one product over all rows, and of the norms."""

    def __init__(self, gradient: Parameters, names: StackNames, C: int, bias: bool) -> None:
        self._gradient, self._names, self._width = gradient, names, 4 * C
        begins = starts(gradient)
        order = ("W_proj", "W_fc", "W_qkv", "W_o")  # see `layers.stack.factors`
        self._places = np.array([[begins[f"{block}.{name}"] for name in order] for block in names.blocks], np.int64)
        self._dscales = zeros(len(names.norms), 2, C)
        self._dbiases = zeros(len(names.blocks), 9 * C if bias else 0)

    def compute(self, work: Activations) -> None:
        """Fill the gradients; attention over a memory has its own."""
        g = self._gradient
        blocks_weights(work, g.flat, self._places, self._dbiases, sum_scratch(GROUP, DEPTH, self._width), team())
        column_sums(work.dscales, self._dscales.reshape(-1))
        for scale, name in zip(self._dscales, self._names.norms, strict=True):
            g[f"{name}.g"][:] = scale[0]
            if f"{name}.b" in g:
                g[f"{name}.b"][:] = scale[1]
        for row, block in zip(self._dbiases, self._names.blocks, strict=True):
            at = 0
            for name in BIASES if row.size else ():
                to = g[f"{block}.{name}"]
                to[:] = row[at : at + to.size]
                at += to.size
