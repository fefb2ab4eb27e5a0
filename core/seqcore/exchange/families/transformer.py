"""The causal transformer, in PyTorch and ONNX."""

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families.transformer_graph import causal, entered, mlp_branch, norm, self_branch
from seqcore.exchange.families.transformer_text import (
    block_places,
    block_text,
    functions,
    norm_places,
    position_parts,
    stack_parts,
    stream_steps,
)
from seqcore.exchange.family import Family, Layout, Places, Source
from seqcore.exchange.onnx_graph import Graph, model_graph, product
from seqcore.exchange.source_text import class_text, model_source, predicted, read


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places: Places = norm_places(config, "norm", "norm")
    if config.inputs:
        places["input.W_x"] = ("input.weight", True)
        if config.bias:
            places["input.b_x"] = ("input.bias", False)
    else:
        places["embedding.E"] = ("embedding.weight", False)
    if config.positions == "learned":
        places["embedding.P"] = ("positions.weight", False)
    for n in range(config.layers):
        places |= block_places(config, f"layers.{n}", f"blocks.{n}")
    if not config.tied:
        places["head.W_hy"] = ("head.weight", True)
    return Layout(places)


def source(described: Described) -> Source:
    """Return the source of the module."""
    config = described.config
    return model_source(config, [*functions(config, config.context), block_text(config), _model_text(config)])


def _model_text(config: ModelConfig) -> str:
    V, K, C = config.vocabulary_size, config.logits, config.hidden
    name, what = read(config)
    parts = [
        f"self.input = nn.Linear({config.inputs}, {C}, bias={config.bias})"
        if config.inputs
        else f"self.embedding = nn.Embedding({V}, {C})",
        *position_parts(config, config.context),
        *stack_parts(config),
        "" if config.tied else f"self.head = nn.Linear({C}, {K}, bias=False)",
    ]
    steps = [
        *stream_steps(config, name, "self.input(values)" if config.inputs else "self.embedding(tokens)"),
        "x = self.norm(x)",
        "return F.linear(x, self.embedding.weight)  # the head is tied to the embedding"
        if config.tied
        else "return self.head(x)",
    ]
    about = f"Map {what} T <= {config.context}, to {predicted(config)} (T, B, {K})."
    return class_text("Model", about, parts, f"forward(self, {name}: Tensor) -> Tensor", steps)


def graphs(contents: Contents) -> dict[str, Graph]:
    """Return the graph from tokens or values to logits or values."""
    return model_graph(contents, _attention)


def _attention(graph: Graph, contents: Contents, tokens: str) -> str:
    config, p = contents.config, contents.arrays
    E = graph.constant(p["embedding.E"], "embedding.E") if "embedding.E" in p else ""
    x = graph.add("Gather", E, tokens) if E else product(graph, tokens, p, "input.W_x", "input.b_x")
    x, turn = entered(graph, config, x, p.get("embedding.P"), config.context)
    visible = causal(graph, x)
    for n in range(config.layers):
        x = self_branch(graph, config, p, f"layers.{n}", x, visible, turn)
        x = mlp_branch(graph, p, f"layers.{n}", x)
    x = norm(graph, x, p, "norm")
    if config.tied:
        return graph.add("MatMul", x, graph.add("Transpose", E, perm=[1, 0]))
    return product(graph, x, p, "head.W_hy")


FAMILY = Family(layout, source, graphs)
