"""The encoder-decoder that reads a picture, in float64: see twin_pairs.py for the decoder and attention.

    encoder    a_p = tanh(x_p W + e_p)                       s = mean over p of a_p
    bridge     of every layer: h_0 = tanh(s W + b)           c_0 = s W + b

as Xu et al. (2015) have it, with a dense layer in the place of their convolutions. A batch has T = P + U timesteps.
inputs (T, B, F + 1): a patch and -1 in the first P, then zeros and what the decoder reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.core import twin, twin_pairs
from tests.core.twin import F64, Ints, Named, linear, linear_backward, one_hot
from tests.core.twin_pairs import Attended, PairConfig, Stack, attend, attend_backward, cell


@dataclass(frozen=True)
class PictureConfig(PairConfig):
    """The architecture: there are no symbols of a source."""

    patches: int = 4  # P
    inputs: int = 5  # F


def config_of(
    family: str, attention: str, layers: int = 1, activation: str = "tanh", embedding: int = 3
) -> PictureConfig:
    """A small model of 6 symbols."""
    return PictureConfig(0, 6, family, 4, layers, embedding, activation, attention)


def shapes(config: PictureConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all parameters, in order."""
    H = config.hidden
    named: dict[str, tuple[int, ...]] = {"patches.W": (config.inputs, H), "patches.position": (config.patches, H)}
    for n in range(config.layers):
        for state in cell(config).states:
            named |= {f"bridge.{n}.{state}.W": (H, H), f"bridge.{n}.{state}.b": (H,)}
    pairs = twin_pairs.shapes(config)
    return named | {name: shape for name, shape in pairs.items() if not name.startswith(("embedding", "layers."))}


def weights(config: PictureConfig, seed: int) -> Named:
    """Random weights that give every parameter an effect."""
    draw, made = np.random.default_rng(seed), {}
    for name, shape in shapes(config).items():
        scale = 1.0 if name.endswith((".E", ".position")) else 0.5 if len(shape) == 1 else 1.5 / np.sqrt(shape[0])
        made[name] = scale * draw.standard_normal(shape)
    return made


def drawn(config: PictureConfig, answers: tuple[int, ...], seed: int = 0, U: int = 0) -> tuple[F64, Ints]:
    """Random inputs (T, B, F + 1) and targets (T, B) of pictures with captions of so many symbols with the end."""
    draw, end, U = np.random.default_rng(seed), config.outputs - 1, U or max(answers)
    B, P = len(answers), config.patches
    inputs, targets = np.zeros((P + U, B, config.inputs + 1)), np.full((P + U, B), -1, np.int32)
    inputs[:P, :, :-1] = draw.standard_normal((P, B, config.inputs)).astype(np.float32)
    inputs[:P, :, -1] = -1
    for b, m in enumerate(answers):
        targets[P : P + m, b] = (*draw.integers(0, end, m - 1), end)
        inputs[P:, b, -1] = end
        inputs[P + 1 : P + m, b, -1] = targets[P : P + m - 1, b]
    return inputs, targets


@dataclass
class Seen:
    """The forward pass of one picture and its caption."""

    x: F64  # (P, F)
    a: F64  # (P, H)
    mean: F64  # (1, H)
    start: list[list[F64]]  # by layer and state, (1, H)
    decoder: Stack
    attended: Attended | None
    top: F64  # (U, H)
    logits: F64  # (U, K)


def seen(p: Mapping[str, F64], config: PictureConfig, x: F64, symbols: Ints) -> Seen:
    """Forward pass from patches (P, F) and the decoder's symbols (U,) to logits."""
    a = np.tanh(x @ p["patches.W"] + p["patches.position"])
    mean, start = a.mean(axis=0, keepdims=True), []
    for n in range(config.layers):
        states = [linear(mean, p[f"bridge.{n}.{name}.W"], p[f"bridge.{n}.{name}.b"]) for name in cell(config).states]
        start.append([np.tanh(states[0]), *states[1:]])
    vectors = one_hot(symbols[:, None], config.outputs)
    decoder = twin_pairs.stack(p, config, ("decoder",), vectors, "decoder.embedding.E", start)
    attended, top = None, decoder.outputs[-1][:, 0]
    if config.cross_attention != "none":
        attended = attend(p, config, top, a)
        top = attended.out
    return Seen(x, a, mean, start, decoder, attended, top, linear(top, p["head.W_hy"], p["head.b_y"]))


def seen_backward(p: Mapping[str, F64], config: PictureConfig, done: Seen, dlogits: F64) -> tuple[Named, F64]:
    """Gradients of every parameter, and of the patches (P, F), from dlogits (U, K)."""
    dh, dW_hy, db_y = linear_backward(done.top, p["head.W_hy"], dlogits)
    grads: Named = {"head.W_hy": dW_hy, "head.b_y": db_y}
    da = np.zeros_like(done.a)
    if done.attended:
        parts, dh, da = attend_backward(p, config, done.attended, dh)
        grads |= {f"attention.{name}": value for name, value in parts.items()}
    nothing = [[[np.zeros((1, config.hidden)) for _ in cell(config).states]]] * config.layers
    parts, dstate = twin_pairs.stack_backward(
        p, config, ("decoder",), done.decoder, "decoder.embedding.E", dh[:, None], nothing
    )
    grads |= parts
    dmean = np.zeros_like(done.mean)
    for n in range(config.layers):
        for k, name in enumerate(cell(config).states):
            d = dstate[n][k] * (1 - done.start[n][k] ** 2) if name == "h" else dstate[n][k]
            start = f"bridge.{n}.{name}."
            dx, grads[f"{start}W"], grads[f"{start}b"] = linear_backward(done.mean, p[f"{start}W"], d)
            dmean += dx
    dz = (da + dmean / config.patches) * (1 - done.a**2)
    grads |= {"patches.W": done.x.T @ dz, "patches.position": dz}
    return grads, dz @ p["patches.W"].T


@dataclass
class Step:
    """Losses of a batch, and the gradients of the mean loss."""

    losses: F64  # (T, B)
    gradients: Named
    pictures: list[Seen]


def step(p: Mapping[str, F64], config: PictureConfig, inputs: F64, targets: Ints) -> Step:
    """A forward and backward pass over inputs (T, B, F + 1) and targets (T, B)."""
    (T, B), P = targets.shape, config.patches
    done = [seen(p, config, inputs[:P, b, :-1], inputs[P:, b, -1].astype(int)) for b in range(B)]
    logits = np.zeros((T, B, config.outputs))
    for b, one in enumerate(done):
        logits[P:, b] = one.logits
    dlogits = twin.mean_loss_backward(logits, targets)
    grads = {name: np.zeros(shape) for name, shape in shapes(config).items()}
    for b, one in enumerate(done):
        parts, _ = seen_backward(p, config, one, dlogits[P:, b])
        assert parts.keys() == grads.keys()
        for name, value in parts.items():
            grads[name] += value
    return Step(twin.cross_entropy(logits, targets), grads, done)
