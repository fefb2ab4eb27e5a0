"""The pane of the text that is written by hand: tinted by how likely each token was, what was copied underlined."""

from collections.abc import Sequence

import numpy as np
from rich.segment import Segment
from rich.style import Style
from seqcore.copying import LEAST, copied_places, share_copied
from seqcore.sampling import Sampling

from seqtui.live.snapshot import Phase
from seqtui.tui.panes.by_hand import Written
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.panes.writing import CURSOR, surprise_levels
from seqtui.tui.panes.writing_tree import WritingTree
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.numbers import counted, percent
from seqtui.tui.widgets.pane import BLANK, Pane, Row, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

TITLE = "1 the text so far"


class TextPane(Pane):
    """Draws the prompt and the tokens after it, and says how much stands word for word in the training part."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Written(Phase.LOADING, WritingTree(), Sampling())
        self.set_titles(TITLE)

    def take(self, subject: Written) -> None:
        """Draw another frame."""
        self.subject = subject
        if subject.found is not None:
            tokens, mean = len(subject.found.asked.path), mean_loss(subject.found.probability)
            short = counted(tokens, "token")
            self.set_titles(TITLE, f"{short} · {mean:.2f} nats each" if tokens else short, short)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the text, prompt included, and what it is."""
        found = self.subject.found
        if found is None:
            return "", "text"
        return found.asked.prompt + found.vocabulary.decode(found.asked.path), "text"

    def data(self) -> Arrays:
        """Return the prompt, and each token after it."""
        found = self.subject.found
        if found is None:
            return {}
        symbols = tuple(found.vocabulary.symbols[token] for token in found.asked.path)
        about = {"step": found.step, "prompt": found.asked.prompt, "token": found.asked.path, "symbol": symbols}
        return flat(about | {"probability": found.probability, "copied": found.copied})

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the last lines of the text, and below them a sentence about copies."""
        found = self.subject.found
        if found is None:
            phase = self.subject.phase
            return waiting_rows(waiting_for(phase, "waiting for a probe of the model"), width, self.ink.muted)
        text, styles = self._text()
        below = 2 if height >= 4 else 0
        lines = wrap(text, width)[-max(1, height - below) :]
        rows = [self._line(text[start:end], styles[start:end]) for start, end in lines]
        if below:
            said = self._copied()
            rows += [BLANK] * (height - 1 - len(rows)) + [Row(("copied", said), lambda: pieces((said, self.ink.muted)))]
        return rows

    def _text(self) -> tuple[str, list[Style]]:
        """Return the text as drawn, and the style of each character."""
        found, ink = self.subject.found, self.ink
        assert found is not None
        prompt = visible(found.asked.prompt, keep="\n")
        parts, styles = [prompt], [ink.muted] * len(prompt)
        levels = surprise_levels(np.array(found.probability), 8)
        copied = copied_places(found.copied).tolist()
        for token, level, stands in zip(found.asked.path, levels, copied, strict=True):
            piece = visible(found.vocabulary.decode([token]), keep="\n")
            style = ink.tints[level] + Style(underline=True) if stands else ink.tints[level]
            parts.append(piece)
            styles += [style] * len(piece)
        return "".join([*parts, CURSOR]), [*styles, ink.accent]

    def _line(self, text: str, styles: list[Style]) -> Row:
        def paint() -> list[Segment]:
            return runs(list(text), styles)

        return Row((text, tuple(styles)), paint)

    def _copied(self) -> str:
        found = self.subject.found
        assert found is not None
        if not found.copied:
            return "Take a token, or let it run: what stands word for word in the training part is underlined."
        share, longest = share_copied(found.copied), max(found.copied)
        return (
            f"Copied: {percent(share).strip()} stands in the training part in stretches of {LEAST} or more; "
            f"the longest stretch found there has {counted(longest, 'token')}."
        )


def mean_loss(probability: Sequence[float]) -> float:
    """Return the mean of -log p, in nats; 0 for no token."""
    return float(np.mean([-np.log(max(one, 1e-30)) for one in probability])) if probability else 0.0
