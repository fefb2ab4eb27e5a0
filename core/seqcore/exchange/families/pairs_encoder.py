"""The recurrent encoder, in PyTorch and ONNX: layers of one or two directions, and a bridge; see `models.encoder`."""

from collections.abc import Sequence

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families.pairs_attention import remember
from seqcore.exchange.families.recurrent import (
    embedded,
    embedded_text,
    embedding_text,
    layer,
    layers_layout,
    module_text,
    state_names,
    state_text,
)
from seqcore.exchange.family import Half, Layout, Places
from seqcore.exchange.onnx_graph import FLOAT, INT64, Graph, product
from seqcore.exchange.source_text import class_text
from seqcore.models.bridge import bridged
from seqcore.models.encoder import PREFIXES, directions
from seqcore.tasks.pairs import pairs_task


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places: Places = {"embedding.E": ("encoder.embedding.weight", False)} if config.embedding else {}
    for n in range(config.layers):
        for state in bridged(config):
            places[f"bridge.{n}.{state}.W"] = (f"encoder.bridge_{state}.{n}.weight", True)
            places[f"bridge.{n}.{state}.b"] = (f"encoder.bridge_{state}.{n}.bias", False)
    return layers_layout(config, _prefixes(config), f"encoder.{config.family}") | Layout(places)


def _prefixes(config: ModelConfig) -> Sequence[str]:
    return PREFIXES[: directions(config)]


def parts(described: Described) -> list[str]:
    """Return the class Encoder."""
    config = described.config
    V, H, D, L, family = config.vocabulary_size, config.hidden, config.annotation, config.layers, config.family
    state = state_text(config)[0]
    kind = f"h and c, ({L}, B, {H}) each" if family == "lstm" else f"h, ({L}, B, {H})"
    about = f"""Map sources (S, B) of lengths (B,) to annotations (S, B, {D}) and the decoder's initial state.

    The state is {kind}.
    """
    bridge = f"nn.ModuleList(nn.Linear({D}, {H}) for _ in range({L}))"
    made = [
        embedding_text(config, V),
        f"self.{family} = {module_text(config, config.input_width, ', bidirectional=True' if D > H else '')}",
        *(f"self.bridge_{name} = {bridge}" for name in bridged(config)),
    ]
    backwards = [
        "times = torch.arange(len(source), device=source.device)[:, None]",
        "source = source.gather(0, (lengths - 1 - times) % len(source))  # backwards, padding still at the end",
    ]
    steps = [
        *(backwards if pairs_task(described.task).reverse_source else ()),
        f"x = {embedded_text(config, 'source', V)}",
        "x = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)",
        f"x, state = self.{family}(x)",
        "notes, _ = nn.utils.rnn.pad_packed_sequence(x, total_length=len(source))",
        *_bridge_steps(config),
        f"return notes, {_state(config)}",
    ]
    forward = f"forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, {state}]"
    return [class_text("Encoder", about, made, forward, steps)]


def _bridge_steps(config: ModelConfig) -> list[str]:
    """Return the lines from the last states of all layers and directions, (2 layers, B, H), to the decoder's."""
    names, L, D = bridged(config), config.layers, config.annotation
    if not names:
        return []
    last = f".unflatten(0, ({L}, 2)).transpose(1, 2).flatten(2)"
    wide = f"(part{last} for part in state)" if len(names) > 1 else f"state{last}"
    through = "torch.stack([bridge(one) for bridge, one in zip(self.bridge_{0}, {0}, strict=True)])".format
    return [
        f"{', '.join(names)} = {wide}  # ({L}, B, {D}), both directions",
        *(f"{name} = {through(name)}{'.tanh()' if name == 'h' else ''}" for name in names),
    ]


def _state(config: ModelConfig) -> str:
    """Return the expression for the decoder's initial state, after `_bridge_steps`."""
    return {(): "state", ("h",): "h", ("h", "c"): "(h, c)"}[bridged(config)]


def graph(contents: Contents) -> Graph:
    """Return the graph from source and lengths to the decoder's initial state, and what attention remembers."""
    config, p, made = contents.config, contents.arrays, Graph()
    source, lengths = made.input("source", INT64, ["S", "B"]), made.input("lengths", INT64, ["B"])
    if pairs_task(contents.task).reverse_source:
        source = made.add("ReverseSequence", source, lengths, time_axis=0, batch_axis=1)
    counts = made.add("Cast", lengths, to=int(made.onnx.TensorProto.INT32))
    x = embedded(made, p, "embedding.E", source, config.vocabulary_size)
    states = []
    for n in range(config.layers):
        y, *last = layer(made, config, p, [f"{prefix}.{n}" for prefix in _prefixes(config)], x, (), counts)
        x = _joined(made, config, made.add("Transpose", y, perm=[0, 2, 1, 3]))
        states.append([_bridge(made, contents, n, *one) for one in zip(state_names(config), last, strict=True)])
    for name, found in zip(state_names(config), zip(*states, strict=True), strict=True):
        stacked = made.add("Concat", *found, axis=0)
        made.output(f"{name}_0", FLOAT, [config.layers, "B", config.hidden], stacked)
    remember(made, contents, x)
    return made


def _joined(graph: Graph, config: ModelConfig, x: str) -> str:
    """(T, B, D) of (T, B, directions, H): what both directions say."""
    return graph.add("Reshape", x, graph.constant([0, 0, config.annotation]))


def _bridge(graph: Graph, contents: Contents, n: int, state: str, last: str) -> str:
    """The decoder's initial state (1, B, H) in layer n, of the encoder's last one (directions, B, H)."""
    if state not in bridged(contents.config):
        return last
    rows = graph.add("Unsqueeze", graph.add("Transpose", last, perm=[1, 0, 2]), graph.constant([0]))
    name = f"bridge.{n}.{state}"
    z = product(graph, _joined(graph, contents.config, rows), contents.arrays, f"{name}.W", f"{name}.b")
    return graph.add("Tanh", z) if state == "h" else z


HALF = Half(layout, parts, graph)
