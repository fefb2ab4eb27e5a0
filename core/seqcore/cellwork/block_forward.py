"""The equations of a transformer block: one unit of the residual stream, and the head that its column of v belongs to.

Forward, for unit u and timestep t, with d = C / heads and u in head u // d:

    m = norm(x)         q = W_q m          k = W_k m          v = W_v m
    s_ts = q_t · k_s / sqrt(d)             a_t = softmax over s of s_t
    y_t[u] = sum over s of a_ts v_s[u]     x' = x + W_o y
    m' = norm(x')       u = gelu(W_fc m')  x″ = x' + W_proj u

Of the 4C hidden units of the perceptron, the one that adds most to x″[u] is shown. A decoder's block has attention over
its source between the two, see `cellwork.over_source`: its perceptron reads m″ = norm(x″), and leaves x‴.
"""

from seqcore.cellwork.blocks import Block
from seqcore.cellwork.heads import Heads
from seqcore.cellwork.place import input_read
from seqcore.cellwork.records import Quantity, Term
from seqcore.cellwork.terms import bias, largest, product, terms_of


def attention(block: Block, i: int, unit: int, s: int) -> tuple[Quantity, ...]:
    """Return the stream before a block, and attention over its own sequence, with the score of row s."""
    where = f" of t={block.blocks.at(s)}"
    return (
        entered(block, i, unit),
        block.norm(0, i, unit),
        block.product("q", "q_t", i, unit),
        block.product("k", "k_s", s, unit, where),
        block.product("v", "v_s", s, unit, where),
        *Heads.own(block).forward(i, unit, s),
    )


def entered(block: Block, i: int, unit: int) -> Quantity:
    """Return the stream before a block: what was read, or what the block below left."""
    blocks, layer, t = block.blocks, block.layer, block.blocks.at(i)
    value, p, config = float(block.stream(0, i)[unit]), blocks.p, block.config
    if layer:
        below = f"{blocks.stream_name(blocks.branches)} of layer {layer - 1}"
        came = product("1", 1.0, below, value, unit, t, "x")
        return Quantity("x_t", "residual stream", "x_t = the stream after the block below", "", value, (came,))
    terms: list[Term] = []
    if config.inputs:
        read = input_read(blocks.inputs, i, None, blocks.names, t)
        terms += read.terms("W_x", p["input.W_x"][:, unit])
        terms += bias("b_x", p["input.b_x"], unit) if config.bias else []
    else:
        token = int(blocks.inputs[i])
        weight = float(p[f"{blocks.table}.E"][token, unit])
        terms.append(Term("x", token, t, blocks.symbol(i), f"E[{unit}]", weight, 1.0))
    P = blocks.weights.P
    if P.size:
        terms.append(Term("x", t, t, f"position {i}", f"P[{unit}]", float(P[i, unit]), 1.0))
    formula = f"x_t = {'W_x x + b_x' if config.inputs else 'E[symbol]'}{' + P[t]' if P.size else ''}"
    return Quantity("x_t", "residual stream", formula, "", value, largest(terms))


def perceptron(block: Block, i: int, unit: int) -> tuple[Quantity, ...]:
    """Return the norm, the loudest hidden unit of the perceptron, and the stream after the block."""
    blocks, j, t, branch = block.blocks, block.loudest(i, unit), block.blocks.at(i), block.last
    u, m = blocks.work.u[block.layer, i], blocks.norm_name(branch)
    z = [*block.read(branch, i).terms("W_fc", block.weights("W_fc")[:, j]), *block.bias("b_fc", j)]
    out = terms_of("u", t, "hidden unit {}".format, "W_proj", block.weights("W_proj")[:, unit], u)
    name, after = (f"{blocks.stream_name(branch + n)}_t" for n in (0, 1))
    stays = product("1", 1.0, name, float(block.stream(branch, i)[unit]), unit, t)
    activated = f"u_t = gelu(W_fc {m}_t{blocks.plus('b_fc')})"
    formula = f"{after} = {name} + W_proj u_t{blocks.plus('b_proj')}"
    return (
        block.norm(branch, i, unit),
        Quantity("u_t", f"hidden unit {j}", activated, "gelu", float(u[j]), largest(z)),
        Quantity(
            after, "stream after the block", formula, "", float(block.stream(branch + 1, i)[unit]),
            largest([stays, *out, *block.bias("b_proj", unit)]),
        ),
    )  # fmt: skip


def last_norm(block: Block, i: int, unit: int, label: str) -> tuple[Quantity, ...]:
    """Return the norm after the top block; nothing of the other blocks."""
    if block.layer + 1 < block.config.layers:
        return ()
    of = f"{block.blocks.stream_name(block.blocks.branches)}_t"
    return (block.blocks.norm(block.stage(block.blocks.branches), "n_t", of, i, unit, label),)
