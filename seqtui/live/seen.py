"""What the trainer thread and the observer thread hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from seqcore.records import F32, Probe, References, Sample

from seqtui.live.embedding import EmbeddingMap

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
    probe_text: str = ""
    probe: Probe | None = None
    prompt: str = ""
    temperature: float = 0.8
    sample: Sample | None = None
    earlier: tuple[Sample, ...] = ()
    embedding: EmbeddingMap | None = None  # the newest one; None until a view has asked for it


class Requests(NamedTuple):
    """What the user asked of the observer."""

    text_changed: bool  # since the last look
    prompt_changed: bool
    seen: Seen  # with the text, prompt and temperature to use
    passage: int  # which passage of the validation part
    width: int  # its length in tokens
    embedding: bool = False  # whether a view shows the embedding
