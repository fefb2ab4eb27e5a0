"""The decoder of an encoder-decoder one timestep at a time, where a timestep reads what the one before computed.

    input feeding         z_t = x_t W_xh + y_{t-1} W_feed + b + h_{t-1} W_hh,  y_{-1} = 0      (Luong et al. 2015, 3.3)
    scheduled sampling    x_t is the likeliest symbol of logits_{t-1} instead of the true one  (Bengio et al. 2015)

y_t is the output of attention at timestep t, before the head. Backward, input feeding alone (symbols have no gradient):

    dy_t = dlogits_t W_hy^T + dz_{t+1} W_feed^T          dW_feed = sum over t of y_{t-1}^T dz_t

so that timestep t goes back through attention and all layers before timestep t - 1 can. Every timestep is a batch of B
rows through the kernels of training: the bytes depend neither on the number of threads nor on the padding.

Shapes: U timesteps, B sequences, time first. W_feed (H, N), N the columns of W_xh.
"""

from typing import NamedTuple

import numpy as np

from seqcore.arrays import NO_VECTOR, flat
from seqcore.layers.cross import Buffers, CrossAttention
from seqcore.layers.dropout import dropout
from seqcore.layers.linear import Linear, project
from seqcore.models.stack import Key, Stack, StackWorkspace
from seqcore.outer import NO_SECOND
from seqcore.records import F32, I32, I64, Bools
from seqcore.team import team

_COINS = 2  # distinguishes the coins from what else is drawn from a seed


def own_symbols(asked: Bools, forcing: float, seed: int, step: int) -> Bools | None:
    """Return where the decoder reads its own symbol, (U, B), with probability 1 - forcing; None if nowhere.

    Never at the first timestep, and only where `asked` (U, B): there is a target. The coin of a timestep follows from
    the seed, the step, and its place after the bar.
    """
    if forcing >= 1 or len(asked) < 2:
        return None
    own: Bools = asked & (np.random.default_rng((seed, _COINS, step)).random(asked.shape) >= forcing)
    own[0] = False
    return own if own.any() else None


class Annotated(NamedTuple):
    """What the decoder attends to, and the arrays of attention."""

    notes: F32  # (S * B, D)
    lengths: I64  # (B,)
    buffers: Buffers


