"""The recurrent encoder-decoder with attention in float64: see twin.py.

Sutskever et al. (2014); attention and its scores as in Luong et al. (2015), additive as in Bahdanau et al. (2015);
bidirectional as in Schuster and Paliwal (1997).

    encoder    a_s = h_s, or [h_fwd_s ; h_back_s], of every layer; the next layer reads it
    bridge     the decoder's layer l starts from the last h (and c) of the encoder's layer l; bidirectional:
               h_0 = tanh([h_fwd ; h_back] W + b)      c_0 = [c_fwd ; c_back] W + b
    decoder    h_t is the state of its top layer
    attention  e_ts = h_t . a_s      or h_t W_a . a_s      or v . tanh(h_t W_q + a_s W_k)
               alpha_t = softmax(e_t)      ctx_t = sum_s alpha_ts a_s      htilde_t = tanh([ctx_t ; h_t] W_c)
    feeding    the decoder's first layer reads [x_t ; htilde_{t-1}] instead of x_t, htilde_{-1} = 0
    head       logits_t = htilde_t W_hy + b_y, without attention h_t W_hy + b_y

A batch has T = S + U timesteps. inputs (T, B): source symbols in the first S, right-aligned, with -1 before; then the
decoder's inputs. targets (T, B): -1 for the source and for padding. Every pair is computed by itself, over its own n
source symbols and all U timesteps of the decoder, so that nothing here is padded or masked; arrays of one pair keep a
batch axis of 1 for the cells. A = 2H if bidirectional, else H.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.core import twin, twin_gru, twin_rnn
from tests.core.twin import F64, Cell, CellGradient, Ints, Named, linear, linear_backward, one_hot
from tests.core.twin_families import GATES

ATTENTIONS = ("none", "dot", "general", "additive")


@dataclass(frozen=True)
class PairConfig:
    """The architecture of an encoder-decoder."""

    vocabulary_size: int  # V: source symbols
    outputs: int  # K: target symbols, the end symbol K - 1 among them
    family: str = "lstm"
    hidden: int = 4
    layers: int = 1  # of the encoder, and of the decoder
    embedding: int = 3  # 0: one-hot
    activation: str = "tanh"  # rnn only
    cross_attention: str = "none"
    bidirectional: bool = False  # the encoder
    input_feeding: bool = False


def cell(config: PairConfig) -> Cell:
    """The cell of the encoder and the decoder."""
    rnn = twin_rnn.RELU if config.activation == "relu" else twin_rnn.TANH
    return {"rnn": rnn, "gru": twin_gru.GRU, "lstm": twin.LSTM}[config.family]


def sides(config: PairConfig) -> tuple[str, ...]:
    """Prefixes of the encoder's directions."""
    return ("layers", "back") if config.bidirectional else ("layers",)


