"""The curves of a run as named arrays, a row for each step."""

from typing import TypeVar

import numpy as np
from seqcore.records import F32, F64, I64, History

from seqtui.tui.widgets.arrays import Arrays

Values = TypeVar("Values", F32, F64)


def by_step(history: History) -> Arrays:
    """Return the curves over all steps that have a loss or a validation; NaN where one has no value."""
    steps = np.union1d(history.step, history.validation_step)
    found: Arrays = {"step": steps}
    for name in ("train_loss", "learning_rate", "gradient_norm"):
        found[name] = spread(steps, history.step, getattr(history, name))
    for axis, name in (("tokens", "tokens"), ("time", "seconds")):
        at = history.along(axis)
        if at is not None:
            column: F64 = spread(steps, history.step, at)
            found[name] = column
    found["validation_loss"] = spread(steps, history.validation_step, history.validation_loss)
    return found


def spread(steps: I64, known: I64, values: Values) -> Values:
    """Return the values at `steps`, which hold all the `known` ones; NaN at the others."""
    found = np.full(len(steps), np.nan, values.dtype)
    found[np.searchsorted(steps, known)] = values
    return found
