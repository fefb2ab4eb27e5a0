"""A verdict in words on the curves of a run: below which baseline, falling, flat, overfitting, diverging."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from seqcore.records import F64, I64, History

_FEWEST = 20  # training losses below which it is too early to say anything
_PARTS = 40  # that a curve is cut into: their means are compared
_FLAT = 0.01  # of the whole fall: less than this is no fall
_LONG = 0.25  # of the run that a curve must be flat for
_RISEN = 1.5  # times the lowest loss: it diverges,
_RISE = 0.05  # if that is at least this share of the whole fall: near zero, a loss may double and mean nothing
_BLURRED = 0.05  # of the whole fall: where noise hides more than this, nothing can be called flat
_WORSE = 0.005  # of the lowest validation loss: by as much a later one must be above it
_NOISE = 3.0  # standard errors of the mean of a part


class Remark(NamedTuple):
    """One thing that can be said of a run."""

    kind: str  # "early", "diverging", "overfitting", "rising", "flat", "falling", "reference"
    words: str
    step: int | None = None  # since when
    good: bool | None = None  # None: neither good nor bad


class Curve(NamedTuple):
    """The means of the parts of a curve, oldest first."""

    step: I64  # (n,) the first of each part
    mean: F64  # (n,)
    error: float  # the standard error of a mean


def verdict(history: History, references: Mapping[str, float] | None = None) -> str:
    """Return what can be said of a run in one line; see `remarks`."""
    return " · ".join(remark.words for remark in remarks(history, references))


def remarks(history: History, references: Mapping[str, float] | None = None) -> tuple[Remark, ...]:
    """Return what can be said of a run, the most urgent first. `references` are losses of simple models, by name."""
    losses = history.train_loss[np.isfinite(history.train_loss)]
    if losses.size < _FEWEST and history.validation_loss.size < 2:
        return (Remark("early", "too early to tell"),)
    curve = parts(history)
    trend = _diverging(curve) or _overfitting(history, curve) or _flat(curve) or _falling(curve)
    return tuple(remark for remark in (trend, _beside(history, curve, references or {})) if remark is not None)


def parts(history: History) -> Curve:
    """Return the training loss in at most _PARTS parts."""
    seen = np.isfinite(history.train_loss)
    steps, losses = history.step[seen], history.train_loss[seen].astype(np.float64)
    count = max(1, min(_PARTS, losses.size // 3))
    cuts = np.array_split(np.arange(losses.size), count)
    mean = np.array([losses[cut].mean() if cut.size else np.nan for cut in cuts])
    # the median of second differences, so that neither the fall nor a spike is taken for noise
    bends = np.abs(np.diff(losses, 2))
    spread = 1.4826 * float(np.median(bends)) / np.sqrt(6) if bends.size else 0.0
    first = np.array([steps[cut[0]] if cut.size else 0 for cut in cuts], np.int64)
    return Curve(first, mean, spread / np.sqrt(max(1, losses.size // count)))


def _diverging(curve: Curve) -> Remark | None:
    mean = curve.mean
    lowest = int(np.argmin(mean))
    last, least = float(mean[-1]), float(mean[lowest])
    rise = max(_NOISE * curve.error, _RISE * float(mean[0] - least))
    if lowest == len(mean) - 1 or last <= _RISEN * max(least, 1e-12) or last - least <= rise:
        return None
    step = int(curve.step[lowest])
    return Remark(
        "diverging", f"diverging since step {step:,}: the loss rose from {least:.3g} to {last:.3g}", step, False
    )


def _overfitting(history: History, curve: Curve) -> Remark | None:
    """Two validations at least after the lowest one are worse than it, and nearly all of them."""
    losses, steps = history.validation_loss.astype(np.float64), history.validation_step
    if losses.size < 3:
        return None
    lowest = int(np.argmin(losses))
    least, later = float(losses[lowest]), losses[lowest + 1 :]
    margin = _WORSE * max(abs(least), 1e-12)
    if later.size < 2 or float(later[-2:].min()) <= least + margin:
        return None
    step = int(steps[lowest])
    before, after = curve.mean[curve.step <= step], curve.mean[curve.step > step]
    falls = before.size > 0 and after.size > 0 and float(after[-1]) < float(before[-1]) - _NOISE * curve.error
    words = f"validation rising since step {step:,}"
    if falls:
        return Remark("overfitting", f"{words}: overfitting", step, False)
    return Remark("rising", words, step, False)


def _flat(curve: Curve) -> Remark | None:
    mean = curve.mean
    if len(mean) < 4:
        return None
    end = float(mean[-max(1, round(_LONG * len(mean))) :].mean())
    slack = max(_FLAT * float(mean[0] - mean.min()), _NOISE * curve.error)
    away = np.flatnonzero(np.abs(mean - end) > slack)
    first = int(away[-1]) + 1 if away.size else 0
    if len(mean) - first < max(3.0, _LONG * len(mean)) or _falls(
        mean[first:], curve.error, _FLAT * float(np.ptp(mean))
    ):
        return None
    if first and _NOISE * curve.error > _BLURRED * float(np.ptp(mean)):
        return None
    if not first:
        return Remark("flat", "flat from the beginning: it has learnt nothing yet", int(curve.step[0]), False)
    step = int(curve.step[first])
    return Remark("flat", f"flat since step {step:,}", step)


def _falls(mean: F64, error: float, little: float) -> bool:
    """Return whether the line through n means falls by more than `little`, and by more than its uncertainty."""
    place = np.arange(len(mean)) - (len(mean) - 1) / 2
    spread = float(np.square(place).sum())
    slope = float((place * mean).sum()) / spread
    return -slope > _NOISE * error / np.sqrt(spread) and -slope * (len(mean) - 1) > little


def _falling(curve: Curve) -> Remark | None:
    mean, quarter = curve.mean, max(1, round(_LONG * len(curve.mean)))
    if len(mean) < 2:
        return None
    fall = float(mean[max(0, len(mean) - 1 - quarter)] - mean[-1])
    if fall <= 0:
        return None
    return Remark("falling", f"still falling: by {fall:.2g} in the last quarter", None, True)


def _beside(history: History, curve: Curve, references: Mapping[str, float]) -> Remark | None:
    """Return the best baseline that is beaten, and the next one that is not."""
    known = sorted((value, name) for name, value in references.items() if np.isfinite(value))
    validated = history.validation_loss[np.isfinite(history.validation_loss)]
    loss = float(validated[-1]) if validated.size else float(curve.mean[-1])
    if not known or not np.isfinite(loss):
        return None
    beaten = [(value, name) for value, name in known if loss < value]
    ahead = [(value, name) for value, name in known if loss >= value]
    said = "" if validated.size else "training loss "
    if not beaten:
        return Remark("reference", f"{said}not yet below {_named(*ahead[-1])}", None, False)
    words = f"{said}below {_named(*beaten[0])}"
    return Remark("reference", words + (f", not yet below {_named(*ahead[-1])}" if ahead else ""), None, not ahead)


def _named(value: float, name: str) -> str:
    return f"{'the ' if name.endswith('gram') else ''}{name} ({value:.3f})"
