"""How fast this machine multiplies, and how much of that a training step uses, phase by phase."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.gemm import Packed
from seqcore.jit import TEAM
from seqcore.layers.linear import NO_BIAS, project
from seqcore.models.clocked import PHASES, Clocked
from seqcore.trainer import Trainer


def measure_peak(seconds: float = 0.05) -> float:
    """Floating-point operations a second that the packed product reaches on all threads in use, in its caches."""
    M, K, N = 1024, 256, 64
    draw = np.random.default_rng(0)
    x, W = draw.standard_normal((M, K), np.float32), Packed(draw.standard_normal((K, N), np.float32))
    W.pack()
    y = np.zeros((M, W.panels.shape[0] * W.panels.shape[2]), np.float32)
    work, best = 2.0 * M * K * y.shape[1], 0.0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or not best:
        start = time.perf_counter()
        for _ in range(4):
            project(x, K, W.panels, NO_BIAS, y, False, TEAM)
        best = max(best, 4 * work / (time.perf_counter() - start))
    return best


@dataclass(frozen=True)
class StepTime:
    """Medians over the steps measured, in seconds; `peak_share` of `measure_peak`, 0..1."""

    config: ModelConfig
    training: TrainingConfig
    seconds: float
    tokens_per_second: float
    peak_share: float
    phases: dict[str, float]


class _Clock:
    """Sums the time spent in wrapped methods since the last reading."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PHASES, 0.0)

    def wrap(self, owner: Any, method: str, phase: str, inside: str | None = None) -> None:
        """Count owner.method as `phase`; `inside` names a phase that is measured within it and taken off."""
        call: Callable[..., Any] = getattr(owner, method)

        def timed(*args: Any, **named: Any) -> Any:
            before = self.spent[inside] if inside else 0.0
            start = time.perf_counter()
            result = call(*args, **named)
            within = self.spent[inside] - before if inside else 0.0
            self.spent[phase] += time.perf_counter() - start - within
            return result

        setattr(owner, method, timed)

    @contextmanager
    def step(self) -> Iterator[None]:
        """One step; what no wrapped method spent is the rest."""
        self.spent = dict.fromkeys(PHASES, 0.0)
        start = time.perf_counter()
        yield
        self.spent["rest"] = time.perf_counter() - start - sum(self.spent.values())


def time_training(config: ModelConfig, training: TrainingConfig, seconds: float = 2.0, peak: float = 0.0) -> StepTime:
    """Train on random tokens for `seconds`. Kernels must be compiled; for the thread that runs parallel ones."""
    tokens = np.random.default_rng(0).integers(0, config.vocabulary_size, 4 * training.batch * training.length + 1)
    trainer = Trainer(config, training, tokens.astype(np.int32), np.zeros(0, np.int32))
    clock = _Clock()
    for part in (*trainer.model.clocked(), Clocked(trainer.optimizer, "norm", "optimizer"),
                 Clocked(trainer.optimizer, "update", "optimizer")):  # fmt: skip
        clock.wrap(*part)
    for _ in range(3):
        trainer.step()
    rows: list[dict[str, float]] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(rows) < 5:
        with clock.step():
            trainer.step()
        rows.append(clock.spent)
    median = statistics.median(sum(row.values()) for row in rows)
    rate = training.batch * training.length / median
    return StepTime(
        config, training, median, rate, rate * trainer.work_per_token() / (peak or measure_peak()),
        {phase: statistics.median(row[phase] for row in rows) for phase in PHASES if any(row[phase] for row in rows)},
    )  # fmt: skip
