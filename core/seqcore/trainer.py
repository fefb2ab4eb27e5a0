"""Training step by step, and validation. Independent of screen and files; measures its own training time.

The same seed gives bit-identical weights for any number of threads, and k + k steps the same as 2k if the state
(`Trainer.state`) is carried over between them. Only a cosine schedule with an end in minutes depends on the clock.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seqcore.config import ModelConfig, TrainingConfig
from seqcore.data.batches import Batches, validation_batches
from seqcore.errors import SeqError
from seqcore.model import Workspace, build, initial, workspace
from seqcore.optimizer import AdamW, Schedule
from seqcore.parameters import Parameters
from seqcore.records import F32, I32

VALIDATION_ROWS = 64  # pieces of the held-out part that are read in parallel
VALIDATION_LENGTH = 32
VALIDATION_WARM = 128  # tokens read before each piece, excluded from the loss


@dataclass(frozen=True)
class Step:
    """The result of one training step. `finite` False: loss or gradient was not finite, and nothing was updated."""

    step: int  # number of steps so far, including this one
    loss: float  # mean over the batch, nats per token
    position_loss: F32  # (T,) mean over the batch at each timestep
    gradient_norm: float  # before clipping
    learning_rate: float
    seconds: float
    finite: bool = True


def validation_shape(config: ModelConfig) -> tuple[int, int]:
    """Return the number of timesteps and the maximum number of rows of a validation batch."""
    if config.family != "attention":
        return VALIDATION_LENGTH, VALIDATION_ROWS
    return config.context, max(1, VALIDATION_LENGTH * VALIDATION_ROWS // config.context)


class Trainer:
    """A model, its optimiser and its position in the corpus.

    train, validation: token ids (n,) int32. `parameters` None: initialised from the seed.
    Raises SeqError if the corpus is too short for batch and length, a token id is outside the vocabulary, or length
    exceeds the context of an attention model.
    """

    def __init__(
        self,
        config: ModelConfig,
        training: TrainingConfig,
        train: I32,
        validation: I32,
        parameters: Parameters | None = None,
    ) -> None:
        for part in (train, validation):
            if part.size and not (int(part.min()) >= 0 and int(part.max()) < config.vocabulary_size):
                raise SeqError(f"a token id is outside the vocabulary of {config.vocabulary_size} tokens")
        if config.family == "attention" and training.length > config.context:
            raise SeqError(
                f"length {training.length}: must not exceed the context length of the model, {config.context}"
            )
        self.config, self.training = config, training
        self.batches = Batches(train, training.batch, training.length, training.sampling, training.seed)
        self.validation = validation
        self.parameters = parameters or initial(config, training.seed)
        self.model = build(config, self.parameters)
        self.optimizer = AdamW(self.parameters.size, (training.beta1, training.beta2))
        self.schedule = Schedule(training.schedule, training.warmup_steps, training.final_rate)
        self.work = workspace(config, training.length, training.batch)
        self.steps = 0
        self.seconds = 0.0
        self.rate_scale = 1.0  # factor on the rate, set by the user during the run
        self._packed = False
        self._validation_work: tuple[int, Workspace] | None = None

    def retrain(self, training: TrainingConfig) -> None:
        """Continue with other settings. Raises SeqError if they would change the batches."""
        for name in ("batch", "length", "sampling", "seed", "tokens_by", "validation"):
            if getattr(training, name) != getattr(self.training, name):
                raise SeqError(f"{name} cannot change within a run: it is {getattr(self.training, name)}")
        self.training = training
        self.schedule = Schedule(training.schedule, training.warmup_steps, training.final_rate)

    @property
    def tokens(self) -> int:
        """Tokens trained on."""
        return self.steps * self.training.batch * self.training.length

    @property
    def epoch(self) -> float:
        """Number of passes over the training part, fractional."""
        return self.batches.epoch(self.steps)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        progress = self.training.decay(self.steps, self.seconds)
        return self.training.learning_rate * self.rate_scale * self.schedule.factor(self.steps, progress)

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
        batch, rate = self.batches.at(self.steps), self.learning_rate
        if batch.fresh:
            self.work.reset()
        self._pack()
        losses = self.model.losses_and_gradient(batch.tokens, batch.targets, self.work, self.training.seed, self.steps)
        position = np.add.reduce(losses, 1, np.float64) / losses.shape[1]  # `mean` is slower
        loss, norm = float(np.add.reduce(position)) / len(position), self.optimizer.norm(self.model.gradient.flat)
        finite = math.isfinite(loss) and math.isfinite(norm)
        if finite:
            self._update(rate, norm)
        spent = time.perf_counter() - start
        self.seconds += spent
        return Step(self.steps, loss, position.astype(np.float32), norm, rate, spent, finite)

    def _update(self, rate: float, norm: float) -> None:
        clip = self.training.clip
        scale = min(1.0, clip / (norm + 1e-6)) if clip else 1.0
        p = self.parameters
        self.optimizer.update(p.flat, self.model.gradient.flat, rate, scale, self.training.weight_decay, p.decayed)
        self._packed = False
        self.work.carry()
        self.steps += 1

    def validate(self, stop: Callable[[], bool] = lambda: False) -> float:
        """Return the mean held-out loss, nats per token; NaN without targets or if `stop` returns True."""
        return self.evaluate(self.validation, stop)

    def evaluate(self, tokens: I32, stop: Callable[[], bool] = lambda: False) -> float:
        """Return the mean loss over every token of `tokens` (n,) but the first; NaN as in `validate`.

        The hidden state is carried through; attention, which has none, reads one context after another.
        """
        if tokens.size < 2:
            return math.nan
        length, most = validation_shape(self.config)
        warm = max(VALIDATION_WARM, self.config.context - 1) if self.work.state() else 0
        rows = max(1, min(most, (tokens.size - 1) // (2 * VALIDATION_WARM), (tokens.size - 1) // max(1, warm)))
        if self._validation_work is None or self._validation_work[0] != rows:
            self._validation_work = rows, workspace(self.config, length, rows, backward=False)
        work = self._validation_work[1]
        self._pack()
        work.reset()
        batches, warm = validation_batches(tokens, rows, length, warm)
        total, count = 0.0, 0
        for n, batch in enumerate(batches):
            if stop():
                return math.nan
            if n == warm:
                work.reset(slice(0, 1))  # the first piece has no context before it
            losses = self.model.losses(batch.tokens, batch.targets, work)
            counted = losses[batch.targets >= 0]
            total, count = total + float(counted.sum(dtype=np.float64)), count + counted.size
            work.carry()
        return total / count

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return copies of all arrays that the next step depends on, by name."""
        arrays = {f"parameters.{name}": view.copy() for name, view in self.parameters.items()}
        for name, flat in (("m", self.optimizer.m), ("v", self.optimizer.v)):
            arrays |= {f"{name}.{key}": view.copy() for key, view in Parameters(self.parameters.shapes, flat).items()}
        return arrays | {f"state.{name}": view.copy() for name, view in self.work.state().items()}

    def _state_shapes(self) -> dict[str, tuple[int, ...]]:
        parts = ("parameters", "m", "v")
        named = {f"{part}.{name}": shape for part in parts for name, shape in self.parameters.shapes.items()}
        return named | {f"state.{name}": view.shape for name, view in self.work.state().items()}

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
        for name, view in self.work.state().items():
            view[:] = arrays[f"state.{name}"]
        self.steps, self.optimizer.updates = steps, updates
        self.seconds, self.rate_scale = seconds, rate_scale
        self._packed = False
