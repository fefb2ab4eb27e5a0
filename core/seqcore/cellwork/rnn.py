"""The equations of the vanilla RNN; see `layers.rnn`."""

from collections.abc import Sequence

from seqcore.cellwork.points import BackPoint, Block, Equations, Point, through_tanh
from seqcore.cellwork.records import Factor, Gradient, Quantity


def forward(at: Point) -> Sequence[Quantity]:
    """h_t = f(W_xh x_t + W_hh h_{t-1} + b)."""
    return (at.squashed("h_t", 0, at.cell.activation, at.h),)


def backward(at: BackPoint) -> Sequence[Gradient]:
    """dL/dz_t = dL/dh_t f'(z_t)."""
    return at.whole(), at.chain("dL/dz_t", "before the nonlinearity", at.dz(0), Factor("dL/dh_t", at.dh), _slope(at))


def _slope(at: Point) -> Factor:
    if at.cell.activation == "relu":
        return Factor("[h_t > 0]", float(at.h != 0))
    return through_tanh("h_t", at.h)


def _kept(at: Point) -> float:
    return _slope(at).value * float(at.cell.W_hh[at.unit, at.unit])


RNN = Equations((Block("sum", "W_xh", "W_hh", "b", "W_feed"),), forward, backward, "f'(z_t) · W_hh[u, u]", _kept)
