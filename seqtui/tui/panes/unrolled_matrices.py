"""The matrices of an unrolled network: what each arrow stands for, in the colour in which its arrows are drawn."""

from typing import NamedTuple

from rich.style import Style
from seqcore.cellwork.unrolled import Strand, Unrolled

from seqtui.tui.widgets.colours import ATTENTION, GATE, SIGNED, Scale
from seqtui.tui.widgets.ink import Ink, rgb


class Role(NamedTuple):
    """What the matrices of an arrow do."""

    label: str  # in the picture
    mark: str  # in the pane of matrices
    words: str
    names: tuple[str, ...]  # of parameters, whole or the last part
    scale: Scale
    level: int  # of its colour


INTO = Role("in", "↓", "from the input or below", ("W_xh", "E", "W_x", "P", "patches.W", "patches.position"), GATE, 22)
ACROSS = Role("across", "→", "from state to state", ("W_hh", "W_feed"), SIGNED, -6)
BLOCK = Role("block", "↓", "inside the block", ("W_qkv", "W_q", "W_kv", "W_o", "W_fc", "W_proj"), SIGNED, -6)
OUT = Role("out", "↓", "to the output", ("W_hy", "W_c"), ATTENTION, 22)
OTHER = Role("other", "·", "", (), GATE, 12)
ROLES = (INTO, ACROSS, BLOCK, OUT)


def role_of(name: str) -> Role:
    """Return the role of a parameter."""
    last = name.rpartition(".")[2]
    return next((role for role in ROLES if last in role.names or name in role.names), OTHER)


def style_of(role: Role, ink: Ink) -> Style:
    """Return the style of the arrows of a role."""
    return ink.text if ink.colourless else ink.text + Style(color=rgb(role.scale.colours[role.level]))


_PREFIX = {"encoder ←": "back", "decoder": "decoder"}  # of the parameters of a layer, where it is not "layers"


def arrow_names(net: Unrolled, role: Role, strand: Strand) -> str:
    """Return the names of the matrices of an arrow at one layer, without what is in front of them: "E W_xh"."""
    own = [one.name for one in net.matrices if role_of(one.name) is role]
    prefix = f"{_PREFIX.get(strand.part, 'layers')}.{strand.layer}."
    found = [name for name in own if name.startswith(prefix)]
    if role is INTO and strand.layer == 0:
        tables = ("decoder.embedding.",) if strand.part == "decoder" else ("embedding.", "input.", "patches.")
        found = [name for name in own if name.startswith(tables)] + found
    if role is OUT:
        found = own or ["Eᵀ"]  # tied to the table of the input
    return " ".join(dict.fromkeys(name.rpartition(".")[2] for name in found))