def shapes(config: PairConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters, in order."""
    V, K, H, E = config.vocabulary_size, config.outputs, config.hidden, config.embedding
    A = H * len(sides(config))
    named: dict[str, tuple[int, ...]] = {"embedding.E": (V, E)} if E else {}
    for n in range(config.layers):
        for side in sides(config):
            named |= _cell_shapes(config, f"{side}.{n}.", A if n else E or V)
    if config.bidirectional:
        for n in range(config.layers):
            for state in cell(config).states:
                named |= {f"bridge.{n}.{state}.W": (2 * H, H), f"bridge.{n}.{state}.b": (H,)}
    if E:
        named["decoder.embedding.E"] = (K, E)
    for n in range(config.layers):
        named |= _cell_shapes(config, f"decoder.{n}.", H if n else E or K)
    if config.cross_attention == "general":
        named["attention.W_a"] = (H, A)
    if config.cross_attention == "additive":
        named |= {"attention.W_q": (H, H), "attention.W_k": (A, H), "attention.v": (H,)}
    if config.cross_attention != "none":
        named["attention.W_c"] = (A + H, H)
    if config.input_feeding:
        named["decoder.0.W_feed"] = (H, GATES[config.family] * H)
    return named | {"head.W_hy": (H, K), "head.b_y": (K,)}


def _cell_shapes(config: PairConfig, start: str, inputs: int) -> dict[str, tuple[int, ...]]:
    H, N = config.hidden, GATES[config.family] * config.hidden
    parts: dict[str, tuple[int, ...]] = {"W_xh": (inputs, N), "W_hh": (H, N), "b": (N,)}
    if config.family == "gru":
        parts["b_hn"] = (H,)
    return {start + name: shape for name, shape in parts.items()}


def weights(config: PairConfig, seed: int) -> Named:
    """Random weights that give every parameter an effect: biases about 0.5, products twice the size of what they read.

    With smaller ones h, and with it every score, is so small that attention is close to the mean of the annotations.
    The states of a relu grow by themselves: its products are as large as what they read. So is W_feed: an rnn with a
    second loop of gain 2 would be chaotic.
    """
    draw, made = np.random.default_rng(seed), {}
    gain = 1 if config.activation == "relu" else 2
    for name, shape in shapes(config).items():
        scale = gain / np.sqrt(shape[0])
        if name.endswith("W_feed"):
            scale = 1 / np.sqrt(shape[0])
        elif name.endswith(".E"):
            scale = 1.0
        elif len(shape) == 1 and name != "attention.v":
            scale = 0.5
        made[name] = scale * draw.standard_normal(shape)
    return made


def drawn(
    config: PairConfig, sources: Sequence[int], answers: Sequence[int], seed: int = 0, S: int = 0, U: int = 0
) -> tuple[Ints, Ints]:
    """Random inputs and targets (T, B) of pairs with that many source and target symbols, the end symbol among these.

    They are padded to S and U timesteps (0: to the longest), the decoder's inputs with random symbols.
    """
    draw, end = np.random.default_rng(seed), config.outputs - 1
    S, U = S or max(sources), U or max(answers)
    inputs, targets = np.full((2, S + U, len(sources)), -1, np.int32)
    for b, (n, m) in enumerate(zip(sources, answers, strict=True)):
        inputs[S - n : S, b] = draw.integers(0, config.vocabulary_size, n)
        targets[S : S + m, b] = (*draw.integers(0, end, m - 1), end)
        inputs[S:, b] = draw.integers(0, config.outputs, U)
        inputs[S : S + m, b] = (end, *targets[S : S + m - 1, b])
    return inputs, targets


def under(p: Mapping[str, F64], start: str) -> Named:
    """The parameters whose names start with `start`, without it."""
    return {name.removeprefix(start): value for name, value in p.items() if name.startswith(start)}


def split(inputs: Ints, targets: Ints) -> tuple[int, list[Ints]]:
    """S, the first timestep with a target, and the source symbols (n,) of every pair."""
    S = int((targets >= 0).any(axis=1).argmax())
    assert S, "a source, then a target"
    sources = [column[column >= 0] for column in inputs[:S].T]
    for source, column in zip(sources, inputs[:S].T, strict=True):
        assert (column[S - len(source) :] == source).all(), "right-aligned"
    return S, sources


@dataclass
class Stack:
    """Recurrent layers over one sequence of n timesteps: what each has read and computed."""

    vectors: F64  # one-hot (n, 1, V)
    traces: list[list[Any]]  # per layer and direction; the backward direction's timesteps are in the order it reads
    outputs: list[F64]  # per layer: annotations (n, 1, A), or h (U, 1, H) of the decoder


def stack(
    p: Mapping[str, F64], config: PairConfig, names: Sequence[str], vectors: F64, table: str, state: Any
) -> Stack:
    """Forward pass of the layers called `names` (the second one reads from the end), from `state` per layer."""
    x = vectors @ p[table] if table in p else vectors
    done = Stack(vectors, [], [])
    for n in range(config.layers):
        traces = [
            cell(config).forward(x[::-1] if name == "back" else x, under(p, f"{name}.{n}."), state[n]) for name in names
        ]
        hs = [trace.h[1:][::-1] if name == "back" else trace.h[1:] for name, trace in zip(names, traces, strict=True)]
        x = np.concatenate(hs, axis=2)
        done.traces.append(traces)
        done.outputs.append(x)
    return done


def stack_backward(
    p: Mapping[str, F64],
    config: PairConfig,
    names: Sequence[str],
    done: Stack,
    table: str,
    dx: F64,
    dlast: Sequence[Sequence[Sequence[F64]]],
) -> tuple[Named, list[tuple[F64, ...]]]:
    """Gradients of the parameters, and of every layer's initial state.

    dx is the gradient of the top layer's outputs, dlast[n][direction] that of the last states, in the cell's order.
    The initial state's gradient is that of the first direction: with two it is zero, and not a parameter.
    """
    grads: Named = {}
    states: list[tuple[F64, ...]] = []
    for n in reversed(range(config.layers)):
        below: Any = 0.0
        dhs = np.split(dx, len(names), axis=2)
        for side, name in enumerate(names):
            dh = (dhs[side][::-1] if name == "back" else dhs[side]).copy()
            dlast_h, *dlast_c = dlast[n][side]
            dh[-1:] += dlast_h
            d: CellGradient = cell(config).backward(done.traces[n][side], under(p, f"{name}.{n}."), dh, *dlast_c)
            grads |= {f"{name}.{n}.{short}": value for short, value in d.parameters.items()}
            below = below + (d.x[::-1] if name == "back" else d.x)
            if not side:
                states.insert(0, d.state)
        dx = below
    if table in p:
        _, grads[table], _ = linear_backward(done.vectors, p[table], dx)
    return grads, states


@dataclass
class Bridge:
    """Per layer and state: the encoder's last states side by side (1, A), and the decoder's initial state (1, H)."""

    joined: list[list[F64]]
    state: list[list[F64]]


def bridge(p: Mapping[str, F64], config: PairConfig, encoder: Stack) -> Bridge:
    """The decoder's initial states."""
    done = Bridge([], [])
    for n, traces in enumerate(encoder.traces):
        names = cell(config).states
        joined = [np.concatenate([getattr(trace, name)[-1] for trace in traces], axis=1) for name in names]
        state = joined
        if config.bidirectional:
            state = [
                linear(x, p[f"bridge.{n}.{name}.W"], p[f"bridge.{n}.{name}.b"])
                for name, x in zip(names, joined, strict=True)
            ]
            state[0] = np.tanh(state[0])  # h, but not c
        done.joined.append(joined)
        done.state.append(state)
    return done


def bridge_backward(
    p: Mapping[str, F64], config: PairConfig, done: Bridge, dstate: Sequence[Sequence[F64]]
) -> tuple[Named, list[list[list[F64]]]]:
    """Gradients of the parameters, and of the encoder's last states by layer, direction and state."""
    grads: Named = {}
    dlast = []
    for n in range(config.layers):
        djoined = []
        for k, name in enumerate(cell(config).states):
            d, start = dstate[n][k], f"bridge.{n}.{name}."
            if config.bidirectional:
                if name == "h":
                    d = d * (1 - done.state[n][k] ** 2)
                d, grads[f"{start}W"], grads[f"{start}b"] = linear_backward(done.joined[n][k], p[f"{start}W"], d)
            djoined.append(np.split(d, len(sides(config)), axis=1))
        dlast.append([list(parts) for parts in zip(*djoined, strict=True)])
    return grads, dlast


@dataclass
class Attended:
    """The attention of one pair: h (U, H) over annotations a (n, A)."""

    h: F64
    a: F64
    inner: F64  # (U, n, H), additive: tanh(h_t W_q + a_s W_k)
    alpha: F64  # (U, n)
    joined: F64  # (U, A + H), [ctx ; h]
    out: F64  # (U, H)


def attend(p: Mapping[str, F64], config: PairConfig, h: F64, a: F64) -> Attended:
    """Forward pass of dot, general or additive attention; ctx is 0 where the source is empty."""
    inner = np.zeros((len(h), len(a), config.hidden))
    if config.cross_attention == "dot":
        e = h @ a.T
    elif config.cross_attention == "general":
        e = h @ p["attention.W_a"] @ a.T
    else:
        for t in range(len(h)):
            for s in range(len(a)):
                inner[t, s] = np.tanh(h[t] @ p["attention.W_q"] + a[s] @ p["attention.W_k"])
        e = inner @ p["attention.v"]
    alpha = np.exp(e - e.max(axis=1, keepdims=True, initial=-np.inf))
    alpha /= alpha.sum(axis=1, keepdims=True)
    joined = np.concatenate((alpha @ a, h), axis=1)
    return Attended(h, a, inner, alpha, joined, np.tanh(joined @ p["attention.W_c"]))


def attend_backward(p: Mapping[str, F64], config: PairConfig, s: Attended, dout: F64) -> tuple[Named, F64, F64]:
    """Gradients of the parameters by short name, of h and of a."""
    dz = dout * (1 - s.out**2)
    grads: Named = {"W_c": s.joined.T @ dz}
    dctx, dh = np.split(dz @ p["attention.W_c"].T, [s.a.shape[1]], axis=1)
    dalpha, da = dctx @ s.a.T, s.alpha.T @ dctx
    de = s.alpha * (dalpha - (s.alpha * dalpha).sum(axis=1, keepdims=True))
    if config.cross_attention == "dot":
        return grads, dh + de @ s.a, da + de.T @ s.h
    if config.cross_attention == "general":
        W_a = p["attention.W_a"]
        grads["W_a"] = s.h.T @ de @ s.a
        return grads, dh + de @ s.a @ W_a.T, da + de.T @ s.h @ W_a
    dinner = de[..., None] * p["attention.v"] * (1 - s.inner**2)  # before the tanh
    dquery, dkey = dinner.sum(axis=1), dinner.sum(axis=0)
    grads |= {"W_q": s.h.T @ dquery, "W_k": s.a.T @ dkey, "v": (de[..., None] * s.inner).sum(axis=(0, 1))}
    return grads, dh + dquery @ p["attention.W_q"].T, da + dkey @ p["attention.W_k"].T


@dataclass
class Fed:
    """A decoder with input feeding: what every timestep has read and computed."""

    vectors: F64  # one-hot (U, 1, K)
    traces: list[list[Any]]  # per timestep and layer
    attended: list[Attended]  # per timestep


def fed_weights(p: Mapping[str, F64], n: int) -> Named:
    """The parameters of a layer; W_feed stands below W_xh, as the first layer reads [x ; htilde]."""
    named = under(p, f"decoder.{n}.")
    if "W_feed" in named:
        named["W_xh"] = np.concatenate((named["W_xh"], named.pop("W_feed")))
    return named


def feed(p: Mapping[str, F64], config: PairConfig, vectors: F64, state: Any, a: F64) -> Fed:
    """Forward pass of the decoder, timestep by timestep, over one-hot vectors (U, 1, K) and annotations a (n, A)."""
    x = vectors @ p["decoder.embedding.E"] if "decoder.embedding.E" in p else vectors
    done, out = Fed(vectors, [], []), np.zeros((1, config.hidden))
    for x_t in x:
        below, traces = np.concatenate((x_t, out), axis=1), []
        for n in range(config.layers):
            before = (
                [getattr(done.traces[-1][n], name)[-1] for name in cell(config).states] if done.traces else state[n]
            )
            traces.append(cell(config).forward(below[None], fed_weights(p, n), before))
            below = traces[n].h[1]
        done.traces.append(traces)
        done.attended.append(attend(p, config, below, a))
        out = done.attended[-1].out
    return done


def feed_backward(
    p: Mapping[str, F64], config: PairConfig, done: Fed, dout: F64
) -> tuple[Named, list[tuple[F64, ...]], F64]:
    """Gradients of the parameters, every layer's initial state and the annotations, from that of htilde (U, H)."""
    totals: dict[str, Any] = {}
    width = config.embedding or config.outputs
    dstate: Any = [[np.zeros((1, config.hidden)) for _ in cell(config).states]] * config.layers
    dx, da, dfed = np.zeros((len(dout), 1, width)), 0.0, np.zeros((1, config.hidden))
    for t in reversed(range(len(dout))):
        parts, dh, da_t = attend_backward(p, config, done.attended[t], dout[t : t + 1] + dfed)
        found = {f"attention.{name}": value for name, value in parts.items()}
        da, states = da + da_t, []
        for n in reversed(range(config.layers)):
            dlast_h, *dlast_c = dstate[n]
            d = cell(config).backward(done.traces[t][n], fed_weights(p, n), (dh + dlast_h)[None], *dlast_c)
            found |= {f"decoder.{n}.{name}": value for name, value in d.parameters.items()}
            states.insert(0, d.state)
            dh = d.x[0]
        dstate, dx[t], dfed = states, dh[:, :width], dh[:, width:]
        totals = {name: totals.get(name, 0.0) + value for name, value in found.items()}
    totals["decoder.0.W_xh"], totals["decoder.0.W_feed"] = np.split(totals["decoder.0.W_xh"], [width])
    if "decoder.embedding.E" in p:
        _, totals["decoder.embedding.E"], _ = linear_backward(done.vectors, p["decoder.embedding.E"], dx)
    return totals, dstate, da


@dataclass
class Pair:
    """The forward pass of one source and its target."""

    encoder: Stack
    bridge: Bridge
    decoder: Stack | Fed
    attended: Attended | None
    top: F64  # (U, H), what the head reads
    logits: F64  # (U, K)


def pair(p: Mapping[str, F64], config: PairConfig, source: Ints, inputs: Ints) -> Pair:
    """Forward pass from source symbols (n,) and the decoder's inputs (U,) to logits."""
    zero = [[np.zeros((1, config.hidden)) for _ in cell(config).states]] * config.layers
    vectors = one_hot(source[:, None], config.vocabulary_size)
    encoder = stack(p, config, sides(config), vectors, "embedding.E", zero)
    start = bridge(p, config, encoder)
    vectors = one_hot(inputs[:, None], config.outputs)
    if config.input_feeding:
        fed = feed(p, config, vectors, start.state, encoder.outputs[-1][:, 0])
        top = np.concatenate([one.out for one in fed.attended])
        return Pair(encoder, start, fed, None, top, linear(top, p["head.W_hy"], p["head.b_y"]))
    decoder = stack(p, config, ("decoder",), vectors, "decoder.embedding.E", start.state)
    attended, top = None, decoder.outputs[-1][:, 0]
    if config.cross_attention != "none":
        attended = attend(p, config, top, encoder.outputs[-1][:, 0])
        top = attended.out
    return Pair(encoder, start, decoder, attended, top, linear(top, p["head.W_hy"], p["head.b_y"]))


def pair_backward(p: Mapping[str, F64], config: PairConfig, done: Pair, dlogits: F64) -> Named:
    """Gradients of every parameter from dlogits (U, K)."""
    dh, dW_hy, db_y = linear_backward(done.top, p["head.W_hy"], dlogits)
    grads: Named = {"head.W_hy": dW_hy, "head.b_y": db_y}
    da = np.zeros(done.encoder.outputs[-1].shape)
    if done.attended:
        parts, dh, da_attended = attend_backward(p, config, done.attended, dh)
        grads |= {f"attention.{name}": value for name, value in parts.items()}
        da[:, 0] = da_attended
    if isinstance(done.decoder, Fed):
        parts, dstate, da[:, 0] = feed_backward(p, config, done.decoder, dh)
    else:
        nothing = [[[np.zeros((1, config.hidden)) for _ in cell(config).states]]] * config.layers
        parts, dstate = stack_backward(
            p, config, ("decoder",), done.decoder, "decoder.embedding.E", dh[:, None], nothing
        )
    grads |= parts
    parts, dlast = bridge_backward(p, config, done.bridge, dstate)
    grads |= parts
    parts, _ = stack_backward(p, config, sides(config), done.encoder, "embedding.E", da, dlast)
    return grads | parts


@dataclass
class Pass:
    """The forward pass of a batch."""

    pairs: list[Pair]
    S: int
    logits: F64  # (T, B, K), 0 where the source is read
    losses: F64  # (T, B), NaN where masked
    alpha: F64  # (T, B, S), 0 where the source is read or padded, and without attention


def model(p: Mapping[str, F64], config: PairConfig, inputs: Ints, targets: Ints) -> Pass:
    """Forward pass from inputs and targets (T, B) to losses."""
    (T, B), (S, sources) = inputs.shape, split(inputs, targets)
    pairs = [pair(p, config, source, inputs[S:, b]) for b, source in enumerate(sources)]
    logits, alpha = np.zeros((T, B, config.outputs)), np.zeros((T, B, S))
    for b, done in enumerate(pairs):
        logits[S:, b] = done.logits
        attended = done.decoder.attended if isinstance(done.decoder, Fed) else [done.attended] if done.attended else []
        if attended:
            alpha[S:, b, S - len(sources[b]) :] = np.concatenate([one.alpha for one in attended])
    return Pass(pairs, S, logits, twin.cross_entropy(logits, targets), alpha)


def model_backward(p: Mapping[str, F64], config: PairConfig, done: Pass, dlogits: F64) -> Named:
    """Gradients of every parameter, in the order of `shapes`, from dlogits (T, B, K)."""
    grads = {name: np.zeros(shape) for name, shape in shapes(config).items()}
    for b, one in enumerate(done.pairs):
        parts = pair_backward(p, config, one, dlogits[done.S :, b])
        assert parts.keys() == grads.keys()
        for name, value in parts.items():
            grads[name] += value
    return grads


@dataclass
class Step:
    """Losses of a batch, and the gradients of the mean loss."""

    logits: F64  # (T, B, K)
    losses: F64  # (T, B)
    gradients: Named
    done: Pass


def step(p: Mapping[str, F64], config: PairConfig, inputs: Ints, targets: Ints) -> Step:
    """A forward and backward pass over inputs and targets (T, B)."""
    done = model(p, config, inputs, targets)
    grads = model_backward(p, config, done, twin.mean_loss_backward(done.logits, targets))
    return Step(done.logits, done.losses, grads, done)
