"""Benchmarks: peak speed of matrix products, the share of it reached by each training phase, generation speed."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcore.arrays import NO_VECTOR
from seqcore.config import RECURRENT, ModelConfig, TrainingConfig
from seqcore.data.vocabulary import Vocabulary
from seqcore.generate import Writer
from seqcore.layers.linear import project
from seqcore.model import initial
from seqcore.models.clocked import PHASES, Clocked
from seqcore.models.stack import CELLS
from seqcore.packing import Packed
from seqcore.sampling import Sampling
from seqcore.serial import serial_model
from seqcore.tasks.language import TokenData
from seqcore.team import team
from seqcore.trainer import Trainer


def measure_peak(seconds: float = 0.05) -> float:
    """Return the peak floating-point operations per second of the packed product, in cache, on all threads in use."""
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
            project(x, K, W.panels, NO_VECTOR, y, False, team())
        best = max(best, 4 * work / (time.perf_counter() - start))
    return best


@dataclass(frozen=True)
class StepTime:
    """Median times of the measured steps, in seconds, and the floating-point operations of a step."""

    config: ModelConfig
    training: TrainingConfig
    seconds: float
    work: float
    phases: dict[str, float]  # seconds
    phase_work: dict[str, float]  # operations, only for the phases that multiply matrices

    @property
    def tokens_per_second(self) -> float:
        """Return the training throughput in tokens per second."""
        return self.training.batch * self.training.length / self.seconds

    def peak_share(self, peak: float) -> float:
        """Return the share, 0..1, of `peak` operations per second that a step reaches."""
        return self.work / (self.seconds * peak)

    def phase_shares(self, peak: float) -> dict[str, float]:
        """Return the same per phase, for phases that multiply matrices."""
        return {name: work / (self.phases[name] * peak) for name, work in self.phase_work.items()}


def phase_work(config: ModelConfig) -> dict[str, float]:
    """Return the floating-point operations per token of each phase that multiplies matrices.

    They sum to the model's `work_per_token`: 2 per weight in every phase that multiplies it. The "head" phase includes
    the gradient of the head's input.
    """
    H, L = config.hidden, config.layers
    head = 2.0 * H * config.logits
    if config.family in RECURRENT:
        scan = 2.0 * CELLS[config.family].products * H * H * (2 * L - 1)  # the input of layer 0 is a table lookup
        return {"scan forward": scan, "head": 2 * head, "scan backward": scan, "weight gradients": scan + head}
    if config.family == "feedforward":
        product = 2.0 * H * config.context * config.embedding
        return {"forward": product, "head": 2 * head, "backward": product, "weight gradients": product + head}
    weights, pairs = 24.0 * L * H * H, 2.0 * L * H * (config.context + 1)  # q k and A v, for the average timestep
    return {"forward and back": 2 * weights + 3 * pairs + 2 * head, "weight gradients": weights + head}


class _Clock:
    """The time spent in wrapped methods, per phase of one step."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(PHASES, 0.0)

    def wrap(self, owner: Any, method: str, phase: str, inside: str | None = None) -> None:
        """Count time in `owner.method` as `phase`; `inside` names a phase timed within it and subtracted."""
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
        """Time one step; time outside wrapped methods counts as "rest"."""
        self.spent = dict.fromkeys(PHASES, 0.0)
        start = time.perf_counter()
        yield
        self.spent["rest"] = time.perf_counter() - start - sum(self.spent.values())


def trainer_of(config: ModelConfig, training: TrainingConfig) -> Trainer:
    """Return a trainer on random tokens, a few steps old. Kernels must be compiled."""
    tokens = np.random.default_rng(0).integers(0, config.vocabulary_size, 4 * training.batch * training.length + 1)
    trainer = Trainer(config, training, TokenData(tokens.astype(np.int32), np.zeros(0, np.int32)))
    for _ in range(3):
        trainer.step()
    return trainer


def time_training(config: ModelConfig, training: TrainingConfig, seconds: float = 2.0) -> StepTime:
    """Train on random tokens for `seconds`. Kernels must be compiled; call from the training thread only."""
    trainer = trainer_of(config, training)
    clock = _Clock()
    for part in (*trainer.model.clocked(), Clocked(trainer.optimizer, "norm", "optimizer"),
                 Clocked(trainer.optimizer, "update", "optimizer")):  # fmt: skip
        clock.wrap(*part)
    rows: list[dict[str, float]] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(rows) < 5:
        with clock.step():
            trainer.step()
        rows.append(clock.spent)
    used = [phase for phase in PHASES if any(row[phase] for row in rows)]
    size = training.batch * training.length
    return StepTime(
        config, training, statistics.median(sum(row.values()) for row in rows), size * trainer.work_per_token(),
        {phase: statistics.median(row[phase] for row in rows) for phase in used},
        {phase: size * work for phase, work in phase_work(config).items()},
    )  # fmt: skip


def time_writing(config: ModelConfig, seconds: float = 1.0) -> float:
    """Return the generation speed of one stream, characters per second: the median over pieces.

    Serial, for any thread; kernels must be compiled.
    """
    first = 0x10000  # followed by enough code points for any vocabulary size
    vocabulary = Vocabulary("char", tuple(map(chr, range(first, first + config.vocabulary_size))))
    writer = Writer(serial_model(config, initial(config, 1)), vocabulary, "", Sampling(), 1)
    piece = max(64, 2 * config.context)  # long enough to fill the context and start a new one

    def write() -> float:
        start = time.perf_counter()
        for _ in range(piece):
            next(writer)
        return time.perf_counter() - start

    write()  # warm up the caches
    spent: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or not spent:
        spent.append(write())
    return piece / statistics.median(spent)
