"""The parameters of a transformer's encoder and decoder: names, shapes, initial values, and their packed layout.

Names, with V the symbols of the source, K those of the target, C = hidden; for blocks and norms see
`transformer_weights`. A block of the decoder has attention over the memory between its two branches:

    embedding.E (V, C)   embedding.P (context, C) learned positions   layers.l.W_qkv ...   norm.g
    decoder.embedding.E (K, C)   decoder.embedding.P (context + 1, C)   decoder.l.W_qkv ...   decoder.norm.g
    decoder.l.cross.W_q (C, C)   decoder.l.cross.W_kv (C, 2C)   decoder.l.cross.W_o (C, C)   head.W_hy (C, K)
    decoder.l.norm1.g, norm2.g (of the attention over the memory), norm3.g; with biases also norm2.b, cross.b_q, ...

The context is the most symbols of a source and of a target; the decoder has one timestep more, for the end symbol.
"""

from seqcore.arrays import zeros
from seqcore.config import ModelConfig
from seqcore.layers.block import Weights
from seqcore.layers.decoder import CrossWeights, PairWeights
from seqcore.models.transformer_weights import (
    MATRICES,
    Panels,
    StackNames,
    copy_vectors,
    draw_weights,
    in_blocks,
    is_bias,
    positions,
    stack_shapes,
)
from seqcore.parameters import Parameters

CROSS_MATRICES, CROSS_BIASES = ("cross.W_q", "cross.W_kv", "cross.W_o"), ("cross.b_q", "cross.b_kv", "cross.b_o")


def encoder_names(config: ModelConfig) -> StackNames:
    """Return the names of the encoder's norms and blocks."""
    return StackNames.of(config.layers)


def decoder_names(config: ModelConfig) -> StackNames:
    """Return the names of the decoder's norms and blocks."""
    return StackNames.of(config.layers, "decoder", 3, "decoder.norm")


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    K, C = config.logits, config.hidden
    named: dict[str, tuple[int, ...]] = {}
    for prefix, symbols, timesteps, names in (
        ("embedding", config.vocabulary_size, config.context, encoder_names(config)),
        ("decoder.embedding", K, config.context + 1, decoder_names(config)),
    ):
        named[f"{prefix}.E"] = (symbols, C)
        if config.positions == "learned":
            named[f"{prefix}.P"] = (timesteps, C)
        named |= stack_shapes(names, C)
    named["head.W_hy"] = (C, K)
    return {name: shape for name, shape in named.items() if config.bias or not is_bias(name)}


def initial(config: ModelConfig, seed: int) -> Parameters:
    """Initialise as `transformer_weights.initial` does; each stack by the number of its own branches."""
    parameters = Parameters(shapes(config))
    draw_weights(parameters, seed, lambda name: (3 if name.startswith("decoder.") else 2) * config.layers)
    return parameters


class PackedPairs:
    """The parameters in the layout of the kernels: every matrix as panels, in one buffer that one kernel fills."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.parameters = parameters
        self.encoder, self.decoder = encoder_names(config), decoder_names(config)
        L, C, K = config.layers, config.hidden, config.logits
        bias, none = int(config.bias), zeros(0, C, 1)
        groups = [
            *in_blocks(self.encoder, *MATRICES),
            *in_blocks(self.decoder, *MATRICES, *CROSS_MATRICES),
            [("head.W_hy", False)],
        ]
        self._panels = Panels(parameters, groups)
        forward, back = self._panels.forward, self._panels.back
        self.weights = PairWeights(
            Weights._make((
                parameters["embedding.E"], *positions(config, parameters),
                zeros(2 * L + 1, 2, C), zeros(L, 9 * C * bias), zeros(0), *forward[:4], none, *back[:4], none,
            )),
            Weights._make((
                parameters["decoder.embedding.E"], *positions(config, parameters, "decoder.embedding.P", 1),
                zeros(3 * L + 1, 2, C), zeros(L, 9 * C * bias), zeros(K), *forward[4:8], forward[-1][0],
                *back[4:8], back[-1][0],
            )),
            CrossWeights._make((zeros(L, 4 * C * bias), *forward[8:11], *back[8:11])),
        )  # fmt: skip

    def pack_backward_serial(self) -> None:
        """Pack only the transposes, on one thread."""
        self._panels.packs.pack(forward=False, parallel=False)

    def pack(self, backward: bool, parallel: bool = True) -> None:
        """Repack the current parameters."""
        self._panels.packs.pack(back=backward, parallel=parallel)
        encoder, decoder, cross = self.weights
        copy_vectors(self.parameters, self.encoder, encoder.scales, encoder.biases)
        copy_vectors(self.parameters, self.decoder, decoder.scales, decoder.biases)
        copy_vectors(self.parameters, StackNames((), self.decoder.blocks), zeros(0, 2, 0), cross.biases, CROSS_BIASES)
