"""Generated text: the newest sample, each character tinted by its probability, and earlier samples below it."""

from collections.abc import Sequence

import numpy as np
from rich.segment import Segment
from rich.style import Style
from seqcore.records import CompileProgress, Sample

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.kernels import kernel_rows
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.pane import BLANK, Pane, Row, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

CURSOR = "▌"
_PROMPT, _CURSOR, _TINTS = 0, 1, 2  # style numbers; the tints are numbered from _TINTS on

_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.TRAINING: "waiting for the first sample (generated periodically)",
    Phase.PAUSED: "paused before the first sample",
    Phase.FINISHED: "finished before the first sample",
    Phase.DIVERGED: "diverged before the first sample",
    Phase.FAILED: "no samples: training failed",
}


class WritingPane(Pane):
    """Pane of the sample being generated, or of the list of kernels while they are compiled."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._sample: Sample | None = None
        self._earlier: tuple[Sample, ...] = ()
        self._compiling: CompileProgress | None = None
        self._phase = Phase.LOADING
        self._texts: dict[int, tuple[Sample, tuple[str, list[int]]]] = {}  # of earlier samples, by id()
        self.set_titles("2 writing")

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest samples; does nothing if they are already shown."""
        if self.take(snapshot):
            self.set_titles("2 writing", *self.subtitles(snapshot))
            self.redraw()

    def take(self, snapshot: Snapshot) -> bool:
        """Take the newest samples; return whether anything has changed."""
        compiling = snapshot.compiling if snapshot.phase is Phase.COMPILING else None
        new = (snapshot.sample, snapshot.earlier, compiling, snapshot.phase)
        old = (self._sample, self._earlier, self._compiling, self._phase)
        if all(one is other for one, other in zip(new, old, strict=True)):
            return False
        self._sample, self._earlier, self._compiling, self._phase = new
        return True

    def subtitles(self, snapshot: Snapshot) -> list[str]:
        """Return the temperature and the step of the newest sample, the longest form first."""
        sample, titles = self._sample, [f"T {snapshot.temperature:.3g}"]
        if sample is not None:
            titles.insert(0, f"T {sample.temperature:.3g} · step {sample.step:,}")
        return titles

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the newest sample, prompt included."""
        sample = snapshot.sample
        return (sample.prompt + sample.text if sample else ""), "generated text"

    def data(self) -> Arrays:
        """Return the samples: their tokens and the probability of each."""
        return flat({"sample": self._sample, "earlier": self._earlier})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the rows of the kernels, or of the samples, or of what the pane is waiting for."""
        if self._compiling is not None:
            return kernel_rows(self, self._compiling, width, height)
        if self._sample is None and not self._earlier:
            return waiting_rows(_WAITING[self._phase], width, self.ink.muted)
        earlier_lines = min(1 + 2 * len(self._earlier), (height - 1) // 2) if self._earlier and height >= 6 else 0
        rows = self._writing(width, height - earlier_lines - (1 if earlier_lines else 0))
        return rows + (self._earlier_rows(width, earlier_lines) if earlier_lines else [])

    def _writing(self, width: int, lines: int) -> list[Row]:
        """Return the sample's last lines, so that the newest text is in view while it is generated."""
        text, styles = sample_text(self._sample, "\n") if self._sample else ("", [])
        spans = wrap(text, width)[-lines:] if lines > 0 else []
        rows = [self._line(text, styles, start, end) for start, end in spans]
        return rows + [BLANK] * (lines + 1 - len(rows))

    def _earlier_rows(self, width: int, lines: int) -> list[Row]:
        """Return a heading, then the earlier samples, each with one line or more if there is room."""
        ink = self.ink
        shown = self._earlier[: lines - 1]
        steps = [f"{sample.step:,}" for sample in shown]
        gutter = max(map(len, steps)) + 2
        each, more = divmod(lines - 1, len(shown))
        rows = [Row(("earlier",), lambda: pieces(("earlier", ink.faint)))]
        for i, sample in enumerate(shown):
            text, styles = self._text_of(sample)
            spans = wrap(text, width - gutter)[: each + (i < more)]
            for n, (start, end) in enumerate(spans):
                label = (steps[i] if n == 0 else "").rjust(gutter - 2)[:width] + "  "
                rows.append(self._line(text, styles, start, end, label))
        return rows

    def _text_of(self, sample: Sample) -> tuple[str, list[int]]:
        """Return an earlier sample as drawn, cached."""
        known = self._texts.get(id(sample))
        if known is None or known[0] is not sample:
            kept = {id(one) for one in self._earlier}
            self._texts = {key: text for key, text in self._texts.items() if key in kept}
            self._texts[id(sample)] = known = (sample, sample_text(sample, ""))
        return known[1]

    def _line(self, text: str, styles: list[int], start: int, end: int, label: str = "") -> Row:
        part, numbers = text[start:end], bytes(styles[start:end])
        return Row((label, part, numbers), lambda: self._paint(label, part, numbers))

    def _paint(self, label: str, part: str, numbers: bytes) -> list[Segment]:
        ink = self.ink
        table: tuple[Style, ...] = (ink.faint if label else ink.muted, ink.accent, *ink.tints)
        return [*pieces((label, ink.faint)), *runs(list(part), [table[number] for number in numbers])]


def sample_text(sample: Sample, keep: str) -> tuple[str, list[int]]:
    """Return the sample as drawn (prompt, pieces, cursor), and the style number of each character."""
    prompt = _drawn(sample.prompt, keep)
    parts, styles = [prompt], [_PROMPT] * len(prompt)
    levels = surprise_levels(sample.probability, 8)
    for i, piece in enumerate(sample.pieces):
        drawn = _drawn(piece, keep)
        parts.append(drawn)
        styles += [_TINTS + (levels[i] if i < len(levels) else 0)] * len(drawn)
    if not sample.finished:
        parts.append(CURSOR)
        styles.append(_CURSOR)
    return "".join(parts), styles


def _drawn(text: str, keep: str) -> str:
    """Return `text` as drawn; a newline stays if it is in `keep`, otherwise it becomes ↵."""
    return visible(text if keep else text.replace("\n", "↵"), keep=keep)


def surprise_levels(probability: np.ndarray, levels: int) -> list[int]:
    """Return the level of each probability: 0 if nearly certain, levels - 1 at 2% and below; 0 if unknown."""
    known = np.isfinite(probability)
    surprise = -np.log(np.clip(np.where(known, probability, 1.0), 1e-9, 1.0)) / -np.log(0.02)
    return [max(0, min(int(level), levels - 1)) for level in (surprise * levels).tolist()]
