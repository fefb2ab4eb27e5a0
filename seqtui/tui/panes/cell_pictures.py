"""The pictures of the cells, as lectures draw them: each a drawing in which names stand where numbers belong.

A place is ‹..›, five cells wide: the name of a quantity, or a sum of terms by its source as in ‹Σh_›. A new cell is a
drawing and a line in `PICTURES`.
"""

import math
import re
from collections.abc import Callable, Mapping

from seqcore.cellwork.records import CellBack, CellFacts, Quantity, totals

from seqtui.tui.widgets.numbers import UNKNOWN

RNN = """\
h_{t-1} ─── W_hh ──▶ ‹Σh_› ───┐
                              │
x_t ─────── W_xh ──▶ ‹Σx_› ───┼──▶ (+) ‹z_t› ──▶ [tanh] ──▶ h_t ‹h_t›
                              │
bias ──────── b ───▶ ‹Σb_› ───┘
"""
LSTM = """\
c_{t-1} ‹c_p› ────────(×)──── ‹f·c› ──────(+)───────────────┬──────▶ c_t ‹c_t›
                       │                   │                │
                       │                 ‹i·g›            [tanh] ‹tc_›
                       │                   │                │
                       │            ┌─────(×)─────┐         │
                     ‹f_t›        ‹i_t›         ‹g_t›      (×)─── ‹o_t› ─┐
                       │            │             │         │            │
                      [σ]          [σ]         [tanh]       │           [σ]
                       │            │             │         │            │
h_{t-1}, x_t ──────────┴────────────┴─────────────┴─────────│────────────┘
                                                            └──────▶ h_t ‹h_t›
"""
GRU = """\
h_{t-1} ‹h_p› ─────────────(×)──── ‹z·h› ────────────────(+)──────▶ h_t ‹h_t›
                            │                             │
                          ‹z_t› ──── 1 - z_t ────────────(×) ‹z·n›
                            │                             │
                            │                           ‹n_t›
                            │                             │
                            │        ‹q_t› ──(×)─────── [tanh]
                            │                 │           │
                           [σ]              ‹r_t›         │
                            │                 │           │
                            │                [σ]          │
                            │                 │           │
h_{t-1}, x_t ───────────────┴─────────────────┴───────────┘
"""
ATTENTION = """\
x_t ‹x_t› ─┬─ norm ─┬─ W_q ─▶ q_t ‹q_t› ─┐
           │        ├─ W_k ─▶ k_s ‹k_s› ─┴─▶ q·k/√d ‹sts› ─▶ softmax ‹ats› ─┐
           │        └─ W_v ─▶ v_s ‹v_s› ──────────────────▶ (×), sum ◀──────┘
           │                                                     │
          (+) ◀───────────────── W_o ◀─── y_t ‹y_t› ◀────────────┘
           │
x' ‹x1t› ──┼─ norm ──▶ W, gelu, W ─┐
           │                       │
          (+) ◀────────────────────┘
           │
           └─────────▶ x″_t ‹x2t›
"""
FEEDFORWARD = """\
the last n inputs ─── W ──▶ ‹Σx_› ──▶ (+) ──▶ [tanh] ──▶ h_t ‹h_t›
                                       │
bias ───────────────── b ──▶ ‹Σb_› ────┘
"""
PATCHES = """\
patch x_t ─── W ───▶ ‹Σx_› ───┐
                              ├──▶ (+) ‹z_t› ──▶ [tanh] ──▶ a_t ‹a_t›
its place ── e_t ──▶ ‹Σb_› ───┘
"""
RNN_FED = """\
h_{t-1} ─── W_hh ───▶ ‹Σh_› ───┐
                               │
x_t ─────── W_xh ───▶ ‹Σx_› ───┼──▶ (+) ‹z_t› ──▶ [tanh] ──▶ h_t ‹h_t›
                               │
h̃_{t-1} ── W_feed ──▶ ‹Σy_› ───┤
                               │
bias ──────── b ────▶ ‹Σb_› ───┘
"""
DECODER_BLOCK = """\
x_t ‹x_t› ─┬─ norm ─┬─ W_q ─▶ q_t ‹q_t› ─┐
           │        ├─ W_k ─▶ k_s ‹k_s› ─┴─▶ q·k/√d ‹sts› ─▶ softmax ‹ats› ─┐
           │        └─ W_v ─▶ v_s ‹v_s› ──────────────────▶ (×), sum ◀──────┘
          (+) ◀───────────────── W_o ◀─── y_t ‹y_t› ◀────────────┘
x' ‹x1t› ──┼─ norm ─── W_q ─▶ q'_t ‹q't› ┐
           │  source ┬ W_k ─▶ k'_s ‹k's› ┴▶ q'·k'/√d ‹ets› ─▶ softmax ‹a't› ─┐
           │         └ W_v ─▶ v'_s ‹v's› ──────────────────▶ (×), sum ◀──────┘
          (+) ◀───────────────── W_o ◀─── y'_t ‹y't› ◀────────────┘
x″ ‹x2t› ──┼─ norm ──▶ W, gelu, W ─┐
          (+) ◀────────────────────┘
           └─────────▶ x‴_t ‹x3t›
"""
_READS, _READS_FED = "h_{t-1}, x_t ──────────", "h_{t-1}, x_t, h̃_{t-1} ─"
PICTURES: Mapping[str, str] = {  # by `CellFacts.cell`
    "rnn": RNN, "lstm": LSTM, "gru": GRU, "attention": ATTENTION, "feedforward": FEEDFORWARD, "patches": PATCHES,
    "decoder block": DECODER_BLOCK, "rnn, fed": RNN_FED,
    "lstm, fed": LSTM.replace(_READS, _READS_FED), "gru, fed": GRU.replace(_READS, _READS_FED),
}  # fmt: skip
_PLACE = re.compile(r"‹(.{3})›")
_SHORT = {
    "x'_t": "x1t", "x″_t": "x2t", "x‴_t": "x3t", "s_ts": "sts", "e_ts": "ets", "q'_t": "q't", "k'_s": "k's",
    "v'_s": "v's", "y'_t": "y't",
}  # fmt: skip
_PRODUCTS = {  # by family: a product of two quantities, or a value that is read in one of them
    "lstm": {"f·c": ("c_t", "f_t"), "i·g": ("c_t", "i_t")},
    "gru": {"z·h": ("h_t", "z_t"), "z·n": ("h_t", "1 - z_t")},
}
_READ = {"c_p": ("c_t", "f_t"), "h_p": ("h_t", "z_t"), "tc_": ("h_t", "o_t")}
_SUMS = {"rnn": "h_t", "rnn, fed": "h_t", "feedforward": "h_t", "patches": "a_t"}  # whose terms are drawn by source
_WEIGHTS = {"ats": ("y_t", "s_ts"), "a't": ("y'_t", "e_ts")}  # of what attention finds, and of which scores they are
_BACK = {
    "h_t": ("dL/dh_t",), "c_t": ("dL/dc_t",), "c_p": ("dL/dc_{t-1}",), "z_t": ("dL/dz_z", "dL/dz_t"),
    "f_t": ("dL/dz_f",), "i_t": ("dL/dz_i",), "g_t": ("dL/dz_g",), "o_t": ("dL/dz_o",), "r_t": ("dL/dz_r",),
    "n_t": ("dL/dz_n",), "q_t": ("dL/dq_t",), "k_s": ("dL/dk_t",), "v_s": ("dL/dv_t",), "y_t": ("dL/dy_t",),
    "sts": ("dL/ds_ts",), "ats": ("dL/da_ts",), "x_t": ("dL/dx",), "x1t": ("dL/dx'",), "x2t": ("dL/dx″",),
    "a_t": ("dL/da_t",), "x3t": ("dL/dx‴",), "ets": ("dL/de_ts",), "a't": ("dL/da'_ts",), "q't": ("dL/dq'_t",),
    "k's": ("dL/dk'_s",), "v's": ("dL/dv'_s",), "y't": ("dL/dy'_t",),
}  # fmt: skip


