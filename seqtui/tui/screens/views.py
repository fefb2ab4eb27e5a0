"""The views beside the Lab, by the id of the command that opens them. A new view is a file and a line here."""

from collections.abc import Callable

from seqtui.live.snapshot import Session
from seqtui.tui.screens.encodings import Encodings
from seqtui.tui.screens.view import ViewScreen

VIEWS: dict[str, Callable[[Session], ViewScreen]] = {
    "encodings": Encodings,
}
