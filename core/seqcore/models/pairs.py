"""An encoder-decoder: a source in, a target sequence out, of another length and in other symbols.

    source tokens, or the patches of a picture -> encoder -> last state -> bridge -> the decoder's initial state
    <end> and target tokens -> decoder -> (attention over the encoder's annotations) -> head -> losses

Shapes: one score of T = S + U timesteps, with the bar after S. Inputs (T, B) int32: the source tokens, numbered from 0,
stand right before the bar, and -1 before them; after it, what the decoder reads, symbols numbered from V on, padded at
the end with any of them. Targets (T, B) int32: -1 up to the bar, then the symbols that the decoder should write,
numbered from 0. A picture has P patches at the first timesteps of real inputs; see `data.score_layout`.

Parameters, with K the symbols of the target: those of the encoder, the bridge and attention, see `models.encoder`,
`models.patches`, `models.bridge` and `layers.cross`, and

    decoder.embedding.E (K, I)      decoder.l.W_xh, ...      head.W_hy (H, K)      head.b_y (K,)
    decoder.0.W_feed (H, N)      with input feeding, see `models.pairs_steps`
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from seqcore.arrays import NO_MATRIX, NO_VECTOR, flat, zeros
from seqcore.config import ModelConfig
from seqcore.data.score_layout import bar_of, decoder_symbols
from seqcore.gemm import padded
from seqcore.layers import cross
from seqcore.layers.cross import Buffers, CrossAttention
from seqcore.layers.heads import head_of
from seqcore.layers.linear import Linear
from seqcore.models import bridge
from seqcore.models.bridge import Bridge, bridged
from seqcore.models.clocked import Clocked
from seqcore.models.encoder import State
from seqcore.models.pairs_steps import Annotated, Steps, own_symbols
from seqcore.models.readers import Source, Workspace, reader_of
from seqcore.models.recurrent import clocked_stack
from seqcore.models.stack import CELLS, Key, Stack, StackWorkspace, draw_layers
from seqcore.models.teaching import PLAIN, Teaching
from seqcore.packing import packs
from seqcore.parameters import Parameters
from seqcore.records import F32, I32, Bools, Inputs, Targets


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Return the parameters' names and shapes."""
    K, H, D, cell = config.logits, config.hidden, config.annotation, CELLS[config.family]
    named = reader_of(config).shapes(config) | bridge.shapes(config)
    if config.embedding:
        named["decoder.embedding.E"] = (K, config.embedding)
    for n in range(config.layers):
        inputs = H if n else config.embedding or K
        named |= {f"decoder.{n}.{name}": shape for name, shape in cell.shapes(inputs, H).items()}
    named |= {f"attention.{name}": shape for name, shape in cross.shapes(config.cross_attention, H, D).items()}
    if config.input_feeding:
        named["decoder.0.W_feed"] = (H, cell.products * H)
    return named | {"head.W_hy": (H, K), "head.b_y": (K,)}


def initial(config: ModelConfig, seed: int) -> Parameters:
    """Return initial weights: see `stack.draw_layers`."""
    parameters = Parameters(shapes(config))
    draw_layers(parameters, list(parameters.shapes), CELLS[config.family], seed, 1 / math.sqrt(config.hidden))
    return parameters


@dataclass
class Parts:
    """The arrays of a pass with the bar after S timesteps."""

    encoder: Workspace
    decoder: StackWorkspace


@dataclass
class PairWorkspace:
    """The arrays of one pass over (T, B) timesteps, or fewer, wherever the bar is."""

    encoder: Workspace  # for T timesteps, of which the first S are used
    decoder: StackWorkspace
    attention: Buffers | None
    logits: F32  # (T * B, padded K); dlogits after a backward pass
    losses: F32  # (T * B,) NaN up to the bar
    scratch: list[F32]  # (B, padded H) for the bridge: z, and the gradient of a state
    fed: F32  # (B, padded N) scratch: inputs of the decoder at a timestep, with input feeding
    rows: int
    cuts: dict[tuple[int, int], Parts] = field(default_factory=dict)  # by S and T

    @staticmethod
    def of(config: ModelConfig, T: int, B: int, backward: bool = True) -> "PairWorkspace":
        """Allocate zeroed arrays."""
        H, D, kind = config.hidden, config.annotation, config.cross_attention
        return PairWorkspace(
            reader_of(config).workspace(config, T, B, backward),
            StackWorkspace.of(config.decoder, T, B, backward),
            Buffers(kind, T, B, H, D, backward) if kind != "none" else None,
            zeros(T * B, padded(config.logits)),
            zeros(T * B),
            [zeros(B, padded(H)), zeros(B, padded(H))],
            zeros(B if config.input_feeding else 0, padded(CELLS[config.family].products * H)),
            B,
        )

    @staticmethod
    def bytes_needed(config: ModelConfig, T: int, B: int, backward: bool = True) -> int:
        """Return the bytes that `of` will allocate."""
        H, D, kind = config.hidden, config.annotation, config.cross_attention
        return (
            reader_of(config).workspace_bytes(config, T, B, backward)
            + StackWorkspace.bytes_needed(config.decoder, T, B, backward)
            + Buffers.bytes_needed(kind, T, B, H, D, backward)
            + 4 * (T * B * (padded(config.logits) + 1) + 2 * B * padded(H))
            + 4 * config.input_feeding * B * padded(CELLS[config.family].products * H)
        )

    def parts(self, S: int, T: int) -> Parts:
        """Return the arrays of S timesteps of the encoder and T - S of the decoder."""
        if (S, T) not in self.cuts:
            self.cuts[S, T] = Parts(self.encoder.cut(S, self.rows), self.decoder.cut(0, T - S, self.rows))
        return self.cuts[S, T]

    def reset(self, rows: slice = slice(None)) -> None:
        """Do nothing: every batch starts without state."""

    def carry(self) -> None:
        """Do nothing: no state is carried from one batch to the next."""

    def scores(self, T: int) -> F32:
        """Return the logits, or numbers in their order, (T, B, padded K); meaningless up to the bar."""
        return self.logits[: T * self.rows].reshape(T, self.rows, -1)

    def state(self) -> dict[str, F32]:
        """Return nothing: no state is carried."""
        return {}


