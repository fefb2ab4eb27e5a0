"""What the model writes for a source: beside the truth, with what else it considered, and where it looked."""

from collections.abc import Sequence
from enum import StrEnum
from typing import ClassVar

import numpy as np
from seqcore.records import Probe, Translation

from seqtui.live.earlier import bands_of, model_label
from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.alignment import alignment_rows, shade
from seqtui.tui.panes.beam_tree import BeamTree
from seqtui.tui.panes.kernels import kernel_rows
from seqtui.tui.panes.length_chart import chart_rows, curves_of
from seqtui.tui.panes.measured import summary_row
from seqtui.tui.panes.watching import ExamplePane
from seqtui.tui.panes.written import Word, labelled, other_rows, text_of, truth_rows, written, written_rows
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.pane import BLANK, Row, waiting_rows

_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.FAILED: "nothing to show: training failed",
}


class Page(StrEnum):
    """What the pane shows."""

    EXAMPLE = "example"
    ALIGNMENT = "alignment"
    BEAM = "beam"
    LENGTH = "by length"


class TranslationPane(ExamplePane):
    """Pane of the example under the microscope as the model translates it, and of the last validation."""

    follows = True

    NOUN: ClassVar[str] = "translation"
    TITLE = "2 translation"
    WATCHED = (*ExamplePane.WATCHED, "earlier_runs", "shape")
    BANDS: ClassVar[str] = "source length in {unit}s"  # what a curve by length is over

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.page = Page.EXAMPLE
        self._tree = BeamTree()
        self._source: tuple[str, ...] = ()  # of the tree
        self.by_loss = False  # by length: the loss, rather than the exact match

    @property
    def pages(self) -> list[Page]:
        """The pages that there is something to show on."""
        found = self._translation
        aligned = found is not None and found.alignment is not None
        return [page for page in Page if page is not Page.ALIGNMENT or aligned]

    def next_page(self) -> None:
        """Show the next page."""
        pages = self.pages
        at = pages.index(self.page) if self.page in pages else -1
        self.page = pages[(at + 1) % len(pages)]
        self._changed()

    @property
    def beam(self) -> BeamTree | None:
        """The beam, while it is shown."""
        return self._tree if self.page is Page.BEAM and self._translation is not None else None

    def show_tree(self) -> None:
        """Show the beam."""
        self.page = Page.BEAM
        self._changed()

    def walk(self, across: int, down: int) -> None:
        """Walk through the beam."""
        self._tree.walk(across, down)
        self._changed()

    def compare_lengths(self) -> None:
        """Show the exact match by the length of the source; if that is shown already, the loss, and back."""
        self.by_loss = not self.by_loss if self.page is Page.LENGTH else False
        self.page = Page.LENGTH
        self._changed()

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the source and what the model writes for it."""
        probe = snapshot.probe
        if probe is None or probe.translation is None:
            return "", self.NOUN
        return f"{text_of(probe.symbols[: probe.bar])} → {text_of(written(probe.translation))}", self.NOUN

    @property
    def _translation(self) -> Translation | None:
        return self._snapshot.probe.translation if self._snapshot.probe is not None else None

    def _changed(self) -> None:
        now = self._snapshot
        if now.probe is not None and self._translation is not None:
            source = now.probe.symbols[: now.probe.bar]
            self._tree.take(now.probe.hand or now.probe.translation, source != self._source)
            self._source = source
        titles: list[str] = []
        if now.searched is not None:
            titles = self._searching()
        elif now.probe is not None and self._translation is not None:
            step = f"step {now.probe.step:,}"
            which, brief = self._numbered()
            titles = [f"{which} · {step}", f"{brief} · {step}", brief]
        page = "" if self.page is Page.EXAMPLE else f" · {self.page.value}"
        self.set_titles(self.TITLE + page, *titles)
        self.redraw()

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows of the kernels, of the page, or what the pane is waiting for."""
        now = self._snapshot
        if now.compiling is not None and now.phase is Phase.COMPILING:
            return kernel_rows(self, now.compiling, width, height)
        if self.page is Page.LENGTH:
            return self._by_length(width, height)
        probe, found = now.probe, self._translation
        if probe is None or found is None:
            text = _WAITING.get(now.phase, f"waiting for the first {self.NOUN}")
            return waiting_rows(text, width, self.ink.muted)[:height]
        if self.page is Page.ALIGNMENT and found.alignment is not None:
            return alignment_rows(probe, found.alignment, self._playhead, self.ink, width, height)
        if self.page is Page.BEAM:
            return self._tree.rows(self.ink, width, height)
        return self._example(probe, found, width, height)

    def _example(self, probe: Probe, found: Translation, width: int, height: int) -> list[Row]:
        """Return the source, the truth, the result, the verdict, and what else fits."""
        above = example_rows(probe, found, self._playhead, self.ink, width)
        rest = height - len(above)
        below = self._summary(width) if rest >= 1 else []
        rest -= len(below)
        middle: list[Row] = []
        if rest >= 5:
            middle = alignment_rows(probe, found.alignment, self._playhead, self.ink, width, rest - 1)
            middle = [BLANK, *middle] if middle else []
        rows = [*above, *middle][: height - len(below)]
        return [*rows, *[BLANK] * (height - len(rows) - len(below)), *below]

    def _summary(self, width: int) -> list[Row]:
        """Return the line of the last validation, if there was one."""
        now = self._snapshot
        if not now.measures:
            return []
        return [summary_row(now.measures, now.facts, now.task.measures, now.measured_step, self.ink, width)]

    def _by_length(self, width: int, height: int) -> list[Row]:
        """Return the exact match, or the loss, by the length of the source, with those of earlier runs."""
        now, bands = self._snapshot, bands_of(self._snapshot.measures.get("by_length"))
        if not bands and not now.earlier_runs:
            every = now.training.eval_every if now.training is not None else 0
            when = f" (every {every:,} steps)" if every else ""
            return waiting_rows(f"waiting for the first validation{when}", width, self.ink.muted)[:height]
        label = model_label(now.shape) if now.shape is not None else now.model.label
        curves = curves_of(label, bands, now.earlier_runs, self.ink)
        return chart_rows(
            curves, self.by_loss, self.BANDS.format(unit=now.task.input_unit or "symbol"), self.ink, width, height
        )


def example_rows(probe: Probe, found: Translation, playhead: int, ink: Ink, width: int) -> list[Row]:
    """Return the source, the truth if it is known, what the model writes, and what it considered besides."""
    rows = labelled("source", _source(probe, found, playhead, ink), ink, width)
    rows += truth_rows(probe, found, playhead, ink, width)
    return [*rows, *written_rows(found, ink, width), *other_rows(found, ink, width)]


def _source(probe: Probe, found: Translation, playhead: int, ink: Ink) -> list[Word]:
    """Return the source; with attention, brighter where the model looked when it predicted the playhead's symbol."""
    weights = found.alignment[playhead] if found.alignment is not None and playhead < len(found.alignment) else None
    words: list[Word] = []
    for s, symbol in enumerate(probe.symbols[: probe.bar]):
        known = weights is not None and bool(np.isfinite(weights[s]))
        style = shade(float(weights[s]), ink) if weights is not None and known else ink.text
        words.append((symbol, ink.lit(style) if s == playhead else style))
    return words
