"""The transformer with encoder and decoder, in PyTorch and ONNX; see `models.pair_transformer`.

In PyTorch, sources (S, B) have their lengths (B,), 1 or more, and are padded at the end with any symbol:

    Encoder    source, lengths -> memory (S, B, C)
    Decoder    symbols (U, B), memory, lengths -> logits (U, B, K)

`symbols` are all that the decoder has read: the end symbol, then the target so far. ONNX has the same two as graphs;
sources are given in their own order, also to a model that reads them backwards.
"""

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families.pairs_attention import within
from seqcore.exchange.families.pairs_encoder import backwards_text, sequences
from seqcore.exchange.families.pairs_model import Calls, pairs_source, read
from seqcore.exchange.families.recurrent import embedded
from seqcore.exchange.families.transformer_graph import causal, cross_branch, entered, mlp_branch, norm, self_branch
from seqcore.exchange.families.transformer_text import (
    block_places,
    decoder_block_text,
    encoder_block_text,
    functions,
    norm_places,
    position_parts,
    stack_parts,
    stream_steps,
)
from seqcore.exchange.family import Family, Layout, Places, Source
from seqcore.exchange.onnx_graph import FLOAT, INT64, Graph, product
from seqcore.exchange.source_text import class_text

_INSIDE = '''def inside(source: Tensor, lengths: Tensor) -> Tensor:
    """Return which timesteps of sources (S, B, ...) are no padding, (B, 1, 1, S)."""
    return (torch.arange(len(source), device=source.device) < lengths[:, None])[:, None, None]'''


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    places: Places = {"head.W_hy": ("decoder.head.weight", True)}
    for ours, before, theirs in (("layers", "", "encoder"), ("decoder", "decoder.", "decoder")):
        places[f"{before}embedding.E"] = (f"{theirs}.embedding.weight", False)
        if config.positions == "learned":
            places[f"{before}embedding.P"] = (f"{theirs}.positions.weight", False)
        places |= norm_places(config, f"{before}norm", f"{theirs}.norm")
        for n in range(config.layers):
            places |= block_places(config, f"{ours}.{n}", f"{theirs}.blocks.{n}", theirs == "decoder")
    return Layout(places)


def source(described: Described) -> Source:
    """Return the source of the module."""
    config = described.config
    classes = [
        *functions(config, config.context + 1),
        _INSIDE,
        encoder_block_text(config),
        decoder_block_text(config),
        _encoder_text(described),
        _decoder_text(config),
    ]
    names = read(config).names
    loop = [
        f"symbols = {read(config).first}",
        "for _ in range(most):",
        "    written = self.decoder(symbols, memory, lengths)[-1:].argmax(-1)",
        "    symbols = torch.cat((symbols, written))",
        "rows = symbols[1:].T.tolist()",
    ]
    calls = Calls(f"memory = self.encoder({names})", "return self.decoder(symbols, memory, lengths)", loop)
    return pairs_source(described, [], classes, calls)


def _encoder_text(described: Described) -> str:
    config = described.config
    V, C, N = config.vocabulary_size, config.hidden, config.context
    parts = [f"self.embedding = nn.Embedding({V}, {C})", *position_parts(config, N), *stack_parts(config)]
    steps = [
        *backwards_text(described),
        "mask = inside(source, lengths)",
        *stream_steps(config, "source", "self.embedding(source)", ", mask"),
        "return self.norm(x)",
    ]
    about = f"Map sources (S, B) of lengths (B,), S <= {N}, to the memory (S, B, {C})."
    return class_text("Encoder", about, parts, "forward(self, source: Tensor, lengths: Tensor) -> Tensor", steps)


def _decoder_text(config: ModelConfig) -> str:
    K, C, N = config.logits, config.hidden, config.context + 1
    parts = [
        f"self.embedding = nn.Embedding({K}, {C})",
        *position_parts(config, N),
        *stack_parts(config, "DecoderBlock"),
        f"self.head = nn.Linear({C}, {K}, bias=False)",
    ]
    steps = [
        "mask = inside(memory, lengths)",
        *stream_steps(config, "symbols", "self.embedding(symbols)", ", memory, mask"),
        "return self.head(self.norm(x))",
    ]
    about = f"Map symbols (U, B), U <= {N}, and the memory (S, B, {C}) to logits (U, B, {K}) of the next ones."
    forward = "forward(self, symbols: Tensor, memory: Tensor, lengths: Tensor) -> Tensor"
    return class_text("Decoder", about, parts, forward, steps)


def graphs(contents: Contents) -> dict[str, Graph]:
    """Return the graphs of encoder and decoder."""
    return {"encoder": _encoder(contents), "decoder": _decoder(contents)}


def _encoder(contents: Contents) -> Graph:
    """Return the graph from source and lengths to the memory."""
    config, p, graph = contents.config, contents.arrays, Graph()
    source, lengths = sequences(graph, contents)
    x = embedded(graph, p, "embedding.E", source, config.vocabulary_size)
    x, turn = entered(graph, config, x, p.get("embedding.P"), config.context)
    visible = within(graph, source, lengths, 2)
    for n in range(config.layers):
        x = self_branch(graph, config, p, f"layers.{n}", x, visible, turn)
        x = mlp_branch(graph, p, f"layers.{n}", x)
    graph.output("memory", FLOAT, ["S", "B", config.hidden], norm(graph, x, p, "norm"))
    return graph


def _decoder(contents: Contents) -> Graph:
    """Return the graph from symbols, the memory and lengths to logits."""
    config, p, graph = contents.config, contents.arrays, Graph()
    symbols, memory = graph.input("symbols", INT64, ["U", "B"]), graph.input("memory", FLOAT, ["S", "B", config.hidden])
    x = embedded(graph, p, "decoder.embedding.E", symbols, config.logits)
    x, turn = entered(graph, config, x, p.get("decoder.embedding.P"), config.context + 1)
    before, visible = causal(graph, x), within(graph, memory, graph.input("lengths", INT64, ["B"]), 2)
    for n in range(config.layers):
        x = self_branch(graph, config, p, f"decoder.{n}", x, before, turn)
        x = cross_branch(graph, config, p, f"decoder.{n}", x, memory, visible)
        x = mlp_branch(graph, p, f"decoder.{n}", x, "norm3")
    x = norm(graph, x, p, "decoder.norm")
    graph.output("logits", FLOAT, ["U", "B", config.logits], product(graph, x, p, "head.W_hy"))
    return graph


FAMILY = Family(layout, source, graphs)
