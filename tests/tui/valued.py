"""Probes and snapshots of tasks with real values: a forecast, an answer at the end, a row of numbers."""

from dataclasses import replace

import numpy as np
from seqcore.records import Boundary, Probe, Series

from seqtui.live.snapshot import Phase, Snapshot, TaskInfo
from tests.tui.judging import judge
from tests.tui.scripted import make_probe

FORECAST = TaskInfo(
    "forecast", "values", "row", "squared deviations", "row", generates=False, passages=False, measures=("rmse",),
    fixed=("sampling", "tokens_by"), examples=40,
)  # fmt: skip
ROWS = TaskInfo(
    "classify-rows", "boundary", "row", "nats per row", "row", generates=False, passages=False,
    classes=("no", "yes"), measures=("accuracy",), fixed=("length", "sampling", "tokens_by"), examples=300,
)  # fmt: skip
STEPS = 24


def _blank(T: int) -> Probe:
    """A probe of real inputs: a bar for each timestep, and no guesses."""
    none = np.zeros((T, 0), np.int32)
    return replace(
        make_probe("▁" * T, 600, 16, 1), top_tokens=none, top_symbols=((),) * T, top_probability=none.astype(np.float32)
    )


def thrown(T: int = STEPS, off: float = 0.01, ahead: int = 8) -> Probe:
    """A straight flight (0.1 t, 2 + 0.05 t), forecast `off` too far for each timestep ahead."""
    t = np.arange(T)
    read = np.stack([0.1 * t, 2 + 0.05 * t], axis=1)
    predicted = read + off
    predicted[0] = np.nan
    steps = np.arange(1, ahead + 1)[:, None]
    ran = read[:, None] + steps[None] * (np.array([0.1, 0.05]) + off)
    return replace(_blank(T), series=Series(("x", "y"), read, ("x", "y"), predicted, read, t, ran))


def summed(T: int = STEPS, right: float = 1.25, known: bool = True) -> Probe:
    """Marked numbers, and an answer that comes nearer to what is right."""
    read = np.zeros((T, 2))
    read[:, 0], read[[3, 15], 1] = np.linspace(0, 1, T), 1
    predicted = np.linspace(0.5, right - 0.02, T)[:, None]
    wanted = np.full((T, 1), np.nan)
    if known:
        wanted[-1] = right
    none = np.zeros((0, 0, 1))
    return replace(
        _blank(T), series=Series(("number", "mark"), read, ("sum",), predicted, wanted, np.zeros(0, np.int64), none)
    )


def graded(label: int | None = 1) -> Probe:
    """A row of two numbers and what is said over the plane around it: more of "yes" to the right."""
    share = np.repeat(np.linspace(0, 1, 9)[None], 9, axis=0).astype(np.float32)
    shares = np.stack([1 - share, share], axis=-1)[None]
    here, low, high = np.array([6.0, 50.0]), np.array([0.0, 0.0]), np.array([10.0, 100.0])
    probe = judge(make_probe("6", 600, 16, 1), label, ROWS.classes)
    assert probe.verdict is not None
    probe.verdict.probability[:] = [[0.2, 0.8]]
    return replace(probe, symbols=("6 50",), boundary=Boundary(("hours", "marks"), low, high, here, ((0, 1),), shares))


def shown(probe: Probe, task: TaskInfo = FORECAST, **more: object) -> Snapshot:
    """A snapshot with a probe of the second held-out example, and measures."""
    measures = {"loss": 0.004, "rmse": 0.0137, "rmse_by_column": {"x": 0.0142, "y": 0.0132}, "examples": 40}
    made = Snapshot(phase=Phase.TRAINING, task=task, probe=probe, example=1, measures=measures, measured_step=200)
    return replace(made, **more)  # type: ignore[arg-type]  # fields of a snapshot
