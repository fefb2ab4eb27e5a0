"""What may follow a text that a person writes with the model, token by token, with the weights of the newest probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from seqcore.copying import Copies
from seqcore.errors import SeqError
from seqcore.records import F32, I32
from seqcore.sampling import softmax

if TYPE_CHECKING:
    from seqcore.data.vocabulary import Vocabulary
    from seqcore.run import Run
    from seqcore.tasks.task import Data

    from seqtui.live.lookers import Scene


class Asked(NamedTuple):
    """A text: a prompt, and the tokens after it."""

    prompt: str
    path: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class NextToken:
    """What follows a text."""

    step: int
    asked: Asked
    logits: F32  # (V,)
    vocabulary: Vocabulary  # of V tokens; their text is raw: sanitise before drawing
    probability: tuple[float, ...]  # of each token of the path, at temperature 1
    copied: tuple[int, ...]  # for each token of the path: the longest stretch up to it that the training part has
    warning: str = ""  # what of the prompt is not in the vocabulary


class NextTokenWatch:
    """Reads texts with the model of one run. A text that grows is read on; any other is read from its start."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._copies = Copies(training_tokens(run.data))
        self._step, self._asked = -1, Asked("")
        self._state: Any = None
        self._logits = np.zeros(0, np.float32)
        self._shares: list[float] = []
        self._warning = ""

    def look(self, scene: Scene, asked: Asked) -> NextToken | None:
        """Return what follows a text, if it or the weights are new. Raises SeqError: the model has diverged."""
        if scene.step < 0 or not self._run.config.task.generates or (scene.step, asked) == (self._step, self._asked):
            return None
        before, grows = self._asked, len(self._shares)
        same = self._state is not None and scene.step == self._step and asked.prompt == before.prompt
        if not (same and asked.path[:grows] == before.path):
            self._start(scene, asked.prompt)
        self._step, self._asked = scene.step, asked
        for token in asked.path[len(self._shares) :]:
            self._shares.append(float(softmax(self._logits)[token]))
            self._read(scene, token)
        if not np.isfinite(self._logits).all():
            raise SeqError("the model's predictions are not finite: it has diverged; use an earlier checkpoint")
        vocabulary, copied = self._run.vocabulary, self._copies.of(asked.path)
        return NextToken(scene.step, asked, self._logits.copy(), vocabulary, tuple(self._shares), copied, self._warning)

    def _start(self, scene: Scene, prompt: str) -> None:
        from seqcore.generate import prompted

        tokens, self._warning = prompted(self._run.vocabulary, prompt)
        self._state, self._shares = scene.model.initial_state(), []
        for token in tokens.tolist():
            self._read(scene, token)

    def _read(self, scene: Scene, token: int) -> None:
        self._logits = scene.model.read(token, self._state).copy()


def training_tokens(data: Data) -> I32:
    """Return the tokens of the training part of a text (N,); none if the examples are of another kind."""
    train: Any = getattr(data, "train", None)
    return train if isinstance(train, np.ndarray) and train.dtype == np.int32 else np.zeros(0, np.int32)
