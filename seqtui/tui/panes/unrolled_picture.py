"""The pane of the unrolled network: a column a timestep, the same matrices at each, and the gradient flowing back."""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf, isfinite, nan

import numpy as np
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from seqcore.cellwork.unrolled import Output, Strand
from seqcore.records import F32, U8
from textual import events

from seqtui.tui.panes.drawing import BAR, bare
from seqtui.tui.panes.pointed import Pointed
from seqtui.tui.panes.staves import Fold, fold
from seqtui.tui.panes.subject import waiting_for
from seqtui.tui.panes.unrolled_columns import GAP_WIDTH, GUTTER, Columns, name_of
from seqtui.tui.panes.unrolled_matrices import ACROSS, BLOCK, INTO, OUT, Role, arrow_names, style_of
from seqtui.tui.panes.unrolled_words import CUT, sentences_of
from seqtui.tui.panes.unrolling import Unrolling
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.cells import bar_glyph, decades_share
from seqtui.tui.widgets.colours import SIGNED
from seqtui.tui.widgets.heatmap import HALF, HeatmapPainter, line_codes
from seqtui.tui.widgets.numbers import percent, significant
from seqtui.tui.widgets.pane import BLANK, Pane, Row, fit, pieces, waiting_rows
from seqtui.visible import cell

TITLE = "1 unrolled"
_FIXED = 7  # lines beside the layers: text, arrow, output, right output, loss, its bar, and a sentence
DECADES = 4  # of the gradient, from full height down
MOST = 95  # percent of an unbounded state that the scale covers
_UNKNOWN = "·"


