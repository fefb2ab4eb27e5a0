"""What the model computed for the example under the newest probe, kept until the next one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqcore.cellwork.work import Cellwork
    from seqcore.records import Probe
    from seqcore.run import Run

    from seqtui.live.lookers import Scene


class Worked:
    """Holds the equations of one probe of a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._probe: Probe | None = None
        self._work: Cellwork | None = None

    def rest(self) -> None:
        """Let the arrays go, until they are asked for again."""
        self._work = None

    def of(self, scene: Scene) -> Cellwork:
        """Return the equations of the probe, which must be there. Raises SeqError if the model has none."""
        from seqcore.cellwork.work import cellwork

        assert scene.probe is not None
        if scene.probe is not self._probe or self._work is None:
            self._work = None
            self._probe, self._work = (
                scene.probe, cellwork(scene.model, scene.probe, scene.example.inputs, self._run.vocabulary),
            )  # fmt: skip
        return self._work
