"""The recurrent decoder, in PyTorch and ONNX: layers, attention over the annotations or none, and the head.

With input feeding, the first layer reads a symbol and, after it, what attention gave a timestep before: its matrix is
W_xh on top of W_feed. PyTorch loops over the symbols, the ONNX graph reads one at a time.
"""

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families import pairs_attention, pairs_state
from seqcore.exchange.families.pairs_attention import attends
from seqcore.exchange.families.recurrent import (
    embedded,
    embedded_text,
    embedding_text,
    layers_layout,
    module_text,
    stack,
)
from seqcore.exchange.family import Half, Layout, Places
from seqcore.exchange.onnx_graph import FLOAT, INT64, Graph, product
from seqcore.exchange.source_text import class_text, dropout, dropped

_FIRST, _FEED = "decoder.0.W_xh", "decoder.0.W_feed"


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places: Places = {"head.W_hy": ("decoder.head.weight", True), "head.b_y": ("decoder.head.bias", False)}
    if config.embedding:
        places["decoder.embedding.E"] = ("decoder.embedding.weight", False)
    layers = layers_layout(config, ["decoder"], f"decoder.{config.family}")
    if config.input_feeding:
        places[_FEED] = layers.places[_FIRST]
    return layers | pairs_attention.layout(config) | Layout(places)


def parts(described: Described) -> list[str]:
    """Return the class Decoder, before it that of its attention, if there is any."""
    config = described.config
    K, H, family = config.logits, config.hidden, config.family
    state = pairs_state.state_text(config)[0]
    given, result = "", f"tuple[Tensor, {state}]"
    about = f"Map symbols (U, B) and the state before to logits (U, B, {K}) of the next ones and the state after."
    if attends(config):
        given, result = pairs_attention.given(config, "{}: Tensor"), f"tuple[Tensor, {state}, Tensor]"
        about += "\n\n    Also return the weights (U, B, S) of attention over the annotations.\n    "
    made = [
        embedding_text(config, K),
        f"self.{family} = {module_text(config, (config.embedding or K) + config.input_feeding * H)}",
        dropout(config),
        "self.attention = Attention()" if attends(config) else "",
        f"self.head = nn.Linear({H}, {K})",
    ]
    steps = _fed_steps(config) if config.input_feeding else _steps(config)
    forward = f"forward(self, symbols: Tensor, state: {state}{given}) -> {result}"
    return [*pairs_attention.parts(config), class_text("Decoder", about, made, forward, steps)]


def _steps(config: ModelConfig) -> list[str]:
    """Return the lines of forward: all timesteps at once."""
    return [
        f"h, state = self.{config.family}({embedded_text(config, 'symbols', config.logits)}, state)",
        f"h = {dropped(config, 'h')}" if config.dropout else "",
        f"h, weights = self.attention(h{pairs_attention.given(config)})" if attends(config) else "",
        f"return self.head(h), state{', weights' if attends(config) else ''}",
    ]


def _fed_steps(config: ModelConfig) -> list[str]:
    """Return the lines of forward with input feeding: one timestep after the other."""
    parts = ", ".join(pairs_state.names_of(config))
    before = "(h, c)" if config.family == "lstm" else "h"
    return [
        f"{parts} = state",
        "found, looks = [], []",
        f"for x in {embedded_text(config, 'symbols', config.logits)}.split(1):",
        f"    x, {before} = self.{config.family}(torch.cat((x, y), -1), {before})",
        f"    y, weights = self.attention({dropped(config, 'x')}{pairs_attention.given(config)})",
        "    found.append(y)",
        "    looks.append(weights)",
        f"return self.head(torch.cat(found)), ({parts}), torch.cat(looks)",
    ]


def graph(contents: Contents) -> Graph:
    """Return the graph from symbols, the state, and what attention remembers to logits, the state and the weights."""
    config, p, made = contents.config, dict(contents.arrays), Graph()
    symbols = made.input("symbols", INT64, [1 if config.input_feeding else "U", "B"])
    x = embedded(made, p, "decoder.embedding.E", symbols, config.logits)
    if config.input_feeding:
        x = made.add("Concat", x, made.input("y_0", FLOAT, [1, "B", config.hidden]), axis=-1)
        p[_FIRST] = np.concatenate([p[_FIRST], p[_FEED]])
    h = stack(made, config, p, "decoder", x)
    if attends(config):
        h = pairs_attention.attend(made, contents, h)
    if config.input_feeding:
        made.output("y_n", FLOAT, [1, "B", config.hidden], h)
    made.output("logits", FLOAT, ["U", "B", config.logits], product(made, h, p, "head.W_hy", "head.b_y"))
    return made


HALF = Half(layout, parts, graph)
