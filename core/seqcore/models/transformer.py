"""A causal transformer language model, as nanoGPT has it: tokens in, a loss per place and all gradients out.

    tokens -> E + positions -> dropout -> L blocks -> norm -> head -> losses

Shapes: tokens and targets (T, B) int32, time first, T at most `context`; a target of -1 is masked. Inside, rows are
batch first. C = hidden. Names of parameters:

    embedding.E (V, C)   embedding.P (context, C) learned positions
    layers.l.W_qkv (C, 3C)   layers.l.W_o (C, C)   layers.l.W_fc (C, 4C)   layers.l.W_proj (4C, C)
    head.W_hy (C, V) unless tied: then the logits are x E^T
    layers.l.norm1.g, layers.l.norm2.g, norm.g (C,); with biases also norm1.b, b_qkv, b_o, norm2.b, b_fc, b_proj, norm.b

Dropout acts where nanoGPT has it on the residual stream: on the embedding (place 0) and on the output of each branch
(places 2l+1 and 2l+2 of block l), not on the attention weights. The keys of `layers.dropout` are
dropout_key(seed, step, place), rows counted batch first.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcore.config import ModelConfig
from seqcore.gemm import NR, outer_sum, padded
from seqcore.jit import TEAM
from seqcore.layers.block import ROWS, Activations, Masks, Weights
from seqcore.layers.dropout import dropout_key
from seqcore.layers.embedding import column_sums
from seqcore.layers.linear import NO_BIAS
from seqcore.layers.loss import WIDE
from seqcore.layers.stack import blocks, blocks_weights, embedding_backward, pack_all, pack_all_serial
from seqcore.models.clocked import Clocked
from seqcore.parameters import Parameters
from seqcore.records import F32, I32

MATRICES = ("W_qkv", "W_o", "W_fc", "W_proj")
BIASES = ("b_qkv", "b_o", "b_fc", "b_proj")
NONE = np.zeros((0, 0), np.float32)
NO_MASKS = np.zeros(0, np.uint32)


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The parameters' names and shapes."""
    V, C = config.vocabulary_size, config.hidden
    named: dict[str, tuple[int, ...]] = {"embedding.E": (V, C)}
    if config.positions == "learned":
        named["embedding.P"] = (config.context, C)
    block: dict[str, tuple[int, ...]] = {
        "norm1.g": (C,), "norm1.b": (C,), "W_qkv": (C, 3 * C), "b_qkv": (3 * C,), "W_o": (C, C), "b_o": (C,),
        "norm2.g": (C,), "norm2.b": (C,), "W_fc": (C, 4 * C), "b_fc": (4 * C,), "W_proj": (4 * C, C), "b_proj": (C,),
    }  # fmt: skip
    named |= {f"layers.{n}.{name}": shape for n in range(config.layers) for name, shape in block.items()}
    named |= {"norm.g": (C,), "norm.b": (C,)}
    if not config.tied:
        named["head.W_hy"] = (C, V)
    return {name: shape for name, shape in named.items() if config.bias or not is_bias(name)}


def is_bias(name: str) -> bool:
    """True for a parameter that starts at zero and that a model without biases has not."""
    last = name.rsplit(".", 1)[-1]
    return last == "b" or last.startswith("b_")


def initial(config: ModelConfig, seed: int) -> Parameters:
    """As nanoGPT: normal(0, 0.02), those that write to the stream smaller by sqrt(2 layers); gains 1, biases 0."""
    parameters = Parameters(shapes(config))
    draw = np.random.default_rng(seed)
    for name, view in parameters.items():
        if view.ndim == 2:
            into_stream = name.endswith((".W_o", ".W_proj"))
            view[:] = draw.normal(0, 0.02 / math.sqrt(2 * config.layers) if into_stream else 0.02, view.shape)
        elif not is_bias(name):
            view[:] = 1
    return parameters


