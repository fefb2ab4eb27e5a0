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
import numpy.typing as npt

from seqcore.config import ModelConfig
from seqcore.gemm import NR, outer_sum, padded
from seqcore.jit import TEAM
from seqcore.layers.block import ROWS
from seqcore.layers.dropout import dropout_key
from seqcore.layers.embedding import column_sums
from seqcore.layers.linear import NO_BIAS
from seqcore.layers.loss import WIDE, head_loss
from seqcore.layers.stack import blocks_backward, blocks_forward, embedding_backward, pack_all
from seqcore.models.clocked import Clocked
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, I64

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


@dataclass(frozen=True)
class Panels:
    """All matrices of a model as panels in one buffer, and the list by which one kernel packs them.

    forward (L, ..) and backward (L, ..) are the blocks' (see `layers.block.weights_of`); head (ceil(V / NR), C, NR) and
    head_T (ceil(C / NR), V, NR). `rows` of the list pack them all, `rows[:forward_rows]` what a forward pass needs.
    """

    flat: F32
    matrices: I64
    forward_count: int
    forward: F32
    backward: F32
    head: F32
    head_T: F32  # noqa: N815  # the T is that of a transpose

    @staticmethod
    def of(config: ModelConfig, parameters: Parameters) -> "Panels":
        """Zeroed panels; the list refers to `parameters.flat`."""
        L, C, V = config.layers, config.hidden, config.vocabulary_size
        start, at = {}, 0
        for name, shape in parameters.shapes.items():
            start[name] = at
            at += math.prod(shape)
        head = ("embedding.E", True) if config.tied else ("head.W_hy", False)
        blocks = [f"layers.{n}.{name}" for n in range(L) for name in MATRICES]
        wanted = [(name, False) for name in blocks] + [head] + [(name, True) for name in blocks]
        wanted.append((head[0], not head[1]))
        rows, ends, size, count = [], [], 0, 0
        for name, transposed in wanted:
            K, N = parameters.shapes[name][:: -1 if transposed else 1]
            count += padded(N) // NR
            rows.append((start[name], *parameters.shapes[name], transposed, size, count))
            size += padded(N) * K
            ends.append(size)
        flat, n = np.zeros(size, np.float32), len(blocks)
        return Panels(
            flat, np.array(rows, np.int64), n + 1,
            flat[: ends[n - 1]].reshape(L, -1), flat[ends[n] : ends[2 * n]].reshape(L, -1),
            flat[ends[n - 1] : ends[n]].reshape(-1, C, NR), flat[ends[2 * n] :].reshape(-1, V, NR),
        )  # fmt: skip


