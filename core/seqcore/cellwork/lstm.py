"""The equations of the LSTM; see `layers.lstm`."""

import math
from collections.abc import Sequence

from seqcore.cellwork.points import BackPoint, Block, Equations, Point, through_sigmoid, through_tanh
from seqcore.cellwork.records import Factor, Gradient, Quantity
from seqcore.cellwork.terms import largest, product

INPUT, FORGET, CELL, OUTPUT = range(4)


def forward(at: Point) -> Sequence[Quantity]:
    """Return the four gates, c_t and h_t."""
    i, f, g, o = (at.gate(block) for block in range(4))
    c = largest([product("f_t", f, "c_{t-1}", at.c_before), product("i_t", i, "g_t", g)])
    return (
        at.squashed("i_t", INPUT, "σ", i),
        at.squashed("f_t", FORGET, "σ", f),
        at.squashed("g_t", CELL, "tanh", g),
        at.squashed("o_t", OUTPUT, "σ", o),
        Quantity("c_t", "cell state", "c_t = f_t · c_{t-1} + i_t · g_t", "", at.c, c),
        Quantity("h_t", "state", "h_t = o_t · tanh(c_t)", "", at.h, (product("o_t", o, "tanh(c_t)", math.tanh(at.c)),)),
    )


def _from_h(at: BackPoint) -> float:
    """The derivative of h_t by c_t."""
    return at.gate(OUTPUT) * (1 - math.tanh(at.c) ** 2)


def _dc(at: BackPoint) -> float:
    return at.direct + at.dh * _from_h(at)


def backward(at: BackPoint) -> Sequence[Gradient]:
    """Return the gradients of h_t, c_t, and of the gates before their nonlinearities."""
    i, f, g, o = (at.gate(block) for block in range(4))
    later, squashed = at.next, math.tanh(at.c)
    terms = [product("o_t (1 - tanh(c_t)²)", _from_h(at), "dL/dh_t", at.dh)]
    if later is not None:
        terms.append(product("f_{t+1}", later.gate(FORGET), "dL/dc_{t+1}", _dc(later), at.unit, at.later, "next"))
    else:
        terms += at.carried_in()
    dc = Factor("dL/dc_t", _dc(at))
    formula = "dL/dc_t = dL/dh_t · o_t (1 - tanh(c_t)²) + dL/dc_{t+1} · f_{t+1}"
    return (
        at.whole(),
        Gradient("dL/dc_t", "cell state", formula, dc.value, terms=largest(terms)),
        at.chain("dL/dz_i", "input gate, before σ", at.dz(INPUT), dc, Factor("g_t", g), through_sigmoid("i_t", i)),
        at.chain(
            "dL/dz_f", "forget gate, before σ", at.dz(FORGET), dc, Factor("c_{t-1}", at.c_before),
            through_sigmoid("f_t", f),
        ),
        at.chain("dL/dz_g", "candidate, before tanh", at.dz(CELL), dc, Factor("i_t", i), through_tanh("g_t", g)),
        at.chain(
            "dL/dz_o", "output gate, before σ", at.dz(OUTPUT), Factor("dL/dh_t", at.dh),
            Factor("tanh(c_t)", squashed), through_sigmoid("o_t", o),
        ),
        at.chain(
            "dL/dc_{t-1}", "cell state before", float(at.back.direct[at.i, at.unit]), dc, Factor("f_t", f)
        ),
    )  # fmt: skip


LSTM = Equations(
    (
        Block.of("input gate", "i"),
        Block.of("forget gate", "f"),
        Block.of("candidate", "g"),
        Block.of("output gate", "o"),
    ),
    forward,
    backward,
    "f_t",
    lambda at: at.gate(FORGET),
)
