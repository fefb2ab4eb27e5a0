"""Weights as an ONNX graph of standard operators: tokens (T, B) int64 to logits (T, B, K), with T and B dynamic.

A model of real values reads "values" (T, B, D) float32; one that predicts some returns them as "predicted" (T, B, K).

Recurrent models also take and return their state: h_0 (layers, B, H), for the LSTM also c_0, to h_n and c_n.
ONNX orders the gates differently from PyTorch and us: LSTM input, output, forget, cell; GRU update, reset, candidate.
"""

from collections.abc import Callable, Mapping

import numpy as np

from seqcore.config import RECURRENT
from seqcore.errors import SeqError
from seqcore.exchange.contents import Contents, told
from seqcore.exchange.onnx_graph import Graph
from seqcore.naming import described
from seqcore.records import F32

_LARGEST = 2_000_000_000  # bytes of weights: a protobuf message is limited to 2 GiB
_INT64, _FLOAT = np.dtype(np.int64), np.dtype(np.float32)
_GATES = {"rnn": [0], "gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}  # our index of each gate, in ONNX order


def onnx_bytes(contents: Contents) -> bytes:
    """Return the contents of the .onnx file. Raises SeqError if onnx is not installed, or the model exceeds 2 GB."""
    graph = Graph()
    config = contents.config
    size = sum(array.nbytes for array in contents.arrays.values())
    if size > _LARGEST:
        raise SeqError(
            f"an ONNX file holds at most 2 GB, but this model's weights are {size / 1e9:.1f} GB: use --to torch"
        )
    if config.inputs:
        tokens = graph.input("values", _FLOAT, ["T", "B", config.inputs])
    else:
        tokens = graph.input("tokens", _INT64, ["T", "B"])
    build = (
        _recurrent if config.family in RECURRENT else {"attention": _attention, "feedforward": _window}[config.family]
    )
    logits = build(graph, contents, tokens)
    graph.output("predicted" if config.values else "logits", _FLOAT, ["T", "B", config.logits], logits)
    data: bytes = graph.model(described(config), told(contents)).SerializeToString()
    return data


def _product(graph: Graph, x: str, p: Mapping[str, F32], W: str, b: str) -> str:
    """x W + b; b is optional."""
    y = graph.add("MatMul", x, graph.constant(p[W], W))
    return graph.add("Add", y, graph.constant(p[b], b)) if b in p else y


def _recurrent(graph: Graph, contents: Contents, tokens: str) -> str:
    config, p = contents.config, contents.arrays
    V, H, L = config.vocabulary_size, config.hidden, config.layers
    if config.inputs:
        x = tokens
    elif config.embedding:
        x = graph.add("Gather", graph.constant(p["embedding.E"], "embedding.E"), tokens)
    else:
        x = graph.add("OneHot", tokens, graph.constant(V), graph.constant(np.array([0, 1], np.float32)), axis=-1)
    kinds = ("h", "c") if config.family == "lstm" else ("h",)
    states = [graph.input(f"{kind}_0", _FLOAT, [L, "B", H]) for kind in kinds]
    last: list[list[str]] = [[] for _ in kinds]  # for h and c: the final state of every layer
    for n in range(L):
        before = [graph.add("Slice", state, *map(graph.constant, ([n], [n + 1], [0]))) for state in states]
        x, *after = _layer(graph, contents, n, x, before)
        for found, state in zip(last, after, strict=True):
            found.append(state)
    for kind, found in zip(kinds, last, strict=True):
        graph.output(f"{kind}_n", _FLOAT, [L, "B", H], graph.add("Concat", *found, axis=0))
    return _product(graph, x, p, "head.W_hy", "head.b_y")


def _layer(graph: Graph, contents: Contents, n: int, x: str, before: list[str]) -> list[str]:
    """Layer n: h at all timesteps (T, B, H), and the final states, (1, B, H) each."""
    config, p, H = contents.config, contents.arrays, contents.config.hidden

    def gates(array: F32) -> F32:
        """(n H, ...) with the gates in ONNX order."""
        parts = np.split(array, array.shape[0] // H)
        return np.concatenate([parts[k] for k in _GATES[config.family]])

    name = f"layers.{n}"
    b, b_hh = p[f"{name}.b"], np.zeros_like(p[f"{name}.b"])
    options: dict[str, int | list[str]] = {"hidden_size": H}
    if config.family == "rnn":
        options["activations"] = [config.activation.capitalize()]
    if config.family == "gru":
        options["linear_before_reset"] = 1  # the reset gate multiplies h W_hn + b_hn, as in PyTorch
        b_hh[2 * H :] = p[f"{name}.b_hn"]
    W, R = (graph.constant(gates(p[f"{name}.{key}"].T)[None], f"{name}.{key}") for key in ("W_xh", "W_hh"))
    B = graph.constant(np.concatenate((gates(b), gates(b_hh)))[None], f"{name}.b")
    y, *after = graph.add_several(1 + len(before), config.family.upper(), x, W, R, B, "", *before, **options)
    return [graph.add("Squeeze", y, graph.constant([1])), *after]  # the axis of directions, of size 1


def _window(graph: Graph, contents: Contents, tokens: str) -> str:
    config, p = contents.config, contents.arrays
    V, N = config.vocabulary_size, config.context
    T, B = _sizes(graph, tokens)
    width = [graph.constant([config.inputs])] if config.inputs else []
    rows = graph.add("Concat", graph.constant([N - 1]), B, *width, axis=0)
    nothing = np.zeros((1, 1, 1), np.float32) if config.inputs else np.array([[V]])
    padded = graph.add("Concat", graph.add("Expand", graph.constant(nothing), rows), tokens, axis=0)
    starts = graph.add("Unsqueeze", _times(graph, T), graph.constant([1]))
    places = graph.add("Add", starts, graph.constant(np.arange(N)[None]))  # (T, N), oldest first
    axes = [0, 2, 1, 3] if config.inputs else [0, 2, 1]
    x = graph.add("Transpose", graph.add("Gather", padded, places), perm=axes)  # (T, B, N), of values (T, B, N, D)
    if not config.inputs:
        x = graph.add("Gather", graph.constant(p["embedding.E"], "embedding.E"), x)
    x = graph.add("Reshape", x, graph.constant([0, 0, N * config.input_width]))
    h = graph.add("Tanh", _product(graph, x, p, "layers.0.W_xh", "layers.0.b"))
    return _product(graph, h, p, "head.W_hy", "head.b_y")


def _sizes(graph: Graph, tokens: str) -> tuple[str, str]:
    """T and B, each of shape (1,)."""
    T, B = (graph.add("Shape", tokens, start=n, end=n + 1) for n in (0, 1))
    return T, B


def _times(graph: Graph, T: str) -> str:
    """0, 1, ... T - 1."""
    end = graph.add("Squeeze", T, graph.constant([0]))
    return graph.add("Range", graph.constant(0), end, graph.constant(1))


def _attention(graph: Graph, contents: Contents, tokens: str) -> str:
    config, p, C = contents.config, contents.arrays, contents.config.hidden
    T, _ = _sizes(graph, tokens)

    def until_now(table: F32) -> str:
        """The first T rows of a table (context, ...)."""
        return graph.add("Slice", graph.constant(table), graph.constant([0]), T, graph.constant([0]))

    E = graph.constant(p["embedding.E"], "embedding.E") if "embedding.E" in p else ""
    x = graph.add("Gather", E, tokens) if E else _product(graph, tokens, p, "input.W_x", "input.b_x")
    if config.positions != "rotary":
        table = p["embedding.P"] if config.positions == "learned" else _waves(config.context, C, ("sin", "cos"))
        x = graph.add("Add", x, until_now(table[:, None]))
    visible = _visible(graph, T)
    turn = _turning(graph, contents, until_now) if config.positions == "rotary" else lambda x: x
    for n in range(config.layers):
        x = _block(graph, contents, f"layers.{n}", x, visible, turn)
    x = _norm(graph, x, p, "norm")
    if config.tied:
        return graph.add("MatMul", x, graph.add("Transpose", E, perm=[1, 0]))
    return _product(graph, x, p, "head.W_hy", "")


def _waves(context: int, width: int, functions: tuple[str, str]) -> F32:
    """(context, width): functions of t / 10000^(2i / width), the first in even columns 2i, the second in odd ones."""
    angles = np.arange(context)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    waves = [getattr(np, function)(angles) for function in functions]
    return np.stack(waves, axis=-1).reshape(context, width).astype(np.float32)


def _visible(graph: Graph, T: str) -> str:
    """Causal mask (T, T): whether timestep t (row) may attend to timestep s (column)."""
    times = _times(graph, T)
    rows, columns = (graph.add("Unsqueeze", times, graph.constant([axis])) for axis in (1, 0))
    return graph.add("GreaterOrEqual", rows, columns)


def _turning(graph: Graph, contents: Contents, until_now: Callable[[F32], str]) -> Callable[[str], str]:
    """Rotary embedding of x (B, heads, T, d): (x0, x1) -> (x0 cos - x1 sin, x1 cos + x0 sin) for every pair."""
    config = contents.config
    d = config.hidden // config.heads
    sign = np.tile(np.array([-1, 1], np.float32), d // 2)
    cos = until_now(_waves(config.context, d, ("cos", "cos")))
    sin = until_now(_waves(config.context, d, ("sin", "sin")) * sign)
    other = graph.constant(np.arange(d) ^ 1)  # 1, 0, 3, 2, ...

    def turn(x: str) -> str:
        crossed = graph.add("Mul", graph.add("Gather", x, other, axis=-1), sin)
        return graph.add("Add", graph.add("Mul", x, cos), crossed)

    return turn


def _norm(graph: Graph, x: str, p: Mapping[str, F32], name: str) -> str:
    scale = [graph.constant(p[f"{name}.{key}"], f"{name}.{key}") for key in ("g", "b") if f"{name}.{key}" in p]
    return graph.add("LayerNormalization", x, *scale, axis=-1, epsilon=1e-5)


def _block(graph: Graph, contents: Contents, name: str, x: str, visible: str, turn: Callable[[str], str]) -> str:
    """One transformer block on the residual stream x (T, B, C)."""
    config, p = contents.config, contents.arrays
    C, heads = config.hidden, config.heads
    d = C // heads
    qkv = _product(graph, _norm(graph, x, p, f"{name}.norm1"), p, f"{name}.W_qkv", f"{name}.b_qkv")
    qkv = graph.add("Reshape", qkv, graph.constant([0, 0, 3, heads, d]))
    qkv = graph.add("Transpose", qkv, perm=[2, 1, 3, 0, 4])  # (3, B, heads, T, d)
    q, k, v = (graph.add("Gather", qkv, graph.constant(n), axis=0) for n in range(3))
    k_T = graph.add("Transpose", turn(k), perm=[0, 1, 3, 2])
    scores = graph.add("Mul", graph.add("MatMul", turn(q), k_T), graph.constant(np.float32(d**-0.5)))
    scores = graph.add("Where", visible, scores, graph.constant(np.float32(-np.inf)))
    y = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
    y = graph.add("Transpose", y, perm=[2, 0, 1, 3])
    y = graph.add("Reshape", y, graph.constant([0, 0, C]))
    x = graph.add("Add", x, _product(graph, y, p, f"{name}.W_o", f"{name}.b_o"))
    m = _product(graph, _norm(graph, x, p, f"{name}.norm2"), p, f"{name}.W_fc", f"{name}.b_fc")
    return graph.add("Add", x, _product(graph, _gelu(graph, m), p, f"{name}.W_proj", f"{name}.b_proj"))


def _gelu(graph: Graph, x: str) -> str:
    """x (1 + erf(x / sqrt 2)) / 2."""
    erf = graph.add("Erf", graph.add("Mul", x, graph.constant(np.float32(0.5**0.5))))
    half = graph.add("Mul", x, graph.constant(np.float32(0.5)))
    return graph.add("Mul", half, graph.add("Add", erf, graph.constant(np.float32(1))))