@dataclass
class Vectors:
    """Gains and biases side by side, as the kernels read them: scales (2L+1, 2, C), biases (L, 9C) or (L, 0)."""

    scales: F32
    biases: F32

    @staticmethod
    def of(config: ModelConfig) -> "Vectors":
        """Zeroed arrays."""
        L, C = config.layers, config.hidden
        return Vectors(np.zeros((2 * L + 1, 2, C), np.float32), np.zeros((L, 9 * C if config.bias else 0), np.float32))

    def load(self, parameters: Parameters) -> None:
        """Read the parameters as they are now."""
        for scale, name in zip(self.scales, norm_names(len(self.biases)), strict=True):
            scale[0] = parameters[f"{name}.g"]
            if f"{name}.b" in parameters:
                scale[1] = parameters[f"{name}.b"]
        if self.biases.size:
            for n, row in enumerate(self.biases):
                row[:] = np.concatenate([parameters[f"layers.{n}.{name}"] for name in BIASES])


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
    """The arrays of one pass over (T, B) tokens; shapes in `layers.block`."""

    x: F32
    normed: F32
    stats: F32
    qkv: F32
    peaks: F32
    y: F32
    slope: F32
    u: F32
    dtop: F32  # (M, padded C) the gradient of what the head reads
    dropped: F32
    dscales: F32  # (chunks, (2L+1) 2 C)
    logits: F32  # (M, padded V); dlogits after a backward pass
    losses: F32  # (M,)

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "TransformerWorkspace":
        """Zeroed arrays; for a forward pass alone one block's serve all blocks."""
        named = _lengths(config, T, B, backward)
        return TransformerWorkspace(**{name: np.zeros(shape, np.float32) for name, shape in named.items()})

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
        self.panels, self.vectors = Panels.of(config, parameters), Vectors.of(config)
        self._positions, self._turns = positions(config, parameters)
        V, C = config.vocabulary_size, config.hidden
        self._no_bias = np.zeros(V, np.float32)  # of the head
        self._dhead_T = np.zeros((V, C) if not config.tied and V <= WIDE else (0, 0), np.float32)
        self._dscales = np.zeros((2 * config.layers + 1) * 2 * C, np.float32)

    def work_per_token(self) -> float:
        """Floating-point operations that one token of training needs.

        6 for each weight that is multiplied, and for each pair of a timestep and an earlier one (or itself) 12 C a
        block: q k and A v forward, twice that back.
        """
        C, L, pairs = self.config.hidden, self.config.layers, (self.config.context + 1) / 2
        return 6.0 * (L * 12 * C * C + C * self.config.vocabulary_size) + L * pairs * 12 * C

    def pack(self, backward: bool = True) -> None:
        """Read the parameters as they are now; once after every change of them."""
        panels = self.panels
        matrices = panels.matrices if backward else panels.matrices[: panels.forward_count]
        pack_all(self.parameters.flat, matrices, panels.flat, TEAM)
        self.vectors.load(self.parameters)

    def _forward(self, tokens: I32, work: TransformerWorkspace, key: tuple[int, int] | None) -> I32:
        """Run the blocks; returns the tokens batch first, (M,). `key` (seed, step) draws the dropout."""
        rows, masks = batch_first(tokens), self._masks(key)
        blocks_forward(
            rows, self.parameters["embedding.E"], self._positions, self.panels.forward, self.vectors.scales,
            self.vectors.biases, self._turns, work.x, work.normed, work.stats, work.qkv, work.peaks, work.y, work.slope,
            work.u, len(tokens), self.config.heads, masks, self.config.dropout, TEAM,
        )  # fmt: skip
        return rows

    def _masks(self, key: tuple[int, int] | None) -> npt.NDArray[np.uint32]:
        """The keys of dropout at every stage of the stream; none without dropout."""
        if key is None or not self.config.dropout:
            return NO_MASKS
        return np.array([dropout_key(*key, place) for place in range(2 * self.config.layers + 1)], np.uint32)

    def _head(self, targets: I32, scale: float, work: TransformerWorkspace, backward: bool) -> F32:
        """Logits and losses, (T, B) of them; where `backward`, dlogits and what the way back begins with."""
        head_loss(
            work.normed[-1], self.panels.head, self.panels.head_T, self._no_bias, batch_first(targets),
            np.float32(scale), work.logits, work.losses, work.dtop, backward, TEAM,
        )  # fmt: skip
        return np.ascontiguousarray(work.losses.reshape(targets.shape[::-1]).T)

    def losses(self, tokens: I32, targets: I32, work: TransformerWorkspace) -> F32:
        """The loss at every place, (T, B), without dropout and gradients; NaN where masked."""
        self._forward(tokens, work, None)
        return self._head(targets, 1.0, work, False)

    def losses_and_gradient(
        self, tokens: I32, targets: I32, work: TransformerWorkspace, seed: int = 0, step: int = 0
    ) -> F32:
        """The loss at every place, (T, B), and in `gradient` that of their mean over the places not masked."""
        rows = self._forward(tokens, work, (seed, step))
        losses = self._head(targets, 1 / max(1, int(np.count_nonzero(targets >= 0))), work, True)
        self._backward_blocks(len(tokens), (seed, step), work)
        self._backward_weights(work)
        self._backward_embedding(rows, len(tokens), work)
        return losses

    def _backward_blocks(self, T: int, key: tuple[int, int], work: TransformerWorkspace) -> None:
        """The gradients of the stream, of q, k and v, and of what is inside the perceptrons."""
        masks = self._masks(key)
        blocks_backward(
            self.panels.backward, self.vectors.scales, self._turns, work.dtop, work.x, work.stats, work.qkv, work.peaks,
            work.slope, work.dropped, work.dscales, T, self.config.heads, masks, self.config.dropout, TEAM,
        )  # fmt: skip

    def clocked(self) -> Iterator[Clocked]:
        """What a benchmark measures apart, see `Clocked`."""
        yield Clocked(self, "pack", "pack")
        yield Clocked(self, "_forward", "forward")
        yield Clocked(self, "_head", "head")
        yield Clocked(self, "_backward_blocks", "backward")
        yield Clocked(self, "_backward_weights", "weight gradients")
        yield Clocked(self, "_backward_embedding", "weight gradients")

    def _backward_weights(self, work: TransformerWorkspace) -> None:
        """The gradients of all matrices, biases and norms of the blocks, each one product over all rows."""
        g = self.gradient
        branches = work.dropped if self.config.dropout else work.x
        for n in range(self.config.layers):
            products = (
                ("qkv", work.normed[2 * n], work.qkv[n]),
                ("o", work.y[n], branches[2 * n + 1]),
                ("fc", work.normed[2 * n + 1], work.slope[n]),
                ("proj", work.u[n], branches[2 * n + 2]),
            )
            for name, inputs, doutputs in products:
                sums = g[f"layers.{n}.b_{name}"] if self.config.bias else NO_BIAS
                outer_sum(inputs, doutputs, g[f"layers.{n}.W_{name}"], sums, self.config.bias, TEAM)
        column_sums(work.dscales, self._dscales)
        for name, scale in zip(
            norm_names(self.config.layers), self._dscales.reshape(self.vectors.scales.shape), strict=True
        ):
            g[f"{name}.g"][:] = scale[0]
            if self.config.bias:
                g[f"{name}.b"][:] = scale[1]

    def _backward_embedding(self, rows: I32, T: int, work: TransformerWorkspace) -> None:
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
