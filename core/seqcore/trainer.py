"""Training step by step, and validation. Independent of screen and files; measures its own training time.

The same seed gives bit-identical weights for any number of threads, and k + k steps the same as 2k if the state
(`Trainer.state`) is carried over between them. Only a cosine schedule and a decay of teacher forcing with an end in
minutes depend on the clock.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqcore.arrays import unmasked
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.errors import SeqError
from seqcore.evaluation import Evaluator
from seqcore.model import build, initial, workspaces
from seqcore.models.teaching import Teaching
from seqcore.optimizer import AdamW, Schedule
from seqcore.parameters import Parameters
from seqcore.records import F32, Targets
from seqcore.tasks.task import Data, Measures
from seqcore.team import TEAM
from seqcore.threads import Fastest
from seqcore.update_sizes import UpdateSize, update_sizes


@dataclass(frozen=True)
class Step:
    """The result of one training step. `finite` False: loss or gradient was not finite, and nothing was updated."""

    step: int  # number of steps so far, including this one
    loss: float  # mean over the targets of the batch: nats, without label smoothing, or squared error
    gradient_norm: float  # before clipping
    learning_rate: float
    seconds: float
    finite: bool = True


class Trainer:
    """A model, its optimiser and its position in the examples of a task.

    `parameters` None: initialised from the seed. Raises SeqError if there are too few examples for a batch, the model
    cannot read them, or their length exceeds the context of an attention model.
    """

    def __init__(
        self,
        config: ModelConfig,
        training: TrainingConfig,
        data: Data,
        parameters: Parameters | None = None,
    ) -> None:
        data.check(config)
        training.check(config)
        self.feed = data.feed(training)
        longest = self.feed.lengths[-1]
        if config.family == "attention" and not config.decodes and longest > config.context:
            raise SeqError(f"length {longest}: must not exceed the context length of the model, {config.context}")
        self.config, self.training = config, training
        self.data = data
        self.parameters = parameters or initial(config, training.seed)
        self.model = build(config, self.parameters)
        self.optimizer = AdamW(self.parameters.size, (training.beta1, training.beta2))
        self.schedule = Schedule(training.schedule, training.warmup_steps, training.final_rate)
        self._works = workspaces(config, self.feed.lengths, self.feed.rows)
        self.steps = 0
        self.seconds = 0.0
        self.rate_scale = 1.0  # factor on the rate, set by the user during the run
        self._packed = False
        self._threads = Fastest()
        self._evaluator = Evaluator(config, self.model)
        self.since = 0, 0  # the step from which on these examples are read, and the tokens trained on before

    def turn(self, training: TrainingConfig, data: Data) -> None:
        """Continue with the same weights and optimiser on other examples of the same task.

        Raises SeqError, and changes nothing, if the model cannot read them.
        """
        data.check(self.config)
        feed = data.feed(training)
        works = workspaces(self.config, feed.lengths, feed.rows)
        self.since = self.steps, self.tokens
        self.training, self.data, self.feed, self._works = training, data, feed, works
        self._evaluator = Evaluator(self.config, self.model)

    def retrain(self, training: TrainingConfig) -> None:
        """Continue with other settings. Raises SeqError if they would change the batches."""
        for name in ("batch", "length", "sampling", "seed", "tokens_by", "validation"):
            if getattr(training, name) != getattr(self.training, name):
                raise SeqError(f"{name} cannot change within a run: it is {getattr(self.training, name)}")
        self.training = training
        self.schedule = Schedule(training.schedule, training.warmup_steps, training.final_rate)

    @property
    def tokens(self) -> int:
        """Timesteps trained on, without padding."""
        step, tokens = self.since
        return tokens + self.feed.tokens(self.steps) - self.feed.tokens(step)

    @property
    def epoch(self) -> float:
        """Number of passes over the training part, fractional."""
        return self.feed.epoch(self.steps)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        progress = self.training.decay(self.steps, self.seconds)
        return self.training.learning_rate * self.rate_scale * self.schedule.factor(self.steps, progress)

    @property
    def threads(self) -> int:
        """The number of threads in use; where they are free to choose, the fastest found so far."""
        return TEAM.threads

    @property
    def done(self) -> bool:
        """True if the run has an end and has reached it."""
        last, minutes = self.training.last_step(), self.training.minutes
        return (last is not None and self.steps >= last) or (minutes is not None and self.seconds >= 60 * minutes)

    def work_per_token(self) -> float:
        """Return the floating-point operations per token of training."""
        return self.model.work_per_token()

    def _pack(self) -> None:
        if not self._packed:
            self.model.pack()
            self._packed = True

    def step(self) -> Step:
        """Run one batch forward and backward, then update; nothing is updated if loss or gradient is not finite."""
        start = time.perf_counter()
        batch, rate = self.feed.at(self.steps), self.learning_rate
        work = self._works[len(batch.inputs)]
        if batch.fresh:
            work.reset()
        self._threads.before()
        self._pack()
        teaching = Teaching(self.training.label_smoothing, self.training.forcing(self.steps, self.seconds))
        losses = self.model.losses_and_gradient(
            batch.inputs, batch.targets, work, self.training.seed, self.steps, teaching
        )
        loss, norm = _mean(losses, batch.targets), self.optimizer.norm(self.model.gradient.flat)
        finite = math.isfinite(loss) and math.isfinite(norm)
        if finite:
            self._update(rate, norm)
            work.carry()
        spent = time.perf_counter() - start
        self._threads.after(spent, losses.size)
        self.seconds += spent
        return Step(self.steps, loss, norm, rate, spent, finite)

    def _update(self, rate: float, norm: float) -> None:
        clip = self.training.clip
        scale = min(1.0, clip / (norm + 1e-6)) if clip else 1.0
        p = self.parameters
        self.optimizer.update(p.flat, self.model.gradient.flat, rate, scale, self.training.weight_decay, p.decayed)
        self._packed = False
        self.steps += 1

    def update_sizes(self, step: Step) -> dict[str, UpdateSize]:
        """Return how large the gradients and the updates of `step`, the last one, were. Changes nothing."""
        decay = self.training.weight_decay
        return update_sizes(self.parameters, self.model.gradient, self.optimizer, step.learning_rate, decay)

    def validate(self, stop: Callable[[], bool] = lambda: False) -> Measures:
        """Return the measures of the held-out part; empty without one, or if `stop` returns True."""
        self._pack()
        return self._evaluator.measures(self.data, stop)

    def forget_state(self) -> None:
        """Drop the carried state: it belongs to another text."""
        if self.feed.carries:
            self._works[self.feed.lengths[0]].reset()

    def _carried(self) -> Mapping[str, F32]:
        """Return views of the state that is carried from batch to batch."""
        return self._works[self.feed.lengths[0]].state() if self.feed.carries else {}

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return copies of all arrays that the next step depends on, by name."""
        arrays = {f"parameters.{name}": view.copy() for name, view in self.parameters.items()}
        for name, flat in (("m", self.optimizer.m), ("v", self.optimizer.v)):
            arrays |= {f"{name}.{key}": view.copy() for key, view in Parameters(self.parameters.shapes, flat).items()}
        return arrays | {f"state.{name}": view.copy() for name, view in self._carried().items()}

    def _state_shapes(self) -> dict[str, tuple[int, ...]]:
        parts = ("parameters", "m", "v")
        named = {f"{part}.{name}": shape for part in parts for name, shape in self.parameters.shapes.items()}
        return named | {f"state.{name}": view.shape for name, view in self._carried().items()}

    def numbers(self) -> dict[str, float | int]:
        """Return all scalars that the next step depends on, by name."""
        return {
            "steps": self.steps,
            "updates": self.optimizer.updates,
            "seconds": self.seconds,
            "rate_scale": self.rate_scale,
        }

    def restore(self, arrays: Mapping[str, F32], numbers: Mapping[str, float | int]) -> None:
        """Load a `state` and its `numbers`. Raises SeqError, and changes nothing, if they do not match this model."""
        for name, shape in self._state_shapes().items():
            if name not in arrays:
                raise SeqError(f"the checkpoint has no {name}: it belongs to a different model")
            if arrays[name].shape != shape or arrays[name].dtype != np.float32:
                raise SeqError(f"{name} has shape {arrays[name].shape}, this model needs {shape}")
        try:
            steps, updates = int(numbers["steps"]), int(numbers["updates"])
            seconds, rate_scale = float(numbers["seconds"]), float(numbers["rate_scale"])
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise SeqError(f"missing or invalid number in the checkpoint: {error}") from None
        if min(steps, updates) < 0 or not (0 <= seconds < math.inf and 0 < rate_scale < math.inf):
            raise SeqError("invalid checkpoint state; use an earlier checkpoint")
        for name, view in self.parameters.items():
            view[:] = arrays[f"parameters.{name}"]
        for prefix, flat in (("m", self.optimizer.m), ("v", self.optimizer.v)):
            for name, view in Parameters(self.parameters.shapes, flat).items():
                view[:] = arrays[f"{prefix}.{name}"]
        for name, view in self._carried().items():
            view[:] = arrays[f"state.{name}"]
        self.steps, self.optimizer.updates = steps, updates
        self.seconds, self.rate_scale = seconds, rate_scale
        self._packed = False


def _mean(losses: F32, targets: Targets) -> float:
    """Return the mean of losses (T, B) over the targets that are not masked, in float64."""
    counts = unmasked(targets)
    if not counts.all():
        counted = losses[counts]
        return float(np.add.reduce(counted, dtype=np.float64)) / max(1, counted.size)
    position = np.add.reduce(losses, 1, np.float64) / losses.shape[1]  # `mean` is slower
    return float(np.add.reduce(position)) / len(position)
