"""An encoder-decoder on one thread, on its own copy of the parameters: for decoding and inspection.

The score of a pair (T, ...) has S source symbols, or patches, and then what the decoder reads: `data.score_layout`.

*Reach* crosses the bar: the losses go back through the decoder, through attention and the bridge, and through the
encoder, all together, a row for each.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, flat, zeros
from seqcore.config import ModelConfig
from seqcore.data.score_layout import bar_of, decoder_symbols
from seqcore.gemm import padded
from seqcore.layers.alignment import align_serial
from seqcore.layers.cell import CellWorkspace
from seqcore.layers.cross import Buffers, CrossAttention
from seqcore.layers.linear import Linear, project_serial
from seqcore.layers.tanh import tanh_forward_serial
from seqcore.models.bridge import bridged
from seqcore.models.encoder import State
from seqcore.models.encoder_serial import SerialEncoder
from seqcore.models.pairs import shapes
from seqcore.models.pairs_reach import reach
from seqcore.models.patches_serial import SerialPatches
from seqcore.models.serial_weights import FIRST, SerialWeights, Unrecorded, forked, one_step, token_rows
from seqcore.models.stack import CELLS
from seqcore.packing import BothWays, packs
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, I64, Inputs, Stave


class SerialReader(Protocol):
    """An encoder on one thread. `trace` is what it returns for a source."""

    def factors(self) -> Iterator[BothWays]:
        """Yield the layers whose matrices are packed."""

    def nothing(self) -> Inputs:
        """Return a source without content."""

    def read(self, source: Inputs) -> Any:
        """Read a source (S, ...) and return all that was computed: `notes` (S, D) are its annotations."""

    def last(self, n: int, trace: Any) -> State:
        """Return the last state of layer n, (1, D), which the bridge reads."""

    def shown(self, n: int, trace: Any) -> list[tuple[str, dict[str, F32]]]:
        """Return what layer n computed, by name, (S, H) each, for every direction, whose mark comes first."""

    def back(self, trace: Any, last: list[State], dnotes: F32, hidden: F32, inputs: F32) -> None:
        """Take N losses back from the last states and dnotes (N, S, padded D), and fill in the gradients' lengths."""


@dataclass
class Reading:
    """What the encoder computed for a source of S symbols or patches."""

    trace: Any
    notes: F32  # (S, D) the annotations of the top layer
    keys: F32  # (S, padded H) of additive attention, or empty
    lengths: I64  # (1,) S
    shares: F32  # (1, 1, padded S) scratch of a step of attention


@dataclass
class PairState:
    """The state of the decoder, and the source that it may look at."""

    reading: Reading
    layers: list[CellWorkspace]
    weights: F32  # (S,) what attention looked at in the last step; empty without attention
    y: F32  # (1, H) the output of attention in the last step; empty without input feeding


