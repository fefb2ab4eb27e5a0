"""What the model writes for a source: beside the truth, with what else it considered, and where it looked."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from seqcore.records import Probe, Translation

from seqtui.live.earlier import bands_of, model_label
from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.alignment import alignment_rows, shade
from seqtui.tui.panes.beam_tree import BeamTree
from seqtui.tui.panes.kernels import kernel_rows
from seqtui.tui.panes.length_chart import chart_rows, curves_of
from seqtui.tui.panes.measured import summary_row
from seqtui.tui.panes.watching import ExamplePane
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import percent
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.FAILED: "no translation: training failed",
}
_LABEL = 8  # cells of the labels at the left
_OTHERS = 3  # further results of the search that are shown
Word = tuple[str, Style]


class Page(StrEnum):
    """What the pane shows."""

    EXAMPLE = "example"
    ALIGNMENT = "alignment"
    BEAM = "beam"
    LENGTH = "by length"


class TranslationPane(ExamplePane):
    """Pane of the example under the microscope as the model translates it, and of the last validation."""

    follows = True

    TITLE = "2 translation"
    WATCHED = (*ExamplePane.WATCHED, "earlier_runs", "shape")

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
            return "", "translation"
        return f"{_text(probe.symbols[: probe.bar])} → {_text(_written(probe.translation))}", "translation"

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
            text = _WAITING.get(now.phase, "waiting for the first translation")
            return waiting_rows(text, width, self.ink.muted)[:height]
        if self.page is Page.ALIGNMENT and found.alignment is not None:
            return alignment_rows(probe, found.alignment, self._playhead, self.ink, width, height)
        if self.page is Page.BEAM:
            return self._tree.rows(self.ink, width, height)
        return self._example(probe, found, width, height)

    def _example(self, probe: Probe, found: Translation, width: int, height: int) -> list[Row]:
        """Return the source, the truth, the result, the verdict, and what else fits."""
        above = example_rows(probe, found, self._playhead, self.ink, width)
        now, rest = self._snapshot, height - len(above)
        below: list[Row] = []
        if now.measures and rest >= 1:
            below = [summary_row(now.measures, now.facts, now.task.measures, now.measured_step, self.ink, width)]
            rest -= 1
        middle: list[Row] = []
        if rest >= 5:
            middle = alignment_rows(probe, found.alignment, self._playhead, self.ink, width, rest - 1)
            middle = [BLANK, *middle] if middle else []
        rows = [*above, *middle][: height - len(below)]
        return [*rows, *[BLANK] * (height - len(rows) - len(below)), *below]

    def _by_length(self, width: int, height: int) -> list[Row]:
        """Return the exact match, or the loss, by the length of the source, with those of earlier runs."""
        now, bands = self._snapshot, bands_of(self._snapshot.measures.get("by_length"))
        if not bands and not now.earlier_runs:
            every = now.training.eval_every if now.training is not None else 0
            when = f" (every {every:,} steps)" if every else ""
            return waiting_rows(f"waiting for the first validation{when}", width, self.ink.muted)[:height]
        label = model_label(now.shape) if now.shape is not None else now.model.label
        curves = curves_of(label, bands, now.earlier_runs, self.ink)
        return chart_rows(curves, self.by_loss, now.task.input_unit or "symbol", self.ink, width, height)


def example_rows(probe: Probe, found: Translation, playhead: int, ink: Ink, width: int) -> list[Row]:
    """Return the source, the truth if it is known, what the model writes, and what it considered besides."""
    written = _written(found)
    rows = _labelled("source", _source(probe, found, playhead, ink), ink, width)
    if found.wanted is not None:
        wanted = tuple(found.symbols[k] for k in found.wanted)
        here = playhead - probe.bar - 1
        words = [(word, ink.lit(ink.text) if at == here else ink.text) for at, word in enumerate(wanted)]
        rows += _labelled("truth", words, ink, width)
    rows += _labelled("writes", _checked(found, written, ink), ink, width)
    rows.append(_verdict(found, ink, width))
    for rank in range(1, min(len(found.finished), 1 + _OTHERS)):
        share = percent(float(np.exp(_total(found, rank))))
        words = [(share.strip() + "  ", ink.faint), *((word, ink.muted) for word in _written(found, rank))]
        rows += _labelled("or" if rank == 1 else "", words, ink, width)[:1]
    return rows


def _total(found: Translation, rank: int) -> float:
    return found.beginnings[found.finished[rank]].total


def _written(found: Translation, rank: int = 0) -> tuple[str, ...]:
    return tuple(found.symbols[k] for k in found.written(rank))


def _text(symbols: Sequence[str]) -> str:
    return "".join(symbols).strip()


def _source(probe: Probe, found: Translation, playhead: int, ink: Ink) -> list[Word]:
    """Return the source; with attention, brighter where the model looked when it predicted the playhead's symbol."""
    weights = found.alignment[playhead] if found.alignment is not None and playhead < len(found.alignment) else None
    words: list[Word] = []
    for s, symbol in enumerate(probe.symbols[: probe.bar]):
        known = weights is not None and bool(np.isfinite(weights[s]))
        style = shade(float(weights[s]), ink) if weights is not None and known else ink.text
        words.append((symbol, ink.lit(style) if s == playhead else style))
    return words


def _checked(found: Translation, written: tuple[str, ...], ink: Ink) -> list[Word]:
    """Return what the model writes; warm where it differs from the truth."""
    if found.wanted is None:
        return [(word, ink.accent) for word in written]
    wanted = tuple(found.symbols[k] for k in found.wanted)
    right = [at < len(wanted) and word == wanted[at] for at, word in enumerate(written)]
    words = [(word, ink.accent if ok else ink.warm) for word, ok in zip(written, right, strict=True)]
    return words or [("(nothing)", ink.warm)]


def _verdict(found: Translation, ink: Ink, width: int) -> Row:
    """Return whether the result is right, and how likely the model finds it."""
    share = percent(float(np.exp(_total(found, 0)))).strip() if found.finished else "0%"
    said, style = f"probability {share}", ink.muted
    if found.wanted is not None:
        right = found.written() == found.wanted
        said, style = (f"right · {said}", ink.accent) if right else (f"wrong · {said}", ink.warm)
    room = max(0, width - _LABEL)
    parts = (" " * min(_LABEL, width), ink.muted), (fit(said, min(room, cell_len(said))), style)
    return Row(("verdict", parts), partial(pieces, *parts))


def _labelled(label: str, words: Sequence[Word], ink: Ink, width: int) -> list[Row]:
    """Return words wrapped to the width, after a label."""
    room = max(1, width - _LABEL)
    glyphs: list[str] = []
    styles: list[Style] = []
    for word, style in words:
        drawn = visible(word.replace("\n", "↵").replace("\t", "⇥"))
        if not glyphs:
            drawn = drawn.lstrip(" ") or drawn
        glyphs += list(drawn)
        styles += [style] * len(drawn)
    rows: list[Row] = []
    for start, end in wrap("".join(glyphs), room) or [(0, 0)]:
        lead = fit(label if not rows else "", _LABEL)
        parts: list[Word] = [(lead, ink.faint)]
        for at in range(start, end):  # one piece for each style
            if len(parts) > 1 and parts[-1][1] is styles[at]:
                parts[-1] = (parts[-1][0] + glyphs[at], styles[at])
            else:
                parts.append((glyphs[at], styles[at]))
        found = tuple(parts)
        rows.append(Row(("line", found), partial(pieces, *found)))
    return rows
