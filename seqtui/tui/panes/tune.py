"""The tune that is being written, as a piano roll; its text; and what was wrong with the tunes before it."""

from collections.abc import Sequence
from enum import StrEnum
from functools import partial

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.data.abc import AbcError, Partial, partial_notes, tunes
from seqcore.records import Sample, Tally

from seqtui.live.snapshot import Snapshot
from seqtui.tui.panes.roll import Roll, roll_rows
from seqtui.tui.panes.writing import CURSOR, WritingPane
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

TITLE = "2 tune"
FIELDS = "RMK"  # that stand beside the title: rhythm, metre, key
_LOW, _HIGH = 8, 13  # rows from which there is a line with the title, and from which there is more text than a line
_MUTED, _ACCENT, _WARM, _CURSOR = range(4)  # style numbers of the text


class Page(StrEnum):
    """What the pane shows."""

    ROLL = "roll"
    TEXT = "text"
    FAULTS = "faults"

    def next(self) -> "Page":
        """Return the next page in the order of the key."""
        pages = list(Page)
        return pages[(pages.index(self) + 1) % len(pages)]


class TunePane(WritingPane):
    """Pane of the newest tune; its text is drawn as the writing pane draws any text."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.page = Page.ROLL
        self._snapshot = Snapshot()
        self._tally = Tally()
        self._text = ""  # of the newest tune
        self._read: Partial | None = None  # the same, parsed
        self._roll: Roll | None = None
        self.set_titles(TITLE)

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest samples and what was found of them; does nothing if they are already shown."""
        before = self._sample
        changed = self.take(snapshot) or snapshot.tally is not self._tally
        self._snapshot, self._tally = snapshot, snapshot.tally
        if self._sample is not before:
            self._parse(self._sample)
        if changed:
            self._changed()

    def next_page(self) -> None:
        """Show the roll, the text, or the list of faults."""
        self.page = self.page.next()
        self._changed()

    def _parse(self, sample: Sample | None) -> None:
        """Parse the last tune of a sample."""
        self._text, self._read, self._roll = "", None, None
        if sample is None:
            return
        text = sample.prompt + sample.text
        self._text = text[max((start for start, _ in tunes(text)), default=0) :]
        self._read = partial_notes(self._text)
        growing = not sample.finished and self._read.error is None
        self._roll = Roll(self._read.tune, growing) if self._read.tune.bars else None

    def _changed(self) -> None:
        titles = self.subtitles(self._snapshot)
        if 0 < self.content_size.height < _LOW and self._read is not None:
            titles.insert(0, f"{' · '.join(self._head())} · {titles[0]}")
        self.set_titles(f"{TITLE} · {self.page}", *titles)
        self.redraw()

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows of the page, or what the pane is waiting for."""
        if self._compiling is not None or self.page is Page.TEXT:
            return super().rows(width, height)
        if self.page is Page.FAULTS:
            return self._faults(width, height)
        if self._sample is None or self._read is None:
            return super().rows(width, height)
        head = [self._heading(width)] if height >= _LOW else []
        tally = [self._tallied(width)] if height > 1 else []
        room = height - len(head) - len(tally)
        error = self._read.error
        fault = [self._fault(error, width)] if error is not None and room > 1 else []
        least = (room // 3 if fault else 0) + (3 if height >= _HIGH else 1 if height >= _LOW else 0)
        lines = min(least, room - len(fault)) if self._roll is not None else room - len(fault)
        above: list[Row] = []
        if self._roll is not None:
            above = roll_rows(self._roll, self.ink, width, room - len(fault) - lines)
        text = self._newest(width, room - len(fault) - len(above), error)
        gap = room - len(above) - len(fault) - len(text)
        return [*head, *above, *[BLANK] * gap, *fault, *text, *tally]

    # The parts of the roll's page

    def _head(self) -> list[str]:
        """Return the title, rhythm, metre and key, as far as they are written."""
        tune = self._read.tune if self._read is not None else None
        found = [tune.field(letter) for letter in f"T{FIELDS}"] if tune is not None else []
        return [visible(value) for value in found if value] or ["untitled"]

    def _heading(self, width: int) -> Row:
        title, *rest = self._head()
        said = fit(f" · {' · '.join(rest)}" if rest else "", max(0, width - cell_len(title)))
        title = fit(title, min(width, cell_len(title)))
        return Row(("head", title, said), partial(pieces, (title, self.ink.text), (said, self.ink.muted)))

    def _fault(self, error: AbcError, width: int) -> Row:
        text = fit(f"✗ {visible(str(error))}", width)
        return Row(("fault", text), partial(pieces, (text, self.ink.warm)))

    def _newest(self, width: int, lines: int, error: AbcError | None) -> list[Row]:
        """Return the last lines of the text: the note being written is bright, the line that cannot be read is warm."""
        finished = self._sample is None or self._sample.finished
        text = visible(self._text.rstrip("\n") if finished else self._text, keep="\n") + ("" if finished else CURSOR)
        styles = bytearray(len(text))
        if self._roll is not None and self._roll.growing:
            now = self._roll.tune.notes[-1]
            styles[now.begin : now.end] = bytes([_ACCENT]) * (now.end - now.begin)
        if error is not None:
            wrong = text[error.position :].partition("\n")[0]  # the rest of its line
            styles[error.position : error.position + len(wrong)] = bytes([_WARM]) * len(wrong)
        if not finished:
            styles[-1] = _CURSOR
        spans = wrap(text, width)[-lines:] if lines > 0 else []
        return [self._words(text[start:end], bytes(styles[start:end])) for start, end in spans]

    def _words(self, text: str, styles: bytes) -> Row:
        return Row(("text", text, styles), partial(self._spelled, text, styles))

    def _spelled(self, text: str, styles: bytes) -> list[Segment]:
        ink = self.ink
        table: tuple[Style, ...] = (ink.muted, ink.text, ink.warm, ink.accent)
        return runs(list(text), [table[style] for style in styles])

    def _tallied(self, width: int) -> Row:
        """Say how many of the finished tunes were legal, and what was wrong with the last of the others."""
        tally, ink = self._tally, self.ink
        if not tally.texts:
            return self._said(fit("no tune is finished yet", width).rstrip(), "")
        count = f"legal {tally.right:,} of {tally.texts:,}"
        last = f"; last fault: {visible(tally.faults[0][1].fault)}" if tally.faults else ""
        return self._said(count, fit(last, width - cell_len(count)).rstrip(), ink.text)

    def _said(self, first: str, second: str, style: Style | None = None) -> Row:
        ink = self.ink
        return Row(("said", first, second), partial(pieces, (first, style or ink.muted), (second, ink.muted)))

    # The list of faults

    def _faults(self, width: int, height: int) -> list[Row]:
        """Return the tally, and the newest faults with their steps and titles."""
        tally, ink = self._tally, self.ink
        if not tally.texts:
            return [self._tallied(width)]
        count = f"legal {tally.right:,} of {tally.texts:,}"
        since = fit(" finished since this run was opened", max(0, width - len(count))).rstrip()
        rows = [self._said(count, since, ink.text)]
        shown = tally.faults[: height - 1]
        gutter = max((len(f"{step:,}") for step, _ in shown), default=0)
        names = min(max((cell_len(visible(one.title)) for _, one in shown), default=0), max(0, width // 3))
        for step, one in shown:
            label = f"{step:,}".rjust(gutter) + "  "
            title = fit(visible(one.title), names) + "  "
            fault = fit(visible(one.fault), max(0, width - cell_len(label) - cell_len(title))).rstrip()
            parts = (label, ink.faint), (title, ink.muted), (fault, ink.warm)
            rows.append(Row((label, title, fault), partial(pieces, *parts)))
        return rows
