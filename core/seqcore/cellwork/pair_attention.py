"""The equations of a transformer for pairs: of its encoder up to the bar, then of its decoder."""

import numpy as np

from seqcore.arrays import NO_VECTOR
from seqcore.cellwork.attention_back import After, chain, depth_of, path_of
from seqcore.cellwork.block_forward import attention, last_norm, perceptron
from seqcore.cellwork.blocks import Block, Blocks
from seqcore.cellwork.ends import Losses, Top, head_terms
from seqcore.cellwork.heads import Heads
from seqcore.cellwork.over_source import OverSource
from seqcore.cellwork.place import Backward, Forward, Place
from seqcore.cellwork.recurrent import no_second
from seqcore.cellwork.terms import Names, Read, unit_name
from seqcore.data.score_layout import decoder_symbols
from seqcore.layers.decoder import BRANCHES, PairActivations
from seqcore.models.pair_transformer_serial import PairTransformerLook, SerialPairTransformer
from seqcore.records import F32, I32


class PairAttentionWork:
    """A look of a transformer for pairs at one pair; see `place.Work`."""

    def __init__(self, model: SerialPairTransformer, look: PairTransformerLook, inputs: I32, names: Names) -> None:
        self.model, self.look, self.names = model, look, names
        self.config, self.bar = model.config, look.bar
        assert look.attention is not None
        p, weights, work, S, shares = model.parameters, model.packed.weights, look.work, look.bar, look.attention
        target = decoder_symbols(inputs[S:], model.config.vocabulary_size)
        self.encoder = Blocks(
            self.config, p, "layers", weights.encoder, work.encoder, shares[:, :, :S, :S], names, inputs[:S],
            causal=False,
        )  # fmt: skip
        self.decoder = Blocks(
            self.config, p, "decoder", weights.decoder, work.decoder, shares[:, :, S:, S:], names, target,
            "decoder.embedding", S, branches=BRANCHES,
        )  # fmt: skip
        memory = work.encoder.normed[-1, :, : self.config.hidden]
        self.over = OverSource(self.decoder, memory, work.cross, shares[:, :, S:, :S])

    def layers(self, t: int) -> int:
        """See `Work`."""
        return self.config.layers

    def part(self, t: int, second: bool) -> str:
        """See `Work`."""
        no_second(second)
        return "decoder" if t >= self.bar else "encoder"

    def _blocks(self, t: int) -> Blocks:
        return self.decoder if t >= self.bar else self.encoder

    def states(self, t: int, layer: int, second: bool) -> F32:
        """See `Work`."""
        blocks = self._blocks(t)
        return blocks.stream(blocks.branches * (layer + 1))

    def top(self, t: int) -> Top | None:
        """See `Work`."""
        if t < self.bar:
            return None
        read = self.look.work.decoder.normed[-1, t - self.bar, : self.config.hidden]
        W = self.model.parameters["head.W_hy"]
        return Top(Read.whole("m", t, read, unit_name), W, NO_VECTOR, "W_hy n_t")

    def _positions(self, place: Place, block: Block) -> tuple[int, int, Heads]:
        """Return the rows whose scores are shown, over its own sequence and over the source, and which one is meant.

        A position up to the bar is one of the source. Raises SeqError.
        """
        i, asked, own = place.t - block.blocks.first, place.position, Heads.own(block)
        if place.t < self.bar:
            return own.position(i, place.unit, asked), -1, own
        over = self.over.heads(block)
        of_source = asked is not None and asked < self.bar
        s = own.position(i, place.unit, None if of_source else asked)
        return (
            s,
            over.position(i, place.unit, asked if of_source else None),
            (own if not self.bar or (asked is not None and not of_source) else over),
        )

    def forward(self, place: Place) -> Forward:
        """See `Work`."""
        block, unit = Block(self._blocks(place.t), place.layer), place.unit
        i, decodes = place.t - block.blocks.first, place.t >= self.bar
        s, over, shown = self._positions(place, block)
        label = "what the output reads" if decodes else "the memory, which the decoder reads"
        quantities = (
            *attention(block, i, unit, s),
            *(self.over.forward(block, i, unit, over) if decodes else ()),
            *perceptron(block, i, unit),
            *last_norm(block, i, unit, label),
        )
        position = shown.first + (over if shown.mark else s)
        cell = "decoder block" if decodes else ""
        return Forward(quantities, block.head(unit), shown.softmax(i, unit), position, cell)

    def back(self, losses: Losses) -> PairActivations:
        """See `Work`."""
        return self.look.gradients(np.ascontiguousarray(losses.dlogits[self.bar :]))

    def backward(self, place: Place, losses: Losses, back: PairActivations) -> Backward:
        """See `Work`."""
        block, layer, unit = Block(self._blocks(place.t), place.layer), place.layer, place.unit
        blocks, i = block.blocks, place.t - block.blocks.first
        s, over, shown = self._positions(place, block)
        position = shown.first + (over if shown.mark else s)
        top = self.top(place.t)
        if top is None:
            formula = "dL/dn = Σ over the decoder's blocks of W_k dL/dk' + W_v dL/dv'"
            said = After(formula, self.over.at_memory(i, unit, back), "the memory, which the decoder reads")
            gradients, own, dlogits = chain(block, i, unit, s, back.encoder, said), back.encoder, None
        else:
            dlogits, own = losses.dlogits[place.t], back.decoder
            said = After(f"dL/dn = {top.by} dL/dlogits", head_terms(top, unit, dlogits, self.names))
            gradients = chain(block, i, unit, s, own, said, lambda: self.over.backward(block, i, unit, over, back))
        state = f"{blocks.stream_name(blocks.branches)}_t"
        depth = depth_of(blocks, i, own, dlogits)
        return Backward(gradients, path_of(blocks, layer, unit, own), depth, position=position, state=state)
