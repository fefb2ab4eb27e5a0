"""A recurrent model on one thread, on its own copy of the parameters: for generation and inspection.

*Reach* is computed by one batched backward pass with one row per loss: row t starts at timestep t - 1, where token t
was predicted, and all rows go back through the same gates.
"""

import math
from collections import OrderedDict

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.cell import CellWorkspace
from seqcore.layers.linear import Linear
from seqcore.models.recurrent import shapes
from seqcore.models.serial_weights import FIRST, SerialWeights, forked, one_step, token_rows
from seqcore.models.stack import CELLS
from seqcore.packing import packs
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs, Stave

_KEPT_ROWS = 4096  # cached input rows at most; a row of an LSTM takes 16 bytes per unit


class SerialRecurrent(SerialWeights):
    """A recurrent model that reads one sequence, timestep by timestep. Not thread-safe."""

    longest: int | None = None  # timesteps that `look` accepts: no limit

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.parameters = p = Parameters(shapes(config))
        self.cell = CELLS[config.family]
        self.layers = [self.cell.of(p, None, f"layers.{n}", config.activation) for n in range(config.layers)]
        self.head = Linear(p["head.W_hy"], p["head.b_y"], NO_MATRIX, NO_VECTOR)
        self._packs = packs(p.flat, *self.layers, *(layer.input for layer in self.layers), self.head)
        self._rows: OrderedDict[int, F32] = OrderedDict()
        self._inputs = zeros(1, padded(self.cell.products * config.hidden))
        self._logits = zeros(1, padded(config.logits))
        self._predicted = self._logits[0, : config.logits]
        if parameters is not None:
            self.load(parameters.flat)

    def load(self, flat: F32) -> None:
        """Copy the parameters (P,) and repack them."""
        super().load(flat)
        self._rows.clear()

    def input_rows(self, inputs: Inputs) -> F32:
        """Return x W_xh + b of the first layer for tokens (T,) or real inputs (T, D): (T, padded N)."""
        linear = self.layers[0].input
        if not self.config.inputs:
            return token_rows(linear, self.parameters["embedding.E"] if self.config.embedding else None, inputs)
        rows = zeros(len(inputs), linear.width)
        linear.forward_serial(inputs, rows)
        return rows

    def _row(self, token: int | F32) -> F32:
        """Return `input_rows` of one input: a token, whose row is kept, or (D,)."""
        if isinstance(token, np.ndarray):
            return self.input_rows(np.ascontiguousarray(token, np.float32)[None])
        row = self._rows.get(token)
        if row is None:
            row = self._rows[token] = self.input_rows(np.array([token], np.int32))
            if len(self._rows) > _KEPT_ROWS:
                self._rows.popitem(last=False)
        return row

    def initial_state(self) -> list[CellWorkspace]:
        """Return every layer's zero state, with room for the current timestep."""
        return one_step(self.cell, len(self.layers), self.config.hidden)

    def fork(self, state: list[CellWorkspace]) -> list[CellWorkspace]:
        """Return a copy of every layer's state."""
        return forked(self.cell, state)

    def read(self, token: int | F32, state: list[CellWorkspace]) -> F32:
        """Read one input and update `state`. Returns the logits or values (K,) there, valid until the next call."""
        inputs = self._row(token)
        for n, (layer, work) in enumerate(zip(self.layers, state, strict=True)):
            if n:
                inputs = self._inputs
                layer.input.forward_serial(state[n - 1].last_h, inputs)
            layer.forward(inputs, FIRST, work, parallel=False)
            work.carry()
        self.head.forward_serial(state[-1].last_h, self._logits)
        return self._predicted

    def look(self, inputs: Inputs) -> "RecurrentLook":
        """Read inputs (T,) or (T, D) from the initial state and keep all intermediate results."""
        layers = self._run(inputs, self.initial_state())
        logits = zeros(len(inputs), padded(self.config.logits))
        self.head.forward_serial(layers[-1].h[1:, 0].copy(), logits)
        return RecurrentLook(self, layers, logits[:, : self.config.logits])

    def _run(self, inputs: Inputs, state: list[CellWorkspace]) -> list[CellWorkspace]:
        """Read inputs (T,) or (T, D) after `state` and return the arrays of every layer."""
        T, H = len(inputs), self.config.hidden
        index, rows = np.arange(T, dtype=np.int32), self.input_rows(inputs)
        layers = [self.cell.workspace(T, 1, H, backward=False) for _ in self.layers]
        for before, work in zip(state, layers, strict=True):
            for name, view in work.state().items():
                view[:] = before.state()[name]
        for n, (layer, work) in enumerate(zip(self.layers, layers, strict=True)):
            if n:
                rows = zeros(T, layer.input.width)
                layer.input.forward_serial(layers[n - 1].h[1:, 0].copy(), rows)
            layer.forward(rows, index, work, parallel=False)
        return layers

    @property
    def states(self) -> tuple[str, ...]:
        """The cell state if there is one, the hidden state, and the gates."""
        return (*(("c",) if self.cell.carries_c else ()), "h", *(shown.name for shown in self.cell.shown))

    def record(self, inputs: Inputs, state: list[CellWorkspace], *names: str) -> tuple[F32, ...]:
        """Read inputs (T,) or (T, D) after `state`, which is updated; return (T, layers, H) of some of `states`."""
        layers = self._run(inputs, state)
        for before, work in zip(state, layers, strict=True):
            work.carry()
            for own, view in before.state().items():
                view[:] = work.state()[own]
        return tuple(np.stack([self._recorded(work, name) for work in layers], axis=1) for name in names)

    def _recorded(self, work: CellWorkspace, name: str) -> F32:
        """Return (T, H) of one of `states`."""
        if name in ("c", "h"):
            found: F32 = getattr(work, name)[1:, 0]
            return found
        H, g = self.config.hidden, [shown.name for shown in self.cell.shown].index(name)
        return work.gates[:, 0, g * H : (g + 1) * H]


