"""What the engine tells about itself: frozen records of plain NumPy arrays.

Importing this file costs nothing but NumPy, so that a screen can be painted before any kernel is loaded.
Every array is a copy that nobody writes to again. float32 unless said otherwise; losses are in nats.

The time axis of a `Probe` has one entry per token of the text, T of them. Column t shows token t:

- the loss at t is -log p(token t | tokens before t); there is none at t = 0, so it is NaN there;
- gates and states at t are those after token t was read;
- reach[t, s] is the norm of d loss_t / d something_s, s < t; NaN where s >= t and in row 0.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stave:
    """One quantity of one layer over the text: `values` (T, units)."""

    name: str  # lstm: "input", "forget", "cell", "output", "c", "h"; gru: "reset", "update", "candidate", "h"; rnn: "h"
    layer: int  # attention: "q", "k", "v" (units are heads, values their norms), "stream" (residual, see `norms`)
    values: F32
    signed: bool  # True: around zero (cell candidate, c, h). False: a gate in 0..1, or a norm
    limit: float  # the largest magnitude the quantity can have; math.inf where it is unbounded (c, a norm)
    gate: bool = True  # False: no gate although not signed, so that "open" and "closed" say nothing (a norm)


@dataclass(frozen=True)
class Probe:
    """Everything that can be seen of one text under one set of weights."""

    step: int
    tokens: I32  # (T,)
    symbols: tuple[str, ...]  # (T,) the tokens as text, raw: sanitise before drawing
    loss: F32  # (T,)
    top_tokens: I32  # (T, k) the k likeliest tokens for place t before it was read, likeliest first; -1 in row 0
    top_symbols: tuple[tuple[str, ...], ...]  # (T, k) the same as text; empty in row 0
    top_probability: F32  # (T, k); NaN in row 0
    staves: tuple[Stave, ...]  # all layers, bottom first, in the order in which the model computes them
    reach_hidden: F32  # (layers, T, T)  |dL_t/dh_s| of each layer
    reach_input: F32  # (T, T)  |dL_t/dx_s|, x the embedded token (or the one-hot vector)
    seconds: float  # what the probe took
    warning: str = ""  # e.g. characters of the text that the vocabulary does not know
    attention: F32 | None = None  # (layers, heads, T, T): row t, how much place t takes from each s <= t; NaN after t

    def stave(self, name: str, layer: int) -> Stave:
        """The stave of that name and layer. Raises KeyError."""
        for stave in self.staves:
            if stave.name == name and stave.layer == layer:
                return stave
        raise KeyError(f"no stave {name} in layer {layer}")


@dataclass(frozen=True)
class Sample:
    """A text that a model wrote, or is writing."""

    step: int
    prompt: str
    pieces: tuple[str, ...]  # one per generated token, raw: sanitise before drawing
    probability: F32  # (len(pieces),) what the model gave each, at the temperature it was drawn with
    temperature: float
    finished: bool

    @property
    def text(self) -> str:
        """The generated pieces as one string, without the prompt."""
        return "".join(self.pieces)


@dataclass(frozen=True)
class References:
    """Losses of count-based models on the same validation part, in nats per token: is a loss good?"""

    uniform: float
    unigram: float
    bigram: float
    trigram: float


@dataclass(frozen=True)
class History:
    """The curves of a run: one entry per training step (or per kept step), one per validation."""

    step: I64
    train_loss: F32
    learning_rate: F32
    gradient_norm: F32
    validation_step: I64
    validation_loss: F32

    @staticmethod
    def empty() -> "History":
        """No step yet."""
        none = np.zeros(0, np.float32)
        steps = np.zeros(0, np.int64)
        return History(steps, none, none, none, steps, none)


@dataclass(frozen=True)
class CompileProgress:
    """How far the kernels are: `done` of `total`, and what each is called, in order."""

    done: int
    total: int
    names: tuple[str, ...] = field(default=())

    @property
    def current(self) -> str:
        """The kernel that is being compiled now; empty once all are."""
        return self.names[self.done] if self.done < len(self.names) else ""
