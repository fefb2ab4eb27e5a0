"""Conversion between our arrays and the state dict of the PyTorch module that `torch_source` generates.

Our matrices are (in, out), y = x W; those of nn.Linear and of the recurrent modules are (out, in). Our gates are
already in PyTorch's order. PyTorch's recurrent modules have two biases, ours is their sum: bias_hh is zero on export
and added on import. Only in the GRU's candidate are the two distinct, since its reset gate is applied between them: the
last third of bias_hh is b_hn.
"""

from collections.abc import Mapping

import numpy as np

from seqcore.config import RECURRENT, ModelConfig
from seqcore.exchange.contents import Shape
from seqcore.records import F32


def places(config: ModelConfig) -> dict[str, tuple[str, bool]]:
    """Map our names to (state dict name, whether the matrix is transposed). Recurrent biases are not included."""
    if config.family in RECURRENT:
        named = _recurrent(config)
    elif config.family == "attention":
        named = _attention(config)
    else:
        named = {"layers.0.W_xh": ("hidden.weight", True), "layers.0.b": ("hidden.bias", False)}
    if config.embedding and not config.inputs:
        named["embedding.E"] = ("embedding.weight", False)
    if config.family != "attention":
        named["head.b_y"] = ("head.bias", False)
    if config.family != "attention" or not config.tied:
        named["head.W_hy"] = ("head.weight", True)
    return named


def _recurrent(config: ModelConfig) -> dict[str, tuple[str, bool]]:
    family, named = config.family, {}
    for n in range(config.layers):
        named[f"layers.{n}.W_xh"] = (f"{family}.weight_ih_l{n}", True)
        named[f"layers.{n}.W_hh"] = (f"{family}.weight_hh_l{n}", True)
    return named


def _attention(config: ModelConfig) -> dict[str, tuple[str, bool]]:
    named = {"norm.g": ("norm.weight", False)}
    if config.inputs:
        named["input.W_x"] = ("input.weight", True)
        if config.bias:
            named["input.b_x"] = ("input.bias", False)
    if config.positions == "learned":
        named["embedding.P"] = ("positions.weight", False)
    if config.bias:
        named["norm.b"] = ("norm.bias", False)
    for n in range(config.layers):
        for norm in ("norm1", "norm2"):
            named[f"layers.{n}.{norm}.g"] = (f"blocks.{n}.{norm}.weight", False)
            if config.bias:
                named[f"layers.{n}.{norm}.b"] = (f"blocks.{n}.{norm}.bias", False)
        for ours, theirs in (("qkv", "qkv"), ("o", "out"), ("fc", "fc"), ("proj", "proj")):
            named[f"layers.{n}.W_{ours}"] = (f"blocks.{n}.{theirs}.weight", True)
            if config.bias:
                named[f"layers.{n}.b_{ours}"] = (f"blocks.{n}.{theirs}.bias", False)
    return named


def _biases(config: ModelConfig) -> range:
    """The layers that have two biases in PyTorch."""
    return range(config.layers if config.family in RECURRENT else 0)


def to_torch(config: ModelConfig, arrays: Mapping[str, F32]) -> dict[str, F32]:
    """Return the state dict for arrays with the names and shapes of seqcore.model.shapes(config)."""
    made = {}
    for ours, (theirs, transposed) in places(config).items():
        made[theirs] = np.ascontiguousarray(arrays[ours].T if transposed else arrays[ours])
    for n in _biases(config):
        b = np.ascontiguousarray(arrays[f"layers.{n}.b"])
        b_hh = np.zeros_like(b)
        if config.family == "gru":
            b_hh[2 * config.hidden :] = arrays[f"layers.{n}.b_hn"]
        made[f"{config.family}.bias_ih_l{n}"], made[f"{config.family}.bias_hh_l{n}"] = b, b_hh
    return made


def from_torch(config: ModelConfig, state: Mapping[str, F32]) -> dict[str, F32]:
    """Return our arrays for a state dict with the names and shapes of `torch_shapes`."""
    made = {}
    for ours, (theirs, transposed) in places(config).items():
        made[ours] = np.ascontiguousarray(state[theirs].T if transposed else state[theirs])
    for n in _biases(config):
        b_ih, b_hh = (state[f"{config.family}.{name}_l{n}"].copy() for name in ("bias_ih", "bias_hh"))
        if config.family == "gru":
            made[f"layers.{n}.b_hn"] = b_hh[2 * config.hidden :].copy()
            b_hh[2 * config.hidden :] = 0
        made[f"layers.{n}.b"] = np.where(b_hh == 0, b_ih, b_ih + b_hh)  # -0.0 + 0.0 would lose the sign
    return made


def torch_shapes(config: ModelConfig, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the shapes of the state dict, given those of seqcore.model.shapes(config)."""
    made = {
        theirs: shapes[ours][::-1] if transposed else shapes[ours]
        for ours, (theirs, transposed) in places(config).items()
    }
    for n in _biases(config):
        for name in ("bias_ih", "bias_hh"):
            made[f"{config.family}.{name}_l{n}"] = shapes[f"layers.{n}.b"]
    return made