class RecurrentLook:
    """What the model computed for one sequence, and the reach of its losses."""

    attention: F32 | None = None

    def __init__(self, model: SerialRecurrent, layers: list[CellWorkspace], logits: F32) -> None:
        self.model, self.layers = model, layers
        self.logits = logits  # (T, K)

    @property
    def staves(self) -> tuple[Stave, ...]:
        """Return the gates and states of all layers, bottom first."""
        config, H, staves = self.model.config, self.model.config.hidden, []
        limit = math.inf if (config.family, config.activation) == ("rnn", "relu") else 1.0  # of h
        for n, work in enumerate(self.layers):
            for g, shown in enumerate(self.model.cell.shown):
                values = work.gates[:, 0, g * H : (g + 1) * H].copy()
                staves.append(Stave(shown.name, n, values, shown.signed, shown.limit))
            if work.c.size:
                staves.append(Stave("c", n, work.c[1:, 0].copy(), True, math.inf))
            staves.append(Stave("h", n, work.h[1:, 0].copy(), True, limit))
        return tuple(staves)

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (layers, T, T) |d loss_t / d h_s| and (T, T) |d loss_t / d x_s|, NaN where s >= t.

        Row t of dlogits (T, V) is the gradient of loss t at the logits after token t - 1; row 0 is unused.
        """
        model, L, T = self.model, len(self.layers), len(dlogits)
        hidden, inputs = np.full((L, T, T), np.nan, np.float32), np.full((T, T), np.nan, np.float32)
        if T < 2:
            return hidden, inputs
        model.pack_backward()
        H, config = model.config.hidden, model.config
        x_width = config.input_width
        enters = zeros(T, padded(H))  # d loss_t / d h_{t-1} through the head, row t
        model.head.backward_input_serial(dlogits, enters)
        dh = [zeros(T, padded(H)) for _ in range(L)]
        direct = [zeros(T, H) for _ in range(L)]
        dz = zeros(T, self.layers[0].gates.shape[2])
        below, dx = zeros(T, padded(H)), zeros(T, padded(x_width))
        norms = np.zeros(T, np.float32)
        for s in range(T - 2, -1, -1):
            rows = slice(s + 1, T)  # the losses after s
            dh[-1][s + 1] += enters[s + 1]
            for n in range(L - 1, -1, -1):
                layer, out = model.layers[n], (below if n else dx)[rows]
                layer.back_one(self.layers[n], s, dh[n][rows], direct[n][rows], dz[rows], norms[rows])
                layer.input.backward_input_serial(dz[rows], out)
                hidden[n, rows, s] = norms[rows]
                if n:
                    dh[n - 1][rows] += out
            inputs[rows, s] = np.sqrt(np.square(dx[rows, :x_width], dtype=np.float64).sum(axis=1))
        return hidden, inputs
