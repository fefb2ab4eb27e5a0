"""The bridge of an encoder-decoder: from the encoder's last state to the decoder's initial state.

    h_0 = tanh([h g] W + b)         c_0 = [c g_c] W + b         (Bahdanau et al. 2015)

Without a bridge, where both states are equally wide, the state is handed over as it is (Sutskever et al. 2014).
"""

from seqcore.arrays import zeros
from seqcore.config import ModelConfig
from seqcore.layers.linear import Linear
from seqcore.layers.tanh import tanh_backward, tanh_forward
from seqcore.models.stack import CELLS
from seqcore.parameters import Parameters
from seqcore.records import F32
from seqcore.team import team


def bridged(config: ModelConfig) -> tuple[str, ...]:
    """Return the names of the states that pass through a bridge; the others are handed over as they are."""
    if config.annotation == config.hidden:
        return ()
    return ("h", "c") if CELLS[config.family].carries_c else ("h",)


class Bridge:
    """From the last state of an encoder's layer to the initial state of a decoder's: h_0, or c_0 without the tanh."""

    def __init__(self, p: Parameters, g: Parameters, prefix: str, squashed: bool) -> None:
        self.squashed = squashed
        self.linear = Linear(p[f"{prefix}.W"], p[f"{prefix}.b"], g[f"{prefix}.W"], g[f"{prefix}.b"])

    def forward(self, last: F32, to: F32, z: F32) -> None:
        """Fill `to` (B, H) from the last state (B, D); z (B, padded H) is scratch."""
        self.linear.forward(last, z)
        if self.squashed:
            tanh_forward(z, to, team())
        else:
            to[:] = z[:, : to.shape[1]]

    def backward(self, last: F32, state: F32, d: F32) -> F32:
        """Return the gradient of the last state, (B, padded D), given that of the initial state, d (B, padded H)."""
        if self.squashed:
            tanh_backward(state, d, team())
        self.linear.backward_weights(last, d)
        dlast = zeros(len(last), self.linear.input_width)
        self.linear.backward_input(d, dlast)
        return dlast
