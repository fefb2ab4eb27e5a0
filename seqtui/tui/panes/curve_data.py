"""The curves of a run as named arrays, a row for each step."""

import numpy as np
from seqcore.records import F32, I64, History

from seqtui.tui.widgets.arrays import Arrays


def by_step(history: History) -> Arrays:
    """Return the curves over all steps that have a loss or a validation; NaN where one has no value."""
    steps = np.union1d(history.step, history.validation_step)
    found: Arrays = {"step": steps}
    for name in ("train_loss", "learning_rate", "gradient_norm"):
        found[name] = spread(steps, history.step, getattr(history, name))
    found["validation_loss"] = spread(steps, history.validation_step, history.validation_loss)
    return found


def spread(steps: I64, known: I64, values: F32) -> F32:
    """Return the values at `steps`, which hold all the `known` ones; NaN at the others."""
    found = np.full(len(steps), np.nan, np.float32)
    found[np.searchsorted(steps, known)] = values
    return found
