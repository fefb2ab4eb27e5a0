"""The encoder of an encoder-decoder: recurrent layers that read a source sequence in one direction or in both.

    forward    h_s from h_{s-1}      backward, if bidirectional      g_s from g_{s+1}
    the annotation of timestep s is h_s, or [h_s g_s]; a layer reads the annotations of the layer below
    the last state of a layer is h after the last timestep, or [h after the last, g after the first timestep]

Source tokens (S, B) stand at the last timesteps of their column, and -1 before them: padding, at which states stay
zero and which gets no gradient. The backward direction reads each column mirrored among its own timesteps, so that its
padding comes first, too: a permutation of the rows that is its own inverse.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_INDEX, NO_MATRIX, flat, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.layers.dropout import dropout
from seqcore.layers.embedding import InputTable
from seqcore.models.clocked import Clocked
from seqcore.models.stack import CELLS, Key
from seqcore.outer import NO_SECOND
from seqcore.packing import BothWays
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, I64, Bools, Inputs

PREFIXES = ("layers", "back")  # of the parameters of each direction


class State(NamedTuple):
    """The state of a layer, or its gradient: (B, D), D the width of an annotation; c is empty without a cell state."""

    h: F32
    c: F32


class Source(NamedTuple):
    """Where the source stands in a batch (S, B)."""

    tokens: I32  # (S, B)
    lengths: I64  # (B,)
    padding: Bools  # (S * B,)
    mirror: I64  # (S * B,) the row that each row is mirrored to

    @staticmethod
    def of(tokens: I32, mirrored: bool) -> "Source":
        """Find the padding, and if asked for, the mirrored rows."""
        S, B = tokens.shape
        lengths = np.count_nonzero(tokens >= 0, axis=0)
        mirror = np.zeros(0, np.int64)
        if mirrored:
            place, row = np.arange(S)[:, None], np.arange(B)
            first = S - lengths
            mirror = (np.where(place < first, place, first + (S - 1 - place)) * B + row).reshape(-1)
        return Source(tokens, lengths, tokens.reshape(-1) < 0, mirror)


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of the encoder's parameters."""
    V, H, cell = config.vocabulary_size, config.hidden, CELLS[config.family]
    named: dict[str, tuple[int, ...]] = {"embedding.E": (V, config.embedding)} if config.embedding else {}
    for n in range(config.layers):
        for prefix in PREFIXES[: directions(config)]:
            inputs = config.annotation if n else config.input_width
            named |= {f"{prefix}.{n}.{name}": shape for name, shape in cell.shapes(inputs, H).items()}
    return named


def directions(config: ModelConfig) -> int:
    """Return the number of directions in which the encoder reads."""
    return 2 if config.bidirectional else 1


@dataclass
class EncoderWorkspace:
    """The arrays of one pass over up to T timesteps, by layer and direction."""

    layers: list[list[CellWorkspace]]
    inputs: list[list[F32]]  # x W_xh + b of layers above the first, (T * B, padded N)
    notes: list[F32]  # (T * B, D) the annotations of each layer, if bidirectional
    dropped: list[F32]  # (T * B, D) those of each layer but the top one after dropout, or empty
    dnotes: F32  # (T * B, padded D) their gradient
    dmirror: F32  # (T * B, padded D) scratch of the second direction

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "EncoderWorkspace":
        """Allocate zeroed arrays."""
        cell, H, D, M, ways = CELLS[config.family], config.hidden, config.annotation, T * B, directions(config)
        drops, back = M if config.dropout and backward else 0, M if backward else 0
        above, width = range(1, config.layers), padded(cell.products * H)
        return EncoderWorkspace(
            [[cell.workspace(T, B, H, backward) for _ in range(ways)] for _ in range(config.layers)],
            [[], *([zeros(M, width) for _ in range(ways)] for _ in above)],
            [zeros(M if config.bidirectional else 0, D) for _ in range(config.layers)],
            [zeros(drops, D) for _ in above],
            zeros(back, padded(D)),
            zeros(back if config.bidirectional and config.layers > 1 else 0, padded(D)),
        )

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """Return the bytes that `of` will allocate: linear in T, B and H."""
        cell, H, D, ways, above = CELLS[config.family], config.hidden, config.annotation, directions(config), 0
        above = config.layers - 1
        rows = above * ways * padded(cell.products * H) + bool(config.dropout and backward) * above * D
        if config.bidirectional:
            rows += config.layers * D + backward * bool(above) * padded(D)
        return config.layers * ways * cell.bytes_needed(T, B, H, backward) + 4 * T * B * (rows + backward * padded(D))

    def cut(self, S: int, B: int) -> "EncoderWorkspace":
        """Return views of the first S timesteps."""
        M = S * B
        return EncoderWorkspace(
            [[one.cut(0, S) for one in ways] for ways in self.layers],
            [[array[:M] for array in ways] for ways in self.inputs],
            [array[:M] for array in self.notes],
            [array[:M] for array in self.dropped],
            self.dnotes[:M],
            self.dmirror[:M],
        )