def forward_values(facts: CellFacts) -> dict[str, float]:
    """Return the number at each place of the picture of a unit."""
    named = {one.name: one for one in reversed(facts.quantities)}  # of two with the same name the first, of the cell
    found = {_SHORT.get(name, name): one.value for name, one in named.items()}
    by_weight = {(one.name, term.by): term for one in facts.quantities for term in one.terms}
    for place, key in _PRODUCTS.get(facts.family, {}).items():
        if key in by_weight:
            found[place] = by_weight[key].product
    for place, key in _READ.items():
        if key in by_weight:
            found[place] = by_weight[key].value
    if (name := _SUMS.get(facts.cell, "")) in named:
        found |= {f"Σ{source}_": total for source, total in totals(named[name].terms).items()}
        found["z_t"] = named[name].before
    for place, (name, score) in _WEIGHTS.items():
        if name in named and named[name].terms:
            found[place] = _weight(facts, named[name], score)
    return found


def _weight(facts: CellFacts, mixed: Quantity, score: str) -> float:
    """Return the weight of the timestep whose score is shown: the largest one, unless another one is asked for."""
    if facts.attention is not None and facts.attention.of == score:
        return next((term.weight for term in mixed.terms if term.at == facts.position), math.nan)
    return max(term.weight for term in mixed.terms)


def backward_values(back: CellBack) -> dict[str, float]:
    """Return the gradient at each place of the picture."""
    named = {one.name: one.value for one in back.gradients}
    return {place: named[name] for place, names in _BACK.items() for name in names if name in named}


def drawn(
    kind: str, values: Mapping[str, float], back: bool, mark: Callable[[str], bool]
) -> list[list[tuple[str, str]]]:
    """Return the lines of a picture as (text, kind) parts; kind: "line", "number", "marked", "unknown".

    Args:
        kind: of the cell, a key of `PICTURES`.
        values: the numbers by place.
        back: whether arrows point backwards.
        mark: whether a place is that of the quantity that is picked.
    """
    turned = {"▶": "◀", "◀": "▶"}
    lines = []
    for line in PICTURES[kind].splitlines():
        parts, at = [], 0
        for place in _PLACE.finditer(line):
            parts.append((line[at : place.start()], "line"))
            name = place.group(1)
            number = in_five(values[name]) if name in values else UNKNOWN
            kind = "unknown" if name not in values else "marked" if mark(name) else "number"
            parts.append((f"{number:^5}", kind))
            at = place.end()
        parts.append((line[at:], "line"))
        if back:
            parts = [
                ("".join(turned.get(c, c) for c in text) if kind == "line" else text, kind) for text, kind in parts
            ]
        lines.append(parts)
    return lines


def in_five(value: float) -> str:
    """Return a number with its sign in at most five cells: +0.12, -12.3, +3e-5."""
    size = abs(value)
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "+∞" if value > 0 else "-∞"
    if size < 1e-9:
        return "0" if size == 0 else "≈0"
    if 0.005 <= size < 9999.5:
        return f"{value:+.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"
    mantissa, _, power = f"{value:+.0e}".partition("e")
    return f"{mantissa}e{int(power)}"


def place_of(name: str) -> str:
    """Return the place in a picture of a quantity or of a gradient, by its name."""
    for place, names in _BACK.items():
        if name in names:
            return place
    return _SHORT.get(name, name)
