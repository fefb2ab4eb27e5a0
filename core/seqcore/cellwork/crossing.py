"""What crosses the bar of a pair: the bridge from the encoder's last states to the decoder, and the gradients back."""

from dataclasses import dataclass

import numpy as np

from seqcore.cellwork.cross import CrossBack
from seqcore.cellwork.layer_back import LayerBack
from seqcore.cellwork.records import Term
from seqcore.cellwork.terms import terms_of
from seqcore.models.encoder import State
from seqcore.models.pairs_reach import Rows, cross_bridge
from seqcore.models.pairs_serial import PairLook
from seqcore.records import F32


@dataclass(frozen=True)
class Crossing:
    """The gradients of the decoder, all losses together, on their way to the encoder."""

    look: PairLook
    decoder: list[LayerBack]  # by layer
    cross: CrossBack | None

    def last(self) -> list[State]:
        """Return the gradients at the last states of the encoder, by layer, (1, padded D)."""
        rows = Rows(len(self.decoder), 1, self.look.model.config.hidden)
        for n, one in enumerate(self.decoder):
            rows.dh[n][0], rows.direct[n][0] = one.recurrent[0], one.direct[0]
        return cross_bridge(self.look, rows)

    def at_note(self, t: int, j: int) -> list[Term]:
        """Return the terms of the gradient of number j of the top annotation of timestep t: through attention."""
        return self.cross.at_note(t, j) if self.cross is not None else []

    def at_last(self, layer: int, j: int, state: str, share: float = 1.0, by: str = "W") -> list[Term]:
        """Return the terms of the gradient of number j of a layer's last h or c: from the decoder's initial state.

        `share`: of what the bridge reads; `by` names the weights times the share.
        """
        model, bar = self.look.model, self.look.bar
        if state == "c" and not model.cell.carries_c:
            return []
        gradient, bridges = self._initial(layer, state), model.bridges[layer]
        if not bridges:
            return [Term("bridge", j, bar, f"{state}_0 of the decoder", "1", 1.0, float(gradient[j]))]
        if state == "h":
            h = self.look.layers[layer].h[0, 0]
            gradient = gradient * (1 - h * h)
        mark = f" of layer {layer}" if len(self.decoder) > 1 else ""
        name = f"{state}_0{mark} of unit {{}}".format
        return terms_of("bridge", bar, name, by, np.float32(share) * bridges[state].W[j], gradient)

    def _initial(self, layer: int, state: str) -> F32:
        """Return the gradient of the decoder's initial h or c, (H,)."""
        one, cell = self.decoder[layer], self.look.model.cell
        direct: F32 = one.direct[0]
        if state == "c":
            return direct
        gradient: F32 = one.recurrent[0, : len(direct)]
        return gradient + direct if cell.goes_direct and not cell.carries_c else gradient
