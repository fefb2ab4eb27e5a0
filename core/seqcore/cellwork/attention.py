"""The equations of a transformer; see `cellwork.block_forward`."""

from seqcore.arrays import NO_VECTOR
from seqcore.cellwork.attention_back import After, chain, depth_of, path_of
from seqcore.cellwork.block_forward import attention, last_norm, perceptron
from seqcore.cellwork.blocks import Block, Blocks
from seqcore.cellwork.ends import Losses, Top, head_terms
from seqcore.cellwork.heads import Heads
from seqcore.cellwork.place import Backward, Forward, Place
from seqcore.cellwork.recurrent import no_second
from seqcore.cellwork.terms import Names, Read, unit_name
from seqcore.layers.block import Activations
from seqcore.models.transformer_serial import SerialTransformer, TransformerLook
from seqcore.records import F32, Inputs


class AttentionWork:
    """A look of a transformer at one sequence; see `place.Work`."""

    def __init__(self, model: SerialTransformer, look: TransformerLook, inputs: Inputs, names: Names) -> None:
        self.model, self.look, self.inputs, self.names = model, look, inputs, names
        self.config = model.config
        assert look.attention is not None
        p, weights = model.parameters, model.packed.weights
        self.blocks = Blocks(self.config, p, "layers", weights, look.work, look.attention, names, inputs)

    def layers(self, t: int) -> int:
        """See `Work`."""
        return self.config.layers

    def part(self, t: int, second: bool) -> str:
        """See `Work`."""
        no_second(second)
        return ""

    def states(self, t: int, layer: int, second: bool) -> F32:
        """See `Work`."""
        return self.blocks.stream(2 * layer + 2)

    def top(self, t: int) -> Top:
        """See `Work`."""
        p, C = self.model.parameters, self.config.hidden
        W = p["embedding.E"].T if self.config.tied else p["head.W_hy"]
        read = Read.whole("m", t, self.look.work.normed[-1, t, :C], unit_name)
        return Top(read, W, NO_VECTOR, "E n_t" if self.config.tied else "W_hy n_t")

    def forward(self, place: Place) -> Forward:
        """See `Work`."""
        t, layer, unit = place[:3]
        block = Block(self.blocks, layer)
        heads = Heads.own(block)
        s = heads.position(t, unit, place.position)
        quantities = (
            *attention(block, t, unit, s),
            *perceptron(block, t, unit),
            *last_norm(block, t, unit, "what the output reads"),
        )
        return Forward(quantities, block.head(unit), heads.softmax(t, unit), s)

    def back(self, losses: Losses) -> Activations:
        """See `Work`."""
        return self.look.gradients(losses.dlogits)

    def backward(self, place: Place, losses: Losses, back: Activations) -> Backward:
        """See `Work`."""
        t, layer, unit = place[:3]
        block, top = Block(self.blocks, layer), self.top(t)
        s = Heads.own(block).position(t, unit, place.position)
        said = After(f"dL/dn = {top.by} dL/dlogits", head_terms(top, unit, losses.dlogits[t], self.names))
        gradients = chain(block, t, unit, s, back, said)
        return Backward(
            gradients, path_of(self.blocks, layer, unit, back), depth_of(self.blocks, t, back, losses.dlogits[t]),
            position=s, state="x″_t",
        )  # fmt: skip
