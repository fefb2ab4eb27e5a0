"""The probe of a cut model, or of a cut example, compared with that of the untouched one, timestep by timestep."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqcore.data.score_layout import joined
from seqcore.records import F32, I64, Inputs, Probe


@dataclass(frozen=True, eq=False)
class Beside:
    """Two probes of one example. The time axis is that of the untouched one, T timesteps."""

    untouched: Probe
    cut: Probe
    at: I64  # (T,) where each timestep stands in the other probe; -1 where the two cannot be compared

    @cached_property
    def from_untouched(self) -> I64:
        """Where each timestep of the cut probe stands in the untouched one, (n,); -1 where they cannot be compared."""
        found = np.full(len(self.cut.symbols), -1)
        here = np.flatnonzero(self.at >= 0)
        found[self.at[here]] = here
        return found

    @cached_property
    def loss(self) -> F32:
        """The loss of the cut model at each timestep (T,); NaN where there is none to compare."""
        return np.where(self.at >= 0, self.cut.loss[self.at], np.float32(np.nan))

    @property
    def more(self) -> F32:
        """How much the loss grows at each timestep (T,); NaN where it is not known."""
        with np.errstate(invalid="ignore"):
            return self.loss - self.untouched.loss

    @cached_property
    def compared(self) -> int:
        """At how many timesteps there are two losses."""
        return int(np.isfinite(self.more).sum())

    @cached_property
    def means(self) -> tuple[float, float]:
        """The mean loss over these timesteps: untouched, and cut. NaN without any."""
        both = np.isfinite(self.more)
        if not both.any():
            return float("nan"), float("nan")
        return tuple(float(loss[both].mean(dtype=np.float64)) for loss in (self.untouched.loss, self.loss))  # type: ignore[return-value]  # two of them

    def guesses(self, t: int) -> tuple[str, ...]:
        """Return the likeliest symbols of the cut model at a timestep, raw; none where it cannot be compared."""
        return self.cut.top_symbols[int(self.at[t])] if self.at[t] >= 0 else ()

    def shares(self, t: int) -> F32:
        """Return the probabilities of these."""
        return self.cut.top_probability[int(self.at[t])] if self.at[t] >= 0 else np.zeros(0, np.float32)


def beside(untouched: Probe, cut: Probe, origin: I64, first: int) -> Beside:
    """Compare two probes; `origin` and `first` are those of the cut example, see `context.CutExample`.

    Of a source alone, each model writes a target of its own: after the bar there is nothing to compare, see `scores`.
    """
    T, n = len(untouched.symbols), len(cut.symbols)
    at = np.full(T, -1)
    if not untouched.bar:
        here = np.arange(first, n)
        here = here[origin[here] < T]
        at[origin[here]] = here
    elif untouched.translation is None or untouched.translation.wanted is not None:
        count = min(T - untouched.bar, n - cut.bar)  # the columns after the bar
        at[T - count :] = np.arange(n - count, n)
    return Beside(untouched, cut, at)


def scores(untouched: Probe, cut: Probe, V: int) -> tuple[Inputs, Inputs] | None:
    """Return the scores on which both models can be compared if only the source is known: with one target for both.

    It is what the untouched model writes. V is the number of source symbols. None if the target is known, or there is
    none; those probes can be compared as they are.
    """
    said = untouched.translation
    if said is None or said.wanted is not None or untouched.source is None or cut.source is None:
        return None
    end = len(said.symbols) - 1
    after = np.array([end, *said.written(), end], np.int32)
    return joined(untouched.source, after, V), joined(cut.source, after, V)
