"""The view of the unrolled network: how far does the gradient flow back? Timesteps side by side, played by steps."""

from dataclasses import replace
from typing import ClassVar

from seqcore.config import RECURRENT
from textual.binding import BindingType
from textual.timer import Timer

from seqtui.live.snapshot import Session
from seqtui.live.unrolled_watch import UnrolledAsked, UnrolledSeen
from seqtui.tui.panes.matrices import MatricesPane
from seqtui.tui.panes.unrolled_picture import UnrolledPane
from seqtui.tui.panes.unrolling import Unrolling
from seqtui.tui.panes.way_back import WayBackPane
from seqtui.tui.screens.panes import PanesScreen
from seqtui.tui.screens.unrolled_commands import UNROLLED

FORWARDS, BACKWARDS = "forwards", "backwards"
_PACE = 0.22  # seconds a timestep
_SHORTER = (16, 8, 4, 2, 1)  # truncations to try


class Unrolled(PanesScreen[Unrolling]):
    """The picture above, the way back and the matrices below."""

    VIEW = "unrolled"
    ASKS = ("unrolled",)
    BINDINGS: ClassVar[list[BindingType]] = UNROLLED.bindings()

    def __init__(self, session: Session) -> None:
        panes = {"unrolled": UnrolledPane(), "way back": WayBackPane(), "matrices": MatricesPane()}
        super().__init__(session, UNROLLED, panes)
        self.loss: int | None = None  # the one that is taken back alone
        self.truncation = 0  # which of `truncations` is shown
        self.second = False
        self.stage = ""  # FORWARDS or BACKWARDS while it is played
        self._timer: Timer | None = None

    @property
    def truncations(self) -> tuple[int, ...]:
        """Every how many timesteps the way back may be cut, that of the training first; 0: not at all."""
        shape, training = self.shown.shape, self.shown.training
        if shape is None or training is None or shape.family not in RECURRENT or shape.decodes:
            return (0,)
        own = (training.length, 0) if "examples" not in self.features else (0,)
        return own + tuple(length for length in _SHORTER if length not in own)

    @property
    def cut(self) -> int:
        """What is shown of them."""
        return self.truncations[self.truncation % len(self.truncations)]

    @property
    def arguments(self) -> UnrolledAsked:
        """Which gradient flows back."""
        return UnrolledAsked(self.loss, self.cut)

    @property
    def steps(self) -> int:
        """The number of timesteps of the text."""
        return len(self.probe.symbols) if self.probe is not None else 0

    @property
    def subject(self) -> Unrolling:
        """What is drawn now."""
        found = self.shown.looks.get("unrolled")
        t, T = self.standpoint.playhead, self.steps
        return Unrolling(
            self.shown.phase, self.probe, t, self.standpoint.layer, self.second,
            found if isinstance(found, UnrolledSeen) else None, t + 1 if self.stage == FORWARDS else T,
            {FORWARDS: T, BACKWARDS: t}.get(self.stage, 0), self.stage,
        )  # fmt: skip

    @property
    def on(self) -> frozenset[str]:
        """Whether it plays, and whether one loss is shown alone."""
        states = {"play": self._timer is not None, "only": self.loss is not None}
        return frozenset(name for name, state in states.items() if state)

    # Playing

    def play(self) -> None:
        """Play the forward pass and then the way back, a timestep at a time; or hold, or go on."""
        if self._timer is not None:
            self._hold()
        elif self.probe is not None:
            if not self.stage:
                self.stage = FORWARDS
                self.point(0)
            self._timer = self.set_interval(_PACE, self._tick)
        self.draw()

    def _hold(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _tick(self) -> None:
        self.move(1 if self.stage == FORWARDS else -1)

    def _end(self) -> None:
        """Show the whole again."""
        self._hold()
        self.stage = ""

    def move(self, timesteps: int) -> None:
        """Move the playhead; while it is played, from the end forwards to the way back, then to the whole."""
        t = self.standpoint.playhead + timesteps
        if self.stage == FORWARDS and t >= self.steps:
            self.stage = BACKWARDS
        elif self.stage == BACKWARDS and t >= self.steps:
            self.stage = FORWARDS
        elif self.stage == BACKWARDS and t < 0:
            self._end()
        self.point(min(t, max(0, self.steps - 1)))

    def back(self) -> None:
        """Show the whole if it is played, or leave."""
        if self.stage:
            self._end()
            self.draw()
        else:
            super().back()

    def left(self) -> None:
        """Stop playing."""
        self._end()
        super().left()

    # What is asked

    def only(self) -> None:
        """Take the loss at the playhead back alone, or all losses again."""
        self.loss = None if self.loss is not None else self.standpoint.playhead
        self.moved()

    def truncate(self) -> None:
        """Cut the way back elsewhere, or not at all."""
        self.truncation = (self.truncation + 1) % len(self.truncations)
        if len(self.truncations) == 1:
            self.say("This model hands no state on that training could cut: the way back is always whole.")
        self.moved()

    def move_layer(self) -> None:
        """Put the next layer in front."""
        layers = self.subject.layers
        if layers:
            self.standpoint = replace(self.standpoint, layer=(self.standpoint.layer + 1) % layers)

    def other_direction(self) -> None:
        """Show the encoder's second direction, or the first again."""
        self.second = not self.second
        self.draw()
