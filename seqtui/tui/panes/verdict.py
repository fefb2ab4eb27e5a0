"""The verdict of a model that predicts classes: the example under the microscope, and the last validation."""

from collections.abc import Sequence
from enum import StrEnum

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.example import example_rows, verdict_words
from seqtui.tui.panes.judged import Judged, judged
from seqtui.tui.panes.kernels import kernel_rows
from seqtui.tui.panes.measured import confusion_rows, group_rows, length_rows, summary_row
from seqtui.tui.panes.watching import ExamplePane
from seqtui.tui.widgets.numbers import counted, percent
from seqtui.tui.widgets.pane import BLANK, Row, joined, waiting_rows

_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.FAILED: "no verdict: training failed",
}
_SPLIT = 92  # cells from which the example and the validation stand side by side
_GAP = 3  # cells between them
_LOW = 6  # rows from which there is a line about the validation under the example


class Page(StrEnum):
    """What the pane shows, or shows beside the example if it is wide."""

    EXAMPLE = "example"
    CONFUSION = "confusion"
    LENGTH = "by length"

    def next(self) -> "Page":
        """Return the next page in the order of the key."""
        pages = list(Page)
        return pages[(pages.index(self) + 1) % len(pages)]


class VerdictPane(ExamplePane):
    """Pane of the verdict at the playhead, and of what was right and wrong in the last validation."""

    follows = True

    TITLE = "2 verdict"

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.page = Page.EXAMPLE

    def next_page(self) -> None:
        """Show the next page."""
        self.page = self.page.next()
        self._changed()

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the text of the example and the verdict on it."""
        here = self._here(snapshot)
        if here is None:
            return "", "verdict"
        end = Judged(here.verdict, here.last)
        said = f"{here.verdict.classes[end.said]} {percent(end.shares()[end.said]).strip()}"
        known = f" ({verdict_words(here)[1]})" if verdict_words(here)[1] else ""
        return f"{snapshot.score_text} → {said}{known}", "verdict"

    def _here(self, snapshot: Snapshot) -> Judged | None:
        return judged(snapshot.probe, self._playhead)

    def _changed(self) -> None:
        now = self._snapshot
        titles: list[str] = []
        if now.searched is not None:
            titles = self._searching()
        elif now.probe is not None and now.probe.verdict is not None:
            step = f"step {now.probe.step:,}"
            which, brief = self._numbered()
            long = f" · {counted(len(now.probe.symbols), now.task.input_unit or 'token')}"
            titles = [f"{which}{long} · {step}", f"{which} · {step}", f"{brief} · {step}", brief]
        page = "" if self.page is Page.EXAMPLE else f" · {self.page.value}"
        self.set_titles(self.TITLE + page, *titles)
        self.redraw()

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows of the kernels, of the example, or of the page, or what the pane is waiting for."""
        now = self._snapshot
        if now.compiling is not None and now.phase is Phase.COMPILING:
            return kernel_rows(self, now.compiling, width, height)
        if width >= _SPLIT:
            left = max(48, (width - _GAP) * 11 // 20)
            return _side_by_side(self._example(left, height), self._beside(width - left - _GAP, height), left)
        if self.page is Page.EXAMPLE:
            return self._with_summary(width, height)
        return self._page(self.page, width, height)

    def _example(self, width: int, height: int) -> list[Row]:
        now, here = self._snapshot, self._here(self._snapshot)
        if here is None or now.probe is None:
            text = _WAITING.get(now.phase, "waiting for the first verdict")
            return waiting_rows(text, width, self.ink.muted)[:height]
        return example_rows(now.probe, here, self.ink, width, height, now.example is not None)

    def _with_summary(self, width: int, height: int) -> list[Row]:
        """Return the example, and below it what fits of the validation."""
        now = self._snapshot
        if height < _LOW or not now.measures:
            return self._example(width, height)
        below = [self._summary(width)]
        if height >= _LOW + 3:
            below += group_rows(now.measures, self.ink, width)[: height - _LOW - 2]
        above = self._example(width, height - len(below))
        return [*above, *[BLANK] * (height - len(above) - len(below)), *below]

    def _summary(self, width: int) -> Row:
        now = self._snapshot
        return summary_row(now.measures, now.facts, now.task.measures, now.measured_step, self.ink, width)

    def _beside(self, width: int, height: int) -> list[Row]:
        """Return the validation beside the example: the page that is chosen, or the confusion and what else fits."""
        now = self._snapshot
        page = Page.LENGTH if self.page is Page.LENGTH else Page.CONFUSION
        rows = self._page(page, width, height)
        if self.page is Page.EXAMPLE and now.measures:
            more = length_rows(now.measures, now.task.input_unit or "token", self.ink, width, height)
            if len(rows) + 1 + len(more) <= height:
                rows += [BLANK, *more]
            elif (groups := group_rows(now.measures, self.ink, width)) and len(rows) + 1 + len(groups) <= height:
                rows += [BLANK, *groups]
        return rows

    def _page(self, page: Page, width: int, height: int) -> list[Row]:
        """Return the summary of the last validation and its confusion matrix, or its accuracy by length."""
        now = self._snapshot
        if now.task.batches is not None and not now.task.batches[1]:
            return waiting_rows("nothing is held out, so nothing is measured", width, self.ink.muted)[:height]
        if not now.measures:
            every = now.training.eval_every if now.training is not None else 0
            when = f" (every {every:,} steps)" if every else ""
            return waiting_rows(f"waiting for the first validation{when}", width, self.ink.muted)[:height]
        rows = [self._summary(width)]
        room = height - 1 - (1 if height > 8 else 0)
        rows += [BLANK] if height > 8 else []
        if page is Page.CONFUSION:
            return rows + confusion_rows(now.measures, now.task.classes, self.ink, width, room)
        return rows + length_rows(now.measures, now.task.input_unit or "token", self.ink, width, room)


def _side_by_side(left: list[Row], right: list[Row], width: int) -> list[Row]:
    """Return rows of which the left part has `width` cells."""
    count = max(len(left), len(right))
    pairs = zip(left + [BLANK] * (count - len(left)), right + [BLANK] * (count - len(right)), strict=True)
    return [joined(one, other, width + _GAP) for one, other in pairs]
