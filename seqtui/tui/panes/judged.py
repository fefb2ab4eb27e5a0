"""What a verdict means at a timestep: what is said, what is right, and how each token moved it. Numbers, no drawing."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from seqcore.records import F32, Probe, Verdict

I64 = npt.NDArray[np.int64]
LEVELS = 4  # of movement, in each direction
_MOST = 0.5  # a token that moves the verdict by this probability has the highest level
_LEAST = 0.02  # one that moves it by less has none


@dataclass(frozen=True)
class Judged:
    """A verdict read at timestep t."""

    verdict: Verdict
    t: int

    @property
    def said(self) -> int:
        """The likeliest class."""
        return int(self.verdict.probability[self.t].argmax())

    @property
    def single(self) -> bool:
        """Whether one answer is asked for."""
        return int(self.verdict.asked.sum()) == 1

    @property
    def last(self) -> int:
        """The timestep of the last answer that is asked for, or the last of all."""
        asked = np.flatnonzero(self.verdict.asked)
        return int(asked[-1]) if asked.size else len(self.verdict.targets) - 1

    @property
    def label(self) -> int | None:
        """The right class here, or the one that the example as a whole has; None if it is not known."""
        target = int(self.verdict.targets[self.t])
        if target < 0 and self.single:
            target = int(self.verdict.targets[self.last])
        return target if target >= 0 else None

    def shares(self) -> list[float]:
        """Return the probability of each class."""
        found: list[float] = self.verdict.probability[self.t].tolist()
        return found


def judged(probe: Probe | None, playhead: int) -> Judged | None:
    """Return the verdict of a probe at the playhead; None if it has none."""
    if probe is None or probe.verdict is None or not len(probe.symbols):
        return None
    return Judged(probe.verdict, max(0, min(playhead, len(probe.symbols) - 1)))


def movements(verdict: Verdict) -> I64:
    """Return how each token moved the verdict, (T,): -LEVELS … LEVELS, positive towards what is right.

    If several answers are asked for: whether each is right (LEVELS) or wrong (-LEVELS), and 0 elsewhere. If the label
    is not known, the likeliest class at the end counts as right.
    """
    shares, asked = verdict.probability, verdict.asked
    if int(asked.sum()) > 1:
        right = shares.argmax(axis=1) == verdict.targets
        return np.where(asked, np.where(right, LEVELS, -LEVELS), 0).astype(np.int64)
    here = Judged(verdict, len(shares) - 1)
    chosen = here.label if here.label is not None else here.said
    before = np.concatenate([[1 / shares.shape[1]], shares[:-1, chosen]])
    moved = shares[:, chosen].astype(np.float64) - before
    moved = np.where(np.isfinite(moved), moved, 0.0)
    level = np.rint(LEVELS * np.sqrt(np.minimum(1.0, np.abs(moved) / _MOST)))
    return np.where(np.abs(moved) < _LEAST, 0, np.sign(moved) * level).astype(np.int64)


def right_at(probe: Probe, t: int) -> str:
    """Return what the guess at t should be: the token, or the class if it is known, else the guess itself."""
    verdict = probe.verdict
    if verdict is None:
        return probe.symbols[t]
    target = int(verdict.targets[t])
    return verdict.classes[target] if target >= 0 else probe.top_symbols[t][0]


def losses_of(probe: Probe) -> F32:
    """Return the losses that a probe should have: all but the first (after the bar), or those whose target is known."""
    if probe.series is not None:
        known = ~np.isnan(probe.series.wanted + probe.series.predicted).any(axis=1)
        expected: F32 = probe.loss[known]
        return expected
    if probe.verdict is None:
        return probe.loss[probe.bar + 1 :]
    found: F32 = probe.loss[probe.verdict.targets >= 0]
    return found
