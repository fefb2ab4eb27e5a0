"""Losses, gradients, carried state and reach of any family's twin, selected by ModelConfig. See twin.py.

Parameter shapes and random weights are defined here too, written out by hand instead of taken from the engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from seqcore.config import RECURRENT, ModelConfig

from tests.core import twin, twin_attention, twin_feedforward, twin_gru, twin_rnn
from tests.core.twin import F64, Cell, Gradients, Ints, Named

# Recurrent: states of every layer; feedforward: (n - 1, B) tokens, or (n - 1, B, D) values.
Carried = list[tuple[F64, ...]] | Ints | F64 | None

GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def cell(config: ModelConfig) -> Cell:
    """The cell of a recurrent family."""
    rnn = twin_rnn.RELU if config.activation == "relu" else twin_rnn.TANH
    return {"rnn": rnn, "gru": twin_gru.GRU, "lstm": twin.LSTM}[config.family]


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters."""
    V, H = config.vocabulary_size, config.hidden
    I = config.inputs or config.embedding  # noqa: E741  # input width
    K = config.values or config.outputs or V
    head: dict[str, tuple[int, ...]] = {"head.W_hy": (H, K), "head.b_y": (K,)}
    if config.family == "feedforward":
        below = {"layers.0.W_xh": (config.context * I, H), "layers.0.b": (H,)}
        return ({} if config.inputs else {"embedding.E": (V + 1, I)}) | below | head
    if config.family == "attention":
        return _attention_shapes(config)
    named: dict[str, tuple[int, ...]] = {"embedding.E": (V, I)} if config.embedding else {}
    n = GATES[config.family]
    for layer in range(config.layers):
        inputs = H if layer else I or V
        parts = {"W_xh": (inputs, n * H), "W_hh": (H, n * H), "b": (n * H,)}
        if config.family == "gru":
            parts["b_hn"] = (H,)
        named |= {f"layers.{layer}.{name}": shape for name, shape in parts.items()}
    return named | head


def _attention_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    V, C = config.vocabulary_size, config.hidden
    named: dict[str, tuple[int, ...]] = {"embedding.E": (V, C)}
    if config.inputs:
        named = {"input.W_x": (config.inputs, C)} | ({"input.b_x": (C,)} if config.bias else {})
    if config.positions == "learned":
        named["embedding.P"] = (config.context, C)
    for layer in range(config.layers):
        matrices = {"W_qkv": (C, 3 * C), "W_o": (C, C), "W_fc": (C, 4 * C), "W_proj": (4 * C, C)}
        parts: dict[str, tuple[int, ...]] = matrices | {"norm1.g": (C,), "norm2.g": (C,)}
        if config.bias:
            parts |= {"b_qkv": (3 * C,), "b_o": (C,), "b_fc": (4 * C,), "b_proj": (C,)}
            parts |= {"norm1.b": (C,), "norm2.b": (C,)}
        named |= {f"layers.{layer}.{name}": shape for name, shape in parts.items()}
    named |= {"norm.g": (C,)} | ({"norm.b": (C,)} if config.bias else {})
    return named if config.tied else named | {"head.W_hy": (C, config.values or config.outputs or V)}


def weights(config: ModelConfig, seed: int) -> Named:
    """Random weights that give every parameter an effect: products of unit size, gains about 1, biases about 0.5."""
    draw, made = np.random.default_rng(seed), {}
    for name, shape in shapes(config).items():
        values = draw.standard_normal(shape)
        if name.endswith(".g"):
            values = 1 + 0.3 * values
        elif len(shape) == 1:
            values = 0.5 * values
        elif not name.startswith("embedding."):
            values = values / np.sqrt(shape[0])
        made[name] = values
    return made


def sites(config: ModelConfig) -> int:
    """Number of dropout sites of a model: after every layer; attention: the embedding and every branch."""
    return 1 + 2 * config.layers if config.family == "attention" else config.layers


def no_dropout(config: ModelConfig, T: int, B: int) -> list[F64]:
    """Masks of ones."""
    return [np.ones((T, B, config.hidden)) for _ in range(sites(config))]


def nothing(config: ModelConfig, B: int) -> Carried:
    """The initial carried state, before any token."""
    if config.family in RECURRENT:
        return [tuple(np.zeros((B, config.hidden)) for _ in cell(config).states) for _ in range(config.layers)]
    if config.family == "feedforward" and config.inputs:
        return np.zeros((config.context - 1, B, config.inputs))
    if config.family == "feedforward":
        return np.full((config.context - 1, B), config.vocabulary_size, np.int32)
    return None


