"""A transformer's encoder and decoder (Vaswani et al. 2017, pre-norm), complete pairs at a time, forward and backward.

The encoder is a stack of blocks as in `layers.block`, in which every symbol of a source sees all others. Its last norm
is the *memory*, which each block of the decoder attends to:

    x_{3l+1} = x_{3l} + dropout(attention(norm(x_{3l})))                causal: over the target so far
    x_{3l+2} = x_{3l+1} + dropout(attention(norm(x_{3l+1}), memory))    q = norm(x) W_q + b_q, k v = memory W_kv + b_kv
    x_{3l+3} = x_{3l+2} + dropout(mlp(norm(x_{3l+2})))

`source` and `target` hold where the sequences of the pairs start, see `layers.block`; a source may be empty: the
attention over it is then 0, and only its biases count.
"""

from typing import NamedTuple

from numba import types

from seqcore.gemm import matmul
from seqcore.jit import device, f2, f3
from seqcore.layers.attention import attend, attend_backward, attention_scratch
from seqcore.layers.block import (
    ACTIVATIONS,
    ROWS,
    WEIGHTS,
    Activations,
    Weights,
    add_branch,
    backward_memory,
    backward_rows,
    branch_gradient,
    enter,
    enter_back,
    f4_4,
    forward_rows,
    leave,
    leave_back,
    longest,
    mlp_branch,
    mlp_branch_back,
    normed_rows,
    pass_norm,
    self_branch,
    self_branch_back,
    yes_no,
)
from seqcore.layers.linear import project_rows
from seqcore.records import F32

BRANCHES = 3  # of a block of the decoder


class CrossWeights(NamedTuple):
    """The weights of attention over the memory, matrices in panels, see `layers.block.Weights`."""

    biases: F32  # (L, 4C) b_q, b_kv, b_o of each block, or (L, 0)
    q: F32
    kv: F32
    o: F32
    q_back: F32
    kv_back: F32
    o_back: F32


class PairWeights(NamedTuple):
    """All weights; the encoder has no head."""

    encoder: Weights
    decoder: Weights
    cross: CrossWeights


class CrossActivations(NamedTuple):
    """Results of attention over the memory; q and kv are replaced by their gradients in the backward pass.

    A first dimension marked * may be 1 if no backward pass follows.
    """

    q: F32  # (L*, target rows, padded C)
    kv: F32  # (L*, source rows, padded 2C)
    peaks: F32  # (L*, target rows, 2 heads)
    y: F32  # (L*, target rows, C)


class PairActivations(NamedTuple):
    """Results of a pass; the encoder's dtop is the gradient of the memory."""

    encoder: Activations
    decoder: Activations
    cross: CrossActivations


CROSS_WEIGHTS = types.NamedTuple((f2, *(f4_4,) * 6), CrossWeights)
PAIR_WEIGHTS = types.NamedTuple((WEIGHTS, WEIGHTS, CROSS_WEIGHTS), PairWeights)
CROSS_ACTIVATIONS = types.NamedUniTuple(f3, 4, CrossActivations)
PAIR_ACTIVATIONS = types.NamedTuple((ACTIVATIONS, ACTIVATIONS, CROSS_ACTIVATIONS), PairActivations)


@device
def cross_biases(biases, C):
    """Return b_q, b_kv, b_o of a block; all empty if it has no biases."""
    return biases[:C], biases[C : 3 * C], biases[3 * C :]


@device
def remember(first, last, n, weights, work):
    """Compute k and v of the memory's rows [first, last) for block n of the decoder."""
    cross, memory, kv = weights.cross, work.encoder.normed, work.cross.kv
    C = memory.shape[2]
    _, b_kv, _ = cross_biases(cross.biases[n], C)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        rows = memory[memory.shape[0] - 1, begin:end]
        project_rows(rows, C, cross.kv[n], b_kv, kv[n % kv.shape[0], begin:end], False)


@device
def cross_branch(source, target, n, weights, work, heads, masks, rate, scratch):
    """Run the attention of the decoder's block n over the memory."""
    w, over, x = weights.cross, work.cross, work.decoder
    C, k, s = weights.decoder.scales.shape[2], n % over.q.shape[0], BRANCHES * n + 1
    first, last, d, (_, causal) = target[0], target[target.size - 1], C // heads, yes_no(heads)
    b_q, _, b_o = cross_biases(w.biases[n], C)
    remember(source[0], source[source.size - 1], n, weights, work)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        a = normed_rows(begin, end, s, weights.decoder, x)
        project_rows(a, C, w.q[n], b_q, over.q[k, begin:end], False)
    for i in range(target.size - 1):
        begin, end = target[i], target[i + 1]
        q, kv = over.q[k, begin:end], over.kv[k, source[i] : source[i + 1]]
        y, peaks = over.y[k, begin:end], over.peaks[k, begin:end]
        for head in range(heads):
            at = head * d
            attend(q, at, kv, at, C + at, causal, y, peaks, head, d, scratch)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        add_branch(over.y[k, begin:end], C, w.o[n], b_o, begin, end, s, x, masks, rate)


