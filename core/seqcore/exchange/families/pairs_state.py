"""The state of a recurrent decoder and where it starts, in PyTorch and ONNX; see `models.bridge`.

The state is h, of an LSTM also c, and with input feeding also y (1, B, H): what attention gave a timestep before, at
first zeros.
"""

from collections.abc import Mapping

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents
from seqcore.exchange.families import recurrent
from seqcore.exchange.family import Layout, Places
from seqcore.exchange.onnx_graph import FLOAT, Graph, product, sizes
from seqcore.models.bridge import bridged


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters of the bridge."""
    places: Places = {}
    for n in range(config.layers):
        for state in bridged(config):
            places[f"bridge.{n}.{state}.W"] = (f"encoder.bridge_{state}.{n}.weight", True)
            places[f"bridge.{n}.{state}.b"] = (f"encoder.bridge_{state}.{n}.bias", False)
    return Layout(places)


def modules(config: ModelConfig) -> list[str]:
    """Return the lines of __init__ that make the bridge."""
    bridge = f"nn.ModuleList(nn.Linear({config.annotation}, {config.hidden}) for _ in range({config.layers}))"
    return [f"self.bridge_{name} = {bridge}" for name in bridged(config)]


def state_text(config: ModelConfig) -> tuple[str, list[str]]:
    """Return the name of the type of the decoder's state, and the line that defines it, if one has to."""
    if not config.input_feeding:
        return recurrent.state_text(config)
    names = names_of(config)
    return "State", [f"State = tuple[{', '.join(['Tensor'] * len(names))}]  # {', '.join(names)}"]


def about_state(config: ModelConfig) -> str:
    """Return what the decoder's initial state is, for a docstring."""
    L, H = config.layers, config.hidden
    kind = f"h and c, ({L}, B, {H}) each" if config.family == "lstm" else f"h, ({L}, B, {H})"
    return f"{kind}, and y, (1, B, {H})" if config.input_feeding else kind


def names_of(config: ModelConfig) -> tuple[str, ...]:
    """Return the names of the parts of the decoder's state."""
    return (*recurrent.state_names(config), *(("y",) if config.input_feeding else ()))


def returned(config: ModelConfig) -> list[str]:
    """Return the lines that return `notes` and the initial state, after those that made `state`, or h and c of it."""
    found = {(): "state", ("h",): "h", ("h", "c"): "(h, c)"}[bridged(config)]
    if not config.input_feeding:
        return [f"return notes, {found}"]
    parts = ", ".join(bridged(config)) or ("*state" if config.family == "lstm" else "state")
    return [f"y = notes.new_zeros(1, notes.shape[1], {config.hidden})", f"return notes, ({parts}, y)"]


def through(graph: Graph, contents: Contents, n: int, state: str, last: str) -> str:
    """The decoder's initial state (1, B, H) in layer n, of what the bridge reads, (1, B, D)."""
    name = f"bridge.{n}.{state}"
    z = product(graph, last, contents.arrays, f"{name}.W", f"{name}.b")
    return graph.add("Tanh", z) if state == "h" else z


def hand_over(graph: Graph, config: ModelConfig, states: Mapping[str, list[str]], source: str) -> None:
    """Add outputs for the initial state, given each layer's (1, B, H) by name, and the source (S, B, ...)."""
    for name, found in states.items():
        graph.output(f"{name}_0", FLOAT, [config.layers, "B", config.hidden], graph.add("Concat", *found, axis=0))
    if config.input_feeding:
        one, H = graph.constant([1]), graph.constant([config.hidden])
        shape = graph.add("Concat", one, sizes(graph, source)[1], H, axis=0)
        zeros = graph.add("Expand", graph.constant(np.zeros((1, 1, 1), np.float32)), shape)
        graph.output("y_0", FLOAT, [1, "B", config.hidden], zeros)
