"""The picture under the microscope, where the model looks, and its caption word by word with the alternatives."""

from functools import partial

import numpy as np
from rich.cells import cell_len
from seqcore.records import F32, Picture, Probe, Translation

from seqtui.live.snapshot import Snapshot
from seqtui.tui.panes.drawing import bare
from seqtui.tui.panes.picture import picture_rows, scaled_size
from seqtui.tui.panes.translation import TranslationPane
from seqtui.tui.panes.written import Word, other_rows, text_of, truth_rows, written, written_rows
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import percent
from seqtui.tui.widgets.pane import BLANK, Row, fit, joined, pieces
from seqtui.visible import visible

_TEXT = 30  # fewest cells beside the picture
_GAP = 2
_WORD = 12  # most cells of a word in the list
_FEW = 4  # lines of the pane, at least, or the line of the last validation is left out


class CaptionPane(TranslationPane):
    """Pane of the example under the microscope as the model describes it, and of the last validation."""

    NOUN = "caption"
    TITLE = "2 caption"
    BANDS = "caption length in words"

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return what the model writes."""
        probe = snapshot.probe
        return (text_of(written(probe.translation)) if probe and probe.translation else ""), self.NOUN

    def _numbered(self) -> tuple[str, str]:
        return super()._numbered() if self._snapshot.example is not None else ("chosen picture", "chosen")

    def _example(self, probe: Probe, found: Translation, width: int, height: int) -> list[Row]:
        """Return the picture, and beside it the caption, what the model writes, and its words; the summary below."""
        below = self._summary(width) if height >= _FEW else []
        rest = height - len(below)
        picture = found.picture
        across, down = self._room(picture, width, rest)
        left: list[Row] = []
        if picture is not None and across:
            left = picture_rows(picture, looked_at(probe, found, self._playhead), self.ink, across, down)
        beside = width - across - _GAP if across else width
        right = caption_rows(probe, found, self._playhead, self.ink, beside, rest)
        if not across:
            rows = right
        else:
            lines = max(len(left), len(right))
            pairs = zip([*left, *[BLANK] * (lines - len(left))], [*right, *[BLANK] * (lines - len(right))], strict=True)
            rows = [joined(one, other, across + _GAP) for one, other in pairs]
        return [*rows[:rest], *[BLANK] * (rest - len(rows)), *below]

    def _room(self, picture: Picture | None, width: int, height: int) -> tuple[int, int]:
        """Return the cells of the picture, with room for the text beside it; (0, 0) if it does not fit."""
        return (0, 0) if picture is None else scaled_size(picture, width - _TEXT - _GAP, height)


def looked_at(probe: Probe, found: Translation, playhead: int) -> F32 | None:
    """Return the weights of the patches (P,): those of the playhead's word, or the playhead's patch alone."""
    if playhead < probe.bar:
        own = np.zeros(probe.bar, np.float32)
        own[playhead] = 1
        return own
    if found.alignment is None or not probe.bar < playhead < len(found.alignment):
        return None
    weights: F32 = found.alignment[playhead]
    return weights


def caption_rows(probe: Probe, found: Translation, playhead: int, ink: Ink, width: int, height: int) -> list[Row]:
    """Return at most `height` rows: what the model writes, the truth if it differs, the words around the playhead."""
    rows = written_rows(found, ink, width)
    if found.wanted is not None and found.written() != found.wanted:
        rows = [*truth_rows(probe, found, playhead, ink, width), *rows]
    rest = height - len(rows)
    others = other_rows(found, ink, width)
    words = word_rows(probe, playhead, ink, width)
    if rest < 1:
        return rows[:height]
    if rest >= len(words) + len(others) + 1:
        rows += others
        rest -= len(others)
    gap = [BLANK] if rest > len(words) else []
    count = rest - len(gap)
    here = max(0, playhead - probe.bar - 1)
    first = max(0, min(here - count // 2, len(words) - count))
    return [*rows, *gap, *words[first : first + count]]


def word_rows(probe: Probe, playhead: int, ink: Ink, width: int) -> list[Row]:
    """Return a line for each word after the bar: the word, its probability, and what else the model considers there."""
    names = [visible(bare(symbol)) for symbol in probe.symbols]
    widest = min(_WORD, max((cell_len(name) for name in names[probe.bar + 1 :]), default=1))
    rows = []
    for t in range(probe.bar + 1, len(names)):
        share = float(np.exp(-probe.loss[t]))
        guesses = [visible(bare(symbol)) for symbol in probe.top_symbols[t]]
        right, here = bool(guesses) and guesses[0] == names[t], t == playhead
        style = ink.accent if right else ink.warm
        parts: list[Word] = [
            ("▸ " if here else "  ", ink.accent),
            (fit(names[t], widest), ink.lit(style) if here else style),
            (f" {percent(share):>4}", ink.text),
        ]
        room = width - sum(cell_len(text) for text, _ in parts)
        for guess, chance in zip(guesses, probe.top_probability[t].tolist(), strict=False):
            said = f"  {guess} {percent(chance).strip()}"
            if guess == names[t] or chance < 0.005:
                continue
            if cell_len(said) > room:
                break
            parts.append((said, ink.warm if guess == guesses[0] else ink.muted))
            room -= cell_len(said)
        kept = tuple(parts)
        rows.append(Row(("word", kept), partial(pieces, *kept)))
    return rows
