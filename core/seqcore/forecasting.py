"""Running on: a model that predicts the next real values reads its own predictions."""

import numpy as np

from seqcore.records import F32, I64
from seqcore.serial import SerialModel


def run_on(model: SerialModel, past: F32, steps: int) -> F32:
    """Return the next values (steps, D) after `past` (T, D), T >= 1, as the model was trained: standardised."""
    found: F32 = run_on_from(model, past, np.array([len(past) - 1]), steps)[0]
    return found


def run_on_from(model: SerialModel, rows: F32, starts: I64, steps: int) -> F32:
    """Return what the model forecasts after each of the rows `starts` (n,), ascending, of `rows` (T, D).

    The result (n, steps, D) is standardised, as the rows are.
    """
    state, wanted = model.initial_state(), {int(start): place for place, start in enumerate(starts)}
    found = np.empty((len(starts), steps, rows.shape[1]), np.float32)
    for at, row in enumerate(rows[: int(starts[-1]) + 1]):
        predicted = model.read(row, state).copy()
        if at not in wanted:
            continue
        branch = model.fork(state) if steps > 1 else state
        for step in range(steps):
            found[wanted[at], step] = predicted
            if step + 1 < steps:
                predicted = model.read(predicted, branch).copy()
    return found


def same_as_last(past: F32, steps: int) -> F32:
    """Return the last values of `past` (T, D), (steps, D): what needs no model."""
    return np.repeat(past[-1:], steps, axis=0)


def same_velocity(past: F32, steps: int) -> F32:
    """Return the values (steps, D) that go on from `past` (T, D) as from its last row but one to the last."""
    velocity = past[-1] - past[-2] if len(past) > 1 else np.zeros_like(past[-1])
    ahead: F32 = past[-1] + np.arange(1, steps + 1, dtype=np.float32)[:, None] * velocity
    return ahead
