"""The same model on one thread, on its own copy of the parameters: for generation and probes beside training.

Only one thread of a process may run parallel kernels (Numba's fallback thread layer aborts the process when two do),
and that is the training thread. Everything here is serial and holds no lock of the interpreter while it computes.
"""

from collections import OrderedDict

import numpy as np

from seqcore.config import ModelConfig
from seqcore.gemm import Packed, padded
from seqcore.jit import boolean, f1, f2, f3, i8, kernel, void
from seqcore.layers.embedding import gather_rows
from seqcore.layers.linear import NO_BIAS, project_rows
from seqcore.layers.lstm import LSTMWorkspace, scan_forward_serial
from seqcore.model import shapes
from seqcore.parameters import Parameters
from seqcore.records import F32, I32

_KEPT_ROWS = 4096  # input rows that are kept, at most: a row is 16 bytes a unit


@kernel("linear forward, one thread", "look", void(f2, i8, f3, f1, f2, boolean))
def project_serial(x, K, panels, bias, y, accumulate):
    """As `layers.linear.project`, for threads that may not run parallel kernels."""
    project_rows(x, K, panels, bias, y, accumulate)


class SerialModel:
    """A recurrent language model that reads tokens one row at a time. Not for two threads at once."""

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.parameters = Parameters(shapes(config))
        p = self.parameters
        layers = range(config.layers)
        self.W_xh = [Packed(p[f"layers.{n}.W_xh"]) for n in layers]
        self.W_hh = [Packed(p[f"layers.{n}.W_hh"]) for n in layers]
        self.W_hy = Packed(p["head.W_hy"])
        self.W_xh_T = [Packed(p[f"layers.{n}.W_xh"], transposed=True) for n in layers]
        self.W_hh_T = [Packed(p[f"layers.{n}.W_hh"], transposed=True) for n in layers]
        self.W_hy_T = Packed(p["head.W_hy"], transposed=True)
        self._rows: OrderedDict[int, F32] = OrderedDict()
        self._one = LSTMWorkspace.of(1, 1, config.hidden, backward=False)
        self._first = np.zeros(1, np.int32)
        self._inputs = np.zeros((1, padded(4 * config.hidden)), np.float32)
        self._logits = np.zeros((1, padded(config.vocabulary_size)), np.float32)
        self._backward = False
        if parameters is not None:
            self.load(parameters.flat)

    def load(self, flat: F32) -> None:
        """Take over the parameters (P,) as they are now."""
        self.parameters.flat[:] = flat
        for packed in (*self.W_xh, *self.W_hh, self.W_hy):
            packed.pack(parallel=False)
        self._rows.clear()
        self._backward = False

    def pack_backward(self) -> None:
        """Pack the transposes too, which only a backward pass needs."""
        if not self._backward:
            for packed in (*self.W_xh_T, *self.W_hh_T, self.W_hy_T):
                packed.pack(parallel=False)
            self._backward = True

    def input_rows(self, tokens: I32) -> F32:
        """x W_xh + b of the first layer for tokens (T,): (T, padded 4H)."""
        W, b = self.parameters["layers.0.W_xh"], self.parameters["layers.0.b"]
        rows = np.zeros((tokens.size, padded(W.shape[1])), np.float32)
        if "embedding.E" not in self.parameters:
            gather_rows(W, tokens, b, rows)
            return rows
        E = self.parameters["embedding.E"]
        x = np.zeros((tokens.size, E.shape[1]), np.float32)
        gather_rows(E, tokens, NO_BIAS, x)
        project_serial(x, E.shape[1], self.W_xh[0].panels, b, rows, False)
        return rows

    def _row(self, token: int) -> F32:
        row = self._rows.get(token)
        if row is None:
            row = self._rows[token] = self.input_rows(np.array([token], np.int32))
            if len(self._rows) > _KEPT_ROWS:
                self._rows.popitem(last=False)
        return row

    def initial_state(self) -> list[tuple[F32, F32]]:
        """(c, h), each (1, H), of every layer before anything is read."""
        H = self.config.hidden
        return [(np.zeros((1, H), np.float32), np.zeros((1, H), np.float32)) for _ in range(self.config.layers)]

    def read(self, token: int, state: list[tuple[F32, F32]]) -> F32:
        """Read one token; `state` moves on in place. Returns the logits of the next one, (V,), valid until the next."""
        work, inputs = self._one, self._row(token)
        for n, (c, h) in enumerate(state):
            if n:
                b = self.parameters[f"layers.{n}.b"]
                project_serial(work.h[1], self.config.hidden, self.W_xh[n].panels, b, self._inputs, False)
                inputs = self._inputs
            work.c[0], work.h[0] = c, h
            scan_forward_serial(inputs, self._first, self.W_hh[n].panels, work.gates, work.c, work.h)
            c[:], h[:] = work.c[1], work.h[1]
        b_y = self.parameters["head.b_y"]
        project_serial(work.h[1], self.config.hidden, self.W_hy.panels, b_y, self._logits, False)
        return self._logits[0, : self.config.vocabulary_size]

    def read_all(self, tokens: I32) -> tuple[list[LSTMWorkspace], F32]:
        """Read tokens (T,) from nothing: the arrays of every layer (B = 1) and the logits (T, V)."""
        T, H = tokens.size, self.config.hidden
        index, inputs = np.arange(T, dtype=np.int32), self.input_rows(tokens)
        layers = [LSTMWorkspace.of(T, 1, H, backward=False) for _ in range(self.config.layers)]
        for n, work in enumerate(layers):
            if n:
                below = layers[n - 1].h[1:, 0].copy()
                b = self.parameters[f"layers.{n}.b"]
                inputs = np.zeros((T, padded(4 * H)), np.float32)
                project_serial(below, H, self.W_xh[n].panels, b, inputs, False)
            scan_forward_serial(inputs, index, self.W_hh[n].panels, work.gates, work.c, work.h)
        logits = np.zeros((T, padded(self.config.vocabulary_size)), np.float32)
        top = layers[-1].h[1:, 0].copy()
        project_serial(top, H, self.W_hy.panels, self.parameters["head.b_y"], logits, False)
        return layers, logits[:, : self.config.vocabulary_size]
