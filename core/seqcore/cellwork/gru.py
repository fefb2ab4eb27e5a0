"""The equations of the GRU; see `layers.gru`."""

from collections.abc import Sequence

from seqcore.cellwork.points import BackPoint, Block, Equations, Point, through_sigmoid, through_tanh
from seqcore.cellwork.records import Factor, Gradient, Quantity
from seqcore.cellwork.terms import bias, largest, product

RESET, UPDATE, CANDIDATE, RECALLED = range(4)


def forward(at: Point) -> Sequence[Quantity]:
    """Return the gates, the part of the candidate that is recalled, the candidate and h_t."""
    r, z, n, q = (at.gate(block) for block in range(4))
    recalled = at.remembered(CANDIDATE) + bias("b_hn", at.cell.bias, at.unit)
    candidate = [*at.read(CANDIDATE), product("r_t", r, "q_t", q)]
    formula = f"n_t = tanh({at.read_formula(CANDIDATE)} + b_n + r_t · q_t)"
    h = [product("1 - z_t", 1 - z, "n_t", n), product("z_t", z, "h_{t-1}", at.h_before)]
    return (
        at.squashed("r_t", RESET, "σ", r),
        at.squashed("z_t", UPDATE, "σ", z),
        Quantity("q_t", "recalled", "q_t = W_hn h_{t-1} + b_hn", "", q, largest(recalled)),
        Quantity("n_t", "candidate", formula, "tanh", n, largest(candidate)),
        Quantity("h_t", "state", "h_t = (1 - z_t) · n_t + z_t · h_{t-1}", "", at.h, largest(h)),
    )


def backward(at: BackPoint) -> Sequence[Gradient]:
    """Return the gradients of h_t, of the gates before their nonlinearities, and of what is recalled."""
    r, z, n, q = (at.gate(block) for block in range(4))
    later = at.next
    more = []
    if later is not None:
        more = [product("z_{t+1}", later.gate(UPDATE), "dL/dh_{t+1}", later.dh, at.unit, at.later, "next")]
    dh = Factor("dL/dh_t", at.dh)
    pre_n = Factor("dL/dz_n", at.dz(CANDIDATE))
    return (
        at.whole(*more),
        at.chain(
            "dL/dz_n", "candidate, before tanh", at.dz(CANDIDATE), dh, Factor("(1 - z_t)", 1 - z),
            through_tanh("n_t", n),
        ),
        at.chain("dL/dq_t", "recalled", at.dz(RECALLED), pre_n, Factor("r_t", r)),
        at.chain("dL/dz_r", "reset gate, before σ", at.dz(RESET), pre_n, Factor("q_t", q), through_sigmoid("r_t", r)),
        at.chain(
            "dL/dz_z", "update gate, before σ", at.dz(UPDATE), dh, Factor("(h_{t-1} - n_t)", at.h_before - n),
            through_sigmoid("z_t", z),
        ),
    )  # fmt: skip


GRU = Equations(
    (Block.of("reset gate", "r"), Block.of("update gate", "z"), Block.of("candidate", "n")),
    forward,
    backward,
    "z_t",
    lambda at: at.gate(UPDATE),
)
