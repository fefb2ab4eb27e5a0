"""The pane of what both models say: what they write after the same text, or their verdicts, values or translations."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from rich.style import Style
from seqcore.records import Probe, Series, Translation, Verdict

from seqtui.live.surgery_watch import SurgerySeen
from seqtui.tui.panes.operated import Operated
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.panes.written import labelled, truth_rows, written_rows
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import percent, significant
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, joined, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

TITLE = "3 what both say"
_SIDE_BY_SIDE = 44  # cells from which two texts stand beside each other
_GAP = 2
_NAME = 14  # cells
_BEFORE, _AFTER = "untouched", "cut"
_SAID = ("symbols", "translation", "verdict", "series")  # fields of a probe


class SurgeryWritingPane(Pane):
    """Draws the two results beside each other, and where they part."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Operated()
        self.set_titles(TITLE)

    def take(self, subject: Operated) -> None:
        """Draw another frame."""
        self.subject = subject
        seen = subject.seen
        if seen is not None and seen.untouched:
            after = f"after t {subject.here}"
            said = f"{after} · T {subject.temperature:g} · same seed"
            self.set_titles("3 what both write", said, after)
        else:
            self.set_titles(TITLE)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return both texts, and what it is."""
        seen = self.subject.seen
        if seen is None or not seen.untouched:
            return "", "writing"
        return f"{_BEFORE}: {''.join(seen.untouched)}\n{_AFTER}: {''.join(seen.cut)}", "writing"

    def data(self) -> Arrays:
        """Return what both say."""
        seen = self.subject.seen
        if seen is None:
            return {}
        if seen.untouched:
            return flat({"step": seen.step, "after": seen.after, _BEFORE: seen.untouched, _AFTER: seen.cut})
        both = zip((_BEFORE, _AFTER), seen.results or (seen.beside.untouched, seen.beside.cut), strict=True)
        return flat({name: {part: getattr(probe, part) for part in _SAID} for name, probe in both})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return what the task's models say."""
        subject, seen = self.subject, self.subject.seen
        if seen is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, self.ink.muted)
        before, after = seen.results or (seen.beside.untouched, seen.beside.cut)
        if before.translation is not None and after.translation is not None:
            return self._translations(before, before.translation, after.translation, width)[:height]
        if before.verdict is not None and after.verdict is not None:
            return self._verdicts(seen, before.verdict, after.verdict, width, height)
        if before.series is not None and after.series is not None:
            return self._values(seen, before.series, after.series, width)[:height]
        return self._texts(seen, width, height)

    def _texts(self, seen: SurgerySeen, width: int, height: int) -> list[Row]:
        """Return both texts, from where they part on in another colour."""
        pairs = zip(seen.untouched, seen.cut, strict=False)
        same = next(
            (n for n, (one, other) in enumerate(pairs) if one != other), min(len(seen.untouched), len(seen.cut))
        )
        if not seen.cuts:
            return self._text("nothing is cut: both write the same", seen.untouched, 0, self.ink.text, width)[:height]
        beside = width >= _SIDE_BY_SIDE
        each = (width - _GAP) // 2 if beside else width
        left = self._text(_BEFORE, seen.untouched, same, self.ink.accent, each)
        right = self._text(_AFTER, seen.cut, same, self.ink.warm, each)
        if not beside:
            half = max(2, height // 2)
            return [*left[:half], *right[: height - half]]
        count = max(len(left), len(right))
        left, right = (rows + [BLANK] * (count - len(rows)) for rows in (left, right))
        return [joined(one, other, each + _GAP) for one, other in zip(left, right, strict=True)][:height]

    def _text(self, name: str, tokens: tuple[str, ...], same: int, style: Style, width: int) -> list[Row]:
        """Return a text, wrapped, of which the first tokens are those of the other one."""
        text, parts_at = visible("".join(tokens), keep="\n"), len("".join(tokens[:same]))
        rows = [self._plain(fit(name, width), self.ink.faint)]
        for start, end in wrap(text, width):
            cut = min(max(start, parts_at), end)
            parts = ((text[start:cut], self.ink.muted), (text[cut:end], style))
            rows.append(Row((name, parts), partial(pieces, *parts)))
        return rows

    def _verdicts(self, seen: SurgerySeen, before: Verdict, after: Verdict, width: int, height: int) -> list[Row]:
        """Return the probabilities of the classes at the playhead, the likeliest of the untouched model first."""
        ink, t = self.ink, min(self.subject.here, len(before.probability) - 1)
        at = int(seen.beside.at[t])
        rows = [self._heading(f"after t {t}", width)]
        order = np.argsort(-before.probability[t], kind="stable").tolist()
        for k in order[: max(1, height - 2)]:
            was, now = float(before.probability[t, k]), float(after.probability[at, k]) if at >= 0 else float("nan")
            right = "  right" if before.targets[t] == k else ""
            parts = (
                (fit(visible(before.classes[k]), _NAME), ink.text), (f"{percent(was):>10}", ink.muted),
                (f"{percent(now):>10}", ink.warm if abs(now - was) > 0.01 else ink.muted),
                (right, ink.faint),
            )  # fmt: skip
            rows.append(Row(("class", parts), partial(pieces, *parts)))
        scores = [f"{name} {one.right[0]} of {one.right[1]} right" for name, one in ((_BEFORE, before), (_AFTER, after))
                  if one.right[1]]  # fmt: skip
        return [*rows, self._plain(fit(" · ".join(scores), width), ink.muted)][:height]

    def _values(self, seen: SurgerySeen, before: Series, after: Series, width: int) -> list[Row]:
        """Return what both predict at the playhead, and what is right."""
        ink, t = self.ink, min(self.subject.here, len(before.read) - 1)
        at = int(seen.beside.at[t])
        rows = [self._heading(f"at t {t}", width, "right")]
        for k, name in enumerate(before.predicted_names):
            now = float(after.predicted[at, k]) if at >= 0 else float("nan")
            parts = (
                (fit(visible(name), _NAME), ink.text), (f"{significant(float(before.predicted[t, k])):>10}", ink.muted),
                (f"{significant(now):>10}", ink.warm), (f"{significant(float(before.wanted[t, k])):>10}", ink.text),
            )  # fmt: skip
            rows.append(Row(("value", parts), partial(pieces, *parts)))
        return rows

    def _translations(self, probe: Probe, before: Translation, after: Translation, width: int) -> list[Row]:
        """Return the truth, and what both write."""
        ink, rows = self.ink, truth_rows(probe, before, self.subject.here, self.ink, width)
        for name, found in ((_BEFORE, before), (_AFTER, after)):
            rows += [self._plain(name, ink.faint), *written_rows(found, ink, width)]
        if before.written() == after.written():
            rows += labelled("", [("both write the same", ink.muted)], ink, width)
        return rows

    def _heading(self, label: str, width: int, last: str = "") -> Row:
        return self._plain(fit(fit(label, _NAME) + f"{_BEFORE:>10}{_AFTER:>10}{last:>10}", width), self.ink.faint)

    @staticmethod
    def _plain(text: str, style: Style) -> Row:
        return Row((text, style), partial(pieces, (text, style)))
