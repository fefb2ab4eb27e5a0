"""What every unit of a model did over a passage: computed by the serial model in chunks, so that it can be left."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqcore.errors import SeqError
from seqcore.neurons.passage import Passage
from seqcore.records import F32, F64
from seqcore.serial import SerialModel

F16 = npt.NDArray[np.float16]
CHUNK = 256  # timesteps between two calls of `stop`
MOST_BYTES = 1 << 28  # of one recording
_LARGEST = 65_504.0  # of a float16

Progress = Callable[[int, int], None]  # timesteps done, and all of them


class Unit(NamedTuple):
    """A unit of a model; layers and units are counted from 0."""

    layer: int
    unit: int


@dataclass(frozen=True)
class Recording:
    """What U units did over T timesteps."""

    state: str  # one of `SerialModel.states`
    units: tuple[Unit, ...]  # (U,) of all layers recorded, bottom first
    values: F16  # (T, U): three significant digits, at 2 bytes

    def of(self, unit: Unit) -> F32:
        """Return the values of one unit, (T,). Raises ValueError if it was not recorded."""
        return self.values[:, self.units.index(unit)].astype(np.float32)


def state_of(model: SerialModel, name: str | None) -> str:
    """Return the state to record: the one of that name, or the one to look at first. Raises SeqError."""
    if name is None:
        return model.states[0]
    if name not in model.states:
        raise SeqError(f"this model has no state {name!r}: it has {', '.join(model.states)}")
    return name


def affordable(model: SerialModel, passage: Passage, state: str, layer: int | None) -> int:
    """Return how many timesteps of the passage one recording may have, so that it takes at most MOST_BYTES."""
    (found,) = model.record(passage.inputs[:1], model.initial_state(), state)
    _, layers, width = found.shape
    return int(MOST_BYTES // (2 * width * (layers if layer is None else 1)))


def chunks(
    model: SerialModel,
    passage: Passage,
    states: Sequence[str],
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[slice, tuple[F32, ...]]]:
    """Read the passage, and yield some timesteps of it and what the units did there, (n, layers, units) of each state.

    Ends as soon as `stop` returns True. Single-threaded, and without holding a lock. Raises SeqError: the model has
    diverged.
    """
    done, size = 0, model.longest or CHUNK  # a model with a context reads each as a whole
    for span in passage.spans:
        carried: Any = model.initial_state()
        for first in range(span.start, span.stop, size):
            if stop():
                return
            part = slice(first, min(first + size, span.stop))
            found = model.record(passage.inputs[part], carried, *states)
            if not all(np.isfinite(values).all() for values in found):
                raise SeqError("the model has diverged: its units are not finite")
            yield part, found
            done += part.stop - part.start
            progress(done, len(passage))


def record(
    model: SerialModel,
    passage: Passage,
    state: str,
    layer: int | None = None,
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Recording | None:
    """Read the passage and return what the units of all layers, or of one, did; None as soon as `stop` returns True.

    As `chunks`. Raises SeqError: the passage takes more than MOST_BYTES, or the model has diverged.
    """
    values: F16 | None = None
    layers = width = read = 0
    for part, (found,) in chunks(model, passage, (state,), progress, stop):
        kept = found if layer is None else found[:, layer : layer + 1]
        if values is None:
            layers, width = kept.shape[1:]
            if 2 * len(passage) * layers * width > MOST_BYTES:
                raise SeqError(f"{len(passage):,} timesteps of {layers * width:,} units take too much memory")
            values = np.zeros((len(passage), layers * width), np.float16)
        values[part] = np.clip(kept, -_LARGEST, _LARGEST).reshape(len(kept), -1)
        read = part.stop
    if values is None or read < len(passage):
        return None
    bottom = layer or 0
    return Recording(state, tuple(Unit(bottom + n, j) for n in range(layers) for j in range(width)), values)


def midranks(values: F16) -> F64:
    """Return the rank (n,) of each of n values, from 1 on, equal values having the mean of theirs; linear in n."""
    bits = (values + np.float16(0)).view(np.uint16)  # + 0: there is one zero
    keys = np.where(bits & 0x8000, ~bits, bits | 0x8000)  # ordered as the values are
    counts = np.bincount(keys, minlength=1 << 16)
    return (np.cumsum(counts) - (counts - 1) / 2)[keys]
