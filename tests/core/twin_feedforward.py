"""The feed-forward language model (Bengio et al. 2003) in float64: see twin.py.

    h_t = tanh([E[x_{t-n+1}] ... E[x_t]] W_xh + b)      logits = dropout(h) W_hy + b_y      n = context, oldest first

`before` (n - 1, B) holds the carried-in tokens; row V of E stands for "nothing before". Real inputs (T, B, D) are
windows of themselves, with `before` (n - 1, B, D).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tests.core.twin import F64, Gradients, Ints, Named, linear, linear_backward, losses_of, one_hot, vectors_of


@dataclass
class FeedforwardPass:
    """A model's forward pass."""

    tokens: Ints  # (n - 1 + T, B), carried-in tokens first
    inputs: F64  # (n - 1 + T, B, I)
    windows: F64  # (T, B, n I)
    h: F64  # (T, B, H)
    logits: F64
    losses: F64


def model(p: Mapping[str, F64], tokens: Ints, targets: Ints, before: Ints, mask: F64) -> FeedforwardPass:
    """Forward pass from tokens to losses. `mask` (T, B, H) is 0 or 1 / (1 - rate)."""
    T, n = len(tokens), len(before) + 1
    all_tokens = np.concatenate((before, tokens))
    x = vectors_of(all_tokens, len(p["embedding.E"])) @ p["embedding.E"] if "embedding.E" in p else all_tokens
    windows = np.stack([np.concatenate([x[t + place] for place in range(n)], axis=1) for t in range(T)])
    h = np.tanh(linear(windows, p["layers.0.W_xh"], p["layers.0.b"]))
    logits = linear(h * mask, p["head.W_hy"], p["head.b_y"])
    return FeedforwardPass(all_tokens, x, windows, h, logits, losses_of(logits, targets))


def model_backward(p: Mapping[str, F64], done: FeedforwardPass, mask: F64, dlogits: F64) -> Gradients:
    """Backward pass from dlogits (T, B, V); `x` is the gradient of the embedded tokens without the carried-in ones."""
    grads: Named = {}
    T = len(done.h)
    n, width = len(done.tokens) - T + 1, done.inputs.shape[2]
    d, grads["head.W_hy"], grads["head.b_y"] = linear_backward(done.h * mask, p["head.W_hy"], dlogits)
    dh = d * mask
    dz = dh * (1 - done.h**2)
    dwindows, grads["layers.0.W_xh"], grads["layers.0.b"] = linear_backward(done.windows, p["layers.0.W_xh"], dz)
    dx = np.zeros_like(done.inputs)
    for t in range(T):
        for place in range(n):
            dx[t + place] += dwindows[t, :, place * width : (place + 1) * width]
    if "embedding.E" in p:
        vectors = one_hot(done.tokens, len(p["embedding.E"]))
        grads["embedding.E"] = vectors.reshape(-1, vectors.shape[-1]).T @ dx.reshape(-1, width)
    return Gradients(grads, [], [dh], dx[n - 1 :])
