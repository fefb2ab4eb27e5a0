"""The recurrent decoder, in PyTorch and ONNX: layers, attention over the annotations or none, and the head."""

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families import pairs_attention
from seqcore.exchange.families.pairs_attention import attends
from seqcore.exchange.families.recurrent import (
    embedded,
    embedded_text,
    embedding_text,
    layers_layout,
    module_text,
    stack,
    state_text,
)
from seqcore.exchange.family import Half, Layout, Places
from seqcore.exchange.onnx_graph import FLOAT, INT64, Graph, product
from seqcore.exchange.source_text import class_text, dropout, dropped


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places: Places = {"head.W_hy": ("decoder.head.weight", True), "head.b_y": ("decoder.head.bias", False)}
    if config.embedding:
        places["decoder.embedding.E"] = ("decoder.embedding.weight", False)
    layers = layers_layout(config, ["decoder"], f"decoder.{config.family}")
    return layers | pairs_attention.layout(config) | Layout(places)


def parts(described: Described) -> list[str]:
    """Return the class Decoder, before it that of its attention, if there is any."""
    config = described.config
    K, H, family = config.logits, config.hidden, config.family
    state = state_text(config)[0]
    given, found, result = "", "", f"tuple[Tensor, {state}]"
    about = f"Map symbols (U, B) and the state before to logits (U, B, {K}) of the next ones and the state after."
    if attends(config):
        given, found, result = ", notes: Tensor, lengths: Tensor", ", weights", f"tuple[Tensor, {state}, Tensor]"
        about += "\n\n    Also return the weights (U, B, S) of attention over the annotations.\n    "
    made = [
        embedding_text(config, K),
        f"self.{family} = {module_text(config, config.embedding or K)}",
        dropout(config),
        "self.attention = Attention()" if attends(config) else "",
        f"self.head = nn.Linear({H}, {K})",
    ]
    steps = [
        f"h, state = self.{family}({embedded_text(config, 'symbols', K)}, state)",
        f"h = {dropped(config, 'h')}" if config.dropout else "",
        "h, weights = self.attention(h, notes, lengths)" if attends(config) else "",
        f"return self.head(h), state{found}",
    ]
    forward = f"forward(self, symbols: Tensor, state: {state}{given}) -> {result}"
    return [*pairs_attention.parts(config), class_text("Decoder", about, made, forward, steps)]


def graph(contents: Contents) -> Graph:
    """Return the graph from symbols, the state, and what attention remembers to logits, the state and the weights."""
    config, p, made = contents.config, contents.arrays, Graph()
    symbols = made.input("symbols", INT64, ["U", "B"])
    h = stack(made, config, p, "decoder", embedded(made, p, "decoder.embedding.E", symbols, config.logits))
    if attends(config):
        h = pairs_attention.attend(made, contents, h)
    made.output("logits", FLOAT, ["U", "B", config.logits], product(made, h, p, "head.W_hy", "head.b_y"))
    return made


HALF = Half(layout, parts, graph)
