"""The training kernel of a transformer's encoder and decoder, forward and backward.

As in `layers.stack`, a worker takes a chunk of complete pairs from the tokens to the losses and all the way back
without a barrier. Which pairs are a chunk depends only on their lengths: results are bit-identical for any number of
threads.
"""

from seqcore.jit import boolean, f4, i1, i8, i8_1, kernel, void
from seqcore.layers.block import head_rows
from seqcore.layers.decoder import PAIR_ACTIVATIONS, PAIR_WEIGHTS, pair_backward, pair_forward
from seqcore.layers.stack import f8, u4_1
from seqcore.team import shared


@shared
def pairs_of_chunk(
    chunk, worker, source, target, chunks, tokens, symbols, targets, weights, work, heads, masks, rate, scale,
    smoothing, backward,
):  # fmt: skip
    """Run the pairs from chunks[chunk] on forward and, if `backward`, back; see `pair_blocks`."""
    begin, end, decoder = chunks[chunk], chunks[chunk + 1] + 1, work.decoder
    sources, answers = source[begin:end], target[begin:end]
    pair_forward(sources, answers, tokens, symbols, weights, work, heads, masks, rate)
    first, last = answers[0], answers[answers.size - 1]
    head_rows(first, last, targets, decoder.logits[:0], weights.decoder, decoder, scale, smoothing, backward)
    if backward:
        dscales = work.encoder.dscales[chunk].reshape(weights.encoder.scales.shape)
        dscales_decoder = decoder.dscales[chunk].reshape(weights.decoder.scales.shape)
        pair_backward(sources, answers, weights, work, dscales, dscales_decoder, heads, masks, rate)


@kernel(
    "encoder and decoder of attention",
    "train-attention-pairs",
    void(i8_1, i8_1, i8_1, i1, i1, i1, PAIR_WEIGHTS, PAIR_ACTIVATIONS, i8, u4_1, f8, f4, f4, boolean, i8_1),
)
def pair_blocks(
    source, target, chunks, tokens, symbols, targets, weights, work, heads, masks, rate, scale, smoothing, backward,
    team,
):  # fmt: skip
    """Run pairs to the losses for targets (N,) and, if `backward`, back to the embeddings.

    Pair b has the source tokens (M,) from source[b] to source[b + 1], and from target[b] to target[b + 1] what the
    decoder reads, symbols (N,). Chunk c has the pairs from chunks[c] to chunks[c + 1]. Gradients are those of
    scale * (sum of the losses), smoothed as in `layers.loss`. See `layers.decoder`.
    """
    arguments = (
        source, target, chunks, tokens, symbols, targets, weights, work, heads, masks, rate, scale, smoothing,
        backward,
    )  # fmt: skip
    pairs_of_chunk(team, chunks.size - 1, arguments)
