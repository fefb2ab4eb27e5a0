"""Forward passes in float64 in which units, gates and heads are overwritten with values, not cut by their weights."""

from collections.abc import Mapping

import numpy as np
from seqcore.config import ModelConfig

from tests.core.twin import F64, Ints, Named, layer_of, linear, sigmoid, vectors_of
from tests.core.twin_attention import attend, gelu, norm

Held = Mapping[tuple[int, str], Mapping[int, float]]  # by layer and quantity: unit to value


def logits(config: ModelConfig, p: Named, inputs: Ints | F64, held: Held) -> F64:
    """Logits (T, K) of inputs (T,) or (T, D) read from the zero state."""
    x = vectors_of(inputs[:, None], len(p["embedding.E"]) if "embedding.E" in p else config.vocabulary_size)
    x = x @ p["embedding.E"] if "embedding.E" in p else x.astype(np.float64)
    x = x[:, 0]
    if config.family == "attention":
        return _attention(config, p, x, held)
    if config.family == "feedforward":
        return _feedforward(config, p, x, held)
    for n in range(config.layers):
        x = _layer(config, layer_of(p, n), x, {name: units for (layer, name), units in held.items() if layer == n})
    return linear(x, p["head.W_hy"], p["head.b_y"])


def _put(array: F64, units: Mapping[int, float]) -> F64:
    for unit, value in units.items():
        array[..., unit] = value
    return array


def _layer(config: ModelConfig, p: Named, x: F64, held: Mapping[str, Mapping[int, float]]) -> F64:
    H, out = config.hidden, []
    h, c = np.zeros(H), np.zeros(H)

    def put(name: str, array: F64) -> F64:
        return _put(array, held.get(name, {}))

    for vector in x:
        z, q = vector @ p["W_xh"] + p["b"], h @ p["W_hh"]
        if config.family == "rnn":
            h = np.maximum(z + q, 0) if config.activation == "relu" else np.tanh(z + q)
        elif config.family == "gru":
            r, update = put("reset", sigmoid((z + q)[:H])), put("update", sigmoid((z + q)[H : 2 * H]))
            n = put("candidate", np.tanh(z[2 * H :] + r * (q[2 * H :] + p["b_hn"])))
            h = (1 - update) * n + update * h
        else:
            i, f, g, o = np.split(z + q, 4)
            i, f, o = put("input", sigmoid(i)), put("forget", sigmoid(f)), put("output", sigmoid(o))
            c = put("c", f * c + i * put("cell", np.tanh(g)))
            h = o * np.tanh(c)
        h = put("h", h)
        out.append(h.copy())
    return np.array(out)


def _attention(config: ModelConfig, p: Named, x: F64, held: Held) -> F64:
    zero = np.zeros(())
    x = x if "input.W_x" not in p else x @ p["input.W_x"] + p.get("input.b_x", zero)
    x = (x + p["embedding.P"][: len(x)])[:, None] if config.positions == "learned" else x[:, None]
    for n in range(config.layers):
        b = layer_of(p, n)
        y = attend(linear(norm(x, b["norm1.g"], b.get("norm1.b", zero)), b["W_qkv"], b.get("b_qkv", zero)), config).y
        _put(y.reshape(*y.shape[:2], config.heads, -1).swapaxes(2, 3), held.get((n, "head"), {}))
        x = x + linear(y, b["W_o"], b.get("b_o", zero))
        u = gelu(linear(norm(x, b["norm2.g"], b.get("norm2.b", zero)), b["W_fc"], b.get("b_fc", zero)))
        x = x + linear(_put(u, held.get((n, "mlp"), {})), b["W_proj"], b.get("b_proj", zero))
    head = p["head.W_hy"] if "head.W_hy" in p else p["embedding.E"].T
    return (norm(x, p["norm.g"], p.get("norm.b", zero)) @ head)[:, 0]


def _feedforward(config: ModelConfig, p: Named, x: F64, held: Held) -> F64:
    n = config.context
    nothing = p["embedding.E"][-1] if "embedding.E" in p else np.zeros(config.inputs)
    x = np.concatenate([np.tile(nothing, (n - 1, 1)), x])
    windows = np.stack([x[t : t + n].reshape(-1) for t in range(len(x) - n + 1)])
    h = np.tanh(linear(windows, p["layers.0.W_xh"], p["layers.0.b"]))
    return linear(_put(h, held.get((0, "h"), {})), p["head.W_hy"], p["head.b_y"])
