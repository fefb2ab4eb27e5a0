"""Attention of a decoder over annotations, in PyTorch and ONNX; see `layers.cross`."""

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents
from seqcore.exchange.family import Layout, Places
from seqcore.exchange.onnx_graph import FLOAT, INT64, Graph, product, sizes, times
from seqcore.exchange.source_text import class_text
from seqcore.layers import cross

_LINEAR = {"W_a": "query", "W_q": "query", "W_k": "key", "W_c": "mix"}  # our matrices, and PyTorch's modules
_SCORES = {
    "dot": "h_t . a_s",
    "general": "(query h_t) . a_s",
    "additive": "v . tanh(query h_t + key a_s)",
}


def attends(config: ModelConfig) -> bool:
    """Return whether the decoder has attention."""
    return config.cross_attention != "none"


def seen(config: ModelConfig) -> tuple[str, ...]:
    """Return the names of what attention gets besides states; a picture has no padding, and so no lengths."""
    if not attends(config):
        return ()
    return ("notes",) if config.patches else ("notes", "lengths")


def given(config: ModelConfig, as_text: str = "{}") -> str:
    """Return the same as further arguments, or as parameters."""
    return "".join(f", {as_text.format(name)}" for name in seen(config))


def _shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    return cross.shapes(config.cross_attention, config.hidden, config.annotation)


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places: Places = {}
    for name in _shapes(config):
        linear = name in _LINEAR
        theirs = f"{_LINEAR[name]}.weight" if linear else name
        places[f"attention.{name}"] = (f"decoder.attention.{theirs}", linear)
    return Layout(places)


def parts(config: ModelConfig) -> list[str]:
    """Return the class Attention, if there is attention."""
    if not attends(config):
        return []
    H, kind, shapes = config.hidden, config.cross_attention, _shapes(config)
    made = [
        f"self.{_LINEAR[name]} = nn.Linear({shape[0]}, {shape[1]}, bias=False)"
        if name in _LINEAR
        else f"self.{name} = nn.Parameter(torch.zeros({shape[0]}))"
        for name, shape in shapes.items()
    ]
    steps = [
        f"q, a = {'h' if kind == 'dot' else 'self.query(h)'}.transpose(0, 1), notes.transpose(0, 1)",
        "scores = (q[:, :, None] + self.key(a)[:, None]).tanh() @ self.v  # (B, U, S)"
        if kind == "additive"
        else "scores = q @ a.transpose(1, 2)  # (B, U, S)",
        *_weights_text(config),
        "context = (weights @ a).transpose(0, 1)",
        "return self.mix(torch.cat((context, h), -1)).tanh(), weights.transpose(0, 1)",
    ]
    of = "" if config.patches else " of lengths (B,)"
    about = f"""Attention of states h (U, B, {H}) over annotations a (S, B, {config.annotation}){of}.

    Return tanh(mix [context h]) (U, B, {H}), and the weights (U, B, S): softmax over s of {_SCORES[kind]}.
    """
    forward = f"forward(self, h: Tensor{given(config, '{}: Tensor')}) -> tuple[Tensor, Tensor]"
    return [class_text("Attention", about, made, forward, steps)]


def _weights_text(config: ModelConfig) -> list[str]:
    """Return the lines from scores to weights."""
    if config.patches:
        return ["weights = scores.softmax(-1)"]
    return [
        "padding = torch.arange(len(notes), device=notes.device) >= lengths[:, None]",
        "weights = scores.masked_fill(padding[:, None], -torch.inf).softmax(-1)",
    ]


def remember(graph: Graph, contents: Contents, notes: str) -> None:
    """Add outputs for what attention needs of the annotations (S, B, D): themselves, and the keys."""
    config = contents.config
    if not attends(config):
        return
    S = config.patches or "S"
    graph.output("annotations", FLOAT, [S, "B", config.annotation], notes)
    if config.cross_attention == "additive":
        keys = product(graph, notes, contents.arrays, "attention.W_k")
        graph.output("keys", FLOAT, [S, "B", config.hidden], keys)


def attend(graph: Graph, contents: Contents, h: str) -> str:
    """What the head reads (U, B, H), of states h (U, B, H); adds the inputs that `remember` makes, and the weights."""
    config, p = contents.config, contents.arrays
    kind, S = config.cross_attention, config.patches or "S"
    notes = graph.input("annotations", FLOAT, [S, "B", config.annotation])
    q = h if kind == "dot" else product(graph, h, p, "attention.W_q" if kind == "additive" else "attention.W_a")
    q = graph.add("Transpose", q, perm=[1, 0, 2])  # (B, U, ...)
    if kind == "additive":
        keys = graph.add("Transpose", graph.input("keys", FLOAT, [S, "B", config.hidden]), perm=[1, 0, 2])
        q, keys = (graph.add("Unsqueeze", x, graph.constant([axis])) for x, axis in ((q, 2), (keys, 1)))
        both, v = graph.add("Tanh", graph.add("Add", q, keys)), graph.constant(p["attention.v"], "attention.v")
        scores = graph.add("MatMul", both, v)
    else:
        scores = graph.add("MatMul", q, graph.add("Transpose", notes, perm=[1, 2, 0]))
    if "lengths" in seen(config):
        inside = within(graph, notes, graph.input("lengths", INT64, ["B"]), 1)
        scores = graph.add("Where", inside, scores, graph.constant(np.float32(-np.inf)))
    weights = graph.add("Softmax", scores, axis=-1)  # (B, U, S)
    graph.output("weights", FLOAT, ["U", "B", S], graph.add("Transpose", weights, perm=[1, 0, 2]))
    context = graph.add("MatMul", weights, graph.add("Transpose", notes, perm=[1, 0, 2]))
    mixed = graph.add("Concat", graph.add("Transpose", context, perm=[1, 0, 2]), h, axis=-1)
    return graph.add("Tanh", product(graph, mixed, p, "attention.W_c"))


def within(graph: Graph, notes: str, lengths: str, axes: int) -> str:
    """Whether a timestep of sources (S, B, ...) is no padding: (B, 1, S), with so many axes of size 1."""
    ends = graph.add("Unsqueeze", lengths, graph.constant([*range(1, axes + 2)]))
    return graph.add("Less", times(graph, sizes(graph, notes)[0]), ends)
