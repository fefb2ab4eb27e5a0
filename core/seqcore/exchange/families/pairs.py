"""Encoder-decoders, in PyTorch and ONNX: an encoder of one kind and a decoder of one kind, joined.

In PyTorch, sources (S, B) have their lengths (B,), 1 or more, and are padded at the end with any symbol:

    Encoder    source, lengths -> annotations (S, B, D), the decoder's initial state
    Decoder    symbols (U, B), state[, annotations, lengths] -> logits (U, B, K), state[, attention weights (U, B, S)]

`symbols` are what the decoder reads: the end symbol, then the target. ONNX has the same two as graphs; the outputs of
the first have the names of the inputs of the second:

    encoder    source, lengths (both int64) -> h_0, for the LSTM also c_0[, annotations[, keys (S, B, H)]]
    decoder    symbols, h_0[, c_0][, annotations[, keys], lengths] -> h_n[, c_n][, weights], logits

What stands in brackets is there with attention; the keys, those of additive attention, with that kind alone. Sources
are given in their own order, also to a model that reads them backwards.
"""

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families import pairs_decoder, pairs_encoder
from seqcore.exchange.families.pairs_attention import attends
from seqcore.exchange.families.recurrent import state_text
from seqcore.exchange.family import Family, Half, Layout, Source
from seqcore.exchange.onnx_graph import Graph
from seqcore.exchange.source_text import class_text, method_text
from seqcore.tasks.pair_data import MORE
from seqcore.tasks.pairs import pairs_task

_STORED = "Both vocabularies are stored as JSON in the metadata of the weights file (vocabulary; task: target)."


def halves(config: ModelConfig) -> tuple[Half, Half]:
    """Return how the encoder and the decoder are exported."""
    return pairs_encoder.HALF, pairs_decoder.HALF


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    encoder, decoder = halves(config)
    return encoder.layout(config) | decoder.layout(config)


def source(described: Described) -> Source:
    """Return the source of the module."""
    config = described.config
    V, K, alias = config.vocabulary_size, config.logits, state_text(config)[1]
    end = f"END = {K - 1}  # the symbol after a target, which the decoder also reads first"
    classes = [part for half in halves(config) for part in half.parts(described)]
    over = f"{V} symbols of the source and {K} of the target"
    return Source(over, _STORED, ["\n".join((end, *alias)), *classes, _model_text(described)])


def _model_text(described: Described) -> str:
    seen, weights = (", notes, lengths", ", _") if attends(described.config) else ("", "")
    most, K = pairs_task(described.task).longest + MORE, described.config.logits
    about = f"""Map sources (S, B), time first, and what the decoder reads (U, B) to logits of the targets (U, B, {K}).

    The sources have lengths (B,), 1 or more, and are padded at the end with any symbol. The decoder reads END, and then
    the target.
    """
    steps = [
        "notes, state = self.encoder(source, lengths)",
        f"return self.decoder(symbols, state{seen})[0]",
    ]
    loop = [
        "notes, state = self.encoder(source, lengths)",
        "symbols, written = source.new_full((1, source.shape[1]), END), []",
        "for _ in range(most):",
        f"    logits, state{weights} = self.decoder(symbols, state{seen})",
        "    symbols = logits.argmax(-1)",
        "    written.append(symbols)",
        "rows = torch.cat(written).T.tolist()",
        "return [row[: row.index(END)] if END in row else row for row in rows]",
    ]
    greedy = method_text(
        f"greedy(self, source: Tensor, lengths: Tensor, most: int = {most}) -> list[list[int]]",
        loop,
        "Return what is written for each source, the likeliest symbol at every step, without END.",
        "@torch.no_grad()",
    )
    return class_text(
        "Model", about, ["self.encoder, self.decoder = Encoder(), Decoder()"],
        "forward(self, source: Tensor, lengths: Tensor, symbols: Tensor) -> Tensor", steps, greedy,
    )  # fmt: skip


def graphs(contents: Contents) -> dict[str, Graph]:
    """Return the graphs of encoder and decoder."""
    encoder, decoder = halves(contents.config)
    return {"encoder": encoder.graph(contents), "decoder": decoder.graph(contents)}


FAMILY = Family(layout, source, graphs)
