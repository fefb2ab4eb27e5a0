"""All measures of a stored model at once, over held-out timesteps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from seqcore.health.saturation import Counted, Range, Saturation
from seqcore.health.verdict import Remark, remarks
from seqcore.health.weights import Singular, head_entropy, singular_values
from seqcore.neurons.passage import Passage
from seqcore.neurons.recording import Progress, Unit, chunks
from seqcore.records import F32, History, Updates
from seqcore.serial import SerialModel

TIMESTEPS = 10_000
_WINDOWS = 16  # contexts at most whose attention is averaged


@dataclass(frozen=True)
class Health:
    """What was found."""

    timesteps: int
    saturation: tuple[Saturation, ...]  # a gate of a layer each; empty without gates
    dead: tuple[Unit, ...]
    units: int  # of which `dead` are some
    singular: tuple[Singular, ...]  # empty without a recurrence
    entropy: F32 | None  # (layers, heads) 0 to 1; None without attention
    updates: Updates
    remarks: tuple[Remark, ...]


def gates_of(model: SerialModel, passage: Passage) -> tuple[str, ...]:
    """Return the states of a model that are gates, between 0 and 1."""
    staves = model.look(passage.inputs[:1]).staves
    gates = dict.fromkeys(stave.name for stave in staves if stave.gate and not stave.signed)
    return tuple(name for name in gates if name in model.states)


def examine(
    model: SerialModel,
    passage: Passage | None,
    history: History,
    updates: Updates,
    references: Mapping[str, float] | None = None,
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> Health | None:
    """Measure a model over a passage; None as soon as `stop` returns True. Single-threaded. Raises SeqError.

    Without a passage, only what the weights and the curves say.
    """
    gates: list[Counted] = []
    values, rectified = Range(), "mlp" in model.states
    if passage is not None:
        names, read = gates_of(model, passage), 0
        gates = [Counted(name) for name in names]
        for part, found in chunks(model, passage, (*names, "mlp" if rectified else "h"), progress, stop):
            for gate, opened in zip(gates, found, strict=False):  # the units come after them
                gate.add(opened)
            values.add(found[-1])
            read = part.stop
        if read < len(passage):
            return None
    saturated = [one for gate in gates for one in gate.found()]
    return Health(
        len(passage) if passage is not None else 0, tuple(sorted(saturated, key=lambda one: one.layer)),
        values.dead(rectified), values.units, singular_values(model.config, model.parameters),
        _entropy(model, passage) if passage is not None else None, updates,
        remarks(history, references),
    )  # fmt: skip


def _entropy(model: SerialModel, passage: Passage) -> F32 | None:
    """Return the mean over windows of the entropy of heads; None without attention."""
    shares = []
    for span in passage.spans[:_WINDOWS]:
        attention = model.look(passage.inputs[span][: model.longest]).attention if model.longest else None
        if attention is None:
            return None
        shares.append(head_entropy(attention))
    mean: F32 = np.nanmean(np.stack(shares), axis=0)
    return mean
