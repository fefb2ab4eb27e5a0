"""The parameters of a transformer: names, shapes, initial values, and their packed layout for the kernels.

Names, with V the vocabulary size, K the number of logits or values and C = hidden; no head.W_hy if tied: the logits are
then x E^T, and K = V. For D real inputs, input.W_x (D, C) and, with biases, input.b_x (C,) in place of embedding.E:

    embedding.E (V, C)   embedding.P (context, C) learned positions   head.W_hy (C, K)
    layers.l.W_qkv (C, 3C)   layers.l.W_o (C, C)   layers.l.W_fc (C, 4C)   layers.l.W_proj (4C, C)
    layers.l.norm1.g, layers.l.norm2.g, norm.g (C,); with biases also norm1.b, b_qkv, b_o, norm2.b, b_fc, b_proj, norm.b
"""

import math
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.config import ModelConfig
from seqcore.layers.block import Weights
from seqcore.layers.linear import Linear
from seqcore.packing import BothWays, Packed, Packs
from seqcore.parameters import Parameters
from seqcore.records import F32

MATRICES = ("W_qkv", "W_o", "W_fc", "W_proj")
BIASES = ("b_qkv", "b_o", "b_fc", "b_proj")


class StackNames(NamedTuple):
    """The names of a stack's parameters: its norms in order of stage, and the prefixes of its blocks."""

    norms: tuple[str, ...]
    blocks: tuple[str, ...]

    @property
    def branches(self) -> int:
        """The branches of a block."""
        return (len(self.norms) - 1) // len(self.blocks)

    @staticmethod
    def of(layers: int, prefix: str = "layers", branches: int = 2, last: str = "norm") -> "StackNames":
        """Return the names of blocks of so many branches, each with a norm, and of the norm after the last block."""
        blocks = tuple(f"{prefix}.{n}" for n in range(layers))
        return StackNames((*(f"{block}.norm{1 + i}" for block in blocks for i in range(branches)), last), blocks)


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    V, K, C = config.vocabulary_size, config.logits, config.hidden
    named: dict[str, tuple[int, ...]] = {"embedding.E": (V, C)}
    if config.inputs:
        named = {"input.W_x": (config.inputs, C), "input.b_x": (C,)}
    if config.positions == "learned":
        named["embedding.P"] = (config.context, C)
    named |= stack_shapes(StackNames.of(config.layers), C)
    if not config.tied:
        named["head.W_hy"] = (C, K)
    return {name: shape for name, shape in named.items() if config.bias or not is_bias(name)}


def stack_shapes(names: StackNames, C: int) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a stack's blocks and norms; three branches: with attention over a memory."""
    attention = {"W_qkv": (C, 3 * C), "b_qkv": (3 * C,), "W_o": (C, C), "b_o": (C,)}
    cross = {
        "cross.W_q": (C, C), "cross.b_q": (C,), "cross.W_kv": (C, 2 * C), "cross.b_kv": (2 * C,), "cross.W_o": (C, C),
        "cross.b_o": (C,),
    }  # fmt: skip
    mlp = {"W_fc": (C, 4 * C), "b_fc": (4 * C,), "W_proj": (4 * C, C), "b_proj": (C,)}
    branches = [attention, cross, mlp] if names.branches == 3 else [attention, mlp]
    named: dict[str, tuple[int, ...]] = {}
    for block in names.blocks:
        for number, branch in enumerate(branches, 1):
            norm = {f"norm{number}.g": (C,), f"norm{number}.b": (C,)}
            named |= {f"{block}.{name}": shape for name, shape in (norm | branch).items()}
    last = names.norms[-1]
    return named | {f"{last}.g": (C,), f"{last}.b": (C,)}


def is_bias(name: str) -> bool:
    """Return whether the parameter is a bias: initially zero, and absent in a model without biases."""
    last = name.rsplit(".", 1)[-1]
    return last == "b" or last.startswith("b_")


def initial(config: ModelConfig, seed: int) -> Parameters:
    """Initialise as nanoGPT does: normal(0, 0.02), divided by sqrt(2 layers) for W_o and W_proj; gains 1, biases 0."""
    parameters = Parameters(shapes(config))
    draw_weights(parameters, seed, lambda name: 2 * config.layers)
    return parameters


def draw_weights(parameters: Parameters, seed: int, branches: Callable[[str], int]) -> None:
    """Draw initial weights, see `initial`; `branches` returns how many a parameter's residual stream has."""
    draw = np.random.default_rng(seed)
    for name, view in parameters.items():
        if view.ndim == 2:
            into_stream = name.endswith((".W_o", ".W_proj"))
            view[:] = draw.normal(0, 0.02 / math.sqrt(branches(name)) if into_stream else 0.02, view.shape)
        elif not is_bias(name):
            view[:] = 1


