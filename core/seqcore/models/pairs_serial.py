"""An encoder-decoder on one thread, on its own copy of the parameters: for decoding and inspection.

The score of a pair (T,) has S source symbols, numbered from 0, and then what the decoder reads, numbered from V on.

*Reach* crosses the bar: the losses go back through the decoder, through attention and the bridge, and through the
encoder, all together, a row for each.
"""

import math
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.layers.cross import Buffers, CrossAttention, align_serial
from seqcore.layers.linear import Linear
from seqcore.layers.tanh import tanh_forward_serial
from seqcore.models.encoder import PREFIXES, directions
from seqcore.models.pairs import bridged, shapes
from seqcore.models.pairs_reach import reach
from seqcore.models.serial_weights import FIRST, SerialWeights, forked, one_step, token_rows
from seqcore.models.stack import CELLS
from seqcore.packing import packs
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, I64, Inputs, Stave


@dataclass
class Reading:
    """What the encoder computed for a source of S symbols."""

    layers: list[list[CellWorkspace]]  # by layer and direction; the second reads from the end
    notes: list[F32]  # (S, D) the annotations of each layer
    keys: F32  # (S, padded H) of additive attention, or empty
    lengths: I64  # (1,) S
    shares: F32  # (1, 1, padded S) scratch of a step of attention


@dataclass
class PairState:
    """The state of the decoder, and the source that it may look at."""

    reading: Reading
    layers: list[CellWorkspace]
    weights: F32  # (S,) what attention looked at in the last step; empty without attention


