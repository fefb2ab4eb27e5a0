"""What the observer computes only while a view asks for it, by name. A new kind is a file and a line in `LOOKERS`.

A view asks with `Session.look_for({name: arguments})`; what was found last stands in `Snapshot.looks[name]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from seqtui.live.embedding_watch import EmbeddingWatch
from seqtui.live.next_token import NextTokenWatch
from seqtui.live.seen import Weights

if TYPE_CHECKING:
    from seqcore.records import Example
    from seqcore.run import Run
    from seqcore.serial import SerialModel


@dataclass(frozen=True)
class Scene:
    """What there is to look at."""

    weights: Weights  # the newest
    model: SerialModel  # with the weights of the newest probe
    step: int  # of the newest probe; -1 before the first
    example: Example  # that is probed


class Looker(Protocol):
    """Looks at one run, on the observer's thread, between its other work."""

    def look(self, scene: Scene, asked: Any) -> Any:
        """Return what a view is to show, or None if that is not due or is shown already. Raises SeqError."""


LOOKERS: dict[str, Callable[[Run], Looker]] = {
    "embedding": EmbeddingWatch,
    "next token": NextTokenWatch,
}
