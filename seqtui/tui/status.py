"""The top line: which corpus and model, what the training does, and how fast. Nothing in it jitters."""

from dataclasses import dataclass

from textual.content import Content
from textual.widget import Widget

from seqtui.snapshot import Phase, Snapshot
from seqtui.visible import visible

UNITS = {"char": "ch/s", "byte": "B/s", "word": "tok/s"}
# A sign and a colour for each phase: the sign carries it where there is no colour.
PHASES = {
    Phase.LOADING: ("◌", "$foreground 60%"),
    Phase.COMPILING: ("◔", "$text-accent"),
    Phase.TRAINING: ("●", "$text-success"),
    Phase.PAUSED: ("‖", "$text-warning"),
    Phase.FINISHED: ("✓", "$text-success"),
    Phase.DIVERGED: ("▲", "$text-error"),
    Phase.FAILED: ("✗", "$text-error"),
}
WAITING = "–"  # a number that is not known yet
NAME_WIDTH = 28  # of a corpus: a path can be long


def thousands(value: float) -> str:
    """Three significant digits with k, M or G, at most 5 cells: 912, 91.2k, 1.24M."""
    for limit, divisor, sign in ((999.5, 1.0, ""), (999.5e3, 1e3, "k"), (999.5e6, 1e6, "M"), (float("inf"), 1e9, "G")):
        if value < limit:
            scaled = value / divisor
            places = 0 if not sign or scaled >= 99.95 else 1 if scaled >= 9.995 else 2
            return f"{scaled:.{places}f}{sign}"
    return WAITING  # not a number


def power(value: float) -> str:
    """Three significant digits with an exponent of few cells: 4.10e-3."""
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def millions(parameters: int) -> str:
    """A number of parameters in millions, three significant digits: 0.559 M, 12.3 M."""
    value = parameters / 1e6
    places = 1 if value >= 9.995 else 2 if value >= 0.9995 else 3
    return f"{value:.{places}f} M"


@dataclass(frozen=True)
class Part:
    """A piece of the line, the shorter forms of it, and how soon it gives way: the highest first, 0 never."""

    forms: tuple[tuple[Content, int], ...]  # with the rank at which each form is given up

    @staticmethod
    def of(*forms: tuple[Content | str, int]) -> "Part":
        """From the longest form to the shortest; what remains when all are given up is nothing."""
        return Part(tuple((Content(text) if isinstance(text, str) else text, rank) for text, rank in forms))

    def at(self, given_up: int) -> Content:
        """The longest form whose rank is below `given_up`, or nothing."""
        return next((text for text, rank in self.forms if rank < given_up), Content(""))


TITLE = Part.of((Content.styled("seqtui   ", "bold $accent"), 9))


def fit(title: Part, left: list[Part], right: list[Part], width: int) -> Content:
    """All in one line of `width` cells, with as much of it as there is room for."""
    name, first, last = Content(""), Content(""), Content("")
    for given_up in range(10, 0, -1):
        name = title.at(given_up)
        first = Content(" ▸ ").join([text for part in left if (text := part.at(given_up))])
        last = Content("  ").join([text for part in right if (text := part.at(given_up))])
        if name.cell_length + first.cell_length + last.cell_length + 3 <= width:
            break
    first = (name + first).truncate(max(0, width - last.cell_length - 3), ellipsis=True)
    gap = " " * max(1, width - first.cell_length - last.cell_length - 2)
    return Content.assemble(" ", first, gap, last, " ")


def corpus_parts(snapshot: Snapshot) -> list[Part]:
    """Corpus, model and size."""
    name = visible(snapshot.corpus) or "no corpus yet"
    if len(name) > NAME_WIDTH:
        name = "…" + name[1 - NAME_WIDTH :]  # the end of a path tells more than its beginning
    parameters = millions(snapshot.parameters) if snapshot.parameters else ""
    return [
        Part.of((Content.styled(name, "bold"), 0)),
        Part.of((visible(snapshot.model.label), 2)),
        Part.of((parameters, 8)),
    ]


def training_parts(snapshot: Snapshot) -> list[Part]:
    """Phase, step, epoch, learning rate, speed and share of the machine's peak: each of a fixed width."""
    sign, colour = PHASES[snapshot.phase]
    begun = snapshot.step > 0
    unit = UNITS.get(snapshot.tokens_by, "tok/s")
    rate = power(snapshot.learning_rate) if snapshot.learning_rate > 0 else WAITING
    speed = thousands(snapshot.tokens_per_second) if snapshot.tokens_per_second > 0 else WAITING
    share = f"{snapshot.peak_share:3.0%}" if snapshot.peak_share is not None else f"{WAITING:>3}"
    epoch = f"{snapshot.epoch:.1f}" if begun else WAITING
    return [
        Part.of((Content.styled(f"{sign} {snapshot.phase.value:<9}", colour), 0)),
        Part.of((f"step {snapshot.step:>7,}", 0)),
        Part.of((f"epoch {epoch:>5}", 7)),
        Part.of((f"lr {rate:>7}", 4)),
        Part.of((f"{speed:>5} {unit}", 3)),
        Part.of((f"{share:>4} of peak", 6), (f"{share} peak", 5)),
    ]


class StatusLine(Widget):
    """One line, drawn from a snapshot. `frozen_at` is the step at which the picture was frozen."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot = Snapshot()
        self._frozen_at: int | None = None
        self._leaving = False

    def show(self, snapshot: Snapshot, frozen_at: int | None) -> None:
        """Draws the snapshot, and that the panes are frozen where they are."""
        self._snapshot, self._frozen_at = snapshot, frozen_at
        self.refresh()

    def leave(self) -> None:
        """Says that the run is being saved before the screen closes."""
        self._leaving = True
        self.refresh()

    def render(self) -> Content:
        """The line at the present width."""
        badges = []
        if self._leaving:
            badges.append(Part.of((Content.styled(" saving and leaving ", "reverse"), 0)))
        elif self._frozen_at is not None:
            badges.append(Part.of((Content.styled(f" frozen at step {self._frozen_at:,} ", "bold reverse $accent"), 0)))
        right = [*badges, *training_parts(self._snapshot)]
        return fit(TITLE, corpus_parts(self._snapshot), right, self.size.width)
