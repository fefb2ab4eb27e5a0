"""RNN, GRU and LSTM, in PyTorch and ONNX; and their layers, of which other families are made, too.

The ONNX graph also takes and returns the state: h_0 (layers, B, H), for the LSTM also c_0, to h_n and c_n. ONNX orders
the gates differently from PyTorch and us: LSTM input, output, forget, cell; GRU update, reset, candidate.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.family import Cell, Family, Layout, Places, Source
from seqcore.exchange.onnx_graph import FLOAT, Graph, model_graph, product
from seqcore.exchange.source_text import class_text, dropout, dropped, model_source, predicted, read
from seqcore.records import F32

_GATES = {"rnn": [0], "gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}  # our index of each gate, in ONNX order


def layers_layout(config: ModelConfig, prefixes: Sequence[str], module: str) -> Layout:
    """Return the places of all layers in a recurrent module; `prefixes` of our names, one for each direction."""
    places: Places = {}
    cells = []
    for n in range(config.layers):
        for prefix, end in zip(prefixes, ("", "_reverse"), strict=False):
            cell = Cell(f"{prefix}.{n}", f"{module}.{{}}_l{n}{end}", config.family == "gru")
            for ours, theirs in (("W_xh", "weight_ih"), ("W_hh", "weight_hh")):
                places[f"{cell.ours}.{ours}"] = (cell.theirs.format(theirs), True)
            cells.append(cell)
    return Layout(places, tuple(cells))


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    head: Places = {"head.b_y": ("head.bias", False), "head.W_hy": ("head.weight", True)}
    if config.embedding:
        head["embedding.E"] = ("embedding.weight", False)
    return layers_layout(config, ["layers"], config.family) | Layout(head)


def module_text(config: ModelConfig, inputs: int, more: str = "") -> str:
    """Return the expression that makes the recurrent module; `more` are further arguments."""
    sizes = f"{inputs}, {config.hidden}, num_layers={config.layers}{more}"
    if config.family == "rnn":
        sizes += f', nonlinearity="{config.activation}"'
    if config.dropout and config.layers > 1:
        sizes += f", dropout={config.dropout!r}"  # between layers only; before the head it is a separate module
    return f"nn.{config.family.upper()}({sizes})"


def embedding_text(config: ModelConfig, symbols: int) -> str:
    """Return the line of __init__ that makes the embedding, if there is one."""
    return f"self.embedding = nn.Embedding({symbols}, {config.embedding})" if config.embedding else ""


def embedded_text(config: ModelConfig, name: str, symbols: int) -> str:
    """Return the expression that looks symbols up."""
    return f"self.embedding({name})" if config.embedding else f"F.one_hot({name}, {symbols}).float()"


def state_text(config: ModelConfig) -> tuple[str, list[str]]:
    """Return the name of the type of a state, and the line that defines it, if one has to."""
    return ("State", ["State = tuple[Tensor, Tensor]"]) if config.family == "lstm" else ("Tensor", [])


def source(described: Described) -> Source:
    """Return the source of the module."""
    config = described.config
    V, K, H, L, family = config.vocabulary_size, config.logits, config.hidden, config.layers, config.family
    name, what = read(config)
    state, alias = state_text(config)
    kind = f"h and c, ({L}, B, {H}) each" if family == "lstm" else f"h, ({L}, B, {H})"
    about = f"""Map {what} to {predicted(config)} (T, B, {K}) and the final state.

    The state is {kind}; None starts from zeros.
    """
    parts = [
        embedding_text(config, V),
        f"self.{family} = {module_text(config, config.input_width)}",
        dropout(config),
        f"self.head = nn.Linear({H}, {K})",
    ]
    steps = [
        "" if config.inputs else f"x = {embedded_text(config, name, V)}",
        f"h, state = self.{family}({name if config.inputs else 'x'}, state)",
        f"return self.head({dropped(config, 'h')}), state",
    ]
    forward = f"forward(self, {name}: Tensor, state: {state} | None = None) -> tuple[Tensor, {state}]"
    return model_source(config, [*alias, class_text("Model", about, parts, forward, steps)])


def graphs(contents: Contents) -> dict[str, Graph]:
    """Return the graph from tokens or values, and the state, to logits or values, and the state."""
    return model_graph(contents, _graph)


def _graph(graph: Graph, contents: Contents, tokens: str) -> str:
    config, p = contents.config, contents.arrays
    x = tokens if config.inputs else embedded(graph, p, "embedding.E", tokens, config.vocabulary_size)
    x = stack(graph, config, p, "layers", x)
    return product(graph, x, p, "head.W_hy", "head.b_y")


def state_names(config: ModelConfig) -> tuple[str, ...]:
    """Return the names of the states of a layer."""
    return ("h", "c") if config.family == "lstm" else ("h",)


def embedded(graph: Graph, p: Mapping[str, F32], E: str, symbols: str, count: int) -> str:
    """The embedding of symbols (T, B), or their one-hot vectors."""
    if E in p:
        return graph.add("Gather", graph.constant(p[E], E), symbols)
    return graph.add("OneHot", symbols, graph.constant(count), graph.constant(np.array([0, 1], np.float32)), axis=-1)


def stack(graph: Graph, config: ModelConfig, p: Mapping[str, F32], prefix: str, x: str) -> str:
    """The top states (T, B, H) of all layers, with inputs for the state before and outputs for the one after."""
    H, L, names = config.hidden, config.layers, state_names(config)
    states = [graph.input(f"{name}_0", FLOAT, [L, "B", H]) for name in names]
    last: list[list[str]] = [[] for _ in names]  # for h and c: the final state of every layer
    for n in range(L):
        before = [graph.add("Slice", state, *map(graph.constant, ([n], [n + 1], [0]))) for state in states]
        y, *after = layer(graph, config, p, [f"{prefix}.{n}"], x, before)
        x = graph.add("Squeeze", y, graph.constant([1]))  # the axis of directions, of size 1
        for found, state in zip(last, after, strict=True):
            found.append(state)
    for name, found in zip(names, last, strict=True):
        graph.output(f"{name}_n", FLOAT, [L, "B", H], graph.add("Concat", *found, axis=0))
    return x


def layer(
    graph: Graph,
    config: ModelConfig,
    p: Mapping[str, F32],
    prefixes: Sequence[str],
    x: str,
    before: Sequence[str] = (),
    lengths: str = "",
) -> list[str]:
    """A layer of one direction or two: h (T, directions, B, H), and the final states (directions, B, H).

    `before`: the states before, by default zeros. `lengths` (B,) int32: the timesteps that are not padding.
    """
    H, ways, names = config.hidden, len(prefixes), state_names(config)

    def gates(array: F32) -> F32:
        """(n H, ...) with the gates in ONNX order."""
        parts = np.split(array, array.shape[0] // H)
        return np.concatenate([parts[k] for k in _GATES[config.family]])

    def bias(prefix: str) -> F32:
        b, b_hh = p[f"{prefix}.b"], np.zeros_like(p[f"{prefix}.b"])
        if config.family == "gru":
            b_hh[2 * H :] = p[f"{prefix}.b_hn"]
        return np.concatenate((gates(b), gates(b_hh)))

    options: dict[str, int | str | list[str]] = {"hidden_size": H}
    if ways == 2:
        options["direction"] = "bidirectional"
    if config.family == "rnn":
        options["activations"] = [config.activation.capitalize()] * ways
    if config.family == "gru":
        options["linear_before_reset"] = 1  # the reset gate multiplies h W_hn + b_hn, as in PyTorch
    name = prefixes[0]
    W, R = (
        graph.constant(np.stack([gates(p[f"{prefix}.{key}"].T) for prefix in prefixes]), f"{name}.{key}")
        for key in ("W_xh", "W_hh")
    )
    B = graph.constant(np.stack([bias(prefix) for prefix in prefixes]), f"{name}.b")
    return graph.add_several(1 + len(names), config.family.upper(), x, W, R, B, lengths, *before, **options)


FAMILY = Family(layout, source, graphs)
