"""Running on: a model that predicts the next real values reads its own predictions."""

import numpy as np

from seqcore.records import F32
from seqcore.serial import SerialModel


def run_on(model: SerialModel, past: F32, steps: int) -> F32:
    """Return the next values (steps, D) after `past` (T, D), T >= 1, as the model was trained: standardised."""
    state = model.initial_state()
    predicted: F32 = np.zeros(past.shape[1], np.float32)
    for row in past:
        predicted = model.read(row, state).copy()
    found = np.empty((steps, past.shape[1]), np.float32)
    for step in range(steps):
        found[step] = predicted
        if step + 1 < steps:
            predicted = model.read(predicted, state).copy()
    return found


def same_as_last(past: F32, steps: int) -> F32:
    """Return the last values of `past` (T, D), (steps, D): what needs no model."""
    return np.repeat(past[-1:], steps, axis=0)


def same_velocity(past: F32, steps: int) -> F32:
    """Return the values (steps, D) that go on from `past` (T, D) as from its last row but one to the last."""
    velocity = past[-1] - past[-2] if len(past) > 1 else np.zeros_like(past[-1])
    ahead: F32 = past[-1] + np.arange(1, steps + 1, dtype=np.float32)[:, None] * velocity
    return ahead
