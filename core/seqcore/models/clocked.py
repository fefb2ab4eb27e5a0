"""The parts of a training step that a benchmark tells apart."""

from typing import NamedTuple

PHASES = (
    "pack", "table", "scan forward", "forward", "forward and back", "head", "scan backward", "backward",
    "weight gradients", "optimizer", "rest",
)  # fmt: skip


class Clocked(NamedTuple):
    """The time in `owner.method` counts as `phase`; `inside` names a phase that is measured within it and taken off."""

    owner: object
    method: str
    phase: str
    inside: str | None = None
