"""What the view of surgery is about: what is cut, what one would cut next, and both models beside each other."""

from dataclasses import dataclass

from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut
from seqcore.surgery.places import Place

from seqtui.live.snapshot import Phase
from seqtui.live.surgery_watch import SurgerySeen


@dataclass(frozen=True, eq=False)
class Operated:
    """One frame."""

    phase: Phase = Phase.LOADING
    seen: SurgerySeen | None = None
    playhead: int = 0  # in the example as it is read
    cuts: tuple[Cut | ContextCut, ...] = ()
    places: tuple[Place, ...] = ()  # what the model has
    place: Place | None = None  # what would be cut next
    unit: int | None = None  # of it; None: all
    temperature: float = 0.8

    @property
    def here(self) -> int:
        """The timestep of the playhead in the untouched example."""
        return self.playhead + self.seen.dropped if self.seen is not None else self.playhead

    @property
    def settled(self) -> bool:
        """Whether what is seen has all the cuts."""
        return self.seen is not None and self.seen.cuts == self.cuts

    @property
    def next(self) -> Cut | None:
        """What would be cut next."""
        place = self.place
        return None if place is None else Cut(place.layer, place.quantity, self.unit, side=place.side)


def layer_name(place: Place) -> str:
    """Return the layer of a place as it is drawn: 2, encoder 1."""
    return " ".join(part for part in (place.side, str(place.layer + 1)) if part)