class SerialPairs(SerialWeights):
    """An encoder-decoder for one sequence at a time. Not thread-safe."""

    longest: int | None = None  # timesteps that `look` accepts: no limit
    most: int | None = None  # symbols that it can write: no limit

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.parameters = p = Parameters(shapes(config))
        self.cell = CELLS[config.family]
        prefixes, N = PREFIXES[: directions(config)], range(config.layers)
        self.encoder = [[self.cell.of(p, None, f"{prefix}.{n}", config.activation) for prefix in prefixes] for n in N]
        self.decoder = [self.cell.of(p, None, f"decoder.{n}", config.activation) for n in N]
        self.bridges = [
            {s: Linear(p[f"bridge.{n}.{s}.W"], p[f"bridge.{n}.{s}.b"], NO_MATRIX, NO_VECTOR) for s in bridged(config)}
            for n in N
        ]
        kind = config.cross_attention
        self.attention = CrossAttention(kind, p, None) if kind != "none" else None
        self.head = Linear(p["head.W_hy"], p["head.b_y"], NO_MATRIX, NO_VECTOR)
        cells = [*(cell for ways in self.encoder for cell in ways), *self.decoder]
        bridges = [linear for by_state in self.bridges for linear in by_state.values()]
        more = self.attention.linears if self.attention else ()
        self._packs = packs(p.flat, *cells, *(cell.input for cell in cells), *bridges, *more, self.head)
        self._rows: dict[int, F32] = {}
        self._inputs = zeros(1, padded(self.cell.products * config.hidden))
        self._logits = zeros(1, padded(config.logits))
        H, D = config.hidden, config.annotation
        self._query, self._mixed = zeros(1, padded(D if kind == "general" else H)), zeros(1, padded(D + H))
        self._z, self._y = zeros(1, padded(H)), zeros(1, H)
        if parameters is not None:
            self.load(parameters.flat)

    def load(self, flat: F32) -> None:
        """Copy the parameters (P,) and repack them."""
        super().load(flat)
        self._rows.clear()

    def initial_state(self) -> PairState:
        """Return the state after an empty source; `begin` reads one."""
        return self.begin(np.zeros(0, np.int32))

    def begin(self, source: I32) -> PairState:
        """Read a source (S,) and return the state before the decoder's first symbol."""
        reading = self.encode(source)
        layers = one_step(self.cell, len(self.decoder), self.config.hidden)
        self._start(reading, layers)
        return PairState(reading, layers, np.zeros(len(source) if self.attention else 0, np.float32))

    def encode(self, source: I32) -> Reading:
        """Read a source (S,)."""
        S, H = len(source), self.config.hidden
        orders = np.arange(S, dtype=np.int32), np.arange(S - 1, -1, -1, dtype=np.int32)
        layers: list[list[CellWorkspace]] = []
        notes: list[F32] = []
        for n, ways in enumerate(self.encoder):
            layers.append([self.cell.workspace(S, 1, H, backward=False) for _ in ways])
            for layer, work, order in zip(ways, layers[n], orders, strict=False):
                if n == 0:
                    rows = self._input_rows(layer, "embedding.E", source)
                else:
                    rows = zeros(S, layer.input.width)
                    layer.input.forward_serial(notes[n - 1], rows)
                if S:
                    layer.forward(rows, order, work, parallel=False)
            found = [work.h[1:, 0] for work in layers[n]]
            notes.append(np.ascontiguousarray(np.concatenate([found[0], *(one[::-1] for one in found[1:])], axis=1)))
        keys = NO_MATRIX
        if self.attention is not None and self.attention.key is not None:
            keys = zeros(S, padded(H))
            self.attention.key.forward_serial(notes[-1], keys)
        return Reading(layers, notes, keys, np.array([S]), zeros(1, 1, padded(S)))

    def _start(self, reading: Reading, layers: list[CellWorkspace]) -> None:
        """Fill the decoder's initial states."""
        for n, (work, bridges) in enumerate(zip(layers, self.bridges, strict=True)):
            for name, state in work.state().items():
                ways = reading.layers[n]
                last = [(way.c if name == "c" else way.h)[-1] for way in ways]
                if not bridges:
                    state[:] = last[0]
                    continue
                z = zeros(1, bridges[name].width)
                bridges[name].forward_serial(np.concatenate(last, axis=1), z)
                if name == "h":
                    tanh_forward_serial(z, state)
                else:
                    state[:] = z[:, : state.shape[1]]

    def _input_rows(self, layer: Cell, E: str, tokens: I32) -> F32:
        """Return x W_xh + b of a first layer for tokens (T,): (T, padded N)."""
        return token_rows(layer.input, self.parameters[E] if self.config.embedding else None, tokens)

    def fork(self, state: PairState) -> PairState:
        """Return a copy of a state; the source is shared."""
        return PairState(state.reading, forked(self.cell, state.layers), state.weights)

    def read(self, token: int | F32, state: PairState) -> F32:
        """Read one of the K symbols and update `state`. Returns the logits (K,), valid until the next call."""
        symbol = int(token)
        inputs = self._rows.get(symbol)
        if inputs is None:
            tokens = np.array([symbol], np.int32)
            inputs = self._rows[symbol] = self._input_rows(self.decoder[0], "decoder.embedding.E", tokens)
        for n, (layer, work) in enumerate(zip(self.decoder, state.layers, strict=True)):
            if n:
                inputs = self._inputs
                layer.input.forward_serial(state.layers[n - 1].last_h, inputs)
            layer.forward(inputs, FIRST, work, parallel=False)
            work.carry()
        top = state.layers[-1].last_h
        if self.attention is not None:
            top, state.weights = self._attend(top, state.reading)
        self.head.forward_serial(top, self._logits)
        return self._logits[0, : self.config.logits]

    def _attend(self, h: F32, reading: Reading) -> tuple[F32, F32]:
        """Return y (1, H), valid until the next call, for a state of the decoder h (1, H), and the weights (S,)."""
        attention, a, q = self.attention, reading.notes[-1], h
        assert attention is not None
        if attention.query is not None:
            q = self._query
            attention.query.forward_serial(h, q)
        align_serial(q, reading.keys, attention.v, a, h, reading.lengths, 1, reading.shares, self._mixed)
        attention.out.forward_serial(self._mixed, self._z)
        tanh_forward_serial(self._z, self._y)
        return self._y, reading.shares[0, 0, : len(a)].copy()

    def look(self, inputs: Inputs) -> "PairLook":
        """Read the score of a pair (T,) and keep all intermediate results. The decoder reads one symbol at least."""
        V, H = self.config.vocabulary_size, self.config.hidden
        S = int(np.argmax(inputs >= V))
        U, tokens = len(inputs) - S, (inputs[S:] - V).astype(np.int32)
        reading = self.encode(np.ascontiguousarray(inputs[:S], np.int32))
        layers = [self.cell.workspace(U, 1, H, backward=False) for _ in self.decoder]
        self._start(reading, layers)
        rows, index = self._input_rows(self.decoder[0], "decoder.embedding.E", tokens), np.arange(U, dtype=np.int32)
        for n, (layer, work) in enumerate(zip(self.decoder, layers, strict=True)):
            if n:
                rows = zeros(U, layer.input.width)
                layer.input.forward_serial(layers[n - 1].h[1:, 0].copy(), rows)
            layer.forward(rows, index, work, parallel=False)
        top, buffers = np.ascontiguousarray(layers[-1].h[1:, 0]), None
        if self.attention is not None:
            buffers = Buffers(self.attention.kind, S + U, 1, H, self.config.annotation, backward=False)
            top = self.attention.forward(top, reading.notes[-1], np.array([S]), buffers, parallel=False)
        logits = zeros(S + U, padded(self.config.logits))
        self.head.forward_serial(top, logits[S:])
        return PairLook(self, reading, layers, buffers, logits[:, : self.config.logits])


