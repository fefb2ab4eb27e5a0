"""What the screen sees of a training: one frozen snapshot, pulled when the screen wants to paint.

No engine is imported here: a screen can be painted, and tested, without one.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.naming import described
from seqcore.records import F32, CompileProgress, History, Probe, References, Sample


class Phase(StrEnum):
    """What the session is doing. Only a change of phase is worth a message to the screen."""

    LOADING = "loading"  # reading the corpus, building the model
    COMPILING = "compiling"
    TRAINING = "training"
    PAUSED = "paused"
    FINISHED = "finished"  # a given number of steps is done
    DIVERGED = "diverged"  # a loss or gradient was not finite: parameters are those before it
    FAILED = "failed"  # `message` says what is wrong and what to do


@dataclass(frozen=True)
class ModelChoice:
    """What the model picker offers and returns."""

    family: str = "lstm"
    hidden: int = 256
    layers: int = 1
    dropout: float = 0.0
    batch: int = 32
    length: int = 64  # timesteps of a step; attention: also the context, so that no place of it stays untrained
    activation: str = "tanh"  # rnn
    heads: int = 4  # attention
    positions: str = "learned"  # attention
    context: int = field(default=0, compare=False)  # feedforward: told, not chosen; 0: `ModelConfig`'s own

    @property
    def label(self) -> str:
        """As the status line shows it: lstm 1×256, rnn 1×256 relu, attention 4×128, feedforward 8→256."""
        return described(self)

    def fields(self) -> dict[str, Any]:
        """What it sets of a `ModelConfig`; the rest is that one's own."""
        fields: dict[str, Any] = {
            "family": self.family,
            "hidden": self.hidden,
            "layers": self.layers,
            "dropout": self.dropout,
        }
        if self.family == "rnn":
            fields["activation"] = self.activation
        if self.family == "attention":
            fields |= {"heads": self.heads, "positions": self.positions, "context": self.length}
        if self.family == "feedforward" and self.context:
            fields["context"] = self.context
        return fields


@dataclass(frozen=True)
class CorpusChoice:
    """A line of the corpus picker."""

    name: str
    description: str
    characters: int


@dataclass(frozen=True)
class Snapshot:
    """The newest state of a session. `serial` grows with every snapshot; the rest is read as it stands."""

    serial: int = 0
    phase: Phase = Phase.LOADING
    message: str = ""  # of FAILED and DIVERGED, why; otherwise the last thing worth saying ("saved checkpoint-1200")
    corpus: str = ""
    model: ModelChoice = field(default_factory=ModelChoice)
    shape: ModelConfig | None = None  # all of the run's model and training; None until the corpus is read
    training: TrainingConfig | None = None
    parameters: int = 0
    tokens_by: str = "char"  # "char", "byte" or "word"
    vocabulary: int = 0  # distinct tokens; 0 until the corpus is read
    step: int = 0
    epoch: float = 0.0
    learning_rate: float = 0.0
    tokens_per_second: float = 0.0
    peak_share: float | None = None  # of the machine's measured peak, 0..1; None until it is known
    seconds: float = 0.0  # training time alone
    history: History = field(default_factory=History.empty)
    position_loss: F32 = field(default_factory=lambda: np.zeros(0, np.float32))  # (length,) batch mean at each position
    references: References | None = None
    probe_text: str = ""
    probe: Probe | None = None
    prompt: str = ""
    temperature: float = 0.8
    sample: Sample | None = None  # what is being written, or was written last
    earlier: tuple[Sample, ...] = ()  # finished ones kept from earlier steps, newest first, spread over the run
    compiling: CompileProgress | None = None  # while COMPILING
    checkpoint_step: int | None = None  # of the newest checkpoint on disk
    run: str = ""  # the run's name
    reopen: str = ""  # what is typed after --run for it: its name, or its path where it lies elsewhere
    threads: int = 0


class Session(Protocol):
    """What a screen may ask of a training. Every call returns at once; its effect shows in a later snapshot."""

    def snapshot(self) -> Snapshot:
        """The newest state."""

    def start(self) -> None:
        """Begin: load, compile, train."""

    def pause(self) -> None:
        """Stop after the step that is being made."""

    def resume(self) -> None:
        """Go on."""

    def one_step(self) -> None:
        """Train one step, and be paused after it."""

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate."""

    def set_temperature(self, temperature: float) -> None:
        """Of the writing."""

    def set_probe_text(self, text: str) -> None:
        """What is probed; "" takes a passage of the validation part."""

    def set_prompt(self, prompt: str) -> None:
        """What the writing begins with."""

    def next_passage(self) -> None:
        """Another passage of the validation part as probe text."""

    def set_probe_width(self, columns: int) -> None:
        """How many columns there are to draw a passage in."""

    def change_model(self, choice: ModelChoice) -> None:
        """A new run; corpus, probe text and prompt stay."""

    def change_corpus(self, name: str) -> None:
        """A new run on a sample corpus or a path."""

    def corpora(self) -> tuple[CorpusChoice, ...]:
        """The sample corpora."""

    def save(self) -> None:
        """Write a checkpoint now."""

    def recover(self) -> None:
        """After DIVERGED: the last good checkpoint, at half the rate."""

    def close(self, timeout: float = 2.0) -> bool:
        """Checkpoint and end; True when it ended in time."""
