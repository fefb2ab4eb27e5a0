"""A scripted session of a task that predicts classes, and the verdicts and measures it shows."""

from dataclasses import replace
from typing import Any

import numpy as np
from seqcore.records import Dial, History, Probe, References, Verdict

from seqtui.live.snapshot import ModelChoice, Phase, Snapshot, TaskInfo
from tests.tui.scripted import ScriptedSession, make_probe

CLASSES = ("negative", "positive")
DIAL = Dial("order", 100, 10, 2000)
TASK = TaskInfo(
    "classify", "verdict", "example", "nats per example", "symbol", generates=False, passages=False, classes=CLASSES,
    measures=("accuracy",), fixed=("length", "sampling"), dial=DIAL, examples=40,
)  # fmt: skip
MEASURES: dict[str, Any] = {
    "loss": 0.31, "accuracy": 0.912, "f1": 0.905, "examples": 40, "confusion": [[18, 2], [1, 19]],
    "by_length": [
        {"from": 3, "to": 9, "count": 21, "accuracy": 0.95}, {"from": 10, "to": 31, "count": 19, "accuracy": 0.87},
    ],
    "accuracy_by_group": {"negated": {"no": {"accuracy": 0.95, "count": 24}, "yes": {"accuracy": 0.81, "count": 16}}},
}  # fmt: skip


def judge(probe: Probe, label: int | None = 1, classes: tuple[str, ...] = CLASSES, sure: float = 0.8) -> Probe:
    """Turn a probe into one with a verdict, which drifts to the second class; `label` at the last token."""
    T, K = len(probe.symbols), len(classes)
    share = np.linspace(1 / K, sure, T)
    probability = np.repeat(((1 - share) / max(1, K - 1))[:, None], K, axis=1)
    probability[:, min(1, K - 1)] = share
    targets = np.full(T, -1, np.int32)
    if label is not None:
        targets[-1] = label
    top = np.argsort(-probability, axis=1, kind="stable")[:, : min(5, K)]
    loss = np.where(targets >= 0, -np.log(probability[np.arange(T), np.maximum(targets, 0)]), np.nan)
    own = np.where(np.eye(T, dtype=bool), 0.5, probe.reach_input)
    return replace(
        probe,
        loss=loss.astype(np.float32),
        top_tokens=top.astype(np.int32),
        top_symbols=tuple(tuple(classes[k] for k in row) for row in top),
        top_probability=np.take_along_axis(probability, top, axis=1).astype(np.float32),
        reach_input=own.astype(np.float32),
        verdict=Verdict(classes, probability.astype(np.float32), targets, targets >= 0),
    )


def judged_snapshot(text: str | tuple[str, ...] = "it was not good", **fields: Any) -> Snapshot:
    """A snapshot of a verdict on a text."""
    label, classes = fields.pop("label", 1), fields.pop("classes", CLASSES)
    made = make_probe("".join(text) if isinstance(text, tuple) else text, 600, 16, 1)
    if isinstance(text, tuple):
        made = replace(make_probe("x" * len(text), 600, 16, 1), symbols=text)
    ready: dict[str, Any] = {
        "serial": 1, "phase": Phase.TRAINING, "step": 620, "model": ModelChoice(hidden=16),
        "task": replace(TASK, classes=classes), "probe": judge(made, label, classes), "example": 6,
        "measures": MEASURES, "measured_step": 600, "facts": {"bag_of_words_accuracy": 0.604},
    }  # fmt: skip
    return Snapshot(**(ready | fields))


class JudgingSession(ScriptedSession):
    """Plays the same script, with a verdict instead of guesses."""

    def __init__(self, task: TaskInfo = TASK, **settings: Any) -> None:
        super().__init__(**settings)
        self._task = task

    def _put(self, **changes: object) -> None:
        if isinstance(probe := changes.get("probe"), Probe):
            changes["probe"] = judge(probe, classes=self._task.classes)
            changes |= {"measures": MEASURES, "example": 6, "sample": None}
        if isinstance(curves := changes.get("history"), History):
            changes["history"] = replace(curves, train_loss=curves.train_loss / 8)  # of two classes
        if changes.get("references"):
            changes["references"] = References({"class frequencies": 0.69, "bag of words": 0.6})
        super()._put(task=getattr(self, "_task", TASK), **changes)
