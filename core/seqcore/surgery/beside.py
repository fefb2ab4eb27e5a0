"""The probe of a cut model, or of a cut example, compared with that of the untouched one, timestep by timestep."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqcore.records import F32, I64, Probe


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

    Of a source alone, each model writes a target of its own: after the bar there is nothing to compare.
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
