"""What the screen sees of a training session: one frozen snapshot, pulled whenever the screen wants to paint.

This file does not import the engine, so that a screen can be painted and tested without one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.naming import described
from seqcore.records import F32, CompileProgress, History, Probe, References, Sample, Tally
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.about import CorpusChoice, TaskInfo
from seqtui.live.earlier import Earlier

__all__ = ["GRAVE", "CorpusChoice", "ModelChoice", "Phase", "Session", "Snapshot", "TaskInfo"]


class Phase(StrEnum):
    """What the session is doing."""

    LOADING = "loading"  # reading the corpus, building the model
    COMPILING = "compiling"
    TRAINING = "training"
    PAUSED = "paused"
    FINISHED = "finished"  # the run's steps, tokens or minutes are done
    DIVERGED = "diverged"  # a loss or gradient was not finite; the parameters are those before it
    FAILED = "failed"  # `message` says what is wrong and what to do


BOTH_WAYS = "both ways"
FED = "input"
GRAVE = (Phase.FAILED, Phase.DIVERGED)  # phases whose message stays until the phase changes


@dataclass(frozen=True)
class ModelChoice:
    """A model, as the model picker offers and returns it."""

    family: str = "lstm"
    hidden: int = 256
    layers: int = 1
    dropout: float = 0.0
    batch: int = 32
    length: int = 64  # timesteps per step; attention: also the context, so that every position is trained
    activation: str = "tanh"  # rnn
    heads: int = 4  # attention
    positions: str = "learned"  # attention
    cross_attention: str = "general"  # encoder-decoder
    directions: str = "one way"  # encoder-decoder: in which the encoder reads, or "both ways"
    feeding: str = "none"  # encoder-decoder: whether the decoder reads the last output of attention
    context: int = field(default=0, compare=False)  # feedforward: shown, not chosen; 0: the default of `ModelConfig`

    @property
    def label(self) -> str:
        """The short name: lstm 1×256, rnn 1×256 relu, attention 4×128, feedforward 8→256."""
        return described(self)

    def fields(self) -> dict[str, Any]:
        """Return the fields of a `ModelConfig` that this choice sets; all others keep their defaults."""
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

    def across(self) -> dict[str, Any]:
        """Return the fields of a `ModelConfig` that only an encoder-decoder has; attention has nothing to choose."""
        if self.family == "attention":
            return {"cross_attention": "", "bidirectional": False, "input_feeding": False}
        return {
            "cross_attention": self.cross_attention,
            "bidirectional": self.directions == BOTH_WAYS,
            "input_feeding": self.feeding == FED,
        }


@dataclass(frozen=True)
class Snapshot:
    """The newest state of a session. `serial` grows with every change."""

    serial: int = 0
    phase: Phase = Phase.LOADING
    message: str = ""  # FAILED, DIVERGED: the reason; otherwise the last event ("saved checkpoint-1200")
    corpus: str = ""
    task: TaskInfo = field(default_factory=TaskInfo)
    model: ModelChoice = field(default_factory=ModelChoice)
    shape: ModelConfig | None = None  # the run's full configuration; None until the corpus is read
    training: TrainingConfig | None = None
    parameters: int = 0
    tokens_by: str = "char"  # "char", "byte", "word" or "bpe"
    vocabulary: int = 0  # distinct tokens; 0 until the corpus is read
    step: int = 0
    epoch: float = 0.0
    learning_rate: float = 0.0
    tokens_per_second: float = 0.0
    peak_share: float | None = None  # share of the machine's measured peak, 0..1; None until measured
    seconds: float = 0.0  # training time alone
    history: History = field(default_factory=History.empty)
    position_loss: F32 = field(default_factory=lambda: np.zeros(0, np.float32))  # (length,) mean loss at each position
    references: References | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # accuracies of simple models, by name
    measures: Mapping[str, Any] = field(default_factory=dict)  # of the last validation, by name; JSON values
    measured_step: int = 0  # the step of that validation
    turns: tuple[int, ...] = ()  # the steps at which the dial of the task was turned
    example: int | None = None  # which held-out example is probed, from 0; None: a passage, or a typed text
    searched: int | None = None  # examples looked at so far in a search for an error; None: there is no search
    probe_text: str = ""
    probe: Probe | None = None
    prompt: str = ""
    temperature: float = 0.8
    sample: Sample | None = None  # the newest sample, possibly unfinished
    earlier: tuple[Sample, ...] = ()  # finished samples of earlier steps, newest first
    tally: Tally = field(default_factory=Tally)  # of the samples that were finished and checked
    looks: Mapping[str, Any] = field(default_factory=dict)  # the newest of what views have asked for, by name
    earlier_runs: tuple[Earlier, ...] = ()  # on pairs: runs on the same corpus, measured by the length of the source
    cuts: tuple[Cut | ContextCut, ...] = ()  # of the model that is looked at, and of the example, in their order
    compiling: CompileProgress | None = None  # while COMPILING
    checkpoint_step: int | None = None  # step of the newest checkpoint on disk
    run: str = ""  # the run's name
    reopen: str = ""  # what to type after --run: its name, or its path if it is elsewhere
    threads: int = 0  # that the training uses; 0 before the engine is loaded

    @property
    def score_text(self) -> str:
        """The text of the score: what the user typed, or else the passage that was probed."""
        if self.probe_text or self.probe is None:
            return self.probe_text
        symbols = self.probe.symbols
        if self.tokens_by != "word":
            return "".join(symbols)
        if any(symbol.startswith(" ") for symbol in symbols):  # words include the space before them, but for `<unk>`
            return "".join(" <unk>" if symbol == "<unk>" else symbol for symbol in symbols).strip(" ")
        return " ".join(symbols).strip(" ")

    @property
    def loss_unit(self) -> str:
        """The unit of the loss: "nats per character", "squared error"."""
        token = {"char": "character", "bpe": "token"}.get(self.tokens_by, self.tokens_by)
        return self.task.loss_unit or f"nats per {token}"


class Session(Protocol):
    """What a screen may ask of a session. Every call returns immediately; its effect shows in a later snapshot."""

    def snapshot(self) -> Snapshot:
        """Return the newest state."""

    def start(self) -> None:
        """Load, compile, train."""

    def pause(self) -> None:
        """Stop after the current step."""

    def resume(self) -> None:
        """Continue training."""

    def one_step(self) -> None:
        """Train one step, then pause."""

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate."""

    def set_temperature(self, temperature: float) -> None:
        """Set the temperature of generated text."""

    def set_probe_text(self, text: str) -> None:
        """Set the text to probe; "" selects a passage of the validation part."""

    def set_prompt(self, prompt: str) -> None:
        """Set the prompt of generated text."""

    def next_passage(self) -> None:
        """Probe the next held-out example, or another passage of the validation part."""

    def previous_passage(self) -> None:
        """Probe the held-out example before, or the passage before."""

    def next_error(self) -> None:
        """Search the held-out examples for the next one that the current weights get wrong, and probe it."""

    def next_by_length(self, direction: int) -> None:
        """Probe the next longer held-out example, or the next shorter one (direction < 0)."""

    def turn_dial(self, direction: int) -> None:
        """Turn the dial of the task one step up or down (direction < 0); training continues with the same weights."""

    def write_after(self, begun: tuple[int, ...], typed: str, width: int) -> None:
        """Let the model write on after symbols of the target, and a text that follows them, with a beam of `width`.

        It is shown as `hand` of the probe, until another example is probed.
        """

    def set_cuts(self, cuts: tuple[Cut | ContextCut, ...]) -> None:
        """Look at the model without these parts, and at the example without these timesteps; training goes on."""

    def set_probe_width(self, columns: int) -> None:
        """Set how many tokens of a passage fit the screen."""

    def look_for(self, asks: Mapping[str, Any]) -> None:
        """Compute this from now on, by name, and nothing else of the kind: what the view shows; see `lookers`."""

    def change_model(self, choice: ModelChoice) -> None:
        """Start a new run of another model; corpus, probe text and prompt stay."""

    def change_corpus(self, name: str) -> None:
        """Start a new run on a sample corpus or a path."""

    def corpora(self) -> tuple[CorpusChoice, ...]:
        """Return the sample corpora and generated ones, those for the same shape of task together."""

    def save(self) -> None:
        """Write a checkpoint now."""

    def recover(self) -> None:
        """Return to the last good checkpoint, at half its learning rate."""

    def close(self, timeout: float = 2.0) -> bool:
        """Write a checkpoint and end; return whether the session ended within `timeout` seconds."""
