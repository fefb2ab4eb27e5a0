"""The top line: corpus, model, training state and speed. Fields have fixed widths, so that nothing jitters."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut
from textual.content import Content
from textual.widget import Widget

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.widgets.numbers import UNKNOWN, millions, power, thousands
from seqtui.views import VIEWS
from seqtui.visible import visible

UNITS = {"char": "ch/s", "byte": "B/s", "word": "tok/s", "symbol": "sym/s", "row": "rows/s",
         "timestep": "steps/s"}  # by input unit, or kind of token  # fmt: skip
# A sign and a colour per phase: the sign alone is enough without colour.
PHASES = {
    Phase.LOADING: ("◌", "$muted $quiet"),
    Phase.COMPILING: ("◔", "$text-accent"),
    Phase.TRAINING: ("●", "$text-success"),
    Phase.PAUSED: ("‖", "$text-warning"),
    Phase.FINISHED: ("✓", "$text-success"),
    Phase.DIVERGED: ("▲", "$text-error"),
    Phase.FAILED: ("✗", "$text-error"),
}
NAME_WIDTH = 28  # columns for the corpus name: a path can be long


@dataclass(frozen=True)
class Part:
    """A field of the line, from its longest form to its shortest; the highest rank is dropped first, rank 0 never."""

    forms: tuple[tuple[Content, int], ...]  # each with the rank at which it is dropped

    @staticmethod
    def of(*forms: tuple[Content | str, int]) -> "Part":
        """Make a part from (form, rank) pairs, longest form first. With all forms dropped, the part is empty."""
        return Part(tuple((Content(text) if isinstance(text, str) else text, rank) for text, rank in forms))

    def at(self, given_up: int) -> Content:
        """Return the longest form whose rank is below `given_up`, or an empty content."""
        return next((text for text, rank in self.forms if rank < given_up), Content(""))


TITLE = Part.of((Content.styled("seqtui   ", "bold $accent"), 9))


def fit(title: Part, left: list[Part], right: list[Part], width: int) -> Content:
    """Return one line of `width` cells with as many parts as fit."""
    name, first, last = Content(""), Content(""), Content("")
    for given_up in range(11, 0, -1):
        name = title.at(given_up)
        first = Content(" ▸ ").join([text for part in left if (text := part.at(given_up))])
        last = Content("  ").join([text for part in right if (text := part.at(given_up))])
        if name.cell_length + first.cell_length + last.cell_length + 3 <= width:
            break
    first = (name + first).truncate(max(0, width - last.cell_length - 3), ellipsis=True)
    gap = " " * max(1, width - first.cell_length - last.cell_length - 2)
    return Content.assemble(" ", first, gap, last, " ")


def corpus_parts(snapshot: Snapshot) -> list[Part]:
    """Return corpus, model and size."""
    dial = snapshot.task.dial
    name = visible(dial.source if dial is not None else snapshot.corpus) or "no corpus yet"
    if len(name) > NAME_WIDTH:
        name = "…" + name[1 - NAME_WIDTH :]  # the end of a path says more than its start
    parameters = millions(snapshot.parameters) if snapshot.parameters else ""
    return [
        Part.of((Content.styled(name, "bold"), 0)),
        Part.of((visible(snapshot.model.label), 2)),
        Part.of((parameters, 8)),
    ]


def training_parts(snapshot: Snapshot) -> list[Part]:
    """Return phase, step, epoch, rate, speed, threads and share of the machine's peak, each of a fixed width."""
    sign, colour = PHASES[snapshot.phase]
    begun = snapshot.step > 0
    unit = UNITS.get(snapshot.task.input_unit) or UNITS.get(snapshot.tokens_by, "tok/s")
    rate = power(snapshot.learning_rate) if snapshot.learning_rate > 0 else UNKNOWN
    speed = thousands(snapshot.tokens_per_second) if snapshot.tokens_per_second > 0 else UNKNOWN
    share = f"{snapshot.peak_share:3.0%}" if snapshot.peak_share is not None else f"{UNKNOWN:>3}"
    threads = f"{snapshot.threads or UNKNOWN:>2} thread{' ' if snapshot.threads == 1 else 's'}"
    epoch = f"{snapshot.epoch:.1f}" if begun and snapshot.epoch > 0 else UNKNOWN  # 0: there is no end to the examples
    return [
        Part.of((Content.styled(f"{sign} {snapshot.phase.value:<9}", colour), 0)),
        Part.of((f"step {snapshot.step:>7,}", 0)),
        Part.of((f"epoch {epoch:>5}", 7)),
        Part.of((f"lr {rate:>7}", 4)),
        Part.of((f"{speed:>5} {unit}", 3)),
        Part.of((threads, 10)),
        Part.of((f"{share:>4} of peak", 6), (f"{share} peak", 5)),
    ]


class StatusLine(Widget):
    """One line, drawn from a snapshot. `frozen_at` is the step at which the display was frozen."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot = Snapshot()
        self._frozen_at: int | None = None
        self._leaving = False

    def show(self, snapshot: Snapshot, frozen_at: int | None) -> None:
        """Draw the snapshot, and a badge if the panes are frozen (`frozen_at` is not None)."""
        self._snapshot, self._frozen_at = snapshot, frozen_at
        self.styles.height = 2 if snapshot.cuts else 1
        self.refresh()

    def leave(self) -> None:
        """Show that the run is being saved before the app exits."""
        self._leaving = True
        self.refresh()

    def render(self) -> Content:
        """Return the line at the current width, and a second one with what is cut of the model, if anything is."""
        badges = []
        if self._leaving:
            badges.append(Part.of((Content.styled(" saving and leaving ", "reverse"), 0)))
        elif self._frozen_at is not None:
            badges.append(Part.of((Content.styled(f" frozen at step {self._frozen_at:,} ", "bold reverse $accent"), 0)))
        right = [*badges, *training_parts(self._snapshot)]
        line = fit(TITLE, corpus_parts(self._snapshot), right, self.size.width)
        cuts = self._snapshot.cuts
        return Content("\n").join([line, cut_line(cuts, self.size.width)]) if cuts else line


def cut_line(cuts: Sequence[Cut | ContextCut], width: int) -> Content:
    """Return what is cut, in at most `width` cells: the newest of all for which there is no room."""
    names, dropped = [cut_name(one) for one in cuts], 0
    head, tail = " cut: ", f"   {VIEWS['surgery'].key.upper()}: undo "
    while True:
        more = f"{dropped} more · " if dropped else ""
        text = more + " · ".join(names[dropped:])
        if len(head + text + tail) <= width or dropped + 1 >= len(names):
            return Content.assemble((head, "bold $text-warning"), (text, "$text-warning"), (tail, "$foreground 60%"))
        dropped += 1


def cut_name(cut: Cut | ContextCut) -> str:
    """Return a cut as it is drawn: layers and heads are numbered from 1 on the screen."""
    return cut.text(1) if isinstance(cut, Cut) else cut.said
