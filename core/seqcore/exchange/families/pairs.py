"""Encoder-decoders, in PyTorch and ONNX: an encoder of one kind and a decoder of one kind, joined.

In PyTorch, sources (S, B) have their lengths (B,), 1 or more, and are padded at the end with any symbol:

    Encoder    source, lengths -> annotations (S, B, D), the decoder's initial state
    Decoder    symbols (U, B), state[, annotations, lengths] -> logits (U, B, K), state[, attention weights (U, B, S)]

`symbols` are what the decoder reads: the end symbol, then the target. ONNX has the same two as graphs; the outputs of
the first have the names of the inputs of the second:

    encoder    source, lengths (both int64) -> h_0, for the LSTM also c_0[, annotations[, keys (S, B, H)]]
    decoder    symbols, h_0[, c_0][, annotations[, keys], lengths] -> h_n[, c_n][, weights], logits

What stands in brackets is there with attention; the keys, those of additive attention, with that kind alone. Sources
are given in their own order, also to a model that reads them backwards. A picture is given as patches (P, B, F) in the
place of source and lengths. With input feeding, the state has another part y, see `families.pairs_state`, and the graph
of the decoder reads one symbol at a time: (1, B).
"""

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.families import pairs_decoder, pairs_encoder, pairs_patches
from seqcore.exchange.families.pairs_attention import attends, given
from seqcore.exchange.families.pairs_model import Calls, pairs_source, read
from seqcore.exchange.families.pairs_state import state_text
from seqcore.exchange.family import Family, Half, Layout, Source
from seqcore.exchange.onnx_graph import Graph


def halves(config: ModelConfig) -> tuple[Half, Half]:
    """Return how the encoder and the decoder are exported."""
    return pairs_patches.HALF if config.patches else pairs_encoder.HALF, pairs_decoder.HALF


def layout(config: ModelConfig) -> Layout:
    """Return the places of the parameters."""
    encoder, decoder = halves(config)
    return encoder.layout(config) | decoder.layout(config)


def source(described: Described) -> Source:
    """Return the source of the module."""
    config = described.config
    classes = [part for half in halves(config) for part in half.parts(described)]
    return pairs_source(described, state_text(config)[1], classes, _calls(config))


def _calls(config: ModelConfig) -> Calls:
    seen, weights = given(config), ", _" if attends(config) else ""
    loop = [
        f"symbols, written = {read(config).first}, []",
        "for _ in range(most):",
        f"    logits, state{weights} = self.decoder(symbols, state{seen})",
        "    symbols = logits.argmax(-1)",
        "    written.append(symbols)",
        "rows = torch.cat(written).T.tolist()",
    ]
    encode = f"notes, state = self.encoder({read(config).names})"
    return Calls(encode, f"return self.decoder(symbols, state{seen})[0]", loop)


def graphs(contents: Contents) -> dict[str, Graph]:
    """Return the graphs of encoder and decoder."""
    encoder, decoder = halves(contents.config)
    return {"encoder": encoder.graph(contents), "decoder": decoder.graph(contents)}


FAMILY = Family(layout, source, graphs)
