"""The data that the engine publishes: frozen records of plain NumPy arrays.

Imports only NumPy, so that the screen can be drawn before any kernel is loaded.
Every array is a copy that is never modified. float32 unless said otherwise; losses are in nats.

The time axis of a `Probe` has one entry per token of the text, T of them. Column t shows token t:

- the loss at t is -log p(token t | tokens before t); at t = 0 there is none, and the entry is NaN;
- gates and states at t are those after token t was read;
- reach[t, s] is the norm of d loss_t / d something_s, s < t; NaN where s >= t and in row 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
U8 = npt.NDArray[np.uint8]
I64 = npt.NDArray[np.int64]
Inputs = npt.NDArray[Any]  # tokens int32 (T, B), or real values float32 (T, B, D); one sequence: (T,) or (T, D)
Targets = npt.NDArray[Any]  # symbols int32 (T, B), -1: masked; or real values float32 (T, B, K), NaN: masked
Bools = npt.NDArray[np.bool_]
MOST_FAULTS = 50  # that a `Tally` lists


@dataclass(frozen=True)
class Stave:
    """One quantity of one layer over the text: `values` (T, units)."""

    name: str  # lstm: "input", "forget", "cell", "output", "c", "h"; gru: "reset", "update", "candidate", "h"; rnn: "h"
    layer: int  # attention: "q", "k", "v", over a source "source q" ... (units are heads, values their norms), "stream"
    values: F32
    signed: bool  # True: centred on zero (cell candidate, c, h). False: a gate in 0..1, or a norm
    limit: float  # largest possible magnitude; math.inf if unbounded (c, a norm)
    gate: bool = True  # False: unsigned but not a gate, so "open" and "closed" do not apply (a norm)


class Dial(NamedTuple):
    """A number that makes the examples of a task harder: copy:100."""

    name: str
    value: int
    least: int
    most: int

    @property
    def source(self) -> str:
        """What names these examples as a corpus."""
        return f"{self.name}:{self.value}" if self.most else self.name

    def at(self, value: int) -> "Dial":
        """Return the dial at a value, or at the nearest one that it has."""
        return self._replace(value=max(self.least, min(self.most, value)))

    def stepped(self, direction: int) -> "Dial":
        """Return the dial at the next value, or at the one before (direction < 0): steps of about a tenth."""
        size = self.value if direction > 0 else self.value - 1
        step = next((step for limit, step in ((20, 1), (50, 5), (200, 10), (500, 50)) if size < limit), 100)
        return self.at((self.value // step + 1 if direction > 0 else -(-self.value // step) - 1) * step)


@dataclass(frozen=True)
class Example:
    """One held-out example of T timesteps, or a passage of a text."""

    inputs: Inputs  # (T,) or (T, D)
    targets: Targets  # (T,) or (T, K)
    asked: Bools  # (T,) the targets that the accuracy counts

    @staticmethod
    def unlabelled(inputs: Inputs) -> "Example":
        """Return inputs without targets, for a task that predicts symbols."""
        return Example(inputs, np.full(len(inputs), -1, np.int32), np.zeros(len(inputs), np.bool_))


@dataclass(frozen=True)
class Verdict:
    """What a model says after each of T timesteps, one of K classes, and what is right."""

    classes: tuple[str, ...]  # (K,) raw: sanitise before drawing
    probability: F32  # (T, K)
    targets: I32  # (T,) the right class; -1: unknown, or not asked for
    asked: Bools  # (T,) the timesteps whose answers the accuracy counts; all False if nothing is known

    @property
    def right(self) -> tuple[int, int]:
        """The number of right answers, and of all that are asked for."""
        guessed = self.probability.argmax(axis=1)
        return int(((guessed == self.targets) & self.asked).sum()), int(self.asked.sum())


@dataclass(frozen=True)
class Series:
    """Real values over T timesteps, in the units of the data; NaN where there is none."""

    names: tuple[str, ...]  # (D,) of what is read
    read: F64  # (T, D)
    predicted_names: tuple[str, ...]  # (K,)
    predicted: F64  # (T, K): for timestep t, before it was read; or, of a model that answers, after it was read
    wanted: F64  # (T, K) what `predicted` should be
    starts: I64  # (n,) ascending: the timesteps from which the model ran on, reading its own predictions; or none
    ran: F64  # (n, S, K) what it then predicted for the S timesteps that follow


@dataclass(frozen=True)
class Boundary:
    """What a model of rows of numbers says over planes of two columns; the other columns are as in one row."""

    names: tuple[str, ...]  # (D,)
    low: F64  # (D,) the lower edges of the planes, in the units of the data
    high: F64  # (D,)
    here: F64  # (D,) the row
    pairs: tuple[tuple[int, int], ...]  # the columns of each plane: to the right, upwards
    shares: F32  # (pairs, G, G, K) of the classes; the first row is the lowest


class Beginning(NamedTuple):
    """A beginning of a sequence that beam search met: the symbol that it adds to the beginning before it."""

    parent: int  # the number of the one before; -1 for a first symbol
    symbol: int
    depth: int  # symbols
    share: float  # p(symbol | what is before)
    total: float  # log p(the beginning)
    weights: F32  # (S,) what attention looked at when the symbol was chosen; empty without attention
    kept: bool  # whether the search went on from here, or it ended here


def path_to(beginnings: Sequence[Beginning], number: int) -> list[int]:
    """Return the numbers of the beginnings on the way from a first symbol to that of this number, itself included."""
    path: list[int] = []
    while number >= 0:
        path.append(number)
        number = beginnings[number].parent
    return path[::-1]


@dataclass(frozen=True)
class Picture:
    """A picture that a model reads as a grid of square patches."""

    pixels: U8  # (rows, columns, 3) levels of red, green and blue
    boxes: tuple[tuple[int, int], ...]  # the row and column of the first pixel of each patch, in their order
    side: int  # pixels of a patch


@dataclass(frozen=True)
class Translation:
    """What a model writes for a source, as beam search found it."""

    symbols: tuple[str, ...]  # (K,) of the target, raw: sanitise before drawing; the last one ends a sequence
    beginnings: tuple[Beginning, ...]  # in the order in which the search met them
    finished: tuple[int, ...]  # the numbers of the finished ones, best first
    scores: tuple[float, ...]  # of those
    wanted: tuple[int, ...] | None  # the right symbols without the end symbol, if they are known
    alignment: F32 | None = None  # (T, S) the weight of each source symbol when each column's symbol was predicted; NaN
    # up to the bar; None without attention; of several heads the mean
    alignments: F32 | None = None  # (layers, heads, T, S) the same of each head
    begun: tuple[int, ...] = ()  # symbols chosen by hand, after which the search went on
    width: int = 0  # of the beam; 1: greedy
    handed: tuple[Stave, ...] = ()  # the states (1, units) in which the decoder starts, by layer; none if it has none
    picture: Picture | None = None  # the source, if it is one

    def written(self, rank: int = 0) -> tuple[int, ...]:
        """Return the symbols of the result of that rank, without the end symbol; empty if there is none."""
        found = [self.beginnings[number].symbol for number in self.path(rank)]
        return tuple(symbol for symbol in found if symbol != len(self.symbols) - 1)

    def path(self, rank: int = 0) -> list[int]:
        """Return the numbers of the beginnings of that result; empty if there is none."""
        return path_to(self.beginnings, self.finished[rank]) if rank < len(self.finished) else []


@dataclass(frozen=True)
class Probe:
    """All quantities recorded for one text under one set of weights."""

    step: int
    tokens: I32  # (T,)
    symbols: tuple[str, ...]  # (T,) the tokens as text, raw: sanitise before drawing
    loss: F32  # (T,)
    top_tokens: I32  # (T, k) the k likeliest tokens for position t before it was read, likeliest first; -1 in row 0
    top_symbols: tuple[tuple[str, ...], ...]  # (T, k) the same as text; empty in row 0
    top_probability: F32  # (T, k); NaN in row 0
    staves: tuple[Stave, ...]  # all layers, bottom first, in the order of computation
    reach_hidden: F32  # (layers, T, T)  |dL_t/dh_s| of each layer
    reach_input: F32  # (T, T)  |dL_t/dx_s|, x the embedded token (or the one-hot vector)
    seconds: float  # duration of the probe
    warning: str = ""  # e.g. characters of the text that are not in the vocabulary
    attention: F32 | None = None  # (layers, heads, T, T): row t, the weight of each s <= t at timestep t; NaN after t
    verdict: Verdict | None = None  # of a task that predicts classes; see `probe.verdicts` for what differs then
    series: Series | None = None  # of a task that predicts real values
    boundary: Boundary | None = None  # of a task that reads rows of numbers
    bar: int = 0  # of a pair: so many timesteps belong to the source
    translation: Translation | None = None  # of a task on pairs
    targets: Targets | None = None  # (T,) or (T, K): what the output of each timestep should be, see `Targets`
    source: Inputs | None = None  # of a pair: what the encoder read, (S,) or (S, D), in its order
    hand: Translation | None = None  # what it writes after symbols chosen by hand, if it was asked

    def stave(self, name: str, layer: int) -> Stave:
        """Return the stave of that name and layer. Raises KeyError if there is none."""
        for stave in self.staves:
            if stave.name == name and stave.layer == layer:
                return stave
        raise KeyError(f"no stave {name} in layer {layer}")


@dataclass(frozen=True)
class Sample:
    """A generated text, finished or in progress."""

    step: int
    prompt: str
    pieces: tuple[str, ...]  # one per generated token, raw: sanitise before drawing
    probability: F32  # (len(pieces),) probability of each, at the sampling temperature
    temperature: float
    finished: bool

    @property
    def text(self) -> str:
        """Return the generated text without the prompt."""
        return "".join(self.pieces)


class Judgement(NamedTuple):
    """What is found of a generated text that can be checked. Raw: sanitise before drawing."""

    title: str
    fault: str  # the first one, in words; "" if there is none


@dataclass(frozen=True)
class Tally:
    """The generated texts of a run that were checked."""

    texts: int = 0
    right: int = 0  # of these
    faults: tuple[tuple[int, Judgement], ...] = ()  # (step, judgement) of the newest others, newest first

    def plus(self, step: int, judgement: Judgement) -> "Tally":
        """Return the tally with one more text, which was generated with the weights of a step."""
        if not judgement.fault:
            return Tally(self.texts + 1, self.right + 1, self.faults)
        return Tally(self.texts + 1, self.right, ((step, judgement), *self.faults)[:MOST_FAULTS])


@dataclass(frozen=True)
class References:
    """Losses of simple models on the same validation part, by name, in nats, to judge a model's loss by."""

    losses: Mapping[str, float]

    @property
    def finite(self) -> dict[str, float]:
        """Those that are known."""
        return {name: float(loss) for name, loss in self.losses.items() if np.isfinite(loss)}