class UnrolledPane(Pane):
    """Draws the text, the states of every layer, what is predicted, the losses, and the gradient on its way back."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.subject = Unrolling()
        self._columns = Columns()
        self._painter: HeatmapPainter | None = None
        self.set_titles(TITLE)

    def take(self, subject: Unrolling) -> None:
        """Draw another frame."""
        self.subject = subject
        net, seen = subject.net, subject.seen
        if net is None or seen is None or subject.probe is None:
            self.set_titles(TITLE)
        else:
            played = f"{subject.played} · " if subject.played else ""
            place = f"t {subject.playhead} of {len(net.outputs)}"
            whole = f"{played}{place} · step {seen.step:,}"
            here = f"layer {subject.layer % subject.layers + 1} of {subject.layers} · " if subject.layers > 1 else ""
            self.set_titles(f"{TITLE}: {net.family}", f"{here}{whole}", whole, f"{played}{place}", place)
        self.redraw()

    def notify_style_update(self) -> None:
        """Discard the painter, too."""
        super().notify_style_update()
        self._painter = None

    def said(self) -> tuple[str, str]:
        """Return a line for each timestep, tab-separated, and what it is."""
        subject, net = self.subject, self.subject.net
        if net is None or subject.probe is None:
            return "", "unrolled network"
        layers = range(subject.layers)
        heads = ["t", "symbol", "guess", "loss", *(f"|dL/dh| of layer {n + 1}" for n in layers)]
        rows = ["\t".join(heads)]
        for t, one in enumerate(net.outputs):
            said = [one.guess, significant(one.loss)] if one is not None else ["", ""]
            sizes = [f"{subject.gradient(t, n):.6g}" for n in layers]
            rows.append("\t".join([str(t), cell(bare(subject.probe.symbols[t])), *said, *sizes]))
        return "\n".join(rows), "unrolled network"

    def data(self) -> Arrays:
        """Return what each timestep predicts, the states of all layers, and |dL/dh| (T, layers)."""
        subject, net = self.subject, self.subject.net
        if net is None or subject.probe is None:
            return {}
        nothing = Output("", nan, "", nan, nan)
        outputs = [one if one is not None else nothing for one in net.outputs]
        steps, layers = range(len(outputs)), range(subject.layers)
        found = flat({"step": subject.probe.step, "symbol": subject.probe.symbols[: len(outputs)]}) | flat(outputs)
        found["gradient"] = np.array([[subject.gradient(t, n) for n in layers] for t in steps])
        states = {f"{one.part}.{one.layer}".lstrip("."): one.states for one in net.strands}
        return found | flat(states, "state")

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the picture from the text down to the losses, the way back, and a sentence."""
        subject = self.subject
        if subject.net is None or subject.probe is None:
            return waiting_rows(waiting_for(subject.phase, "waiting for a probe"), width, self.ink.muted)
        self._columns = Columns.around(subject.playhead, subject.probe.symbols, width, subject.probe.bar)
        if self._painter is None:
            self._painter = HeatmapPainter(self.ink, SIGNED, 1)
        shown, lines = self._fitting(height)
        lines = min(lines, self._needed() + int(subject.attended(0, subject.layers - 1) is not None))
        rows = [self._text()]
        for n in shown:
            rows += self._layer(n, lines)
        rows += [self._arrows(OUT, shown[-1]), self._outputs(), self._right(), *self._losses()]
        for n in reversed(shown):
            rows += self._back(n, bars=len(shown) == 1 or lines > 1)
        said = sentences_of(subject, width)[: max(1, height - len(rows))]
        rows += [BLANK] * (1 if height - len(rows) > len(said) else 0)
        rows = rows[: height - len(said)]
        return rows + [Row(("said", line), partial(pieces, (line, self.ink.muted))) for line in said]

    def _fitting(self, height: int) -> tuple[list[int], int]:
        """Return the layers that are drawn, the lowest first, and the lines of the states of each."""
        layers, room = self.subject.layers, height - _FIXED
        each = room // layers - 3  # the arrow into it, the gradient and its bar
        if each >= 1:
            return list(range(layers)), min(each, 6)
        layer = min(self.subject.layer, layers - 1)
        strand = self.subject.nearest(self.subject.playhead, layer)
        return [strand.layer if strand is not None else layer], max(1, min(room - 3, 6))

    def _needed(self) -> int:
        """Return the lines in which all units of a layer have a cell of their own."""
        subject, net = self.subject, self.subject.net
        assert net is not None
        units = max(int(one.states.shape[1]) for one in net.strands)
        each = -(-units // (self._columns.wide * (1 if self.ink.colourless else 2)))
        above = each if subject.cell(subject.playhead, 0) is not None else 0
        return each + above

    # Lines of the picture

    def _line(
        self,
        label: str,
        style: Style,
        cells: Callable[[int], list[tuple[str, Style]]],
        between: Callable[[int], tuple[str, Style]] = lambda t: ("", Style.null()),
    ) -> Row:
        """Return a line: a label, then `cells` of each timestep, and `between` it and the one before it."""
        columns, ink = self._columns, self.ink
        parts: list[tuple[str, Style]] = [(fit(label, GUTTER), style)]
        for t in columns.times:
            if t > columns.first:
                text, own = between(t)
                if not text.strip() and t == columns.bar:
                    text, own = f" {BAR} ", ink.muted
                parts.append((f"{text:^{GAP_WIDTH}}", own if text.strip() else ink.text))
            for text, own in cells(t):
                parts.append(
                    (text, ink.lit(own) if t == self.subject.playhead and own.bgcolor == ink.text.bgcolor else own)
                )
        key = tuple(parts)
        return Row(key, lambda: pieces(*key))

    def _centred(self, text: str) -> str:
        wide = self._columns.wide
        if cell_len(text) > wide:
            return fit(text, wide)
        left = (wide - cell_len(text)) // 2
        return " " * left + text + " " * (wide - cell_len(text) - left)

    def _text(self) -> Row:
        probe, ink = self.subject.probe, self.ink
        assert probe is not None
        return self._line("x_t", ink.muted, lambda t: [(self._centred(name_of(probe.symbols[t])), ink.text)])

    def _arrows(self, role: Role, layer: int) -> Row:
        """Return the arrows into a layer (INTO), or out of the top one (OUT)."""
        subject, ink = self.subject, self.ink
        net, strand = subject.net, subject.strand(subject.playhead, layer)
        assert net is not None
        names = arrow_names(net, role, strand) if strand is not None else ""
        style = style_of(role, ink)

        def arrow(t: int) -> list[tuple[str, Style]]:
            there = subject.strand(t, layer) is not None if role is INTO else net.outputs[t] is not None
            drawn = t < subject.computed and there
            return [(self._centred("↓" if drawn else ""), style)]

        return self._line(f"↓ {names}" if names else "", style, arrow)

    def _layer(self, layer: int, lines: int) -> list[Row]:
        """Return the arrow into a layer, and its states: c, if it has one and there is room, above h."""
        subject = self.subject
        rows = [self._arrows(INTO, layer)]
        cells = subject.cell(subject.playhead, layer)
        weights = subject.attended(subject.playhead, layer)
        if weights is not None and lines > 1 + (cells is not None):
            lines -= 1
            rows.append(self._attends(weights))
        lines, own = min(lines, self._needed()), 0
        if cells is not None and lines > 1:
            own = lines // 2
            limit = max(1e-6, float(np.nanpercentile(np.abs(cells.values), MOST)))
            grid = self._grid(lambda t: _known(cells.values, t), limit, own)
            rows += self._state_rows("c", layer, grid, own, "══▸", self.ink.muted)
        strand = subject.strand(subject.playhead, layer)
        limit = self._limit(strand)
        grid = self._grid(lambda t: self._states(t, layer), limit, lines - own)
        recurs = strand is not None and strand.recurs
        back = strand is not None and strand.second
        names = arrow_names(subject.net, ACROSS if recurs else BLOCK, strand) if subject.net and strand else ""
        mark = f"{'←' if back else '→'} {names}" if recurs else names
        role = ACROSS if recurs else BLOCK
        label, arrow = f"{subject.name(layer)} {mark}", "◂──" if back else "──▸"
        rows += self._state_rows(label, layer, grid, lines - own, arrow, style_of(role, self.ink))
        return rows

    def _recurs(self, t: int, layer: int) -> bool:
        """Return whether a state of a layer goes to or from a timestep."""
        strand = self.subject.strand(t, layer)
        return strand is not None and strand.recurs

    def _attends(self, weights: F32) -> Row:
        """Return how much the playhead's timestep looks at each other one, the mean of all heads.

        If all of them are out of view, the one that it looks at most stands in front.
        """
        ink = self.ink

        def share(t: int) -> list[tuple[str, Style]]:
            looked = t < len(weights) and isfinite(weights[t]) and t < self.subject.computed
            return [(self._centred(percent(float(weights[t])).strip() if looked else ""), style_of(BLOCK, ink))]

        label, known = "attends to", np.flatnonzero(np.isfinite(weights))
        if known.size and not set(known.tolist()) & set(self._columns.times):
            assert self.subject.probe is not None
            most = int(np.nanargmax(weights))
            side = "◂" if most < self._columns.first else "▸"
            label = f"{side} {name_of(self.subject.probe.symbols[most])} {percent(float(weights[most])).strip()}"
        return self._line(label, style_of(BLOCK, ink), share)

    def _states(self, t: int, layer: int) -> F32 | None:
        strand = self.subject.strand(t, layer)
        return strand.states[t - strand.first] if strand is not None else None

    @staticmethod
    def _limit(strand: Strand | None) -> float:
        if strand is None or not np.isfinite(strand.states).any():
            return 1.0
        sizes = np.abs(strand.states[np.isfinite(strand.states)])
        return max(1e-6, float(np.percentile(sizes, MOST)))

    def _grid(self, values: Callable[[int], F32 | None], limit: float, lines: int) -> dict[int, U8]:
        """Return the codes (rows, cells) of the states at each timestep in view that is computed."""
        halves, wide = not self.ink.colourless, self._columns.wide
        down = 2 * lines if halves else lines
        found = {}
        for t in self._columns.times:
            own = values(t)
            if own is None or t >= self.subject.computed:
                continue
            row = fold(own[None, :], down * wide, Fold.STRONGEST, 0)[:, 0]
            codes = np.full(down * wide, HALF, np.uint8)
            codes[: len(row)] = SIGNED.codes(row, -limit, limit)
            found[t] = codes.reshape(down, wide)
        return found

    def _state_rows(
        self, label: str, layer: int, grid: dict[int, U8], lines: int, arrow: str, style: Style
    ) -> list[Row]:
        ink, columns, halves = self.ink, self._columns, not self.ink.colourless
        assert self._painter is not None
        painter, rows = self._painter, []
        coded = {t: line_codes(codes, lines, halves) for t, codes in grid.items()}
        for line in range(lines):
            middle = line == (lines - 1) // 2

            def cells(t: int, line: int = line) -> list[tuple[str, Style]]:
                if t not in grid:
                    return [(self._centred(_UNKNOWN), ink.faint)]
                top, bottom = coded[t][line]
                if t == self.subject.playhead:
                    each = [painter.line(top[n : n + 1], bottom[n : n + 1], 0) for n in range(columns.wide)]
                    drawn = merged([segment for one in each for segment in one])
                else:
                    drawn = painter.line(top, bottom, -1)
                return [(segment.text, segment.style or ink.text) for segment in drawn]

            def between(t: int, middle: bool = middle) -> tuple[str, Style]:
                if not (middle and self._recurs(t, layer) and t in grid and t - 1 in grid):
                    return "", style
                return (f"{BAR}─▸" if t == columns.bar else arrow), style

            rows.append(self._line(label if line == 0 else "", style, cells, between))
        return rows

    def _output(self, t: int) -> Output | None:
        assert self.subject.net is not None
        return self.subject.net.outputs[t] if t < self.subject.computed else None

    def _outputs(self) -> Row:
        ink = self.ink

        def guess(t: int) -> list[tuple[str, Style]]:
            one = self._output(t)
            if one is None:
                return [(self._centred(""), ink.text)]
            if not one.right and isfinite(one.chance):  # a value
                return [(self._centred(significant(one.share)), ink.text)]
            wrong = bool(one.right) and one.guess != one.right
            said = f"{name_of(one.guess)} {percent(one.share).strip()}"
            return [(self._centred(said), ink.warm if wrong else ink.text)]

        return self._line("ŷ_t", ink.muted, guess)

    def _right(self) -> Row:
        ink = self.ink

        def right(t: int) -> list[tuple[str, Style]]:
            one = self._output(t)
            if one is None or not isfinite(one.chance):
                return [(self._centred(""), ink.text)]
            said = f"{name_of(one.right)} {percent(one.chance).strip()}" if one.right else significant(one.chance)
            return [(self._centred(said), ink.muted)]

        return self._line("right", ink.muted, right)

    def _losses(self) -> list[Row]:
        """Return the losses, and a bar for each."""
        ink, net = self.ink, self.subject.net
        assert net is not None
        known = [one.loss for one in net.outputs if one is not None and isfinite(one.loss)]
        top = max([*known, 1e-9])

        def number(t: int) -> list[tuple[str, Style]]:
            one = self._output(t)
            return [(self._centred(significant(one.loss) if one is not None and isfinite(one.loss) else ""), ink.text)]

        def bar(t: int) -> list[tuple[str, Style]]:
            one = self._output(t)
            share = one.loss / top if one is not None and isfinite(one.loss) else 0.0
            return [(bar_glyph(share) * self._columns.wide, ink.muted)]

        return [self._line("loss L_t", ink.text, number), self._line(f"Σ {significant(net.total)}", ink.muted, bar)]

    def _back(self, layer: int, bars: bool) -> list[Row]:
        """Return |dL/dh| at each timestep that the way back has come to, with a bar of its logarithm."""
        subject, ink, net = self.subject, self.ink, self.subject.net
        assert net is not None
        sizes = {t: subject.gradient(t, layer) for t in range(len(net.outputs))}
        largest = max((size for size in sizes.values() if isfinite(size)), default=0.0)
        strand = subject.strand(subject.playhead, layer)
        back = bool(strand is not None and strand.second)

        def came(t: int) -> bool:
            return t >= subject.returned and 0 < sizes[t] < inf

        def number(t: int) -> list[tuple[str, Style]]:
            return [(self._centred(significant(sizes[t]) if came(t) else ""), ink.text)]

        def between(t: int) -> tuple[str, Style]:
            if t in net.cuts:
                return f" {CUT} ", ink.accent
            if not self._recurs(t, layer) or not (came(t) and came(t - 1)):
                return "", ink.text
            return ("──▸" if back else "◂──", ink.warm)

        def bar(t: int) -> list[tuple[str, Style]]:
            share = decades_share(sizes[t], largest, DECADES) if came(t) else 0.0
            return [(bar_glyph(share) * self._columns.wide, ink.warm)]

        label = f"|dL/d{self.subject.name(layer)}|"
        rows = [self._line(label, ink.warm, number, between)]
        return [*rows, self._line(f"{DECADES} decades", ink.faint, bar)] if bars else rows

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Move the playhead to where the user points."""
        at = event.get_content_offset(self)
        if at is not None and at.x >= GUTTER and self.subject.net is not None:
            self.post_message(Pointed(self._columns.at(at.x)))


def _known(values: F32, t: int) -> F32 | None:
    """Return the values of a timestep; None if there are none."""
    return values[t] if t < len(values) and np.isfinite(values[t]).any() else None


def merged(segments: Sequence[Segment]) -> list[Segment]:
    """Return segments with neighbours of the same style joined."""
    return list(Segment.simplify(segments))