class SerialPairs(SerialWeights, Unrecorded):
    """An encoder-decoder for one sequence at a time. Not thread-safe."""

    longest: int | None = None  # timesteps that `look` accepts: no limit
    most: int | None = None  # symbols that it can write: no limit

    def __init__(self, config: ModelConfig, parameters: Parameters | None = None) -> None:
        self.config = config
        self.parameters = p = Parameters(shapes(config))
        self.cell = CELLS[config.family]
        N = range(config.layers)
        self.encoder: SerialReader = SerialPatches(config, p) if config.patches else SerialEncoder(config, p)
        self.decoder = [self.cell.of(p, None, f"decoder.{n}", config.activation) for n in N]
        self.bridges = [
            {s: Linear(p[f"bridge.{n}.{s}.W"], p[f"bridge.{n}.{s}.b"], NO_MATRIX, NO_VECTOR) for s in bridged(config)}
            for n in N
        ]
        kind = config.cross_attention
        self.attention = CrossAttention(kind, p, None) if kind != "none" else None
        self.head = Linear(p["head.W_hy"], p["head.b_y"], NO_MATRIX, NO_VECTOR)
        feeds = config.input_feeding
        self.feed = Linear(p["decoder.0.W_feed"], NO_VECTOR, NO_MATRIX, NO_VECTOR) if feeds else None
        cells = self.decoder
        bridges = [linear for by_state in self.bridges for linear in by_state.values()]
        more = [*(self.attention.linears if self.attention else ()), *((self.feed,) if self.feed else ())]
        self._packs = packs(
            p.flat, *self.encoder.factors(), *cells, *(cell.input for cell in cells), *bridges, *more, self.head
        )
        self._rows: dict[int, F32] = {}
        self._inputs = zeros(1, padded(self.cell.products * config.hidden))
        self._logits = zeros(1, padded(config.logits))
        H, D = config.hidden, config.annotation
        self._query, self._mixed = zeros(1, padded(D if kind == "general" else H)), zeros(1, padded(D + H))
        self._z, self._y = zeros(1, padded(H)), zeros(1, H)
        if parameters is not None:
            self.load(parameters.flat)

    @property
    def limit(self) -> float:
        """The largest magnitude that h can have."""
        return math.inf if (self.config.family, self.config.activation) == ("rnn", "relu") else 1.0

    def load(self, flat: F32) -> None:
        """Copy the parameters (P,) and repack them."""
        super().load(flat)
        self._rows.clear()

    def initial_state(self) -> PairState:
        """Return the state after an empty source; `begin` reads one."""
        return self.begin(self.encoder.nothing())

    def begin(self, source: Inputs) -> PairState:
        """Read a source (S, ...) and return the state before the decoder's first symbol."""
        reading = self.encode(source)
        layers = one_step(self.cell, len(self.decoder), self.config.hidden)
        self._start(reading, layers)
        weights = np.zeros(len(source) if self.attention else 0, np.float32)
        return PairState(reading, layers, weights, zeros(int(self.feed is not None), self.config.hidden))

    def encode(self, source: Inputs) -> Reading:
        """Read a source (S, ...)."""
        trace, keys = self.encoder.read(source), NO_MATRIX
        S, notes = len(source), trace.notes
        if self.attention is not None and self.attention.key is not None:
            keys = zeros(S, padded(self.config.hidden))
            self.attention.key.forward_serial(notes, keys)
        return Reading(trace, notes, keys, np.array([S]), zeros(1, 1, padded(S)))

    def _start(self, reading: Reading, layers: list[CellWorkspace]) -> None:
        """Fill the decoder's initial states."""
        for n, (work, bridges) in enumerate(zip(layers, self.bridges, strict=True)):
            last = self.encoder.last(n, reading.trace)
            for name, state in work.state().items():
                value = last.c if name == "c" else last.h
                if not bridges:
                    state[:] = value
                    continue
                z = zeros(1, bridges[name].width)
                bridges[name].forward_serial(value, z)
                if name == "h":
                    tanh_forward_serial(z, state)
                else:
                    state[:] = z[:, : state.shape[1]]

    def _read_rows(self, tokens: I32) -> F32:
        """Return x W_xh + b of the decoder's first layer for its symbols (T,): (T, padded N)."""
        E = self.parameters["decoder.embedding.E"] if self.config.embedding else None
        return token_rows(self.decoder[0].input, E, tokens)

    def fork(self, state: PairState) -> PairState:
        """Return a copy of a state; the source is shared."""
        return PairState(state.reading, forked(self.cell, state.layers), state.weights, state.y)

    def read(self, token: int | F32, state: PairState) -> F32:
        """Read one of the K symbols and update `state`. Returns the logits (K,), valid until the next call."""
        symbol = int(token)
        inputs = self._rows.get(symbol)
        if inputs is None:
            inputs = self._rows[symbol] = self._read_rows(np.array([symbol], np.int32))
        if self.feed is not None:
            inputs = inputs.copy()
            self._add_fed(state.y, inputs)
        for n, (layer, work) in enumerate(zip(self.decoder, state.layers, strict=True)):
            if n:
                inputs = self._inputs
                layer.input.forward_serial(state.layers[n - 1].last_h, inputs)
            layer.forward(inputs, FIRST, work, parallel=False)
            work.carry()
        top = state.layers[-1].last_h
        if self.attention is not None:
            top, state.weights = self._attend(top, state.reading)
        if self.feed is not None:
            state.y = top.copy()
        self.head.forward_serial(top, self._logits)
        return self._logits[0, : self.config.logits]

    def _add_fed(self, y: F32, inputs: F32) -> None:
        """Add y W_feed to the inputs of the decoder's first layer (1, padded N)."""
        assert self.feed is not None
        project_serial(y, y.shape[1], self.feed.packed.panels, NO_VECTOR, inputs, True)

    def _attend(self, h: F32, reading: Reading) -> tuple[F32, F32]:
        """Return y (1, H), valid until the next call, for a state of the decoder h (1, H), and the weights (S,)."""
        attention, a, q = self.attention, reading.notes, h
        assert attention is not None
        if attention.query is not None:
            q = self._query
            attention.query.forward_serial(h, q)
        align_serial(q, reading.keys, attention.v, a, h, reading.lengths, 0, 1, reading.shares, self._mixed)
        attention.out.forward_serial(self._mixed, self._z)
        tanh_forward_serial(self._z, self._y)
        return self._y, reading.shares[0, 0, : len(a)].copy()

    def look(self, inputs: Inputs) -> "PairLook":
        """Read the score of a pair (T, ...), with one symbol of the decoder at least, and keep all results."""
        V, H = self.config.vocabulary_size, self.config.hidden
        S = bar_of(inputs, V)
        U, tokens = len(inputs) - S, decoder_symbols(inputs[S:], V)
        reading = self.encode(np.ascontiguousarray(inputs[:S]))
        layers = [self.cell.workspace(U, 1, H, backward=False) for _ in self.decoder]
        self._start(reading, layers)
        rows, top, buffers = self._read_rows(tokens), flat(layers[-1].h[1:]), None
        if self.attention is not None:
            buffers = Buffers(self.attention.kind, S + U, 1, H, self.config.annotation, backward=False)
        if self.attention is None or buffers is None or self.feed is None:
            self._decode(rows, np.arange(U, dtype=np.int32), layers)
            if self.attention is not None and buffers is not None:
                top = self.attention.forward(top, reading.notes, reading.lengths, buffers, parallel=False)
        else:
            self.attention.read(reading.notes, reading.lengths, U, buffers, parallel=False)
            for t in range(U):
                if t:
                    self._add_fed(buffers.y[t - 1 : t], rows[t : t + 1])
                self._decode(rows[t : t + 1], FIRST, [work.timestep(t) for work in layers])
                self.attention.attend(top, reading.notes, reading.lengths, t, 1, buffers, parallel=False)
            top = buffers.y[:U]
        logits = zeros(S + U, padded(self.config.logits))
        self.head.forward_serial(top, logits[S:])
        return PairLook(self, reading, layers, buffers, logits[:, : self.config.logits])

    def _decode(self, rows: F32, index: I32, layers: list[CellWorkspace]) -> None:
        """Run the decoder's layers over inputs (U, padded N) of the first one."""
        for n, (layer, work) in enumerate(zip(self.decoder, layers, strict=True)):
            if n:
                rows = zeros(len(index), layer.input.width)
                layer.input.forward_serial(layers[n - 1].h[1:, 0].copy(), rows)
            layer.forward(rows, index, work, parallel=False)


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
        return len(self.reading.notes)

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
    def handed(self) -> tuple[Stave, ...]:
        """The states (1, H) in which the decoder starts: the encoder's last ones, after the bridge if there is one."""
        limit, found = self.model.limit, []
        for n, work in enumerate(self.layers):
            found += [Stave("c", n, work.c[0].copy(), True, math.inf)] if work.c.size else []
            found.append(Stave("h", n, work.h[0].copy(), True, limit))
        return tuple(found)

    @property
    def staves(self) -> tuple[Stave, ...]:
        """The gates and states of all layers, bottom first: the encoder's up to the bar, then the decoder's.

        NaN where there is none: the encoder's second direction has staves of its own, which end at the bar, and before
        the bar of a picture there are annotations alone, in the place of h.
        """
        model, S, staves, limit = self.model, self.bar, [], self.model.limit
        H = model.config.hidden
        nothing = np.full((S, H), np.nan, np.float32)
        for n, work in enumerate(self.layers):
            shown = [(one.name, one.signed, one.limit) for one in model.cell.shown]
            after = {name: work.gates[:, 0, g * H : (g + 1) * H] for g, (name, _, _) in enumerate(shown)}
            after |= {"c": work.c[1:, 0], "h": work.h[1:, 0]}
            shown += [*([("c", True, math.inf)] if work.c.size else []), ("h", True, limit)]
            for mark, before in model.encoder.shown(n, self.reading.trace):
                for name, signed, most in shown:
                    second = np.full_like(after[name], np.nan) if mark else after[name]
                    values = np.concatenate([before.get(name, nothing), second])
                    staves.append(Stave(name + mark, n, values, signed, most))
        return tuple(staves)

    def reach(self, dlogits: F32) -> tuple[F32, F32]:
        """Return (layers, T, T) |d loss_t / d h_s| and (T, T) |d loss_t / d x_s|, NaN where s >= t.

        Row t of dlogits (T or T + 1, K) is the gradient of loss t at the logits of timestep t - 1; rows up to the bar
        are unused. Up to the bar, h is the encoder's state, in the first direction, and x the embedded source symbol;
        of a picture, h is the annotation of a patch, and x the patch.
        """
        return reach(self, dlogits)
