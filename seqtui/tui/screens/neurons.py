"""The view of neurons: which unit knows the quotation mark? The text tinted by one unit, and what units follow."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from seqtui.live.neurons_watch import NeuronsAsked, NeuronsSeen
from seqtui.live.snapshot import Session, Snapshot
from seqtui.tui.panes.elsewhere import ElsewherePane
from seqtui.tui.panes.findings import FindingsPane
from seqtui.tui.panes.followed import Followed
from seqtui.tui.panes.tinted_text import TintedPane
from seqtui.tui.screens.neurons_commands import NEURONS
from seqtui.tui.screens.panes import PanesScreen

if TYPE_CHECKING:
    from seqcore.neurons.contrast import Separation
    from seqcore.neurons.search import Finding

TIMESTEPS = (20_000, 100_000)  # that a search reads: seconds, and a minute or so
_STEP = 0.05  # of the threshold


class Neurons(PanesScreen[Followed]):
    """The text above, the findings and the places like a selection below."""

    VIEW = "neurons"
    ASKS = ("neurons",)
    MOST_ABOVE = 14
    BINDINGS: ClassVar[list[BindingType]] = NEURONS.bindings()

    def __init__(self, session: Session) -> None:
        panes = {"text": TintedPane(), "findings": FindingsPane(), "elsewhere": ElsewherePane()}
        super().__init__(session, NEURONS, panes)
        self.timesteps = TIMESTEPS[0]
        self.search = 0
        self.stretch: tuple[int, int] | None = None
        self.other: tuple[int, int] | None = None  # a second selection
        self.threshold = 0.3

    @property
    def arguments(self) -> NeuronsAsked:
        """How much is searched, and the selection."""
        return NeuronsAsked(self.timesteps, self.search, self.stretch, self.threshold, self.other)

    @property
    def subject(self) -> Followed:
        """What is drawn now."""
        shown, place = self.shown, self.standpoint
        found = shown.looks.get("neurons")
        seen = found if isinstance(found, NeuronsSeen) else None
        return Followed(
            shown.phase, self.probe, place.playhead, seen, place.layer, place.unit, self.stretch, self.threshold,
            self.other,
        )  # fmt: skip

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; another text has no selection yet."""
        before, now = self.newest.probe, snapshot.probe
        if self.stretch is not None and (now is None or before is None or before.symbols != now.symbols):
            self.select(None, None)
        super().show(snapshot)

    # Commands

    def pick(self, by: int) -> None:
        """Tint the text by the unit of another finding; in the pane of two selections, of what tells them apart."""
        subject = self.subject
        listed: Sequence[Finding | Separation] = subject.findings
        if self.current == "elsewhere" and subject.separations:
            listed = subject.separations
        if not listed:
            return
        here = next((n for n, one in enumerate(listed) if (one.layer, one.unit) == subject.chosen), None)
        one = listed[max(0, min(0 if here is None else here + by, len(listed) - 1))]
        self.standpoint = replace(self.standpoint, layer=one.layer, unit=one.unit)

    def pick_at(self, place: int) -> None:
        """Tint the text by the unit of the finding at a place of the list; beyond its ends, of the first or last."""
        findings = self.subject.findings
        one = findings[max(0, min(place, len(findings) - 1))]
        self.standpoint = replace(self.standpoint, layer=one.layer, unit=one.unit)

    def move_unit(self, by: int) -> None:
        """Tint the text by another unit of the layer."""
        subject = self.subject
        if subject.values is not None and subject.chosen is not None:
            layer, unit = subject.chosen
            self.standpoint = replace(self.standpoint, layer=layer, unit=(unit + by) % subject.values.shape[2])

    def move_layer(self) -> None:
        """Tint the text by the same unit of the next layer."""
        subject = self.subject
        if subject.values is not None and subject.chosen is not None:
            layer, unit = subject.chosen
            self.standpoint = replace(self.standpoint, layer=(layer + 1) % subject.values.shape[1], unit=unit)

    def begin_stretch(self, second: bool = False) -> None:
        """Begin a selection at the playhead; it ends where it ended, if that is not before."""
        here, now = self.standpoint.playhead, self.other if second else self.stretch
        last = now[1] if now is not None and now[1] > here else here + 1
        self._set(second, (here, last))

    def end_stretch(self, second: bool = False) -> None:
        """End a selection at the playhead; it begins where it began, if that is not after."""
        here, now = self.standpoint.playhead, self.other if second else self.stretch
        first = now[0] if now is not None and now[0] <= here else here
        self._set(second, (first, here + 1))

    def _set(self, second: bool, stretch: tuple[int, int]) -> None:
        if second and self.stretch is None:
            self.say("Select the first stretch first: i begins it at the playhead, o ends it.")
        elif second:
            self.select(self.stretch, stretch)
        else:
            self.select(stretch, self.other)

    def select(self, stretch: tuple[int, int] | None, other: tuple[int, int] | None) -> None:
        """Select a stretch of the text and a second one, or none."""
        if self.probe is not None or stretch is None:
            self.stretch, self.other = stretch, other
            self.moved()

    def move_threshold(self, direction: int) -> None:
        """Raise or lower the value from which a unit is on."""
        self.threshold = round(min(0.95, max(0.0, self.threshold + direction * _STEP)), 2)
        self.moved()

    def search_again(self) -> None:
        """Search with the newest weights."""
        self.search += 1
        self.moved()

    def search_more(self, direction: int) -> None:
        """Search more of the held-out part, or less."""
        at = TIMESTEPS.index(self.timesteps) + direction
        if 0 <= at < len(TIMESTEPS):
            self.timesteps = TIMESTEPS[at]
            self.moved()
        self.say(f"The search reads up to {self.timesteps:,} held-out timesteps.")

    def back(self) -> None:
        """Leave the second selection first, then the first one."""
        if self.stretch is not None and not self.zoomed and not self.frozen:
            self.select(self.stretch if self.other is not None else None, None)
        else:
            super().back()

    def on_findings_pane_picked(self, event: FindingsPane.Picked) -> None:
        """Pick the finding that the user points at."""
        self.pick_at(event.place)
