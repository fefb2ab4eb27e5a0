"""The view of the encodings: what does the model read? Text, tokens, one-hot vectors, embeddings, and their map."""

from typing import ClassVar

from textual.binding import BindingType

from seqtui.live.snapshot import Session, Snapshot
from seqtui.tui.panes.embedding_map import MapPane
from seqtui.tui.panes.encoding import EncodingPane
from seqtui.tui.panes.neighbours import NeighboursPane
from seqtui.tui.panes.subject import Subject
from seqtui.tui.screens.encodings_commands import ENCODINGS
from seqtui.tui.screens.panes import PanesScreen
from seqtui.visible import visible


class Encodings(PanesScreen[Subject]):
    """Draws the subject: the text under the playhead, or a token that was picked, and the vectors of all tokens."""

    VIEW = "encodings"
    ASKS = ("embedding", "target embedding")
    BINDINGS: ClassVar[list[BindingType]] = ENCODINGS.bindings()
    DEFAULT_CSS = """
    Encodings MapPane { width: 2fr; }
    Encodings NeighboursPane { width: 1fr; }
    """

    def __init__(self, session: Session) -> None:
        self.encoding, self.map, self.neighbours = EncodingPane(), MapPane(), NeighboursPane()
        super().__init__(
            session, ENCODINGS, {"encoding": self.encoding, "map": self.map, "neighbours": self.neighbours}
        )
        self._picked: int | None = None

    @property
    def subject(self) -> Subject:
        """What is drawn now."""
        return Subject.of(self.shown, self.place.playhead, self._picked)

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot. Another vocabulary ends the pick."""
        if snapshot.run != self.newest.run:
            self._picked = None
        super().show(snapshot)

    def moved(self) -> None:
        """The playhead ends the pick."""
        self._picked = None
        super().moved()

    def on_map_pane_picked(self, event: MapPane.Picked) -> None:
        """Pick a token on the map."""
        self.pick(event.token)

    def on_neighbours_pane_picked(self, event: NeighboursPane.Picked) -> None:
        """Pick a neighbour."""
        self.pick(event.token)

    def pick(self, token: int | None) -> None:
        """Show a token of the vocabulary instead of the one at the playhead, until the playhead moves."""
        self._picked = token
        self.draw()

    def find(self, text: str) -> None:
        """Pick the token that a text is, with or without a space before it; or else one that begins with it."""
        vectors = self.subject.vectors
        if vectors is None:
            self.say("There are no vectors yet.")
            return
        wanted = text if text.isspace() else text.strip()
        places = {symbol: token for token, symbol in enumerate(vectors.symbols)}
        found = next((places[one] for one in (f" {wanted}", wanted, text) if one in places), None)
        if found is None and wanted:
            found = next((int(one) for one in vectors.order if vectors.symbols[one].strip().startswith(wanted)), None)
        if found is None:
            self.say(f"`{visible(wanted)}` is not in {self.subject.vocabulary}.")
        else:
            self.pick(found)

    def back(self) -> None:
        """Leave zoom, then the picked token, then freeze, then the view."""
        if self._picked is not None and not self.zoomed:
            self.pick(None)
        else:
            super().back()