def sinusoid(context: int, C: int) -> F32:
    """Return (context, C): sin(t / 10000^(2i/C)) in the even columns, cos in the odd ones (Vaswani et al. 2017)."""
    angle = np.arange(context)[:, None] / 10_000.0 ** (np.arange(0, C, 2) / C)
    table = np.empty((context, C), np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(angle), np.cos(angle)[:, : C // 2]
    return table


def rotations(context: int, d: int) -> F32:
    """Return (context, d): cos and sin of t / 10000^(2i/d), adjacent for each pair (Su et al. 2021)."""
    angle = np.arange(context)[:, None] / 10_000.0 ** (np.arange(0, d, 2) / d)
    return np.stack((np.cos(angle), np.sin(angle)), axis=2).reshape(context, d).astype(np.float32)


class Panels:
    """Groups of matrices of one shape, packed into one buffer by one kernel, and their transposes.

    A matrix is given by its name and whether it is used transposed. `forward` and `back` hold the panels of each group,
    (count, ceil(N / NR), K, NR).
    """

    def __init__(
        self, parameters: Parameters, groups: Sequence[Sequence[tuple[str, bool]]], more: Sequence[BothWays] = ()
    ) -> None:
        forward = [[Packed(parameters[name], transposed) for name, transposed in group] for group in groups]
        back = [[Packed(parameters[name], not transposed) for name, transposed in group] for group in groups]
        self.packs = Packs(
            parameters.flat,
            [*chain(*forward), *(one.packed for one in more)],
            [*chain(*back), *(one.packed_T for one in more)],
        )
        self.forward, self.back = ([self._joined(group) for group in way] for way in (forward, back))

    def _joined(self, group: list[Packed]) -> F32:
        """Return the panels of a group, which follow each other in the buffer."""
        first = (group[0].panels.ctypes.data - self.packs.panels.ctypes.data) // 4
        size = sum(one.panels.size for one in group)
        return self.packs.panels[first : first + size].reshape(len(group), *group[0].panels.shape)


def in_blocks(names: StackNames, *matrices: str) -> list[list[tuple[str, bool]]]:
    """Return a group for each of these matrices: that of every block."""
    return [[(f"{block}.{name}", False) for block in names.blocks] for name in matrices]


def copy_vectors(p: Parameters, names: StackNames, scales: F32, biases: F32, of_block: Sequence[str] = BIASES) -> None:
    """Copy the norms' gains and shifts to scales (stages, 2, C) and the biases of each block to biases (L, ...).

    biases has no columns in a model without biases, whose shifts stay zero.
    """
    for scale, name in zip(scales, names.norms, strict=True):
        scale[0] = p[f"{name}.g"]
        if f"{name}.b" in p:
            scale[1] = p[f"{name}.b"]
    for row, block in zip(biases, names.blocks, strict=True):
        if row.size:
            row[:] = np.concatenate([p[f"{block}.{name}"] for name in of_block])


class PackedWeights:
    """The parameters in the layout of the kernels: every matrix as panels, in one buffer that one kernel fills."""

    def __init__(self, config: ModelConfig, parameters: Parameters, gradient: Parameters | None = None) -> None:
        self.parameters, self.names = parameters, StackNames.of(config.layers)
        L, C, K = config.layers, config.hidden, config.logits
        head = ("embedding.E", True) if config.tied else ("head.W_hy", False)
        self.entry = _entry(config, parameters, gradient) if config.inputs else None
        more = [self.entry] if self.entry is not None else []
        self._panels = Panels(parameters, [*in_blocks(self.names, *MATRICES), [head]], more)
        (*forward, W_hy), (*back, W_hy_T) = self._panels.forward, self._panels.back
        E, b_y = zeros(0, C) if config.inputs else parameters["embedding.E"], zeros(K)
        scales, biases = zeros(2 * L + 1, 2, C), zeros(L, 9 * C if config.bias else 0)
        self.weights = Weights._make(
            (E, *positions(config, parameters), scales, biases, b_y, *forward, W_hy[0], *back, W_hy_T[0])
        )

    def pack_backward_serial(self) -> None:
        """Pack only the transposes, on one thread."""
        self._panels.packs.pack(forward=False, parallel=False)

    def pack(self, backward: bool, parallel: bool = True) -> None:
        """Repack the current parameters."""
        self._panels.packs.pack(back=backward, parallel=parallel)
        copy_vectors(self.parameters, self.names, self.weights.scales, self.weights.biases)


def _entry(config: ModelConfig, parameters: Parameters, gradient: Parameters | None) -> Linear:
    """Return the product that brings D real inputs to the width of the residual stream."""
    b, dW, db = parameters["input.b_x"] if config.bias else NO_VECTOR, NO_MATRIX, NO_VECTOR
    if gradient is not None:
        dW, db = gradient["input.W_x"], gradient["input.b_x"] if config.bias else NO_VECTOR
    return Linear(parameters["input.W_x"], b, dW, db)


def starts(parameters: Parameters) -> dict[str, int]:
    """Return the offset of each parameter in the flat buffer."""
    sizes = [math.prod(shape) for shape in parameters.shapes.values()]
    return dict(zip(parameters.shapes, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))


def positions(config: ModelConfig, parameters: Parameters, P: str = "embedding.P", more: int = 0) -> tuple[F32, F32]:
    """Return (P, turns): added to the embedding, and the rotation of q and k; the one not in use is empty.

    There are `more` positions than the context.
    """
    if config.positions == "learned":
        return parameters[P], NO_MATRIX
    if config.positions == "sinusoidal":
        return sinusoid(config.context + more, config.hidden), NO_MATRIX
    return NO_MATRIX, rotations(config.context + more, config.hidden // config.heads)