@device
def cross_branch_back(source, target, n, weights, work, dscales, heads, masks, rate, memory, scratch):
    """Backpropagate through `cross_branch`, and add to the gradient of the memory; the last block assigns it."""
    w, over, x, (dnormed, _, dy) = weights.cross, work.cross, work.decoder, memory
    C, s, more = weights.decoder.scales.shape[2], BRANCHES * n + 1, n < w.biases.shape[0] - 1
    first, last, d, (_, causal) = target[0], target[target.size - 1], C // heads, yes_no(heads)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        dout = branch_gradient(begin, end, s, x, masks, rate)
        matmul(dout, C, w.o_back[n], dy[begin - first : end - first], False)
    for i in range(target.size - 1):
        begin, end = target[i], target[i + 1]
        q, kv = over.q[n, begin:end], over.kv[n, source[i] : source[i + 1]]
        peaks, dy_own = over.peaks[n, begin:end], dy[begin - first : end - first]
        for head in range(heads):
            at = head * d
            attend_backward(q, at, kv, at, C + at, causal, dy_own, peaks, head, d, scratch)
    for begin in range(first, last, ROWS):
        end = min(begin + ROWS, last)
        matmul(over.q[n, begin:end], C, w.q_back[n], dnormed[: end - begin], False)
        pass_norm(dnormed[: end - begin], begin, end, s, weights.decoder, x, dscales)
    last = source[source.size - 1]
    for begin in range(source[0], last, ROWS):
        end = min(begin + ROWS, last)
        matmul(over.kv[n, begin:end], 2 * C, w.kv_back[n], work.encoder.dtop[begin:end], more)


@device
def masks_of(masks, weights):
    """Return the dropout keys of the encoder's stages and of the decoder's; both empty without dropout."""
    stages = weights.encoder.scales.shape[0]
    return masks[:stages], masks[stages:]


@device
def pair_forward(source, target, tokens, symbols, weights, work, heads, masks, rate):
    """Run pairs from source tokens (M,) and what the decoder reads, symbols (N,), to the head's input."""
    (for_encoder, own), (causal, whole) = masks_of(masks, weights), yes_no(heads)
    forward_rows(source, tokens, weights.encoder, work.encoder, heads, whole, for_encoder, rate)
    w, x, first, last = weights.decoder, work.decoder, target[0], target[target.size - 1]
    scratch = attention_scratch(max(longest(source), longest(target)), w.scales.shape[2] // heads)
    enter(target, symbols, w, x, own, rate)
    for n in range(w.biases.shape[0]):
        s = BRANCHES * n
        self_branch(target, s, n, w, x, heads, causal, own, rate, scratch)
        cross_branch(source, target, n, weights, work, heads, own, rate, scratch)
        mlp_branch(first, last, s + 2, n, w, x, own, rate)
    leave(first, last, w, x)


@device
def pair_backward(source, target, weights, work, dscales, dscales_decoder, heads, masks, rate):
    """Backpropagate from the decoder's dtop through all of `pair_forward`; fill the gradients of the scales."""
    (for_encoder, own), (causal, whole) = masks_of(masks, weights), yes_no(heads)
    w, x, first, last = weights.decoder, work.decoder, target[0], target[target.size - 1]
    scratch = attention_scratch(max(longest(source), longest(target)), w.scales.shape[2] // heads)
    memory = backward_memory(last - first, x)
    leave_back(first, last, w, x, dscales_decoder)
    for n in range(w.biases.shape[0] - 1, -1, -1):
        s = BRANCHES * n
        mlp_branch_back(first, last, s + 2, n, w, x, dscales_decoder, own, rate, memory)
        cross_branch_back(source, target, n, weights, work, dscales_decoder, heads, own, rate, memory, scratch)
        self_branch_back(target, s, n, w, x, dscales_decoder, heads, causal, own, rate, memory, scratch)
    enter_back(first, last, x, own, rate)
    backward_rows(source, weights.encoder, work.encoder, dscales, heads, whole, for_encoder, rate)
