"""The curves of a run as they grow: loss, rate, gradient norm, tokens and time of every step, and every validation."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard

import numpy as np

from seqcore.records import History, Updates
from seqcore.trainer import Step
from seqcore.update_sizes import UpdateSize


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value from a file is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


class HistoryLog:
    """Growing curves. Every step is kept: a spike must survive any zoom.

    Columns are append-only, so that a `record` consists of views and is free of cost however long the run is.
    """

    def __init__(self) -> None:
        self._columns = _columns(1024)
        self._count = 0
        self._validations: list[tuple[int, float]] = []
        self._validation_record = _validation_columns([])
        self._updates: list[tuple[int, Mapping[str, UpdateSize]]] = []

    @staticmethod
    def of(lines: Iterable[Mapping[str, Any]], updates: Iterable[Mapping[str, Any]] = ()) -> "HistoryLog":
        """Return the curves in untrusted metrics lines that have a step; values that are not numbers are left out.

        `updates` are lines of updates.jsonl, untrusted too.
        """
        log = HistoryLog()
        for line in updates:
            log.add_updates(line["step"], _sizes_in(line))
        for line in lines:
            rest = [line.get(key) for key in ("train_loss", "learning_rate", "gradient_norm")]
            if all(is_number(value) for value in rest):
                log._append(line["step"], *rest, *(_number(line.get(key)) for key in ("tokens", "seconds")))
            if is_number(line.get("validation_loss")):
                log.add_validation(line["step"], float(line["validation_loss"]))
        return log

    def _append(self, step: int, *values: Any) -> None:
        if self._count == self._columns[0].size:
            wider = _columns(2 * self._count)
            for new, old in zip(wider, self._columns, strict=True):
                new[: self._count] = old
            self._columns = wider
        for column, value in zip(self._columns, (step, *values), strict=True):
            column[self._count] = value
        self._count += 1

    def add(self, step: Step, tokens: int, seconds: float) -> None:
        """Append one training step, and how many tokens were read, and for how long, up to its end."""
        self._append(step.step, step.loss, step.learning_rate, step.gradient_norm, tokens, seconds)

    def add_validation(self, step: int, loss: float) -> None:
        """Append one validation."""
        self._validations.append((step, loss))

    def add_updates(self, step: int, sizes: Mapping[str, UpdateSize]) -> None:
        """Append the sizes of the updates of one step."""
        if sizes:
            self._updates.append((step, sizes))

    def updates(self) -> Updates:
        """Return the sizes of the updates so far. Any thread may ask, while one appends."""
        known = tuple(self._updates)
        names = tuple(dict.fromkeys(name for _, sizes in known for name in sizes))
        unknown = UpdateSize(math.nan, math.nan)
        rows = [[sizes.get(name, unknown) for name in names] for _, sizes in known]
        values = np.array(rows, np.float32).reshape(len(rows), len(names), 2)
        steps = np.array([step for step, _ in known], np.int64)
        return Updates(names, steps, values[:, :, 0].copy(), values[:, :, 1].copy())

    def record(self) -> History:
        """Return the curves as they are now."""
        step, loss, rate, norm, tokens, seconds = (_read_only(column[: self._count]) for column in self._columns)
        if len(self._validations) != self._validation_record[0].size:
            self._validation_record = _validation_columns(self._validations)
        return History(step, loss, rate, norm, *self._validation_record, tokens, seconds)


def sizes_line(step: int, sizes: Mapping[str, UpdateSize]) -> dict[str, Any]:
    """Return a line of updates.jsonl; four digits are enough to be drawn."""
    rounded = {name: [float(f"{value:.4g}") for value in size] for name, size in sizes.items()}
    return {"step": step, "updates": rounded}


def _sizes_in(line: Mapping[str, Any]) -> dict[str, UpdateSize]:
    """Return what `sizes_line` wrote, without what is not valid."""
    found, sizes = line.get("updates"), {}
    for name, pair in found.items() if isinstance(found, dict) else ():
        if isinstance(pair, list) and len(pair) == 2 and all(is_number(value) and value >= 0 for value in pair):
            sizes[name] = UpdateSize(float(pair[0]), float(pair[1]))
    return sizes


def _columns(size: int) -> tuple[Any, ...]:
    """Return empty columns for steps, losses, rates, norms, tokens and seconds."""
    return (np.zeros(size, np.int64), *(np.zeros(size, np.float32) for _ in range(3)), np.zeros(size), np.zeros(size))


def _number(value: object) -> float:
    return float(value) if is_number(value) else math.nan


def _read_only(view: Any) -> Any:
    view.flags.writeable = False
    return view


def _validation_columns(rows: list[tuple[int, float]]) -> tuple[Any, Any]:
    steps, losses = zip(*rows, strict=True) if rows else ((), ())
    return np.array(steps, np.int64), np.array(losses, np.float32)