@dataclass
class Step:
    """A forward and backward pass over (T, B) tokens; `done` is the family's own forward-pass record."""

    logits: F64
    losses: F64
    gradients: Gradients
    carried: Carried  # after the last timestep
    done: Any


def forward(
    config: ModelConfig, p: Named, tokens: Ints, targets: Ints, carried: Carried = None, masks: Sequence[F64] = ()
) -> Any:
    """The family's forward-pass record: .logits (T, B, V), .losses (T, B), and more."""
    masks = masks or no_dropout(config, *tokens.shape[:2])
    carried = nothing(config, tokens.shape[1]) if carried is None else carried
    if config.family in RECURRENT:
        assert isinstance(carried, list)
        return twin.model(p, tokens, targets, carried, masks, cell(config))
    if config.family == "feedforward":
        assert isinstance(carried, np.ndarray)
        return twin_feedforward.model(p, tokens, targets, carried, masks[0])
    return twin_attention.model(p, tokens, targets, masks, config)


def backward(
    config: ModelConfig, p: Named, done: Any, tokens: Ints, dlogits: F64, masks: Sequence[F64] = ()
) -> Gradients:
    """All gradients, from the gradient of the logits (T, B, V)."""
    masks = masks or no_dropout(config, *tokens.shape[:2])
    if config.family in RECURRENT:
        return twin.stack_backward(p, done, tokens, masks, dlogits, cell(config))
    if config.family == "feedforward":
        return twin_feedforward.model_backward(p, done, masks[0], dlogits)
    return twin_attention.model_backward(p, done, masks, dlogits, config)


def carried_on(config: ModelConfig, done: Any) -> Carried:
    """The state carried to the next pass."""
    if config.family in RECURRENT:
        return [tuple(getattr(trace, name)[-1] for name in cell(config).states) for trace in done.traces]
    if config.family == "feedforward":
        last: Ints = done.tokens[len(done.tokens) - config.context + 1 :]
        return last
    return None


def step(
    config: ModelConfig, p: Named, tokens: Ints, targets: Ints, carried: Carried = None, masks: Sequence[F64] = ()
) -> Step:
    """Losses, and the gradients of the mean loss."""
    done = forward(config, p, tokens, targets, carried, masks)
    gradients = backward(config, p, done, tokens, twin.mean_loss_backward(done.logits, targets), masks)
    return Step(done.logits, done.losses, gradients, carried_on(config, done), done)


def drawn_nothing(config: ModelConfig, T: int) -> Ints | F64:
    """Targets of one sequence that are all masked."""
    return np.full((T, 1, config.values), np.nan) if config.values else np.full((T, 1), -1, np.int32)


def reach_of(config: ModelConfig, p: Named, inputs: Ints | F64, dresults: F64) -> tuple[F64, F64]:
    """As `reach`, of losses whose gradient at the results after timestep t - 1 is row t of dresults (T + 1, K)."""
    T = len(inputs)
    hidden, reached = np.full((config.layers, T + 1, T), np.nan), np.full((T + 1, T), np.nan)
    given = inputs[:, None]
    done = forward(config, p, given, drawn_nothing(config, T))
    for t in range(1, T + 1):
        rows = np.zeros((T, 1, dresults.shape[1]))
        rows[t - 1, 0] = dresults[t]
        _norms(backward(config, p, done, given, rows), t, hidden, reached)
    return hidden, reached


def _norms(d: Gradients, t: int, hidden: F64, reached: F64) -> None:
    """Fill hidden (layers, T, T) and reached (T, T) at [t, s < t] with the norms of the gradients of one sequence."""
    for s in range(t):
        reached[t, s] = np.linalg.norm(d.x[s, 0])
        for layer, dh in enumerate(d.hidden):
            hidden[layer, t, s] = np.linalg.norm(dh[s, 0])


def reach(config: ModelConfig, p: Named, tokens: Ints) -> tuple[F64, F64]:
    """|d loss_t / d h_s| (layers, T, T) and |d loss_t / d x_s| (T, T) for tokens (T,), one loss at a time.

    NaN where s >= t. h is each layer's output; in attention, the residual stream after every block. Loss t is computed
    from the logits after token t - 1.
    """
    T = len(tokens)
    hidden, inputs = np.full((config.layers, T, T), np.nan), np.full((T, T), np.nan)
    given = tokens[:, None]
    targets = np.append(tokens[1:], -1).astype(np.int32)[:, None]
    done = forward(config, p, given, targets)
    whole = twin.cross_entropy_backward(done.logits, targets, 1.0)
    for t in range(1, T):
        dlogits = np.zeros_like(whole)
        dlogits[t - 1] = whole[t - 1]
        _norms(backward(config, p, done, given, dlogits), t, hidden, inputs)
    return hidden, inputs
