"""The pane beside the loss, which depends on the task. A new pane is a file in this package and a line here."""

from seqtui.tui.panes.boundary import BoundaryPane
from seqtui.tui.panes.caption import CaptionPane
from seqtui.tui.panes.translation import TranslationPane
from seqtui.tui.panes.tune import TunePane
from seqtui.tui.panes.values import ValuesPane
from seqtui.tui.panes.verdict import VerdictPane
from seqtui.tui.panes.writing import WritingPane
from seqtui.tui.widgets.pane import Pane

SECOND: dict[str, type[Pane]] = {
    "writing": WritingPane,
    "verdict": VerdictPane,
    "values": ValuesPane,
    "boundary": BoundaryPane,
    "tune": TunePane,
    "translation": TranslationPane,
    "caption": CaptionPane,
}
USUAL = "writing"  # of language modelling, and before the task is known


def second_pane(name: str) -> str:
    """Return the name of the pane for a task that asks for `name`: the usual one if there is none of that name."""
    return name if name in SECOND else USUAL
