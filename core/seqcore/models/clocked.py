"""The phases of a training step that a benchmark times separately."""

from typing import NamedTuple

PHASES = (
    "pack", "table", "scan forward", "forward", "forward and back", "head", "scan backward", "backward",
    "weight gradients", "optimizer", "rest",
)  # fmt: skip


class Clocked(NamedTuple):
    """Time spent in `owner.method` counts as `phase`; `inside` names a phase timed within it and subtracted."""

    owner: object
    method: str
    phase: str
    inside: str | None = None
