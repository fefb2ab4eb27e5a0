"""The parameters of a transformer: names, shapes, initial values, and their packed layout for the kernels.

Names, with V the vocabulary size, K the number of logits or values and C = hidden; no head.W_hy if tied: the logits are
then x E^T, and K = V. For D real inputs, input.W_x (D, C) and, with biases, input.b_x (C,) in place of embedding.E:

    embedding.E (V, C)   embedding.P (context, C) learned positions   head.W_hy (C, K)
    layers.l.W_qkv (C, 3C)   layers.l.W_o (C, C)   layers.l.W_fc (C, 4C)   layers.l.W_proj (4C, C)
    layers.l.norm1.g, layers.l.norm2.g, norm.g (C,); with biases also norm1.b, b_qkv, b_o, norm2.b, b_fc, b_proj, norm.b
"""

import math

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import NR, padded
from seqcore.layers.block import Weights
from seqcore.layers.linear import Linear
from seqcore.packing import Packed, Packs
from seqcore.parameters import Parameters
from seqcore.records import F32

MATRICES = ("W_qkv", "W_o", "W_fc", "W_proj")
BIASES = ("b_qkv", "b_o", "b_fc", "b_proj")


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    V, K, C = config.vocabulary_size, config.logits, config.hidden
    named: dict[str, tuple[int, ...]] = {"embedding.E": (V, C)}
    if config.inputs:
        named = {"input.W_x": (config.inputs, C), "input.b_x": (C,)}
    if config.positions == "learned":
        named["embedding.P"] = (config.context, C)
    block: dict[str, tuple[int, ...]] = {
        "norm1.g": (C,), "norm1.b": (C,), "W_qkv": (C, 3 * C), "b_qkv": (3 * C,), "W_o": (C, C), "b_o": (C,),
        "norm2.g": (C,), "norm2.b": (C,), "W_fc": (C, 4 * C), "b_fc": (4 * C,), "W_proj": (4 * C, C), "b_proj": (C,),
    }  # fmt: skip
    named |= {f"layers.{n}.{name}": shape for n in range(config.layers) for name, shape in block.items()}
    named |= {"norm.g": (C,), "norm.b": (C,)}
    if not config.tied:
        named["head.W_hy"] = (C, K)
    return {name: shape for name, shape in named.items() if config.bias or not is_bias(name)}


def is_bias(name: str) -> bool:
    """Return whether the parameter is a bias: initially zero, and absent in a model without biases."""
    last = name.rsplit(".", 1)[-1]
    return last == "b" or last.startswith("b_")


def initial(config: ModelConfig, seed: int) -> Parameters:
    """Initialise as nanoGPT does: normal(0, 0.02), divided by sqrt(2 layers) for W_o and W_proj; gains 1, biases 0."""
    parameters = Parameters(shapes(config))
    draw = np.random.default_rng(seed)
    for name, view in parameters.items():
        if view.ndim == 2:
            into_stream = name.endswith((".W_o", ".W_proj"))
            view[:] = draw.normal(0, 0.02 / math.sqrt(2 * config.layers) if into_stream else 0.02, view.shape)
        elif not is_bias(name):
            view[:] = 1
    return parameters


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


class PackedWeights:
    """The parameters in the layout of the kernels: every matrix as panels, in one buffer that one kernel fills."""

    def __init__(self, config: ModelConfig, parameters: Parameters, gradient: Parameters | None = None) -> None:
        self.config, self.parameters = config, parameters
        L, C, K = config.layers, config.hidden, config.logits
        self.starts = starts(parameters)
        head = ("embedding.E", True) if config.tied else ("head.W_hy", False)
        forward = [(f"layers.{n}.{name}", False) for name in MATRICES for n in range(L)] + [head]
        back = [(name, not transposed) for name, transposed in forward]
        made = [[Packed(parameters[name], transposed) for name, transposed in way] for way in (forward, back)]
        self.entry = _entry(config, parameters, gradient) if config.inputs else None
        if self.entry is not None:
            made[0].append(self.entry.packed)
            made[1].append(self.entry.packed_T)
        self._packs, self._at = Packs(parameters.flat, *made), 0
        P, turns = positions(config, parameters)
        self.weights = Weights(
            zeros(0, C) if config.inputs else parameters["embedding.E"], P, turns, zeros(2 * L + 1, 2, C),
            zeros(L, 9 * C if config.bias else 0), zeros(K),
            self._panels(L, C, 3 * C), self._panels(L, C, C), self._panels(L, C, 4 * C), self._panels(L, 4 * C, C),
            self._panels(1, C, K, padded(C) * config.inputs)[0],
            self._panels(L, 3 * C, C), self._panels(L, C, C), self._panels(L, 4 * C, C), self._panels(L, C, 4 * C),
            self._panels(1, K, C)[0],
        )  # fmt: skip

    def _panels(self, layers: int, K: int, N: int, skip: int = 0) -> F32:
        """Return the next slice of the buffer, (layers, ceil(N / NR), K, NR); the following one is `skip` later."""
        size, first = layers * padded(N) * K, self._at
        self._at += size + skip
        return self._packs.panels[first : first + size].reshape(layers, -1, K, NR)

    def pack_backward_serial(self) -> None:
        """Pack only the transposes, on one thread."""
        self._packs.pack(forward=False, parallel=False)

    def pack(self, backward: bool, parallel: bool = True) -> None:
        """Repack the current parameters."""
        self._packs.pack(back=backward, parallel=parallel)
        p, scales, biases = self.parameters, self.weights.scales, self.weights.biases
        for scale, name in zip(scales, norm_names(self.config.layers), strict=True):
            scale[0] = p[f"{name}.g"]
            if self.config.bias:
                scale[1] = p[f"{name}.b"]
        if self.config.bias:
            for n, row in enumerate(biases):
                row[:] = np.concatenate([p[f"layers.{n}.{name}"] for name in BIASES])


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


def norm_names(layers: int) -> list[str]:
    """Return the names of the norms, in order of stage."""
    return [f"layers.{n}.norm{place}" for n in range(layers) for place in (1, 2)] + ["norm"]


def positions(config: ModelConfig, parameters: Parameters) -> tuple[F32, F32]:
    """Return (P, turns): added to the embedding, and the rotation of q and k; the one not in use is empty."""
    if config.positions == "learned":
        return parameters["embedding.P"], NO_MATRIX
    if config.positions == "sinusoidal":
        return sinusoid(config.context, config.hidden), NO_MATRIX
    return NO_MATRIX, rotations(config.context, config.hidden // config.heads)