class Encoder:
    """The layers over views into a parameter buffer and a gradient buffer."""

    def __init__(self, config: ModelConfig, p: Parameters, g: Parameters) -> None:
        cell, H = CELLS[config.family], config.hidden
        self.hidden, self.rate, self.two = H, config.dropout, config.bidirectional
        self.resting = cell.resting(H)
        prefixes = PREFIXES[: directions(config)]
        self.layers = [
            [cell.of(p, g, f"{prefix}.{n}", config.activation) for prefix in prefixes] for n in range(config.layers)
        ]
        E = p["embedding.E"] if config.embedding else None
        self.dE: F32 | None = g["embedding.E"] if config.embedding else None
        dEs = [self.dE, None if self.dE is None else zeros(*self.dE.shape)]
        self.tables = [InputTable(E, dE, one.input, self.resting) for one, dE in zip(self.layers[0], dEs, strict=False)]

    def cells(self) -> Iterator[Cell]:
        """Yield the layers of all directions."""
        for ways in self.layers:
            yield from ways

    def factors(self) -> Iterator[BothWays]:
        """Yield the layers whose matrices are packed."""
        yield from self.cells()
        for cell in self.cells():
            yield cell.input

    def source(self, inputs: Inputs) -> Source:
        """Return where the source stands in inputs (S, B)."""
        return Source.of(inputs, self.two)

    def forward(self, source: Source, work: EncoderWorkspace, key: Key | None) -> F32:
        """Return the annotations of the top layer, (S * B, D). `key` seeds the dropout; None: no dropout."""
        x = NO_MATRIX
        for n, ways in enumerate(self.layers):
            if n and self.rate and key is not None:
                dropout(x, work.dropped[n - 1], x.shape[1], self.rate, key.of(n - 1))
                x = work.dropped[n - 1]
            for way, (layer, arrays) in enumerate(zip(ways, work.layers[n], strict=True)):
                arrays.h[0], arrays.c[:1] = 0, 0
                if n == 0:
                    table = self.tables[way]
                    table.forward(source.tokens)
                    layer.forward(table.table, self._index(table, source, way), arrays)
                    continue
                rows = work.inputs[n][way]
                layer.input.forward(x, rows)
                rows[source.padding] = self.resting
                layer.forward(rows, self._order(source, way), arrays)
            x = self._notes(n, work, source)
        return x

    def last(self, n: int, work: EncoderWorkspace) -> State:
        """Return the last state of layer n."""
        h = [arrays.h[-1] for arrays in work.layers[n]]
        c = [arrays.c[-1] if arrays.c.size else NO_MATRIX for arrays in work.layers[n]]
        return State(h[0], c[0]) if len(h) == 1 else State(np.concatenate(h, axis=1), np.concatenate(c, axis=1))

    def backward(self, source: Source, work: EncoderWorkspace, last: list[State], key: Key) -> None:
        """Fill all gradients, given those of the top annotations, work.dnotes, and of each layer's last state."""
        H = self.hidden
        for n in range(len(self.layers) - 1, -1, -1):
            for way, (layer, arrays) in enumerate(zip(self.layers[n], work.layers[n], strict=True)):
                own = slice(way * H, (way + 1) * H)
                part = work.dnotes[:, own]
                flat(arrays.dh)[:, :H] = part[source.mirror] if way else part
                arrays.dh[-1, :, :H] += last[n].h[:, own]
                arrays.direct[:] = last[n].c[:, own] if layer.carries_c else 0
                layer.backward_scan(arrays)
                flat(arrays.gates)[source.padding] = 0
            if n:
                self._backward_upper(n, source, work, key)
            else:
                self._backward_first(source, work)

    def _backward_upper(self, n: int, source: Source, work: EncoderWorkspace, key: Key) -> None:
        """Fill the gradients of a layer above the first, and of the annotations that it read."""
        x = work.dropped[n - 1] if self.rate else self._notes(n - 1, work, source, made=True)
        for way, (layer, arrays) in enumerate(zip(self.layers[n], work.layers[n], strict=True)):
            dz = flat(arrays.gates)
            layer.backward_weights(arrays, NO_INDEX, NO_MATRIX, NO_SECOND)
            layer.input.backward_weights(x[source.mirror] if way else x, dz)
            layer.input.backward_input(dz, work.dmirror if way else work.dnotes)
            if way:
                work.dnotes += work.dmirror[source.mirror]
        if self.rate:
            dropout(work.dnotes, work.dnotes, x.shape[1], self.rate, key.of(n - 1))

    def _backward_first(self, source: Source, work: EncoderWorkspace) -> None:
        """Fill the gradients of the first layer and of the embedding."""
        for way, (layer, arrays) in enumerate(zip(self.layers[0], work.layers[0], strict=True)):
            table = self.tables[way]
            index, dtable = table.sums()
            layer.backward_weights(arrays, index[source.mirror] if way else index, dtable, NO_SECOND)
            table.backward()
            if way and self.dE is not None and table.dE is not None:
                self.dE += table.dE

    def _index(self, table: InputTable, source: Source, way: int) -> I32:
        """Return the rows of the table that a direction reads, in its order."""
        return table.index[source.mirror] if way else table.index

    def _order(self, source: Source, way: int) -> I32:
        """Return the rows of an upper layer's inputs in the order in which a direction reads them."""
        return source.mirror.astype(np.int32) if way else np.arange(source.tokens.size, dtype=np.int32)

    def annotations(self, work: EncoderWorkspace, source: Source) -> F32:
        """Return the annotations of the top layer, as the forward pass has made them."""
        return self._notes(len(self.layers) - 1, work, source, made=True)

    def _notes(self, n: int, work: EncoderWorkspace, source: Source, made: bool = False) -> F32:
        """Return the annotations of layer n, (S * B, D); `made`: they have been put together before."""
        states = [flat(arrays.h[1:]) for arrays in work.layers[n]]
        if len(states) == 1:
            return states[0]
        notes = work.notes[n]
        if not made:
            notes[:, : self.hidden], notes[:, self.hidden :] = states[0], states[1][source.mirror]
        return notes

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`."""
        for table in self.tables:
            yield Clocked(table, "forward", "table")
            yield Clocked(table, "backward", "table")
        for cell in self.cells():
            yield Clocked(cell, "forward", "scan forward")
            yield Clocked(cell, "backward_scan", "scan backward")
            yield Clocked(cell, "backward_weights", "weight gradients")
