"""What the trainer thread and the observer thread hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from seqcore.records import F32, Probe, References, Sample, Tally
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.earlier import Earlier

if TYPE_CHECKING:
    from seqcore.run import Run


@dataclass(frozen=True)
class Weights:
    """A copy of the parameters (P,) of a run at a step."""

    run: Run
    step: int
    flat: F32


@dataclass(frozen=True)
class Seen:
    """What the observer has published; `serial` grows with every change."""

    serial: int = 0
    message: str = ""
    said_at: float = 0.0  # time of the message on the monotonic clock
    references: References | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)  # what else is known of simple models
    example: int | None = None  # the held-out example that is probed
    searched: int | None = None  # how many examples a search for an error has looked at
    probe_text: str = ""
    probe: Probe | None = None
    prompt: str = ""
    temperature: float = 0.8
    sample: Sample | None = None
    earlier: tuple[Sample, ...] = ()
    tally: Tally = field(default_factory=Tally)  # of the samples that were finished and checked
    looks: Mapping[str, Any] = field(default_factory=dict)  # what views have asked for, by name; see `lookers`
    earlier_runs: tuple[Earlier, ...] = ()  # that compare with this one by the length of the source
    cuts: tuple[Cut | ContextCut, ...] = ()  # of the model, and of the example that is probed


class Desk(Protocol):
    """Where the observer's work on a run gets its orders and publishes its results: the observer."""

    def take_weights(self, run: Run, newer: bool) -> Weights | None:
        """Return the newest parameters of `run`, or None; `newer` also requests newer ones."""

    def take_milestone(self, run: Run) -> Weights | None:
        """Return the oldest parameters queued for a sample that is kept, or None."""

    def take_requests(self) -> Requests:
        """Return what the user asks for, and mark the changes as handled."""

    def show_example(self, run: Run, number: int) -> None:
        """Probe another held-out example."""

    def publish(self, run: Run, **changes: Any) -> None:
        """Publish changes of `Seen`."""

    def publish_look(self, run: Run, name: str, found: Any) -> None:
        """Publish what a view has asked for."""


class Choice(NamedTuple):
    """Symbols of the target that the user chose, after which the model shall write on."""

    begun: tuple[int, ...]
    typed: str  # a text that follows them
    width: int  # of the beam


class Requests(NamedTuple):
    """What the user asked of the observer."""

    text_changed: bool  # since the last look
    prompt_changed: bool
    seen: Seen  # with the text, prompt and temperature to use
    passage: int  # which passage of the validation part, or which held-out example
    width: int  # its length in tokens, if it is a passage
    browse: tuple[str, ...] = ()  # "longer", "shorter", "error": other examples asked for since the last look
    turned: bool = False  # the run has other examples since the last look
    asks: Mapping[str, Any] = MappingProxyType({})  # what views show, by name, with the arguments; see `lookers`
    choice: Choice | None = None  # made since the last look
    cut: bool = False  # whether the cuts have changed since the last look
