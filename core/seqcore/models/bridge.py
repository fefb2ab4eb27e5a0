"""The bridge of an encoder-decoder: from the encoder's last state to the decoder's initial state.

    h_0 = tanh(s W + b)        c_0 = s W + b

for each layer, with s the last state (B, D): [h g] of two directions (Bahdanau et al. 2015), or the mean of the
annotations of a picture (Xu et al. 2015). Without a bridge, the decoder starts with the encoder's last state (Sutskever
et al. 2014). Parameters: bridge.l.h.W, bridge.l.c.W (D, H), bridge.l.h.b, bridge.l.c.b (H,).
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
    if config.annotation == config.hidden and not config.patches:
        return ()
    return ("h", "c") if CELLS[config.family].carries_c else ("h",)


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the parameters."""
    D, H = config.annotation, config.hidden
    named: dict[str, tuple[int, ...]] = {}
    for n in range(config.layers):
        for state in bridged(config):
            named |= {f"bridge.{n}.{state}.W": (D, H), f"bridge.{n}.{state}.b": (H,)}
    return named


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
