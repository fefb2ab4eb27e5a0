"""Conversion between our arrays and the state dict of the PyTorch module that `torch_source` generates.

Our matrices are (in, out), y = x W; those of nn.Linear and of the recurrent modules are (out, in). Our gates are
already in PyTorch's order. PyTorch's recurrent modules have two biases, ours is their sum: bias_hh is zero on export
and added on import. Only in the GRU's candidate are the two distinct, since its reset gate is applied between them: the
last third of bias_hh is b_hn. Several matrices of ours that have one place are on top of each other there.
"""

from collections.abc import Mapping

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Shape
from seqcore.exchange.families.table import family_of
from seqcore.exchange.family import Layout
from seqcore.model import shapes as shapes_of
from seqcore.records import F32


def to_torch(config: ModelConfig, arrays: Mapping[str, F32]) -> dict[str, F32]:
    """Return the state dict for arrays with the names and shapes of seqcore.model.shapes(config)."""
    layout, made = _layout(config), {}
    for theirs, (names, transposed) in _by_theirs(layout).items():
        whole = np.concatenate([arrays[ours] for ours in names])
        made[theirs] = np.ascontiguousarray(whole.T if transposed else whole)
    for cell in layout.cells:
        b = np.ascontiguousarray(arrays[f"{cell.ours}.b"])
        b_hh = np.zeros_like(b)
        if cell.split:
            b_hh[2 * config.hidden :] = arrays[f"{cell.ours}.b_hn"]
        made[cell.theirs.format("bias_ih")], made[cell.theirs.format("bias_hh")] = b, b_hh
    return made


def from_torch(config: ModelConfig, state: Mapping[str, F32]) -> dict[str, F32]:
    """Return our arrays for a state dict with the names and shapes of `torch_shapes`."""
    layout, shapes = _layout(config), shapes_of(config)
    made: dict[str, F32] = {}
    for theirs, (names, transposed) in _by_theirs(layout).items():
        whole = state[theirs].T if transposed else state[theirs]
        ends = np.cumsum([shapes[ours][0] for ours in names])[:-1]
        made |= {ours: np.ascontiguousarray(part) for ours, part in zip(names, np.split(whole, ends), strict=True)}
    for cell in layout.cells:
        b_ih, b_hh = (state[cell.theirs.format(name)].copy() for name in ("bias_ih", "bias_hh"))
        if cell.split:
            made[f"{cell.ours}.b_hn"] = b_hh[2 * config.hidden :].copy()
            b_hh[2 * config.hidden :] = 0
        made[f"{cell.ours}.b"] = np.where(b_hh == 0, b_ih, b_ih + b_hh)  # -0.0 + 0.0 would lose the sign
    return made


def torch_shapes(config: ModelConfig, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return the shapes of the state dict, given those of seqcore.model.shapes(config)."""
    layout, made = _layout(config), {}
    for theirs, (names, transposed) in _by_theirs(layout).items():
        shape = (sum(shapes[ours][0] for ours in names), *shapes[names[0]][1:])
        made[theirs] = shape[::-1] if transposed else shape
    for cell in layout.cells:
        for name in ("bias_ih", "bias_hh"):
            made[cell.theirs.format(name)] = shapes[f"{cell.ours}.b"]
    return made


def _by_theirs(layout: Layout) -> dict[str, tuple[list[str], bool]]:
    """Return the names of ours that each of theirs holds, and whether it is transposed."""
    made: dict[str, tuple[list[str], bool]] = {}
    for ours, (theirs, transposed) in layout.places.items():
        made.setdefault(theirs, ([], transposed))[0].append(ours)
    return made


def _layout(config: ModelConfig) -> Layout:
    return family_of(config).layout(config)
