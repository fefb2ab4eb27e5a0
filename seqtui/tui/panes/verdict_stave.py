"""The verdict on the score: the probability of every class after each token, one line per class."""

import numpy as np

from seqtui.tui.panes.drawing import heat_row
from seqtui.tui.panes.layout import Band
from seqtui.tui.panes.view import Memory, View
from seqtui.tui.widgets.colours import GATE
from seqtui.tui.widgets.pane import BLANK, Row
from seqtui.visible import visible


def verdict_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Draw one line per class: how likely it is after each token; the label is marked where it is known."""
    verdict = view.probe.verdict
    if verdict is None:
        return [BLANK] * band.lines
    painter = memory.painter(view, GATE)
    codes = GATE.codes(verdict.probability[view.window], 0.0, 1.0)
    known = set(verdict.targets[verdict.asked].tolist())
    here = int(verdict.probability[view.place.playhead].argmax())
    rows = []
    for k in range(min(band.lines, len(verdict.classes))):
        line = np.ascontiguousarray(codes[:, k])
        style = "accent" if k == here else "muted"
        about = (visible(verdict.classes[k]), style, "", len(known) == 1 and k in known)
        rows.append(heat_row(view, about, (line, line), painter))
    return rows
