"""The slide under the microscope: one short text through the model, forward and back, and everything seen on the way.

*Reach* is how far a loss looks back: reach[t, s] = |d loss_t / d h_s|, s < t, for every loss t and every earlier s. It
takes one batched backward pass with a row for each loss: row t enters at timestep t - 1, where token t was predicted,
and all rows go back through the same gates. Norms are Euclidean; d loss_t / d x_s is that of the embedded token.
"""

import math
import time

import numpy as np

from seqcore.data.vocabulary import Vocabulary
from seqcore.gemm import matmul, padded
from seqcore.jit import f1, f2, f3, kernel, void
from seqcore.layers.linear import NO_BIAS
from seqcore.layers.lstm import LSTMWorkspace, cell_backward
from seqcore.records import F32, F64, I32, Probe, Stave
from seqcore.serial import SerialModel, project_serial

TOP = 5
GATES = (("input", False), ("forget", False), ("cell", True), ("output", False))


@kernel("reach", "look", void(f1, f2, f2, f3, f3, f2, f2, f2, f2, f1))
def reach_step(gates, c_prev, c, W_hh_T, W_xh_T, dh, dc, dz, dx, norms):
    """One timestep back for R losses at once, through the same gates (padded 4H,) and states c_prev, c (1, H).

    norms (R,) = |dh|; then dz (R, padded 4H) from dh (R, padded H) and dc (R, H), dh = dz W_hh^T, dx = dz W_xh^T.
    """
    R, H = dc.shape
    for r in range(R):
        total, row = 0.0, dh[r]
        for j in range(H):
            total += np.float64(row[j]) * np.float64(row[j])
        norms[r] = np.float32(math.sqrt(total))
        dz[r] = gates
        cell_backward(dz[r : r + 1], c_prev, c, dh[r : r + 1], dc[r : r + 1])
    matmul(dz, 4 * H, W_hh_T, dh, False)
    matmul(dz, 4 * H, W_xh_T, dx, False)


def _log_softmax(logits: F32) -> F64:
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted


def _staves(layers: list[LSTMWorkspace], H: int) -> tuple[Stave, ...]:
    staves = []
    for n, work in enumerate(layers):
        for g, (name, signed) in enumerate(GATES):
            values = work.gates[:, 0, g * H : (g + 1) * H].copy()
            staves.append(Stave(name, n, values, signed, 1.0))
        staves.append(Stave("c", n, work.c[1:, 0].copy(), True, math.inf))
        staves.append(Stave("h", n, work.h[1:, 0].copy(), True, 1.0))
    return tuple(staves)


def _reach(model: SerialModel, layers: list[LSTMWorkspace], probability: F64, tokens: I32) -> tuple[F32, F32]:
    """(layers, T, T) for h and (T, T) for x, NaN where s >= t."""
    T, L, H, config = tokens.size, len(layers), model.config.hidden, model.config
    hidden, inputs = np.full((L, T, T), np.nan, np.float32), np.full((T, T), np.nan, np.float32)
    if T < 2:
        return hidden, inputs
    model.pack_backward()
    V, x_width = config.vocabulary_size, config.embedding or config.vocabulary_size
    dlogits = np.zeros((T, V), np.float32)
    dlogits[1:] = probability[:-1]
    dlogits[np.arange(1, T), tokens[1:]] -= 1
    enters = np.zeros((T, padded(H)), np.float32)  # d loss_t / d h_{t-1} through the head, row t
    project_serial(dlogits, V, model.W_hy_T.panels, NO_BIAS, enters, False)
    dh = [np.zeros((T, padded(H)), np.float32) for _ in range(L)]
    dc = [np.zeros((T, H), np.float32) for _ in range(L)]
    dz, below = np.zeros((T, padded(4 * H)), np.float32), np.zeros((T, padded(H)), np.float32)
    dx, norms = np.zeros((T, padded(x_width)), np.float32), np.zeros(T, np.float32)
    for s in range(T - 2, -1, -1):
        rows = slice(s + 1, T)  # the losses that lie after s
        dh[-1][s + 1] += enters[s + 1]
        for n in range(L - 1, -1, -1):
            work, out = layers[n], (below if n else dx)[rows]
            reach_step(
                work.gates[s, 0], work.c[s], work.c[s + 1], model.W_hh_T[n].panels, model.W_xh_T[n].panels,
                dh[n][rows], dc[n][rows], dz[rows], out, norms[rows],
            )  # fmt: skip
            hidden[n, rows, s] = norms[rows]
            if n:
                dh[n - 1][rows] += out
        inputs[rows, s] = np.sqrt(np.square(dx[rows, :x_width], dtype=np.float64).sum(axis=1))
    return hidden, inputs


def probe(model: SerialModel, vocabulary: Vocabulary, tokens: I32, step: int, warning: str = "") -> Probe:
    """Everything that can be seen of tokens (T,) int32, T >= 1, read from nothing. One thread; see `Probe`."""
    start = time.perf_counter()
    T = tokens.size
    layers, logits = model.read_all(tokens)
    staves = _staves(layers, model.config.hidden)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # a model that diverged is shown as it is
        shares_log = _log_softmax(logits)  # a loss of hundreds of nats has a share that float64 cannot hold
        probability = np.exp(shares_log)
        loss = np.full(T, np.nan, np.float32)
        loss[1:] = -shares_log[np.arange(T - 1), tokens[1:]]
        reach_hidden, reach_input = _reach(model, layers, probability, tokens)
    count = min(TOP, vocabulary.size)
    top = np.full((T, count), -1, np.int32)
    top[1:] = np.argsort(-probability[:-1], axis=1, kind="stable")[:, :count]
    shares = np.full((T, count), np.nan, np.float32)
    shares[1:] = np.take_along_axis(probability[:-1], top[1:].astype(np.int64), axis=1)
    symbols = tuple(vocabulary.symbol(int(token)) for token in tokens)
    guesses = tuple(tuple(vocabulary.symbol(int(token)) for token in row if token >= 0) for row in top)
    return Probe(
        step, tokens.copy(), symbols, loss, top, guesses, shares, staves, reach_hidden, reach_input,
        time.perf_counter() - start, warning,
    )  # fmt: skip