def sinusoid(context: int, C: int) -> F32:
    """(context, C): sin(t / 10000^(2i/C)) in the even columns, cos in the odd ones (Vaswani et al. 2017)."""
    angle = np.arange(context)[:, None] / 10_000.0 ** (np.arange(0, C, 2) / C)
    table = np.empty((context, C), np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(angle), np.cos(angle)[:, : C // 2]
    return table


def rotations(context: int, d: int) -> F32:
    """(context, d): cos and sin of t / 10000^(2i/d), beside each other for each pair (Su et al. 2021)."""
    angle = np.arange(context)[:, None] / 10_000.0 ** (np.arange(0, d, 2) / d)
    return np.stack((np.cos(angle), np.sin(angle)), axis=2).reshape(context, d).astype(np.float32)


class Packed:
    """The parameters as the kernels read them: every matrix as panels, in one buffer that one kernel fills."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        L, C, V = config.layers, config.hidden, config.vocabulary_size
        self.starts = starts(parameters)
        head = ("embedding.E", True) if config.tied else ("head.W_hy", False)
        forward = [(f"layers.{n}.{name}", False) for name in MATRICES for n in range(L)] + [head]
        rows: list[tuple[int, ...]] = []
        size, count = 0, 0
        for name, transposed in forward + [(name, not transposed) for name, transposed in forward]:
            shape = parameters.shapes[name]
            K, N = shape[::-1] if transposed else shape
            count += padded(N) // NR
            rows.append((self.starts[name], *shape, transposed, size, count))
            size += padded(N) * K
        self._matrices, self._forward = np.array(rows, np.int64), len(forward)
        self._flat, self._at = np.zeros(size, np.float32), 0
        P, turns = positions(config, parameters)
        self.weights = Weights(
            parameters["embedding.E"], P, turns, np.zeros((2 * L + 1, 2, C), np.float32),
            np.zeros((L, 9 * C if config.bias else 0), np.float32), np.zeros(V, np.float32),
            self._panels(L, C, 3 * C), self._panels(L, C, C), self._panels(L, C, 4 * C), self._panels(L, 4 * C, C),
            self._panels(1, C, V)[0],
            self._panels(L, 3 * C, C), self._panels(L, C, C), self._panels(L, 4 * C, C), self._panels(L, C, 4 * C),
            self._panels(1, V, C)[0],
        )  # fmt: skip

    def _panels(self, layers: int, K: int, N: int) -> F32:
        """The next piece of the buffer, (layers, ceil(N / NR), K, NR)."""
        size = layers * padded(N) * K
        self._at += size
        return self._flat[self._at - size : self._at].reshape(layers, -1, K, NR)

    def pack(self, backward: bool, parallel: bool = True) -> None:
        """Read the parameters as they are now."""
        matrices = self._matrices if backward else self._matrices[: self._forward]
        if parallel:
            pack_all(self.parameters.flat, matrices, self._flat, TEAM)
        else:
            pack_all_serial(self.parameters.flat, matrices, self._flat)
        p, scales, biases = self.parameters, self.weights.scales, self.weights.biases
        for scale, name in zip(scales, norm_names(self.config.layers), strict=True):
            scale[0] = p[f"{name}.g"]
            if self.config.bias:
                scale[1] = p[f"{name}.b"]
        if self.config.bias:
            for n, row in enumerate(biases):
                row[:] = np.concatenate([p[f"layers.{n}.{name}"] for name in BIASES])


def starts(parameters: Parameters) -> dict[str, int]:
    """Where each parameter begins in the flat buffer."""
    sizes = [math.prod(shape) for shape in parameters.shapes.values()]
    return dict(zip(parameters.shapes, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))


def norm_names(layers: int) -> list[str]:
    """The norms' names, by stage."""
    return [f"layers.{n}.norm{place}" for n in range(layers) for place in (1, 2)] + ["norm"]


def positions(config: ModelConfig, parameters: Parameters) -> tuple[F32, F32]:
    """(P, turns): what is added to the embedding and by what q and k are turned; empty where there is no such thing."""
    if config.positions == "learned":
        return parameters["embedding.P"], NONE
    if config.positions == "sinusoidal":
        return sinusoid(config.context, config.hidden), NONE
    return NONE, rotations(config.context, config.hidden // config.heads)


def _lengths(config: ModelConfig, T: int, B: int, backward: bool) -> dict[str, tuple[int, ...]]:
    """The shapes of a workspace's arrays, by name; see `layers.block`."""
    C, L, M = config.hidden, config.layers, T * B
    width, kept = padded(C), L if backward else 1
    stages, few = (2 * L + 1, 2 * L + 1) if backward else (2, 1)
    chunks = -(-M // (max(1, ROWS // T) * T)) if backward else 0
    return {
        "x": (stages, M, width),
        "normed": (few, M, C),
        "stats": (few, M, 2),
        "qkv": (kept, M, padded(3 * C)),
        "peaks": (kept, M, 2 * config.heads),
        "y": (kept, M, C),
        "slope": (kept, M, padded(4 * C)),
        "u": (kept, M, 4 * C),
        "dtop": (M if backward else 0, width),
        "dropped": (2 * L + 1, M, width) if config.dropout and backward else (0, 0, 0),
        "dscales": (chunks, (2 * L + 1) * 2 * C),
        "logits": (M, padded(config.vocabulary_size)),
        "losses": (M,),
    }


def workspace_bytes(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
    """What `TransformerWorkspace.of` will allocate: linear in T, B and hidden."""
    return 4 * sum(math.prod(shape) for shape in _lengths(config, T, B, backward).values())


@dataclass
class TransformerWorkspace:
    """The arrays of one pass over (T, B) tokens."""

    arrays: Activations

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "TransformerWorkspace":
        """Zeroed arrays; for a forward pass alone one block's serve all blocks."""
        named = _lengths(config, T, B, backward)
        return TransformerWorkspace(Activations(**{name: np.zeros(named[name], np.float32) for name in named}))

    def reset(self, rows: slice = slice(None)) -> None:
        """Nothing: every window starts from nothing."""

    def carry(self) -> None:
        """Nothing: no state goes from one window to the next."""

    def state(self) -> dict[str, F32]:
        """What is carried to the next step: nothing."""
        return {}


class Transformer:
    """The model over one parameter buffer and one gradient buffer. Parallel: for the training thread alone."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        self.packed = Packed(config, parameters)
        V, L, C = config.vocabulary_size, config.layers, config.hidden
        begins = self.packed.starts
        names = ("W_proj", "W_fc", "W_qkv", "W_o")
        self._places = np.array([[begins[f"layers.{n}.{name}"] for name in names] for n in range(L)], np.int64)
        self._dscales = np.zeros((2 * L + 1, 2, C), np.float32)
        self._dbiases = np.zeros_like(self.packed.weights.biases)
        self._dhead_T = np.zeros((V, C) if not config.tied and V <= WIDE else (0, 0), np.float32)

    def work_per_token(self) -> float:
        """Floating-point operations that one token of training needs.

        6 for each weight that is multiplied, and for each pair of a timestep and an earlier one (or itself) 12 C a
        block: q k and A v forward, twice that back.
        """
        C, L, pairs = self.config.hidden, self.config.layers, (self.config.context + 1) / 2
        return 6.0 * (L * 12 * C * C + C * self.config.vocabulary_size) + L * pairs * 12 * C

    def pack(self, backward: bool = True) -> None:
        """Read the parameters as they are now; once after every change of them."""
        self.packed.pack(backward)

    def losses(self, tokens: I32, targets: I32, work: TransformerWorkspace) -> F32:
        """The loss at every place, (T, B), without dropout and gradients; NaN where masked."""
        return self._run(batch_first(tokens), targets, work, NO_MASKS, 1.0, False)

    def losses_and_gradient(
        self, tokens: I32, targets: I32, work: TransformerWorkspace, seed: int = 0, step: int = 0
    ) -> F32:
        """The loss at every place, (T, B), and in `gradient` that of their mean over the places not masked."""
        rows, masks, places = batch_first(tokens), NO_MASKS, range(2 * self.config.layers + 1)
        if self.config.dropout:
            masks = np.array([dropout_key(seed, step, place) for place in places], np.uint32)
        scale = 1 / max(1, int(np.count_nonzero(targets >= 0)))
        losses = self._run(rows, targets, work, masks, scale, True)
        self._backward_weights(work.arrays)
        self._backward_embedding(rows, len(tokens), work.arrays)
        return losses

    def _run(
        self, rows: I32, targets: I32, work: TransformerWorkspace, masks: Masks, scale: float, backward: bool
    ) -> F32:
        """All blocks and the head, and back where `backward`; returns the losses (T, B)."""
        T, B = targets.shape
        blocks(
            rows, batch_first(targets), self.packed.weights, work.arrays, T, self.config.heads, masks,
            self.config.dropout, np.float32(scale), backward, TEAM,
        )  # fmt: skip
        return np.ascontiguousarray(work.arrays.losses.reshape(B, T).T)

    def clocked(self) -> Iterator[Clocked]:
        """What a benchmark measures apart, see `Clocked`: a chunk goes forward, through the head and back in one go."""
        yield Clocked(self, "pack", "pack")
        yield Clocked(self, "_run", "forward and back")
        yield Clocked(self, "_backward_weights", "weight gradients")
        yield Clocked(self, "_backward_embedding", "weight gradients")

    def _backward_weights(self, work: Activations) -> None:
        """The gradients of the blocks' matrices and biases, each one product over all rows, and of the norms."""
        g, L = self.gradient, self.config.layers
        blocks_weights(work, g.flat, self._places, self._dbiases, TEAM)
        column_sums(work.dscales, self._dscales.reshape(-1))
        for scale, name in zip(self._dscales, norm_names(L), strict=True):
            g[f"{name}.g"][:] = scale[0]
            if self.config.bias:
                g[f"{name}.b"][:] = scale[1]
        for n, row in enumerate(self._dbiases):
            at = 0
            for name in BIASES if row.size else ():
                to = g[f"layers.{n}.{name}"]
                to[:] = row[at : at + to.size]
                at += to.size

    def _backward_embedding(self, rows: I32, T: int, work: Activations) -> None:
        """The gradients of the head, of the embedding, whose matrix may be the same, and of learned positions.

        As in `loss.Head`, for a small vocabulary the transposed product wastes less.
        """
        g, top, tied = self.gradient, work.normed[-1], self.config.tied
        if tied:
            outer_sum(work.logits, top, g["embedding.E"], NO_BIAS, False, TEAM)
        elif self._dhead_T.size:
            outer_sum(work.logits, top, self._dhead_T, NO_BIAS, False, TEAM)
            g["head.W_hy"][:] = self._dhead_T.T
        else:
            outer_sum(top, work.logits, g["head.W_hy"], NO_BIAS, False, TEAM)
        dP = g["embedding.P"] if self.config.positions == "learned" else NONE
        embedding_backward(rows, work.x[0], g["embedding.E"], dP, T, not tied, TEAM)


def batch_first(array: I32) -> I32:
    """(T, B) as rows m = b T + t, (M,)."""
    return np.ascontiguousarray(array.T).reshape(-1)
