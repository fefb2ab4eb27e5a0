"""Pieces of a transformer in ONNX, of which several families are made: positions, masks, and the branches of blocks."""

from collections.abc import Callable, Mapping

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.onnx_graph import Graph, product, sizes, times
from seqcore.records import F32

Turn = Callable[[str], str]


def entered(graph: Graph, config: ModelConfig, x: str, P: F32 | None, timesteps: int) -> tuple[str, Turn]:
    """Embedded symbols or values x (T, B, C) with their positions, and what turns q and k (B, heads, T, d).

    P (timesteps, C) are learned positions, if there are any.
    """
    T, _ = sizes(graph, x)

    def until_now(table: F32) -> str:
        """The first T rows of a table (timesteps, ...)."""
        return graph.add("Slice", graph.constant(table), graph.constant([0]), T, graph.constant([0]))

    if config.positions == "rotary":
        return x, _turning(graph, config, timesteps, until_now)
    table = _waves(timesteps, config.hidden, ("sin", "cos")) if P is None else P
    return graph.add("Add", x, until_now(table[:, None])), lambda x: x


def _waves(context: int, width: int, functions: tuple[str, str]) -> F32:
    """(context, width): functions of t / 10000^(2i / width), the first in even columns 2i, the second in odd ones."""
    angles = np.arange(context)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    waves = [getattr(np, function)(angles) for function in functions]
    return np.stack(waves, axis=-1).reshape(context, width).astype(np.float32)


def causal(graph: Graph, x: str) -> str:
    """Mask (T, T) for x (T, B, C): whether timestep t (row) may attend to timestep s (column)."""
    steps = times(graph, sizes(graph, x)[0])
    rows, columns = (graph.add("Unsqueeze", steps, graph.constant([axis])) for axis in (1, 0))
    return graph.add("GreaterOrEqual", rows, columns)


def _turning(graph: Graph, config: ModelConfig, timesteps: int, until_now: Callable[[F32], str]) -> Turn:
    """Rotary embedding of x (B, heads, T, d): (x0, x1) -> (x0 cos - x1 sin, x1 cos + x0 sin) for every pair."""
    d = config.hidden // config.heads
    sign = np.tile(np.array([-1, 1], np.float32), d // 2)
    cos = until_now(_waves(timesteps, d, ("cos", "cos")))
    sin = until_now(_waves(timesteps, d, ("sin", "sin")) * sign)
    other = graph.constant(np.arange(d) ^ 1)  # 1, 0, 3, 2, ...

    def turn(x: str) -> str:
        crossed = graph.add("Mul", graph.add("Gather", x, other, axis=-1), sin)
        return graph.add("Add", graph.add("Mul", x, cos), crossed)

    return turn


def norm(graph: Graph, x: str, p: Mapping[str, F32], name: str) -> str:
    """The norm of x, with its scale and, if it has one, its bias."""
    scale = [graph.constant(p[f"{name}.{key}"], f"{name}.{key}") for key in ("g", "b") if f"{name}.{key}" in p]
    return graph.add("LayerNormalization", x, *scale, axis=-1, epsilon=1e-5)


def self_branch(
    graph: Graph, config: ModelConfig, p: Mapping[str, F32], name: str, x: str, visible: str, turn: Turn
) -> str:
    """Attention of block `name` over the residual stream x (T, B, C) itself, where `visible`, added to x."""
    qkv = product(graph, norm(graph, x, p, f"{name}.norm1"), p, f"{name}.W_qkv", f"{name}.b_qkv")
    q, k, v = _by_head(graph, config, qkv, 3)
    y = _attended(graph, config, turn(q), turn(k), v, visible)
    return graph.add("Add", x, product(graph, y, p, f"{name}.W_o", f"{name}.b_o"))


def cross_branch(
    graph: Graph, config: ModelConfig, p: Mapping[str, F32], name: str, x: str, memory: str, visible: str
) -> str:
    """Attention of block `name` over a memory (S, B, C), where `visible`, added to the stream x (T, B, C)."""
    (q,) = _by_head(graph, config, product(graph, norm(graph, x, p, f"{name}.norm2"), p, *_cross(name, "q")), 1)
    k, v = _by_head(graph, config, product(graph, memory, p, *_cross(name, "kv")), 2)
    return graph.add("Add", x, product(graph, _attended(graph, config, q, k, v, visible), p, *_cross(name, "o")))


def _cross(name: str, part: str) -> tuple[str, str]:
    return f"{name}.cross.W_{part}", f"{name}.cross.b_{part}"


def mlp_branch(graph: Graph, p: Mapping[str, F32], name: str, x: str, before: str = "norm2") -> str:
    """The MLP of block `name`, after its norm `before`, added to the residual stream x (T, B, C)."""
    m = product(graph, norm(graph, x, p, f"{name}.{before}"), p, f"{name}.W_fc", f"{name}.b_fc")
    return graph.add("Add", x, product(graph, _gelu(graph, m), p, f"{name}.W_proj", f"{name}.b_proj"))


def _by_head(graph: Graph, config: ModelConfig, x: str, parts: int) -> list[str]:
    """`parts` of (B, heads, T, d), of x (T, B, parts C)."""
    shape = graph.constant([0, 0, parts, config.heads, config.hidden // config.heads])
    x = graph.add("Transpose", graph.add("Reshape", x, shape), perm=[2, 1, 3, 0, 4])  # (parts, B, heads, T, d)
    return [graph.add("Gather", x, graph.constant(n), axis=0) for n in range(parts)]


def _attended(graph: Graph, config: ModelConfig, q: str, k: str, v: str, visible: str) -> str:
    """softmax(q k^T / sqrt d) v where `visible`, (T, B, C)."""
    k_T, scale = graph.add("Transpose", k, perm=[0, 1, 3, 2]), (config.hidden // config.heads) ** -0.5
    scores = graph.add("Mul", graph.add("MatMul", q, k_T), graph.constant(np.float32(scale)))
    scores = graph.add("Where", visible, scores, graph.constant(np.float32(-np.inf)))
    y = graph.add("Transpose", graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v), perm=[2, 0, 1, 3])
    return graph.add("Reshape", y, graph.constant([0, 0, config.hidden]))


def _gelu(graph: Graph, x: str) -> str:
    """x (1 + erf(x / sqrt 2)) / 2."""
    erf = graph.add("Erf", graph.add("Mul", x, graph.constant(np.float32(0.5**0.5))))
    half = graph.add("Mul", x, graph.constant(np.float32(0.5)))
    return graph.add("Mul", half, graph.add("Add", erf, graph.constant(np.float32(1))))
