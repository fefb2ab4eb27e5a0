"""What a cut does to the weights: zero what a unit reads, and set its bias to what gives the value asked for.

With every weight into a unit zero, it is f(bias) at all timesteps. The gates' sigmoid is 1 at `OPEN`, at most 1e-38
at `SHUT`, and tanh is within 3e-7 of 1 at `EDGE`. So, with v the value asked for:

    rnn     h = tanh(b), relu: b                        b = atanh(v), relu: v
    gru     h = (1 - z) n + z h_{t-1}                   z shut, n as above: h = n
    lstm    c = f c_{t-1} + i g                         f shut, i open, g = v: c = v
            h = o tanh(c)                               the same with g = atanh(v), o open; at v = 0 also o is shut
    attention: a head writes through its own rows of W_o, a unit of the perceptron through its row of W_proj

A silenced state is also not read where it is not computed, before a decoder's first symbol: its row of W_hh is zero,
and so is what a bridge makes of it.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from seqcore.config import ModelConfig
from seqcore.parameters import Parameters
from seqcore.records import F32, F64, I64
from seqcore.surgery.cut import Cut
from seqcore.surgery.places import GATES, Place, places

OPEN, SHUT, EDGE = 30.0, -100.0, 9.0
Units = I64 | npt.NDArray[np.intp]


def cut_weights(config: ModelConfig, parameters: Parameters, cuts: Iterable[Cut]) -> None:
    """Apply cuts, each as `cut.checked` returns it, to parameters in place; of two of the same unit, the later."""
    wanted: dict[Place, F64] = {}
    known = places(config)
    for cut in cuts:
        for place in known:
            if cut.covers(place):
                values = wanted.setdefault(place, np.full(place.units, np.nan))
                values[slice(None) if cut.unit is None else cut.unit] = cut.value
    for place, values in wanted.items():
        units = np.flatnonzero(~np.isnan(values))
        EDITS[place.kind](parameters, place, units, values[units])


def cut_copy(config: ModelConfig, flat: F32, shapes: Mapping[str, tuple[int, ...]], cuts: Iterable[Cut]) -> F32:
    """Return a copy of parameters (P,) with cuts applied."""
    copy = Parameters(shapes)
    copy.flat[:] = flat
    cut_weights(config, copy, cuts)
    return copy.flat


def _logit(values: F64) -> F64:
    with np.errstate(divide="ignore"):
        found: F64 = np.clip(np.log(values) - np.log1p(-values), SHUT, OPEN)
    return found


def _atanh(values: F64) -> F64:
    with np.errstate(divide="ignore"):
        found: F64 = np.clip(np.arctanh(values), -EDGE, EDGE)
    return found


def _hold(p: Parameters, place: Place, block: int, units: Units, bias: F64 | float) -> None:
    """Let units of one block of a cell read nothing but a bias."""
    columns = block * place.units + units
    for name in ("W_xh", "W_hh", "W_feed"):
        if f"{place.prefix}.{name}" in p:
            p[f"{place.prefix}.{name}"][:, columns] = 0
    p[f"{place.prefix}.b"][columns] = bias


def _start(p: Parameters, place: Place, state: str, units: Units, values: F64) -> None:
    """Set what a decoder starts with: what a bridge makes of the encoder's last state, if there is a bridge."""
    name = f"bridge.{place.layer}.{state}"
    if place.side == "decoder" and f"{name}.W" in p:
        p[f"{name}.W"][:, units] = 0
        p[f"{name}.b"][units] = _atanh(values) if state == "h" else values


def _unread(p: Parameters, place: Place, units: Units) -> None:
    """Let the recurrence read nothing of a silenced state."""
    p[f"{place.prefix}.W_hh"][units] = 0


def _rnn(p: Parameters, place: Place, units: Units, values: F64) -> None:
    relu = np.isinf(place.high)
    _hold(p, place, 0, units, values if relu else _atanh(values))
    _start(p, place, "h", units, np.clip(values, 0, 1) if relu else values)
    _unread(p, place, units[values == 0])


def _gru(p: Parameters, place: Place, units: Units, values: F64) -> None:
    gates = GATES["gru"]
    if place.quantity in ("reset", "update"):
        _hold(p, place, gates.index(place.quantity), units, _logit(values))
        return
    _hold(p, place, gates.index("candidate"), units, _atanh(values))
    p[f"{place.prefix}.b_hn"][units] = 0
    if place.quantity == "h":
        _hold(p, place, gates.index("update"), units, SHUT)
        _start(p, place, "h", units, values)
        _unread(p, place, units[values == 0])


def _lstm(p: Parameters, place: Place, units: Units, values: F64) -> None:
    i, f, g, o = range(4)
    if place.quantity in ("input", "forget", "output"):
        _hold(p, place, GATES["lstm"].index(place.quantity), units, _logit(values))
        return
    inner = _atanh(values) if place.quantity == "h" else values
    _hold(p, place, g, units, _atanh(inner))
    if place.quantity == "cell":
        return
    _hold(p, place, i, units, OPEN)
    _hold(p, place, f, units, SHUT)
    _start(p, place, "c", units, inner)
    if place.quantity == "h":
        _hold(p, place, o, units, np.where(values == 0, SHUT, OPEN))
        _start(p, place, "h", units, values)
        _unread(p, place, units[values == 0])


def _feedforward(p: Parameters, place: Place, units: Units, values: F64) -> None:
    _hold(p, place, 0, units, _atanh(values))


def _patches(p: Parameters, place: Place, units: Units, values: F64) -> None:
    p["patches.W"][:, units] = 0
    p["patches.position"][:, units] = _atanh(values)


def _heads(p: Parameters, place: Place, units: Units, values: F64) -> None:
    W_o = p[f"{place.prefix}.W_o"]
    W_o.reshape(place.units, -1, W_o.shape[1])[units] = 0


def _mlp(p: Parameters, place: Place, units: Units, values: F64) -> None:
    rows = p[f"{place.prefix}.W_proj"]
    if values.any():
        p[f"{place.prefix}.b_proj"][:] += np.add.reduce(values[:, None] * rows[units], axis=0)
    rows[units] = 0


def _annotations(p: Parameters, place: Place, units: Units, values: F64) -> None:
    W_c = p["attention.W_c"]
    W_c[: len(W_c) - W_c.shape[1]] = 0  # what is mixed is the context, and below it h


EDITS: dict[str, Callable[[Parameters, Place, Units, F64], None]] = {
    "rnn": _rnn, "gru": _gru, "lstm": _lstm, "feedforward": _feedforward, "patches": _patches, "heads": _heads,
    "mlp": _mlp, "annotations": _annotations,
}  # fmt: skip
