"""The recurrent encoder on one thread: see `models.encoder`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import NO_MATRIX, zeros
from seqcore.config import ModelConfig
from seqcore.gemm import padded
from seqcore.layers.cell import Cell, CellWorkspace
from seqcore.models.encoder import PREFIXES, State, directions
from seqcore.models.pairs_reach import Rows, lengths_of
from seqcore.models.serial_weights import token_rows
from seqcore.models.stack import CELLS
from seqcore.packing import BothWays
from seqcore.parameters import Parameters
from seqcore.records import F32, Inputs


@dataclass
class Trace:
    """What was computed for a source of S symbols."""

    layers: list[list[CellWorkspace]]  # by layer and direction; the second reads from the end
    notes: F32  # (S, D) the annotations of the top layer

    def notes_of(self, n: int) -> F32:
        """Return the annotations of layer n, (S, D): the states of both directions at each symbol."""
        found = [work.h[1:, 0] for work in self.layers[n]]
        return np.ascontiguousarray(np.concatenate([found[0], *(one[::-1] for one in found[1:])], axis=1))


class SerialEncoder:
    """The layers over views into a parameter buffer."""

    def __init__(self, config: ModelConfig, p: Parameters) -> None:
        self.config, self.cell = config, CELLS[config.family]
        prefixes, N = PREFIXES[: directions(config)], range(config.layers)
        self.layers = [[self.cell.of(p, None, f"{prefix}.{n}", config.activation) for prefix in prefixes] for n in N]
        self.E = p["embedding.E"] if config.embedding else None

    def factors(self) -> Iterator[BothWays]:
        """Yield the layers whose matrices are packed."""
        cells: list[Cell] = [cell for ways in self.layers for cell in ways]
        yield from cells
        for cell in cells:
            yield cell.input

    def nothing(self) -> Inputs:
        """Return an empty source."""
        return np.zeros(0, np.int32)

    def read(self, source: Inputs) -> Trace:
        """Read a source (S,)."""
        S, H = len(source), self.config.hidden
        orders = np.arange(S, dtype=np.int32), np.arange(S - 1, -1, -1, dtype=np.int32)
        trace = Trace([], NO_MATRIX)
        for n, ways in enumerate(self.layers):
            trace.layers.append([self.cell.workspace(S, 1, H, backward=False) for _ in ways])
            for layer, work, order in zip(ways, trace.layers[n], orders, strict=False):
                if n == 0:
                    rows = token_rows(layer.input, self.E, source)
                else:
                    rows = zeros(S, layer.input.width)
                    layer.input.forward_serial(trace.notes, rows)
                if S:
                    layer.forward(rows, order, work, parallel=False)
            trace.notes = trace.notes_of(n)
        return trace

    def last(self, n: int, trace: Trace) -> State:
        """Return the last state of layer n, (1, D)."""
        ways = trace.layers[n]
        h = np.concatenate([way.h[-1] for way in ways], axis=1)
        return State(h, np.concatenate([way.c[-1] for way in ways], axis=1) if ways[0].c.size else NO_MATRIX)

    def shown(self, n: int, trace: Trace) -> list[tuple[str, dict[str, F32]]]:
        """Return what layer n computed, by name, (S, H) each, for every direction, whose mark comes first."""
        H, found = self.config.hidden, []
        for way, work in enumerate(trace.layers[n]):
            order = slice(None, None, -1 if way else 1)
            values = {
                gate.name: work.gates[order, 0, g * H : (g + 1) * H] for g, gate in enumerate(self.cell.shown)
            }  # fmt: skip
            values |= {"h": work.h[1:, 0][order]} | ({"c": work.c[1:, 0][order]} if work.c.size else {})
            found.append((" ←" if way else "", values))
        return found

    def back(self, trace: Trace, last: list[State], dnotes: F32, hidden: F32, inputs: F32) -> None:
        """Take N losses back through the encoder, layer by layer, and fill in how long their gradients are.

        Given those of the last state of each layer, (N, padded D), and of the annotations, dnotes (N, S, padded D).
        hidden (layers, N, S and more) is of h, in the first direction, inputs (N, S and more) of the embedded symbols.
        """
        (N, S), H = dnotes.shape[:2], self.config.hidden
        norms = np.zeros(N, np.float32)
        for n in range(len(self.layers) - 1, -1, -1):
            below = zeros(N, S, padded(self.layers[n][0].input.input_width))
            for way, (layer, work) in enumerate(zip(self.layers[n], trace.layers[n], strict=True)):
                own, rows = slice(way * H, (way + 1) * H), Rows(1, N, H)
                dz = zeros(N, work.gates.shape[2])
                rows.dh[0][:, :H] = last[n].h[:, own]
                if layer.carries_c:
                    rows.direct[0][:] = last[n].c[:, own]
                for i in range(S - 1, -1, -1):
                    s = S - 1 - i if way else i
                    rows.dh[0][:, :H] += dnotes[:, s, own]
                    layer.back_one(work, i, rows.dh[0], rows.direct[0], dz, norms)
                    if not way:
                        hidden[n, :, s] = norms
                    dx = zeros(N, layer.input.input_width)
                    layer.input.backward_input_serial(dz, dx)
                    below[:, s, : dx.shape[1]] += dx
            dnotes = below
        for s in range(S):
            inputs[:, s] = lengths_of(dnotes[:, s], self.config.input_width)
