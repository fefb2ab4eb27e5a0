"""The pane of the verdict and of the measures that are one number each, every one with what is good."""

from collections.abc import Sequence
from functools import partial
from math import isnan
from typing import TYPE_CHECKING

from rich.style import Style
from seqcore.health.sentences import GOOD

from seqtui.tui.panes.healthy import Healthy
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.numbers import counted, significant
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.wrap import wrap
from seqtui.visible import visible

if TYPE_CHECKING:
    from seqcore.health.examine import Health
    from seqcore.health.weights import Singular

TITLE = "1 health"
_NAMED = 12  # dead units that are listed
_LABEL = 28  # cells
_BAR = 24  # cells of a bar
Part = tuple[str, str]  # text, style name
Block = tuple[list[list[Part]], str]  # lines, and what is good


class MeasuresPane(Pane):
    """Lists the verdict, the recurrence beside 1, dead units, and the entropy of heads."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Healthy()
        self.set_titles(TITLE)

    def take(self, subject: Healthy) -> None:
        """Draw another frame."""
        self.subject = subject
        seen = subject.seen
        if seen is None or seen.health is None:
            said = (
                f"reading held-out timesteps {seen.percent}%" if seen is not None and seen.percent is not None else ""
            )
        else:
            said = f"step {seen.step:,}"
        self.set_titles(TITLE, said)
        self.redraw()

    def said(self) -> tuple[str, str]:
        """Return the list as text, and what it is."""
        lines = (
            "".join(text for text, _ in line) for block in self._blocks() for line in (*block[0], [(block[1], "")])
        )
        return "\n".join(lines), "health"

    def data(self) -> Arrays:
        """Return the verdict and all measures."""
        seen = self.subject.seen
        health = seen.health if seen is not None else None
        found = flat({"verdict": self.subject.remarks})
        if health is not None and seen is not None:
            found |= flat({"step": seen.step, "timesteps": health.timesteps, "units": health.units})
            found |= flat({"singular": health.singular, "dead": health.dead, "entropy": health.entropy})
        return found

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return all measures, each above its sentence; with little room the sentences are cut, then left out."""
        subject = self.subject
        blocks = self._blocks()
        if not subject.history.step.size and subject.seen is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a training step"), width, self.ink.muted)
        for wrapped, apart in ((True, True), (True, False), (False, False)):
            rows = self._laid(blocks, width, wrapped, apart)
            if len(rows) <= height:
                return rows
        rows = [row for lines, _ in blocks for row in (self._row(line, width) for line in lines)]
        if len(rows) > height:
            rows[height - 1 :] = [self._row([("… z shows more", "faint")], width)]
        return rows

    def _laid(self, blocks: Sequence[Block], width: int, wrapped: bool, apart: bool) -> list[Row]:
        rows: list[Row] = []
        for lines, good in blocks:
            if rows and apart:
                rows.append(BLANK)
            rows += [self._row(line, width) for line in lines]
            cut = [good[start:end] for start, end in wrap(good, width - 2)] if wrapped else [good]
            rows += [self._row([("  " + fit(part, width - 2), "muted")], width) for part in cut]
        return rows

    def _row(self, line: list[Part], width: int) -> Row:
        styles: dict[str, Style] = {name: getattr(self.ink, name) for _, name in line}
        parts = tuple((text, styles[name]) for text, name in line)
        return Row((tuple(line), width), partial(pieces, *parts))

    def _blocks(self) -> list[Block]:
        subject = self.subject
        verdict: list[list[Part]] = [
            [
                (_label("verdict" if not n else ""), "muted"),
                (visible(one.words), "warm" if one.good is False else "accent"),
            ]
            for n, one in enumerate(subject.remarks)
        ]
        found: list[Block] = [(verdict, GOOD["loss"])]
        seen = subject.seen
        health = seen.health if seen is not None else None
        if health is not None:
            return found + [block for block in (_singular(health), _dead(health), _entropy(health)) if block[0]]
        if seen is not None and seen.problem:
            found.append(([[(visible(seen.problem), "warm")]], ""))
        return found


def _label(text: str) -> str:
    return fit(text, _LABEL)


def _singular(health: "Health") -> Block:
    """Return the largest singular value of each W_hh as a bar, with a mark where gradients begin to vanish."""
    known = [one for one in health.singular if not isnan(one.value)]
    largest = max((max(one.value, one.edge) for one in known), default=1.0)
    lines: list[list[Part]] = []
    for one in known:
        label = f"σ {visible(one.name)} {one.gate}"
        below = one.value < one.edge == 1  # the gates of a trained cell are below theirs
        said = f" {significant(one.value):>5}  " + ("below 1: it vanishes" if below else f"beside {one.edge:g}")
        lines.append([(_label(label), "muted"), (_bar(one, largest), "accent"), (said, "warm" if below else "text")])
    return lines, GOOD["singular"]


def _bar(one: "Singular", largest: float) -> str:
    filled, edge = (round(value / largest * (_BAR - 1)) for value in (one.value, one.edge))
    return "".join("│" if n == edge else "━" if n < filled else " " for n in range(_BAR))


def _dead(health: "Health") -> Block:
    if not health.units:
        return [], ""
    named = ", ".join(f"{unit.layer + 1}.{unit.unit}" for unit in health.dead[:_NAMED])
    more = f" and {len(health.dead) - _NAMED:,} more" if len(health.dead) > _NAMED else ""
    said = f"{len(health.dead):,} of {counted(health.units, 'unit')}" + (f": {named}{more}" if named else "")
    return [[(_label("dead units"), "muted"), (said, "warm" if health.dead else "text")]], GOOD["dead"]


def _entropy(health: "Health") -> Block:
    if health.entropy is None:
        return [], ""
    lines: list[list[Part]] = []
    for layer, row in enumerate(health.entropy.tolist(), start=1):
        shares = "  ".join(f"{share:.2f}" for share in row)
        lines.append([(_label(f"entropy, layer {layer}"), "muted"), (shares, "text")])
    return lines, GOOD["entropy"]