@dataclass(frozen=True)
class History:
    """The curves of a run: one entry per training step (or per kept step), and one per validation."""

    step: I64
    train_loss: F32
    learning_rate: F32
    gradient_norm: F32
    validation_step: I64
    validation_loss: F32
    tokens: F64 = field(default_factory=lambda: np.zeros(0))  # read up to each step; NaN where that is not known
    seconds: F64 = field(default_factory=lambda: np.zeros(0))  # of training up to each step, likewise

    def along(self, axis: str) -> F64 | None:
        """Return where each step is on an axis, "step", "tokens" or "time"; None if that is not known of all of them.

        Positions never fall. Of a damaged file they may: they are then unknown, too.
        """
        if axis == "step":
            return self.step.astype(np.float64)
        at = self.tokens if axis == "tokens" else self.seconds
        known = at.size == self.step.size > 0 and np.isfinite(at).all() and at[0] >= 0 and (at[1:] >= at[:-1]).all()
        return at if known else None

    @staticmethod
    def empty() -> "History":
        """Return a history without steps."""
        none = np.zeros(0, np.float32)
        steps = np.zeros(0, np.int64)
        return History(steps, none, none, none, steps, none)


@dataclass(frozen=True)
class Updates:
    """How large gradients and updates of the p matrices of a model were, at n steps of a run; NaN where unknown."""

    names: tuple[str, ...]  # (p,) of the matrices: "layers.0.W_hh"
    step: I64  # (n,)
    gradient_norm: F32  # (n, p) before clipping
    update_ratio: F32  # (n, p) norm of the update / norm of the weights


@dataclass(frozen=True)
class CompileProgress:
    """Progress of kernel compilation: `done` of `total`, and the kernels' names, in order."""

    done: int
    total: int
    names: tuple[str, ...] = field(default=())

    @property
    def current(self) -> str:
        """Return the name of the kernel being compiled, or "" once all are done."""
        return self.names[self.done] if self.done < len(self.names) else ""
