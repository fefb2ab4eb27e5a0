"""Probes and snapshots of pairs of sequences, as a model with a state at the bar, and with attention or without."""

from dataclasses import replace
from typing import Any

import numpy as np
from seqcore.records import Beginning, Probe, Stave, Translation

from seqtui.live.earlier import Band, Earlier
from seqtui.live.snapshot import ModelChoice, Phase, Snapshot, TaskInfo
from tests.tui.scripted import ScriptedSession, make_probe

END = "<end>"
TASK = TaskInfo(
    "transduce", "translation", "character", "nats per character", "character", generates=False, passages=False,
    measures=("exact_match", "token_accuracy"), examples=40, decodes=True,
)  # fmt: skip
MEASURES: dict[str, Any] = {
    "loss": 0.41, "exact_match": 0.62, "token_accuracy": 0.9, "examples": 40,
    "by_length": [
        {"from": 1, "to": 3, "count": 20, "loss": 0.05, "token_accuracy": 0.99, "exact_match": 0.95},
        {"from": 4, "to": 8, "count": 20, "loss": 0.9, "token_accuracy": 0.8, "exact_match": 0.3},
    ],
}  # fmt: skip


EARLIER = Earlier(
    "plain-1", "lstm 2×16 without attention", 0, 400, (Band(1, 3, 20, 0.2, 0.9), Band(4, 8, 20, 1.9, 0.05))
)


def backwards(S: int, U: int) -> np.ndarray:
    """Weights (U, S) of attention that reads the source backwards, and rests on its first symbol after that."""
    weights = np.full((U, S), 0.1 / max(1, S - 1))
    weights[np.arange(U), np.maximum(0, S - 1 - np.arange(U))] = 0.9 if S > 1 else 1.0
    return weights


def paired(
    source: str | tuple[str, ...] = "abcde",
    target: str | tuple[str, ...] = "edcba",
    *,
    heads: tuple[int, int] | None = (1, 1),
    hidden: int = 16,
    layers: int = 1,
    family: str = "lstm",
    step: int = 600,
    seed: int = 1,
) -> Probe:
    """A probe of a pair; `heads` of attention over the source, None for a model without."""
    S, U = len(source), len(target) + 1
    symbols, T = (*source, "‖", *target, END), len(source) + 2 + len(target)
    classes = (*dict.fromkeys(target), END)
    made = make_probe("x" * T, step, hidden, layers, family)
    loss = made.loss.copy()
    loss[: S + 1] = np.nan
    top = tuple(() if t <= S else (symbols[t], classes[0], END) for t in range(T))
    alignments = None
    if heads is not None:
        alignments = np.full((*heads, T, S), np.nan, np.float32)
        for number in range(heads[0] * heads[1]):  # the others look at one place alone
            weights = backwards(S, U) if number == 0 else np.eye(S)[np.full(U, number % S)]
            alignments[divmod(number, heads[1])][S + 1 :] = weights
    numbers = [classes.index(symbol) for symbol in (*target, END)]
    nodes = [Beginning(n - 1, k, n + 1, 0.9, 0.9 * -n - 0.1, np.zeros(0), True) for n, k in enumerate(numbers)]
    random = np.random.default_rng(seed)
    names = ("c", "h") if family == "lstm" else ("h",)
    handed = tuple(
        Stave(name, layer, random.uniform(-1, 1, (1, hidden)).astype(np.float32), True, 1.0)
        for layer in range(layers)
        for name in names
    )
    return replace(
        made, symbols=symbols, loss=loss, top_symbols=top, bar=S,
        translation=Translation(
            classes, tuple(nodes), (len(nodes) - 1,), (nodes[-1].total,), tuple(numbers[:-1]),
            None if alignments is None else alignments.mean(axis=(0, 1)), alignments, handed=handed,
        ),
    )  # fmt: skip


def paired_snapshot(probe: Probe | None = None, **fields: Any) -> Snapshot:
    """A snapshot of a translation."""
    ready: dict[str, Any] = {
        "serial": 1, "phase": Phase.TRAINING, "step": 620, "model": ModelChoice(hidden=16), "task": TASK,
        "probe": probe or paired(), "example": 6, "measures": MEASURES, "measured_step": 600,
    }  # fmt: skip
    return Snapshot(**ready | fields)


class PairingSession(ScriptedSession):
    """Plays the same script on a pair: a passage of n is its number in letters, and its answer backwards."""

    def __init__(self, heads: tuple[int, int] | None = (2, 2), **settings: Any) -> None:
        super().__init__(model=ModelChoice(hidden=16, layers=2), **settings)
        self._heads = heads

    def _put(self, **changes: object) -> None:
        if isinstance(probe := changes.get("probe"), Probe):
            source = "abcdefgh"[: 3 + self._passage]
            made = paired(
                source, source[::-1], heads=self._heads, layers=2, step=probe.step, seed=self._passage, family="lstm"
            )
            changes |= {
                "probe": made,
                "measures": MEASURES,
                "example": self._passage,
                "sample": None,
                "earlier_runs": (EARLIER,),
            }
        super()._put(task=TASK, **changes)
