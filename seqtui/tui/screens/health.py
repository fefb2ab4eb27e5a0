"""The view of health: is it healthy? Saturated gates, what changes over training, and a verdict in words."""

from dataclasses import replace
from typing import ClassVar

from seqcore.health.saturation import Saturation, of_probe
from seqcore.records import Probe
from textual.binding import BindingType

from seqtui.live.health_watch import HealthSeen
from seqtui.live.snapshot import Session
from seqtui.tui.panes.healthy import Healthy
from seqtui.tui.panes.measures import MeasuresPane
from seqtui.tui.panes.remarked import Remarked
from seqtui.tui.panes.saturation_scatter import SaturationPane
from seqtui.tui.panes.update_curves import UpdatesPane
from seqtui.tui.screens.health_commands import HEALTH
from seqtui.tui.screens.panes import PanesScreen


class Health(PanesScreen[Healthy]):
    """The measures above, the scatter of one gate and the curves of the matrices below."""

    VIEW = "health"
    ASKS = ("health",)
    CURVES = "training"
    BINDINGS: ClassVar[list[BindingType]] = HEALTH.bindings()

    def __init__(self, session: Session) -> None:
        panes = {"measures": MeasuresPane(), "saturation": SaturationPane(), "training": UpdatesPane()}
        super().__init__(session, HEALTH, panes)
        self.gate = 0
        self.curve = 0
        self.ratios = False
        self._remarked = Remarked()
        self._coarse: tuple[Probe | None, tuple[Saturation, ...]] = (None, ())

    @property
    def coarse(self) -> tuple[Saturation, ...]:
        """The saturation over the text, there at once."""
        probe = self.shown.probe
        if probe is not self._coarse[0]:
            self._coarse = (probe, of_probe(probe) if probe is not None else ())
        return self._coarse[1]

    @property
    def subject(self) -> Healthy:
        """What is drawn now."""
        shown, probe, place = self.shown, self.probe, self.place
        found = shown.looks.get("health")
        return Healthy(
            shown.phase, found if isinstance(found, HealthSeen) else None, self.coarse,
            len(probe.symbols) if probe is not None else 0, probe.step if probe is not None else -1, shown.history,
            self._remarked.of(shown.history, shown.references), self.gate, place.layer, place.unit, self.curve,
            self.ratios, place.lens,
        )  # fmt: skip

    @property
    def curves(self) -> UpdatesPane:
        """The pane of curves over training."""
        pane: UpdatesPane = self.panes[self.CURVES]
        return pane

    def back(self) -> None:
        """Leave the crosshair first."""
        if not self.leave_crosshair():
            super().back()

    def next_gate(self, by: int) -> None:
        """Show the saturation of another gate."""
        gates = len(self.subject.gates)
        self.gate = (self.gate + by) % gates if gates else 0
        self.draw()

    def move_layer(self) -> None:
        """Show the next layer."""
        layers = self.subject.layers
        if layers:
            self.standpoint = replace(self.standpoint, layer=(min(self.place.layer, layers - 1) + 1) % layers)

    def move_unit(self, by: int) -> None:
        """Mark another unit."""
        shown = self.subject.saturation
        if shown is not None:
            unit = 0 if self.place.unit is None else self.place.unit + by
            self.standpoint = replace(self.standpoint, unit=unit % len(shown.left))

    def pick(self, by: int) -> None:
        """Put another curve in front."""
        names = len(self.subject.names)
        self.curve = (self.curve % names + by) % names if names else 0
        self.draw()

    def other_sizes(self) -> None:
        """Show the ratio of updates to weights, or the norms of gradients again; the matrix stays."""
        names, n = self.subject.names, self.curve
        name = names[n % len(names)] if names else ""
        self.ratios = not self.ratios
        names = self.subject.names
        self.curve = names.index(name) if name in names else 0
        self.draw()
