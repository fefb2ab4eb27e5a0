"""The causal transformer, in PyTorch and ONNX."""

from collections.abc import Callable, Mapping

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.family import Family, Layout, Source
from seqcore.exchange.onnx_graph import Graph, model_graph, product, sizes, times
from seqcore.exchange.source_text import class_text, dropout, dropped, model_source, predicted, read
from seqcore.records import F32

_ANGLES = '''def angles() -> Tensor:
    """({context}, {pairs}): t / 10000^(2i / {width}) at timestep t for column pair i."""
    times, pairs = torch.arange({context}, dtype=torch.float64), torch.arange(0, {width}, 2, dtype=torch.float64)
    return times[:, None] / 10000 ** (pairs / {width})'''

_TURNED = '''def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding: rotate column pairs (2i, 2i + 1) of x (B, heads, T, width) by their angles."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)'''


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    named = {"norm.g": ("norm.weight", False)}
    if config.inputs:
        named["input.W_x"] = ("input.weight", True)
        if config.bias:
            named["input.b_x"] = ("input.bias", False)
    else:
        named["embedding.E"] = ("embedding.weight", False)
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
    if not config.tied:
        named["head.W_hy"] = ("head.weight", True)
    return Layout(named)


def source(described: Described) -> Source:
    """Return the source of the module."""
    config = described.config
    rotary = config.positions == "rotary"
    width = config.hidden // config.heads if rotary else config.hidden
    angles = _ANGLES.format(context=config.context, pairs=width // 2, width=width)
    before = {"learned": [], "sinusoidal": [angles], "rotary": [angles, _TURNED]}[config.positions]
    return model_source(config, [*before, _block_text(config, rotary), _model_text(config)])


def _block_text(config: ModelConfig, rotary: bool) -> str:
    C, heads, bias = config.hidden, config.heads, config.bias
    parts = [
        f"self.norm1 = nn.LayerNorm({C}, bias={bias})",
        f"self.qkv = nn.Linear({C}, {3 * C}, bias={bias})",
        f"self.out = nn.Linear({C}, {C}, bias={bias})",
        f"self.norm2 = nn.LayerNorm({C}, bias={bias})",
        f"self.fc = nn.Linear({C}, {4 * C}, bias={bias})",
        f"self.proj = nn.Linear({4 * C}, {C}, bias={bias})",
        dropout(config),
    ]
    steps = [
        f"qkv = self.qkv(self.norm1(x)).unflatten(2, (3, {heads}, {C // heads}))  # (T, B, 3, heads, width)",
        "q, k, v = qkv.permute(2, 1, 3, 0, 4)  # (B, heads, T, width) each",
        "q, k = turned(q, cos, sin), turned(k, cos, sin)" if rotary else "",
        "y = F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        f"x = x + {dropped(config, 'self.out(y.permute(2, 0, 1, 3).flatten(2))')}",
        f"return x + {dropped(config, 'self.proj(F.gelu(self.fc(self.norm2(x))))')}",
    ]
    about = f"Pre-norm transformer block on the residual stream (T, B, {C}): attention, then an MLP."
    forward = f"forward(self, x: Tensor{', cos: Tensor, sin: Tensor' if rotary else ''}) -> Tensor"
    return class_text("Block", about, parts, forward, steps)


def _model_text(config: ModelConfig) -> str:
    V, K, C, N, kind = config.vocabulary_size, config.logits, config.hidden, config.context, config.positions
    name, what = read(config)
    entered = "self.input(values)" if config.inputs else "self.embedding(tokens)"
    product = f"self.input = nn.Linear({config.inputs}, {C}, bias={config.bias})"
    buffer = 'self.register_buffer("{}", {}, persistent=False)'.format
    positions = {
        "learned": [f"self.positions = nn.Embedding({N}, {C})"],
        "sinusoidal": [
            "columns = torch.stack((angles().sin(), angles().cos()), dim=-1).flatten(1)",
            buffer("positions", "columns.float()"),
        ],
        "rotary": [buffer("cos", "angles().cos().float()"), buffer("sin", "angles().sin().float()")],
    }
    added = {
        "learned": " + self.positions(times)",
        "sinusoidal": f" + self.positions[: len({name}), None]",
        "rotary": "",
    }
    parts = [
        product if config.inputs else f"self.embedding = nn.Embedding({V}, {C})",
        *positions[kind],
        dropout(config),
        f"self.blocks = nn.ModuleList(Block() for _ in range({config.layers}))",
        f"self.norm = nn.LayerNorm({C}, bias={config.bias})",
        "" if config.tied else f"self.head = nn.Linear({C}, {K}, bias=False)",
    ]
    steps = [
        f"times = torch.arange(len({name}), device={name}.device)[:, None]" if kind == "learned" else "",
        f"x = {dropped(config, entered + added[kind])}",
        "for block in self.blocks:",
        f"    x = block(x{', self.cos[: len(x)], self.sin[: len(x)]' if kind == 'rotary' else ''})",
        "x = self.norm(x)",
        "return F.linear(x, self.embedding.weight)  # the head is tied to the embedding"
        if config.tied
        else "return self.head(x)",
    ]
    about = f"Map {what} T <= {N}, to {predicted(config)} (T, B, {K})."
    return class_text("Model", about, parts, f"forward(self, {name}: Tensor) -> Tensor", steps)


def graphs(contents: Contents) -> dict[str, Graph]:
    """Return the graph from tokens or values to logits or values."""
    return model_graph(contents, _attention)


def _attention(graph: Graph, contents: Contents, tokens: str) -> str:
    config, p, C = contents.config, contents.arrays, contents.config.hidden
    T, _ = sizes(graph, tokens)

    def until_now(table: F32) -> str:
        """The first T rows of a table (context, ...)."""
        return graph.add("Slice", graph.constant(table), graph.constant([0]), T, graph.constant([0]))

    E = graph.constant(p["embedding.E"], "embedding.E") if "embedding.E" in p else ""
    x = graph.add("Gather", E, tokens) if E else product(graph, tokens, p, "input.W_x", "input.b_x")
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
    return product(graph, x, p, "head.W_hy", "")


def _waves(context: int, width: int, functions: tuple[str, str]) -> F32:
    """(context, width): functions of t / 10000^(2i / width), the first in even columns 2i, the second in odd ones."""
    angles = np.arange(context)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    waves = [getattr(np, function)(angles) for function in functions]
    return np.stack(waves, axis=-1).reshape(context, width).astype(np.float32)


def _visible(graph: Graph, T: str) -> str:
    """Causal mask (T, T): whether timestep t (row) may attend to timestep s (column)."""
    steps = times(graph, T)
    rows, columns = (graph.add("Unsqueeze", steps, graph.constant([axis])) for axis in (1, 0))
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
    qkv = product(graph, _norm(graph, x, p, f"{name}.norm1"), p, f"{name}.W_qkv", f"{name}.b_qkv")
    qkv = graph.add("Reshape", qkv, graph.constant([0, 0, 3, heads, d]))
    qkv = graph.add("Transpose", qkv, perm=[2, 1, 3, 0, 4])  # (3, B, heads, T, d)
    q, k, v = (graph.add("Gather", qkv, graph.constant(n), axis=0) for n in range(3))
    k_T = graph.add("Transpose", turn(k), perm=[0, 1, 3, 2])
    scores = graph.add("Mul", graph.add("MatMul", turn(q), k_T), graph.constant(np.float32(d**-0.5)))
    scores = graph.add("Where", visible, scores, graph.constant(np.float32(-np.inf)))
    y = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
    y = graph.add("Transpose", y, perm=[2, 0, 1, 3])
    y = graph.add("Reshape", y, graph.constant([0, 0, C]))
    x = graph.add("Add", x, product(graph, y, p, f"{name}.W_o", f"{name}.b_o"))
    m = product(graph, _norm(graph, x, p, f"{name}.norm2"), p, f"{name}.W_fc", f"{name}.b_fc")
    return graph.add("Add", x, product(graph, _gelu(graph, m), p, f"{name}.W_proj", f"{name}.b_proj"))


def _gelu(graph: Graph, x: str) -> str:
    """x (1 + erf(x / sqrt 2)) / 2."""
    erf = graph.add("Erf", graph.add("Mul", x, graph.constant(np.float32(0.5**0.5))))
    half = graph.add("Mul", x, graph.constant(np.float32(0.5)))
    return graph.add("Mul", half, graph.add("Add", erf, graph.constant(np.float32(1))))


FAMILY = Family(layout, source, graphs)
