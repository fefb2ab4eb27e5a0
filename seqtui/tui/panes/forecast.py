"""What a probe says of real values at a timestep: the past, what came, what was forecast, and how wrong that is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe, Series

F64 = npt.NDArray[np.float64]
HORIZONS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Forecast:
    """A forecast from timestep `start` on, in the units of the data; S timesteps of D columns."""

    start: int
    past: F64  # (start + 1, D)
    truth: F64  # (at most S, D) what came
    ran: F64  # (S, D) what was forecast
    last: F64  # (S, D) the same values as at the start
    velocity: F64  # (S, D) going on as from the timestep before the start

    def errors(self, horizon: int, scale: F64) -> tuple[float, float, float] | None:
        """Return the errors of the forecast and of the simple ones at a horizon; None if it is not known what came.

        They are root mean squares over the columns, each divided by `scale` (D,).
        """
        if not 1 <= horizon <= min(len(self.truth), len(self.ran)):
            return None
        truth = self.truth[horizon - 1]
        model, last, velocity = (
            float(np.sqrt(np.mean(np.square((way[horizon - 1] - truth) / scale))))
            for way in (self.ran, self.last, self.velocity)
        )
        return model, last, velocity


def forecast_at(series: Series, t: int) -> Forecast | None:
    """Return the forecast from the last start that is not after timestep t; None if the model makes none."""
    if not len(series.starts):
        return None
    place = max(0, int(np.searchsorted(series.starts, t, side="right")) - 1)
    start, ran = int(series.starts[place]), series.ran[place]
    now = series.read[start]
    velocity = now - series.read[start - 1] if start else np.zeros_like(now)
    steps = np.arange(1, len(ran) + 1)[:, None]
    truth = series.read[start + 1 : start + 1 + len(ran)]
    return Forecast(
        start, series.read[: start + 1], truth, ran, np.repeat(now[None], len(ran), 0), now + steps * velocity
    )


def one_scale(series: Series) -> bool:
    """Return whether all columns have about the same range, so that one error of all of them has a meaning."""
    spans = np.nanmax(series.read, axis=0) - np.nanmin(series.read, axis=0)
    return bool(spans.min() > 0 and spans.max() / spans.min() < 5)


def series_of(probe: Probe | None) -> Series | None:
    """Return the real values of a probe, if it has any."""
    return probe.series if probe is not None else None


def answer_of(series: Series) -> F64 | None:
    """Return the last target (K,) of a model that answers at the end; None if it forecasts, or it is not known."""
    known = np.flatnonzero(~np.isnan(series.wanted[:, 0]))
    return series.wanted[known[-1]] if not len(series.starts) and known.size else None