class PairLook:
    """What the model computed for one pair, and the reach of its losses."""

    def __init__(
        self, model: SerialPairs, reading: Reading, layers: list[CellWorkspace], buffers: Buffers | None, logits: F32
    ) -> None:
        self.model, self.reading, self.layers, self.buffers = model, reading, layers, buffers
        self.logits = logits  # (T, K); zero up to the bar

    @property
    def bar(self) -> int:
        """S: the timesteps of the source."""
        return len(self.reading.notes[-1])

    @property
    def attention(self) -> F32 | None:
        """The weights (1, 1, T, T) of each source timestep, in the rows of the decoder; NaN elsewhere."""
        if self.buffers is None:
            return None
        S, T = self.bar, len(self.logits)
        weights = np.full((1, 1, T, T), np.nan, np.float32)
        weights[0, 0, S:, :S] = self.buffers.shares[0, :, :S]
        return weights

    @property
    def alignment(self) -> F32 | None:
        """The weights (U, S) of each source timestep, by timestep of the decoder; None without attention."""
        return None if self.buffers is None else self.buffers.shares[0, :, : self.bar]

    @property
    def staves(self) -> tuple[Stave, ...]:
        """The gates and states of all layers, bottom first: the encoder's up to the bar, then the decoder's.

        The encoder's second direction has staves of its own, which end at the bar.
        """
        config, H, staves = self.model.config, self.model.config.hidden, []
        limit = math.inf if (config.family, config.activation) == ("rnn", "relu") else 1.0  # of h
        for n, (ways, after) in enumerate(zip(self.reading.layers, self.layers, strict=True)):
            for way, work in enumerate(ways):

                def both(source: F32, target: F32, back: bool = way == 1) -> F32:
                    first = source[::-1] if back else source
                    return np.concatenate([first, np.full_like(target, np.nan) if back else target])

                mark = " ←" if way else ""
                for g, shown in enumerate(self.model.cell.shown):
                    own = slice(g * H, (g + 1) * H)
                    values = both(work.gates[:, 0, own], after.gates[:, 0, own])
                    staves.append(Stave(shown.name + mark, n, values, shown.signed, shown.limit))
                if work.c.size:
                    staves.append(Stave("c" + mark, n, both(work.c[1:, 0], after.c[1:, 0]), True, math.inf))
                staves.append(Stave("h" + mark, n, both(work.h[1:, 0], after.h[1:, 0]), True, limit))
        return tuple(staves)

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (layers, T, T) |d loss_t / d h_s| and (T, T) |d loss_t / d x_s|, NaN where s >= t.

        Row t of dlogits (T or T + 1, K) is the gradient of loss t at the logits of timestep t - 1; rows up to the bar
        are unused. Up to the bar, h is the encoder's state, in the first direction, and x the embedded source symbol.
        """
        return reach(self, dlogits)
