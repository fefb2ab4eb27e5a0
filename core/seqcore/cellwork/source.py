"""What stands before the bar of a pair, for its equations: symbols that recurrent layers read, or a picture's patches.

A third kind of encoder is a class with these methods, and a line in `pairs.source_of`.
"""

from typing import Any, Protocol

from seqcore.cellwork.crossing import Crossing
from seqcore.cellwork.place import Backward, Forward, Place
from seqcore.cellwork.records import Quantity
from seqcore.models.encoder import State
from seqcore.records import F32


class SourceWork(Protocol):
    """A look of an encoder at one source of S symbols or patches."""

    layers: int

    def part(self, second: bool) -> str:
        """Return the name of the part. Raises SeqError without a second direction."""

    def states(self, layer: int, second: bool) -> F32:
        """Return the states of a layer, (S, H), in the order in which they are computed."""

    def note_name(self, j: int) -> str:
        """Return the name of number j of an annotation, or of a last state."""

    def last_name(self, state: str) -> str:
        """Return what a formula calls the last h or c of all directions."""

    def handed(self, unit: int) -> tuple[Quantity, ...]:
        """Return the equations between the states and what the bridge reads."""

    def forward(self, place: Place) -> Forward:
        """Return the equations of a unit."""

    def back(self, last: list[State], dnotes: F32) -> Any:
        """Return the gradients of all units, given those of each layer's last state and of the annotations."""

    def backward(self, place: Place, back: Any, crossing: Crossing) -> Backward:
        """Return the chain rule of a unit, given what `back` returned."""