class Steps:
    """Runs the layers of a decoder step by step; `feed` is W_feed, None without input feeding."""

    def __init__(self, stack: Stack, attention: CrossAttention | None, head: Linear, feed: Linear | None) -> None:
        self.stack, self.attention, self.head, self.feed = stack, attention, head, feed

    def forward(
        self, read: I32, own: Bools | None, work: StackWorkspace, over: Annotated | None, logits: F32, fed: F32,
        key: Key | None,
    ) -> None:  # fmt: skip
        """Run the decoder over the symbols `read` (U, B), and replace them by its own likeliest ones where `own`.

        With input feeding, all states and outputs are those of the pass; without it, of the timesteps up to the last
        own symbol. logits (U * B, padded K) and fed (B, padded N) are scratch.
        """
        (U, B), K = read.shape, self.head.b.size
        end = U if self.feed is not None else _last(own)
        if self.attention is not None and over is not None:
            self.attention.read(over.notes, over.lengths, U, over.buffers)
        for t in range(end):
            asked = own is not None and t + 1 < U and bool(own[t + 1].any())
            x = self._layers(t, read[t : t + 1], work, over, fed, key)
            if self.attention is not None and over is not None and (asked or self.feed is not None):
                h = self._top(work, key is not None)
                x = self.attention.attend(h, over.notes, over.lengths, t, 1, over.buffers)
            if own is not None and asked:
                rows = logits[t * B : (t + 1) * B]
                self.head.forward(x, rows)
                read[t + 1] = np.where(own[t + 1], rows[:, :K].argmax(axis=1), read[t + 1])

    def _layers(
        self, t: int, symbols: I32, work: StackWorkspace, over: Annotated | None, fed: F32, key: Key | None
    ) -> F32:
        """Run all layers at timestep t, over symbols (1, B); return the top states (B, H), after dropout."""
        stack, B = self.stack, symbols.shape[1]
        rows, x = slice(t * B, (t + 1) * B), fed
        for n, (layer, arrays) in enumerate(zip(stack.layers, work.layers, strict=True)):
            if n == 0:
                inputs, index = self._first_inputs(t, symbols, over, fed, work.index[:B])
            else:
                inputs, index = work.inputs[n][rows], work.index[:B]
                layer.input.forward(x, inputs)
            layer.forward(inputs, index, arrays.timestep(t))
            x = arrays.h[t + 1]
            if stack.rate and key is not None:
                dropout(x, work.dropped[n][rows], stack.hidden, stack.rate, key.of(n), t * B)
                x = work.dropped[n][rows]
        return x

    def _first_inputs(self, t: int, symbols: I32, over: Annotated | None, fed: F32, order: I32) -> tuple[F32, I32]:
        """Return the inputs of the first layer at timestep t, and which row of them each sequence reads."""
        table = self.stack.table
        assert table is not None
        table.forward(symbols)
        if self.feed is None or over is None:
            return table.table, table.index
        np.take(table.table, table.index, axis=0, out=fed, mode="clip")
        if t:
            B = len(fed)
            y = over.buffers.y[(t - 1) * B : t * B]
            project(y, y.shape[1], self.feed.packed.panels, NO_VECTOR, fed, True, team())
        return fed, order

    def backward(self, read: I32, work: StackWorkspace, over: Annotated, dnotes: F32, again: F32, key: Key) -> None:
        """Backpropagate with input feeding from the head's gradient of y, in the buffers of attention.

        Fill dnotes (S * B, padded D) and all gradients of the decoder, attention and W_feed. `read` is what the
        decoder read, (U, B); again (B, padded H) is scratch.
        """
        (U, B), stack, attention, feed = read.shape, self.stack, self.attention, self.feed
        assert stack.table is not None
        assert attention is not None
        assert feed is not None
        h, first, top = self._top(work, True), work.layers[0], work.layers[-1]
        y, dy = over.buffers.y, over.buffers.dy
        for t in range(U - 1, -1, -1):
            attention.backward_timestep(h, over.notes, over.lengths, t, top.dh[t], over.buffers)
            self._layers_backward(t, U, work, again, key)
            if t:
                before = dy[(t - 1) * B : t * B]
                project(first.gates[t], feed.W.shape[1], feed.packed_T.panels, NO_VECTOR, before, True, team())
        attention.backward_weights(h, over.notes, over.lengths, dnotes, over.buffers)
        stack.table.forward(read)
        for n, (layer, arrays) in enumerate(zip(stack.layers, work.layers, strict=True)):
            layer.backward_weights(arrays, *stack.sums(n), NO_SECOND)
            stack.backward_inputs(n, read, work)
        feed.backward_weights(y[: (U - 1) * B], flat(first.gates)[B:])

    def _layers_backward(self, t: int, U: int, work: StackWorkspace, again: F32, key: Key) -> None:
        """Go back through all layers at timestep t of U, from the gradient of its top states."""
        stack = self.stack
        for n in range(len(stack.layers) - 1, -1, -1):
            layer, arrays = stack.layers[n], work.layers[n]
            dh = arrays.dh[t]
            if stack.rate:
                dropout(dh, dh, stack.hidden, stack.rate, key.of(n), t * len(dh))
            if t + 1 < U:
                layer.initial_gradient(arrays.timestep(t + 1), again)
                dh += again
            if t + 1 == U or not layer.carries_c:
                arrays.direct[:] = 0  # later, what bypasses W_hh is in `again`
            layer.backward_scan(arrays.timestep(t))
            if n:
                layer.input.backward_input(arrays.gates[t], work.layers[n - 1].dh[t])

    def _top(self, work: StackWorkspace, training: bool) -> F32:
        """Return the top states that attention reads, (U * B, H)."""
        return work.dropped[-1] if self.stack.rate and training else flat(work.layers[-1].h[1:])


def _last(own: Bools | None) -> int:
    """Return the last timestep at which a symbol of its own is read."""
    return 0 if own is None else int(np.flatnonzero(own.any(axis=1))[-1])
