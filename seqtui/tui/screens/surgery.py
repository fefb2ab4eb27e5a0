"""The view of surgery: what happens without it? Units, gates, heads and context are cut, beside the untouched model."""

from dataclasses import replace
from typing import ClassVar

from seqcore.config import ModelConfig
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut, reachable
from seqcore.surgery.places import Place, places
from textual.binding import BindingType

from seqtui.live.snapshot import Session, Snapshot
from seqtui.live.surgery_watch import SurgeryAsked, SurgerySeen
from seqtui.tui.dialogs.number import NumberDialog
from seqtui.tui.panes.operated import Operated
from seqtui.tui.panes.surgery_cuts import SurgeryCutsPane
from seqtui.tui.panes.surgery_loss import SurgeryLossPane
from seqtui.tui.panes.surgery_writing import SurgeryWritingPane
from seqtui.tui.screens.panes import PanesScreen
from seqtui.tui.screens.surgery_commands import SURGERY

_KEPT = 20  # timesteps of a short context, as first offered


class Surgery(PanesScreen[Operated]):
    """The losses above, the cuts and what both models say below."""

    VIEW = "surgery"
    ASKS = ("surgery",)
    BINDINGS: ClassVar[list[BindingType]] = SURGERY.bindings()

    def __init__(self, session: Session) -> None:
        panes = {"losses": SurgeryLossPane(), "cuts": SurgeryCutsPane(), "results": SurgeryWritingPane()}
        super().__init__(session, SURGERY, panes)
        self.all = False  # whether all units of the quantity are picked
        self.side = ""
        self._places: tuple[ModelConfig | None, tuple[Place, ...]] = (None, ())

    @property
    def arguments(self) -> SurgeryAsked:
        """After which timestep both write, and how."""
        return SurgeryAsked(self.standpoint.playhead, self.newest.temperature)

    @property
    def seen(self) -> SurgerySeen | None:
        """What was found last."""
        found = self.shown.looks.get("surgery")
        return found if isinstance(found, SurgerySeen) else None

    @property
    def places(self) -> tuple[Place, ...]:
        """What can be cut of the model."""
        config = self.newest.shape
        if config is not self._places[0]:
            self._places = (config, places(config) if config is not None else ())
        return self._places[1]

    @property
    def picked(self) -> Place | None:
        """What would be cut next: that of the standpoint, or the nearest there is."""
        known, place = self.places, self.place
        layers = [one for one in known if one.layer == place.layer] or list(known)
        sides = [one for one in layers if one.side == self.side] or layers
        here = [one for one in sides if one.where == sides[0].where]
        return next((one for one in here if one.quantity == place.quantity), here[0] if here else None)

    @property
    def unit(self) -> int | None:
        """The unit that would be cut next; None: all."""
        place = self.picked
        return None if self.all or place is None else min(self.place.unit or 0, place.units - 1)

    @property
    def subject(self) -> Operated:
        """What is drawn now."""
        shown, playhead = self.shown, self.standpoint.playhead
        return Operated(
            shown.phase, self.seen, playhead, shown.cuts, self.places, self.picked, self.unit, shown.temperature
        )

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot. The playhead stays on its symbol when the start of the example is cut off, or is back."""
        before = self.seen
        super().show(snapshot)
        now = self.seen
        if before is not None and now is not None and before.dropped != now.dropped:
            self.point(self.place.playhead + before.dropped - now.dropped)
        self.ask_again()

    # What would be cut next

    def move_layer(self) -> None:
        """Pick the next layer, and of an encoder-decoder the next side."""
        picked = self.picked
        if picked is not None:
            layers = list(dict.fromkeys(one.where for one in self.places))
            self.side, layer = layers[(layers.index(picked.where) + 1) % len(layers)]
            self.standpoint = replace(self.standpoint, layer=layer)

    def move_quantity(self, by: int) -> None:
        """Pick another gate or state of the layer."""
        picked = self.picked
        if picked is not None:
            names = [one.quantity for one in self.places if one.where == picked.where]
            quantity = names[(names.index(picked.quantity) + by) % len(names)]
            self.standpoint = replace(self.standpoint, quantity=quantity)

    def move_unit(self, by: int) -> None:
        """Pick another unit or head."""
        picked = self.picked
        if picked is not None:
            unit = min(self.place.unit or 0, picked.units - 1)
            unit, self.all = unit if self.all else (unit + by) % picked.units, False
            self.standpoint = replace(self.standpoint, unit=unit)

    def pick_all(self) -> None:
        """Pick all units of the quantity, or one again."""
        self.all = not self.all
        self.draw()

    # Cuts

    @property
    def cuts(self) -> tuple[Cut | ContextCut, ...]:
        """Those that the session has by now."""
        return self.session.snapshot().cuts

    def silence(self) -> None:
        """Silence what is picked."""
        self._cut(0.0)

    def clamp(self) -> None:
        """Ask for a value at which what is picked is held."""
        picked, cut = self.picked, self.subject.next
        if picked is None or cut is None:
            return
        hint = f"{reachable(picked)}."
        if not picked.clamps:
            self.say(hint)
            return
        first = 1.0 if picked.low == 0 else 0.5
        self.ask(NumberDialog(f"hold {cut.text(1)} at", first, picked.low, picked.high, hint), self._cut)

    def _cut(self, value: float) -> None:
        cut = self.subject.next
        if cut is not None:
            new = replace(cut, value=value)
            self._set((*(one for one in self.cuts if not new.same(one)), new))

    def reset_here(self) -> None:
        """Reset the state at the playhead."""
        self._cut_context(ContextCut("reset", self.subject.here))

    def shuffle_before(self) -> None:
        """Shuffle what stands before the playhead."""
        self._cut_context(ContextCut("shuffle", self.subject.here))

    def keep_last(self) -> None:
        """Ask how many of the last timesteps are read."""
        most = len(self.probe.symbols) if self.probe is not None else 1
        hint = "Only the last symbols of the example are read; of a pair, the last of its source."

        def keep(count: float) -> None:
            self._cut_context(ContextCut("keep", int(count)))

        self.ask(NumberDialog("keep the last", min(_KEPT, most), 1, most, hint, whole=True), keep)

    def _cut_context(self, cut: ContextCut) -> None:
        if self.probe is not None:
            self._set((*self.cuts, cut))

    def undo(self) -> None:
        """Take the newest cut back."""
        if not self.cuts:
            self.say("Nothing is cut.")
        else:
            self._set(self.cuts[:-1])

    def undo_all(self) -> None:
        """Look at the untouched model again."""
        self._set(())

    def _set(self, cuts: tuple[Cut | ContextCut, ...]) -> None:
        self.session.set_cuts(cuts)
        self.show(self.session.snapshot())
