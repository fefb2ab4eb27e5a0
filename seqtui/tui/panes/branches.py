"""The pane of the branches: every text that was written from the prompt, and which of them is on the screen."""

from collections.abc import Sequence
from functools import partial

from seqcore.sampling import Sampling

from seqtui.live.snapshot import Phase
from seqtui.tui.panes.by_hand import Written
from seqtui.tui.panes.writing_tree import WritingTree
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import counted
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import visible

TITLE = "3 branches"
_NONE = "Every text stays: go back with ← and take another token, and a branch begins here."


class BranchesPane(Pane):
    """Lists the ends of all branches, each with the last words of its text."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Written(Phase.LOADING, WritingTree(), Sampling())
        self.set_titles(TITLE)

    def take(self, subject: Written) -> None:
        """Draw another frame."""
        self.subject = subject
        self.set_titles(TITLE, counted(len(subject.branches), "branch"))
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return all texts, a line each, and what it is."""
        return "\n".join(visible(text) for text, _, _ in self.subject.branches), "branches"

    def data(self) -> Arrays:
        """Return every text."""
        text, tokens, here = zip(*self.subject.branches, strict=True) if self.subject.branches else ((), (), ())
        return flat({"text": text, "tokens": tokens, "here": here})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return a line per branch; the one that is written on is marked, and always seen."""
        branches = self.subject.branches
        if not branches:
            return waiting_rows(_NONE, width, self.ink.muted)
        here = next((place for place, one in enumerate(branches) if one[2]), 0)
        first = max(0, min(here - height // 2, len(branches) - height))
        return [self._line(*branches[place], width) for place in range(first, min(len(branches), first + height))]

    def _line(self, text: str, length: int, here: bool, width: int) -> Row:
        drawn, room = visible(text.replace("\n", "↵")), max(4, width - 8)
        tail = drawn if len(drawn) <= room else "…" + drawn[1 - room :]
        style = self.ink.accent if here else self.ink.text
        parts = (
            ("▸ " if here else "  ", self.ink.accent),
            (f"{length:4} ", self.ink.muted),
            (fit(tail, room), style),
        )
        return Row((tail, length, here, room), partial(pieces, *parts))
