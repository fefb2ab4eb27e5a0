"""The recurrent encoder, in PyTorch and ONNX: layers of one or two directions, and a bridge; see `models.encoder`."""

from collections.abc import Sequence

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families import pairs_state
from seqcore.exchange.families.pairs_attention import remember
from seqcore.exchange.families.recurrent import (
    embedded,
    embedded_text,
    embedding_text,
    layer,
    layers_layout,
    module_text,
    state_names,
)
from seqcore.exchange.family import Half, Layout, Places
from seqcore.exchange.onnx_graph import INT64, Graph
from seqcore.exchange.source_text import class_text
from seqcore.models.bridge import bridged
from seqcore.models.encoder import PREFIXES, directions
from seqcore.tasks.pairs import pairs_task


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places: Places = {"embedding.E": ("encoder.embedding.weight", False)} if config.embedding else {}
    layers = layers_layout(config, _prefixes(config), f"encoder.{config.family}")
    return layers | pairs_state.layout(config) | Layout(places)


def _prefixes(config: ModelConfig) -> Sequence[str]:
    return PREFIXES[: directions(config)]


def backwards_text(described: Described) -> list[str]:
    """Return the lines that turn a source around, if the model reads it backwards."""
    if not pairs_task(described.task).reverse_source:
        return []
    return [
        "times = torch.arange(len(source), device=source.device)[:, None]",
        "source = source.gather(0, (lengths - 1 - times) % len(source))  # backwards, padding still at the end",
    ]


def parts(described: Described) -> list[str]:
    """Return the class Encoder."""
    config = described.config
    V, H, D, family = config.vocabulary_size, config.hidden, config.annotation, config.family
    state = pairs_state.state_text(config)[0]
    about = f"""Map sources (S, B) of lengths (B,) to annotations (S, B, {D}) and the decoder's initial state.

    The state is {pairs_state.about_state(config)}.
    """
    made = [
        embedding_text(config, V),
        f"self.{family} = {module_text(config, config.input_width, ', bidirectional=True' if D > H else '')}",
        *pairs_state.modules(config),
    ]
    steps = [
        *backwards_text(described),
        f"x = {embedded_text(config, 'source', V)}",
        "x = nn.utils.rnn.pack_padded_sequence(x, lengths.cpu(), enforce_sorted=False)",
        f"x, state = self.{family}(x)",
        "notes, _ = nn.utils.rnn.pad_packed_sequence(x, total_length=len(source))",
        *_bridge_steps(config),
        *pairs_state.returned(config),
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


def sequences(graph: Graph, contents: Contents) -> tuple[str, str]:
    """Return the inputs source (S, B), in the order in which the model reads it, and lengths (B,)."""
    source, lengths = graph.input("source", INT64, ["S", "B"]), graph.input("lengths", INT64, ["B"])
    if pairs_task(contents.task).reverse_source:
        source = graph.add("ReverseSequence", source, lengths, time_axis=0, batch_axis=1)
    return source, lengths


def graph(contents: Contents) -> Graph:
    """Return the graph from source and lengths to the decoder's initial state, and what attention remembers."""
    config, p, made = contents.config, contents.arrays, Graph()
    source, lengths = sequences(made, contents)
    counts = made.add("Cast", lengths, to=int(made.onnx.TensorProto.INT32))
    x = embedded(made, p, "embedding.E", source, config.vocabulary_size)
    states: dict[str, list[str]] = {name: [] for name in state_names(config)}
    for n in range(config.layers):
        y, *last = layer(made, config, p, [f"{prefix}.{n}" for prefix in _prefixes(config)], x, (), counts)
        x = _joined(made, config, made.add("Transpose", y, perm=[0, 2, 1, 3]))
        for (name, found), one in zip(states.items(), last, strict=True):
            found.append(_bridge(made, contents, n, name, one))
    pairs_state.hand_over(made, config, states, source)
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
    return pairs_state.through(graph, contents, n, state, _joined(graph, contents.config, rows))


HALF = Half(layout, parts, graph)
