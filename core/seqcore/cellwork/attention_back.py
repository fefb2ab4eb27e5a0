"""The chain rule of a transformer block, from the stream after it to the stream before it; see `block_forward`.

dL/dx' = dL/dx″ + through the norm and the perceptron        dL/dx = dL/dx' + through the norm and attention
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqcore.cellwork.blocks import PARTS, Block, Blocks, NormBack
from seqcore.cellwork.heads import Heads
from seqcore.cellwork.heads_back import HeadsBack
from seqcore.cellwork.paths import plain_path
from seqcore.cellwork.records import Factor, Gradient, Step, Term, sum_of
from seqcore.cellwork.terms import largest, product, terms_of
from seqcore.layers.block import Activations
from seqcore.records import F32


class After(NamedTuple):
    """What reads a unit of the last norm of a stack."""

    formula: str
    terms: list[Term]
    label: str = "what the output reads"


def chain(
    block: Block,
    i: int,
    unit: int,
    s: int,
    back: Activations,
    said: After,
    between: Callable[[], tuple[Gradient, ...]] = tuple,
) -> tuple[Gradient, ...]:
    """Return the chain rule of a unit of the stream, from the loss to the stream before the block.

    s: the row whose score is shown. `said`: what reads the last norm, of the top block. `between`: the gradients of
    what is between the perceptron and attention.
    """  # fmt: skip
    return (
        *_above(block, i, unit, back, said),
        *_perceptron(block, i, unit, back),
        *between(),
        *_attention(block, i, unit, s, back),
        before(block, 0, i, unit, block.weights("W_qkv"), back.qkv[block.layer, i], back, "stream before the block"),
    )


def _above(block: Block, i: int, unit: int, back: Activations, said: After) -> tuple[Gradient, ...]:
    """Return the gradient of the stream after the block."""
    blocks, layer, stage = block.blocks, block.layer + 1, block.stage(block.blocks.branches)
    value, t, name = float(back.x[stage, i, unit]), blocks.at(i), f"dL/d{blocks.stream_name(blocks.branches)}"
    label = "stream after the block"
    if layer < block.config.layers:
        above, after = Block(blocks, layer), f"dL/d{blocks.stream_name(1)}"
        dx = float(back.x[above.stage(1), i, unit])
        terms = [product("1", 1.0, f"{after} of the block above", dx, unit, t, "above")]
        terms += NormBack.of(above, 0, i, above.weights("W_qkv"), back.qkv[layer, i]).terms(unit, blocks.norm_name(0))
        formula = f"{name} = {after} + through the norm of the block above"
        return (Gradient(name, label, formula, value, terms=largest(terms)),)
    dn = back.dtop[i, : block.C]
    terms = NormBack(blocks, stage, i, dn).terms(unit, "n")
    return (
        Gradient("dL/dn", said.label, said.formula, float(dn[unit]), terms=largest(said.terms)),
        Gradient(name, label, f"{name} = through the last norm", value, terms=largest(terms)),
    )


def _perceptron(block: Block, i: int, unit: int, back: Activations) -> tuple[Gradient, ...]:
    """Return the gradients of the loudest hidden unit, and of the stream before the perceptron."""
    blocks, layer, j, t = block.blocks, block.layer, block.loudest(i, unit), block.blocks.at(i)
    after = f"dL/d{blocks.stream_name(blocks.branches)}"
    row, dx = block.weights("W_proj")[j], back.x[block.stage(blocks.branches), i, : block.C]
    terms = terms_of("above", t, f"{after} of unit {{}}".format, "W_proj", row, dx)
    du = Factor("dL/du_t", sum_of(term.product for term in terms))
    slope = Factor("gelu'(z_t)", float(blocks.work.slope[layer, i, j]))
    dz, label = float(back.slope[layer, i, j]), f"hidden unit {j}"
    stream = "stream after attention" + (" over the source" if blocks.branches > 2 else "")  # branches
    return (
        Gradient("dL/du_t", label, f"dL/du_t = W_proj {after}", du.value, terms=largest(terms)),
        Gradient("dL/dz_t", f"{label}, before gelu", "dL/dz_t = dL/du_t · gelu'(z_t)", dz, (du, slope)),
        before(block, block.last, i, unit, block.weights("W_fc"), back.slope[layer, i], back, stream),
    )


def _attention(block: Block, i: int, unit: int, s: int, back: Activations) -> tuple[Gradient, ...]:
    """Return the gradients inside the head of attention over the same sequence, with the score of row s."""
    inside = HeadsBack(Heads.own(block), unit, back.x[block.stage(1), :, : block.C])
    kernel = {part: float(back.qkv[block.layer, i, PARTS[part] * block.C + unit]) for part in PARTS}
    turned = ", turned back" if block.blocks.weights.turns.size else ""
    τ = "τ≥t" if block.blocks.causal else "τ"  # the symbol of the equations
    return (
        *inside.scored(i, s),
        Gradient("dL/dq_t", "query", f"dL/dq_t = Σ_s dL/ds_ts k_s / √d{turned}", kernel["q"],
                 terms=largest(inside.q(i))),
        Gradient("dL/dk_t", "key", f"dL/dk_t = Σ_{τ} dL/ds_τt q_τ / √d{turned}", kernel["k"],
                 terms=largest(inside.k(i))),
        Gradient("dL/dv_t", "value", f"dL/dv_t = Σ_{τ} a_τt dL/dy_τ", kernel["v"], terms=largest(inside.dv(i))),
    )  # fmt: skip


def before(block: Block, branch: int, i: int, unit: int, W: F32, dz: F32, back: Activations, label: str) -> Gradient:
    """Return the gradient of the stream before a branch, whose first product is with W and has the gradient dz."""
    blocks, t = block.blocks, block.blocks.at(i)
    after, name = (f"dL/d{blocks.stream_name(branch + n)}" for n in (1, 0))
    terms = [product("1", 1.0, after, float(back.x[block.stage(branch + 1), i, unit]), unit, t, "above")]
    terms += NormBack.of(block, branch, i, W, dz).terms(unit, blocks.norm_name(branch))
    value = float(back.x[block.stage(branch), i, unit])
    return Gradient(name, label, f"{name} = {after} + through the norm", value, terms=largest(terms))


def path_of(blocks: Blocks, layer: int, unit: int, back: Activations) -> tuple[Step, ...]:
    """Return the gradients of the stream after a block at every timestep."""
    stage, C = blocks.branches * (layer + 1), blocks.C
    entering = back.x[stage, :, :C] - (back.x[stage + 1, :, :C] if layer + 1 < blocks.config.layers else 0)
    return plain_path(back.x[stage, :, :C], entering, unit, blocks.names, blocks.first)


def depth_of(blocks: Blocks, i: int, back: Activations, dlogits: F32 | None) -> tuple[Factor, ...]:
    """Return how large the gradients at a row are, from the output, if there is one, downwards."""
    found = [Factor("output", float(np.linalg.norm(dlogits)))] if dlogits is not None else []
    for n in range(blocks.config.layers - 1, -1, -1):
        for branch in range(blocks.branches, 0, -1):
            size = float(np.linalg.norm(back.x[blocks.branches * n + branch, i, : blocks.C]))
            found.append(Factor(f"{blocks.stream_name(branch)} of layer {n}", size))
    return (*found, Factor("x of layer 0", float(np.linalg.norm(back.x[0, i, : blocks.C]))))
