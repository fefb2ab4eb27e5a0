"""The lines of numbers above the loss: what is newest, what is under the crosshair, or the ends of a sequence."""

from collections.abc import Callable, Sequence

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.records import F32, History

from seqtui.live.snapshot import Snapshot
from seqtui.tui.panes.timeline import Timeline
from seqtui.tui.standpoint import Lens
from seqtui.tui.widgets.curve import trailing_mean
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import Row, pieces

_LEVEL = 0.03  # relative change of the loss along a sequence up to which it counts as level
Part = tuple[str, Style]


def newest(history: History, timeline: Timeline, lens: Lens, ink: Ink) -> list[Part]:
    """Return the newest losses, at fixed columns; the training loss as it is smoothed."""
    train = _mean_at(history, len(history.step) - 1, timeline.window(lens))
    parts = [("  ━ ", ink.accent), ("train ", ink.muted), (f"{significant(train):>5}", ink.text)]
    if len(history.validation_loss):
        latest = significant(float(history.validation_loss[-1]))
        parts += [("   ● ", ink.second), ("valid ", ink.muted), (f"{latest:>5}", ink.text)]
    return parts


def measures(measured: Sequence[tuple[str, str]], room: int, ink: Ink) -> list[Part]:
    """Return the other measures of the last validation, as many as fit."""
    parts: list[Part] = []
    for name, value in measured:
        size = 3 + len(name) + 1 + len(value)
        if size <= room:
            parts += [(f"   {name} ", ink.muted), (value, ink.text)]
            room -= size
    return parts


def crossed(
    history: History, step: int, timeline: Timeline, lens: Lens, references: Sequence[str], ink: Ink
) -> list[list[Part]]:
    """Return the values of all curves at a known step, a word and a value each; what is likeliest to be cut is last."""
    at = int(np.searchsorted(history.step, step))
    found = [[("┃ ", ink.accent), ("step ", ink.muted), (f"{step:,}", ink.text)]]
    places = {}
    for axis, unit in (("tokens", " tokens"), ("time", " s")):
        along = history.along(axis)
        if along is not None:
            value = f"{along[at]:,.0f}" if axis == "tokens" else significant(float(along[at]))
            places[axis] = [(value, ink.text), (unit, ink.muted)]
    if timeline.axis in places:
        found.append(places.pop(timeline.axis))
    found.append(_named("train", float(history.train_loss[at]), ink))
    window = timeline.window(lens)
    if window > 1:
        found.append(_named("mean", _mean_at(history, at, window), ink))
    checked = int(np.searchsorted(history.validation_step, step, side="right")) - 1
    if checked >= 0:
        valid = _named("valid", float(history.validation_loss[checked]), ink)
        when = int(history.validation_step[checked])
        found.append(valid if when == step else [*valid, (f" at {when:,}", ink.muted)])
    found.append(_named("rate", float(history.learning_rate[at]), ink))
    found.append(_named("gradient", float(history.gradient_norm[at]), ink))
    return [*found, *places.values(), *([(label, ink.faint)] for label in references)]


def laid(parts: Sequence[list[Part]], width: int, most: int) -> list[Row]:
    """Return at most `most` lines of groups of words, without what follows the first group that does not fit."""
    lines: list[list[Part]] = [[]]
    for group in parts:
        used = sum(cell_len(text) for text, _ in lines[-1])
        size = sum(cell_len(text) for text, _ in group)
        if lines[-1] and used + 3 + size > width:
            if len(lines) == most:
                break
            lines.append([("  ", group[0][1])])
        elif lines[-1]:
            lines[-1].append(("   ", group[0][1]))
        lines[-1] += group
    return [Row(("crossed", tuple(line)), _painter(line)) for line in lines]


def ends(positions: F32, width: int, ink: Ink) -> list[Part]:
    """Return the loss at both ends of a sequence, and its trend."""
    finite = positions[np.isfinite(positions)]
    both = (float(finite[0]), float(finite[-1])) if len(finite) else (np.nan, np.nan)
    trend = trend_of(finite)
    if width >= 75:
        words = (" at the first position, ", f" at the last: {trend}")
    elif width >= 46:
        words = (" first, ", f" last, {trend}")
    else:
        words = (" → ", "")
    parts: list[Part] = []
    for end, word in zip(both, words, strict=True):
        parts += [(f"{significant(end):>5}", ink.accent), (word, ink.muted)]
    return parts


def trend_of(losses: np.ndarray) -> str:
    """Describe the change of the loss from the first eighth of the positions to the last half; losses (n,) finite."""
    if len(losses) < 2:
        return "too few positions"
    first, last = float(losses[: max(1, len(losses) // 8)].mean()), float(losses[len(losses) // 2 :].mean())
    if abs(last - first) <= _LEVEL * first:
        return "level: context does not help yet"
    return "falls as context builds up" if last < first else "rises with context"


def shares(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """Return the measures of the last validation besides the loss, with their names, as text."""
    found = ((name, snapshot.measures.get(name)) for name in snapshot.task.measures)
    return tuple((name.replace("_", " "), _said(name, value)) for name, value in found if isinstance(value, float))


def _said(name: str, value: float) -> str:
    """Return an error as a number, and a share in per cent."""
    return significant(value) if name.startswith("rmse") else f"{100 * value:.1f}%"


def _named(name: str, value: float, ink: Ink) -> list[Part]:
    return [(f"{name} ", ink.muted), (significant(value), ink.text)]


def _mean_at(history: History, at: int, window: int) -> float:
    """Return the trailing mean of the training loss at step number `at` of the history."""
    begin = int(np.searchsorted(history.step, history.step[at] - window, side="right"))
    part = slice(begin, at + 1)
    return float(trailing_mean(history.step[part], history.train_loss[part], window)[-1])


def _painter(parts: Sequence[Part]) -> Callable[[], list[Segment]]:
    return lambda: pieces(*parts)
