"""The feedforward baseline, in PyTorch and ONNX: windows of tokens or values, one hidden layer, the head."""

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.family import Family, Layout, Source
from seqcore.exchange.onnx_graph import Graph, model_graph, product, sizes, times
from seqcore.exchange.source_text import class_text, dropout, dropped, model_source, predicted, read


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places = {
        "layers.0.W_xh": ("hidden.weight", True),
        "layers.0.b": ("hidden.bias", False),
        "head.b_y": ("head.bias", False),
        "head.W_hy": ("head.weight", True),
    }
    return Layout(places | ({} if config.inputs else {"embedding.E": ("embedding.weight", False)}))


def source(described: Described) -> Source:
    """Return the source of the module."""
    config = described.config
    V, K, N, name = config.vocabulary_size, config.logits, config.context, read(config)[0]
    table = f"nn.Embedding({V + 1}, {config.embedding})  # row {V} is the padding before the first token"
    parts = [
        "" if config.inputs else f"self.embedding = {table}",
        f"self.hidden = nn.Linear({N * config.input_width}, {config.hidden})",
        dropout(config),
        f"self.head = nn.Linear({config.hidden}, {K})",
    ]
    before = f"tokens.new_full(({N - 1}, tokens.shape[1]), {V})"
    shape, x, what = f"(T, B, {N})", "self.embedding(windows)", "tokens"
    if config.inputs:
        before = f"values.new_zeros({N - 1}, *values.shape[1:])"
        shape, x, what = f"(T, B, {config.inputs}, {N})", "windows.transpose(2, 3)", "timesteps"
    steps = [
        f"nothing = {before}",
        f"windows = torch.cat((nothing, {name})).unfold(0, {N}, 1)  # {shape}, oldest first",
        f"h = torch.tanh(self.hidden({x}.flatten(2)))",
        f"return self.head({dropped(config, 'h')})",
    ]
    about = f"Map {read(config)[1]} to {predicted(config)} (T, B, {K}), each from the last {N} {what}."
    return model_source(config, [class_text("Model", about, parts, f"forward(self, {name}: Tensor) -> Tensor", steps)])


def graphs(contents: Contents) -> dict[str, Graph]:
    """Return the graph from tokens or values to logits or values."""
    return model_graph(contents, _window)


def _window(graph: Graph, contents: Contents, tokens: str) -> str:
    config, p = contents.config, contents.arrays
    V, N = config.vocabulary_size, config.context
    T, B = sizes(graph, tokens)
    width = [graph.constant([config.inputs])] if config.inputs else []
    rows = graph.add("Concat", graph.constant([N - 1]), B, *width, axis=0)
    nothing = np.zeros((1, 1, 1), np.float32) if config.inputs else np.array([[V]])
    padded = graph.add("Concat", graph.add("Expand", graph.constant(nothing), rows), tokens, axis=0)
    starts = graph.add("Unsqueeze", times(graph, T), graph.constant([1]))
    places = graph.add("Add", starts, graph.constant(np.arange(N)[None]))  # (T, N), oldest first
    axes = [0, 2, 1, 3] if config.inputs else [0, 2, 1]
    x = graph.add("Transpose", graph.add("Gather", padded, places), perm=axes)  # (T, B, N), of values (T, B, N, D)
    if not config.inputs:
        x = graph.add("Gather", graph.constant(p["embedding.E"], "embedding.E"), x)
    x = graph.add("Reshape", x, graph.constant([0, 0, N * config.input_width]))
    h = graph.add("Tanh", product(graph, x, p, "layers.0.W_xh", "layers.0.b"))
    return product(graph, h, p, "head.W_hy", "head.b_y")


FAMILY = Family(layout, source, graphs)
