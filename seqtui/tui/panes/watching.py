"""The base of the panes about the example under the microscope, beside the loss: one for each kind of task."""

from typing import ClassVar

from seqtui.live.snapshot import Snapshot
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.pane import Pane

_OF_EXAMPLE = ("verdict", "series", "boundary", "translation", "hand")  # fields of a probe


class ExamplePane(Pane):
    """Keeps the newest snapshot and the playhead. A subclass implements `_changed`: its titles, and `redraw`."""

    TITLE: ClassVar[str]
    WATCHED: ClassVar[tuple[str, ...]] = (  # fields of a snapshot that the pane draws
        "probe", "measures", "facts", "compiling", "phase", "example", "searched", "task",
    )  # fmt: skip

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._snapshot = Snapshot()
        self._playhead = 0
        self.set_titles(self.TITLE)

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest snapshot; does nothing if what it draws is already shown."""
        old, self._snapshot = self._snapshot, snapshot
        if any(getattr(old, name) is not getattr(snapshot, name) for name in self.WATCHED):
            self._changed()

    def point(self, playhead: int) -> None:
        """Take the timestep of the playhead."""
        if playhead != self._playhead:
            self._playhead = playhead
            self._changed()

    def _changed(self) -> None:
        raise NotImplementedError

    def data(self) -> Arrays:
        """Return what the probe says of the example, and the last validation."""
        now = self._snapshot
        if now.probe is None:
            return {}
        about = {name: getattr(now.probe, name) for name in ("step", "symbols", *_OF_EXAMPLE)}
        return flat(about | {"example": now.example, "validation": now.measures, "earlier_runs": now.earlier_runs})

    def _searching(self) -> list[str]:
        """Return titles, long to short, while an example with an error is looked for; else none."""
        now = self._snapshot
        if now.searched is None:
            return []
        return [f"looking for an error: {now.searched:,} of {now.task.examples:,}", f"{now.searched:,} searched"]

    def _numbered(self) -> tuple[str, str]:
        """Return which example it is, and the same in brief."""
        now = self._snapshot
        if now.example is None:
            return "typed text", "typed"
        number = now.example + 1
        return f"example {number:,} of {now.task.examples:,}", f"{number:,}/{now.task.examples:,}"
