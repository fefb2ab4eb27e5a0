"""What a model under observation writes after symbols that the user chose, on the weights of the newest probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcore.errors import SeqError
from seqcore.records import Probe

from seqtui.live.seen import Choice, Desk

if TYPE_CHECKING:
    from seqcore.run import Run
    from seqcore.serial import SerialModel


class Hand:
    """Keeps what was chosen for the example under the microscope, and has the model write on after it."""

    def __init__(self, desk: Desk, run: Run, model: SerialModel) -> None:
        self._desk, self._run, self._model = desk, run, model
        self._begun: tuple[int, ...] | None = None  # None: nothing was chosen
        self._width = 1
        self._probe: Probe | None = None  # the newest one, on whose weights `model` is

    def drop(self) -> None:
        """Forget what was chosen: another example is looked at."""
        self._begun = self._probe = None

    def choose(self, choice: Choice) -> None:
        """Take other symbols, and write on at once if there is a probe already."""
        from seqcore.tasks.pairs import OnPairs

        task = self._run.config.task
        if not isinstance(task, OnPairs):
            return
        try:
            self._begun, self._width = task.chosen(choice.begun, choice.typed), choice.width
        except SeqError as error:
            self._desk.publish(self._run, message=str(error))
            return
        if self._probe is not None:
            self._desk.publish(self._run, probe=self.written_on(self._probe))

    def written_on(self, probe: Probe) -> Probe:
        """Return a new probe with what the model writes after the symbols; the probe itself if none were chosen."""
        from seqcore.tasks.pairs import OnPairs

        self._probe, task = probe, self._run.config.task
        if self._begun is None or not isinstance(task, OnPairs):
            return probe
        try:
            return task.written_on(self._model, probe, self._begun, self._width)
        except SeqError as error:
            self._begun = None
            self._desk.publish(self._run, message=str(error))
            return probe