class PairModel:
    """The layers over one parameter buffer and one gradient buffer. Parallel: only for the training thread."""

    def __init__(self, config: ModelConfig, parameters: Parameters) -> None:
        self.config, self.parameters = config, parameters
        self.gradient = Parameters(parameters.shapes)
        p, g = parameters, self.gradient
        self.encoder = reader_of(config).reader(config, p, g)
        self.decoder = Stack(config.decoder, p, g, "decoder", "decoder.embedding.E")
        self.bridges = [
            {state: Bridge(p, g, f"bridge.{n}.{state}", state == "h") for state in bridged(config)}
            for n in range(config.layers)
        ]
        kind = config.cross_attention
        self.attention = CrossAttention(kind, p, g) if kind != "none" else None
        self.head = head_of(config, p["head.W_hy"], p["head.b_y"], g["head.W_hy"], g["head.b_y"])
        feed, name = None, "decoder.0.W_feed"
        if config.input_feeding:
            feed = Linear(p[name], NO_VECTOR, g[name], NO_VECTOR)
        self.steps = Steps(self.decoder, self.attention, self.head.linear, feed)
        cells = self.decoder.layers
        bridges = [bridge.linear for by_state in self.bridges for bridge in by_state.values()]
        self._packs = packs(
            parameters.flat, *self.encoder.factors(), *cells, *(cell.input for cell in cells), *bridges,
            *(self.attention.linears if self.attention else ()), *((feed,) if feed else ()), self.head.linear,
        )  # fmt: skip

    def pack(self, backward: bool = True) -> None:
        """Repack the current parameters; call once after every change."""
        self._packs.pack(back=backward)

    def work_per_token(self) -> float:
        """Return the floating-point operations per timestep, source or target: the mean of encoder and decoder.

        6 per weight used in a product; first layers look their input up; without the products of scores and contexts.
        """
        p = self.parameters.shapes
        looked_up = {
            "embedding.E", "decoder.embedding.E", "layers.0.W_xh", "back.0.W_xh", "decoder.0.W_xh", "patches.position",
        }  # fmt: skip
        once = {name for name in p if name.startswith("bridge.")}
        return 3.0 * sum(math.prod(s) for name, s in p.items() if len(s) == 2 and name not in looked_up | once)

    def losses(self, inputs: Inputs, targets: Targets, work: PairWorkspace) -> F32:
        """Return the loss at every position, (T, B), without dropout or gradients; NaN where masked."""
        S, (T, B) = self._bar(inputs), targets.shape
        x, _, _ = self._forward(inputs, S, work, None)
        after = slice(S * B, T * B)
        work.losses[: S * B] = np.nan
        self.head.forward(x, flat(targets)[S * B :], 1.0, work.logits[after], work.losses[after], None)
        return work.losses[: T * B].reshape(T, B)

    def losses_and_gradient(
        self,
        inputs: Inputs,
        targets: Targets,
        work: PairWorkspace,
        seed: int = 0,
        step: int = 0,
        teaching: Teaching = PLAIN,
    ) -> F32:
        """Return the loss at every position, (T, B); `gradient` receives that of the mean over unmasked positions."""
        T, B = targets.shape
        S, key = self._bar(inputs), Key(seed, step)
        own = own_symbols(targets[S:] >= 0, teaching.forcing, seed, step)
        x, source, read = self._forward(inputs, S, work, key, own)
        parts, after = work.parts(S, T), slice(S * B, T * B)
        scale = 1 / max(1, int(np.count_nonzero(targets >= 0)))
        dh = flat(parts.decoder.layers[-1].dh)
        dx = dh if work.attention is None else work.attention.dy[: len(x)]
        work.losses[: S * B] = np.nan
        self.head.forward(
            x, flat(targets)[S * B :], scale, work.logits[after], work.losses[after], dx, teaching.smoothing
        )
        self.head.backward(x, work.logits[after])
        notes, within = parts.encoder.dnotes, self._decoder_key(key)
        over = self._annotated(self.encoder.annotations(parts.encoder, source), source, work)
        if self.steps.feed is not None and over is not None:
            self.steps.backward(read, parts.decoder, over, notes, work.scratch[0], within)
        else:
            if self.attention is not None and over is not None:
                self.attention.backward(self._top(parts), over.notes, over.lengths, dh, notes, over.buffers)
            else:
                notes[:] = 0
            self.decoder.backward(read, parts.decoder, within)
        self.encoder.backward(source, parts.encoder, self._backward_bridges(parts, work), key)
        return work.losses[: T * B].reshape(T, B)

    def _forward(
        self, inputs: Inputs, S: int, work: PairWorkspace, key: Key | None, own: Bools | None = None
    ) -> tuple[F32, Source, I32]:
        """Run everything but the head; returns its input (U * B, H), the source, and what the decoder read, (U, B).

        The decoder reads its own likeliest symbols where `own` (U, B).
        """
        parts, source = work.parts(S, len(inputs)), self.encoder.source(inputs[:S])
        notes = self.encoder.forward(source, parts.encoder, key)
        for n, bridges in enumerate(self.bridges):
            last, arrays = self.encoder.last(n, parts.encoder), parts.decoder.layers[n]
            for name, state in arrays.state().items():
                value = last.h if name == "h" else last.c
                if name in bridges:
                    bridges[name].forward(value, state, work.scratch[0])
                else:
                    state[:] = value
        read, over = self._after(inputs, S), self._annotated(notes, source, work)
        within = self._decoder_key(key) if key else None
        if own is not None or self.steps.feed is not None:
            self.steps.forward(read, own, parts.decoder, over, work.logits, work.fed, within)
        if self.steps.feed is not None and over is not None:
            return over.buffers.y[: read.size], source, read
        x = self.decoder.forward(read, parts.decoder, within)
        if self.attention is not None and over is not None:
            x = self.attention.forward(x, over.notes, over.lengths, over.buffers)
        return x, source, read

    def _annotated(self, notes: F32, source: Source, work: PairWorkspace) -> Annotated | None:
        """Return what attention has over the annotations (S * B, D); None without attention."""
        return Annotated(notes, source.lengths, work.attention) if work.attention is not None else None

    def _backward_bridges(self, parts: Parts, work: PairWorkspace) -> list[State]:
        """Return the gradients of the encoder's last states; fill those of the bridges."""
        H, found = self.config.hidden, []
        dh = work.scratch[1]
        for n, (layer, bridges) in enumerate(zip(self.decoder.layers, self.bridges, strict=True)):
            arrays, last = parts.decoder.layers[n], self.encoder.last(n, parts.encoder)
            layer.initial_gradient(arrays, dh)
            dc = arrays.direct[0] if layer.carries_c else NO_MATRIX
            if not bridges:
                found.append(State(dh[:, :H].copy(), dc))
                continue
            dlast = bridges["h"].backward(last.h, arrays.h[0], dh)
            if "c" in bridges:
                wide = zeros(len(dc), padded(H))
                wide[:, :H] = dc
                dc = bridges["c"].backward(last.c, arrays.c[0], wide)
            found.append(State(dlast, dc))
        return found

    def _top(self, parts: Parts) -> F32:
        """Return what attention has as the decoder's states: those of the top layer, after dropout if there is any."""
        top = parts.decoder
        return top.dropped[-1] if self.config.dropout else flat(top.layers[-1].h[1:])

    def _bar(self, inputs: Inputs) -> int:
        return bar_of(inputs, self.config.vocabulary_size)

    def _after(self, inputs: Inputs, S: int) -> I32:
        """Return what the decoder reads, (U, B), its symbols numbered from 0."""
        return decoder_symbols(inputs[S:], self.config.vocabulary_size)

    def _decoder_key(self, key: Key) -> Key:
        return key._replace(layer=self.config.layers)

    def clocked(self) -> Iterator[Clocked]:
        """Yield the methods that a benchmark times separately; see `Clocked`."""
        yield Clocked(self, "pack", "pack")
        yield from self.encoder.clocked()
        if self.steps.feed is not None:
            yield Clocked(self.steps, "forward", "forward")
            yield Clocked(self.steps, "backward", "backward")
        else:
            yield from clocked_stack(self.decoder)
            if self.attention is not None:
                yield Clocked(self.attention, "forward", "forward")
                yield Clocked(self.attention, "backward", "backward")
        yield Clocked(self.head, "forward", "head")
        yield Clocked(self.head, "backward", "weight gradients")
