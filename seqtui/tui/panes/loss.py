"""The loss over training, and the batch's mean loss at each position."""

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from seqcore.records import History, References

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes import loss_numbers as numbers
from seqtui.tui.panes.curve_data import by_step
from seqtui.tui.panes.curves import CurvesPane, Points
from seqtui.tui.panes.remarked import Remarked, words_of
from seqtui.tui.panes.timeline import Timeline
from seqtui.tui.standpoint import Lens
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.axis import Axis, nice_step
from seqtui.tui.widgets.curve import condense
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import Row, fit, pieces, waiting_rows
from seqtui.tui.widgets.plot import TICKS_WIDTH, Plot, dot_edges, x_ticks
from seqtui.visible import visible

WINDOWS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)  # in training steps
_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels, then the first training step",
    Phase.TRAINING: "waiting for the first training step",
    Phase.PAUSED: "paused before the first training step",
    Phase.FINISHED: "the run has no training step to show",
    Phase.DIVERGED: "the first training step was not finite: no loss to plot",
    Phase.FAILED: "no loss: training failed before the first step",
}
_VERDICT = 10  # rows from which the verdict stands below the plot
_TWO_LINES = 6  # rows from which the values at the crosshair may take two lines
_FLOOR = 1e-3  # of the highest loss: lower ones of a verdict are drawn at the lower edge
_TRAIN, _RAW, _VALID, _REFERENCE = 1, 2, 3, 4


class LossPane(CurvesPane):
    """Training and validation loss, drawn as the minimum and maximum of each column."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.logarithmic = True
        self.by_position = False
        self.window: int | None = None  # steps, None for all
        self._history = History.empty()
        self._references: References | None = None
        self._positions = np.zeros(0, np.float32)
        self._phase = Phase.LOADING
        self._unit = "nats"
        self._of_classes = False  # whether classes are predicted, and losses can be next to nothing
        self._measured: tuple[tuple[str, str], ...] = ()  # measures of the last validation, as text
        self._turns: tuple[int, ...] = ()  # the steps at which the dial was turned
        self._remarked = Remarked()
        self._retitle()

    def show(self, snapshot: Snapshot) -> None:
        """Take the newest curves; without changes nothing is repainted."""
        unit, said = snapshot.loss_unit, numbers.shares(snapshot)
        new = (
            snapshot.history,
            snapshot.references,
            snapshot.position_loss,
            snapshot.phase,
            unit,
            said,
            snapshot.turns,
        )
        old = (
            self._history, self._references, self._positions, self._phase, self._unit, self._measured, self._turns,
        )  # fmt: skip
        same = (
            one is other or (isinstance(one, str | tuple) and one == other) for one, other in zip(new, old, strict=True)
        )
        if all(same):
            return
        (
            self._history, self._references, self._positions, self._phase, self._unit, self._measured, self._turns,
        ) = new  # fmt: skip
        self._of_classes = bool(snapshot.task.classes)
        if self.by_position and not snapshot.task.passages:
            self.by_position = False
        self._retitle()

    @property
    def over_training(self) -> bool:
        """Whether the loss is shown over training."""
        return not self.by_position

    def look(self, lens: Lens) -> None:
        """Look at the curves in another way."""
        if lens != self.lens:
            self.lens = lens
            self._retitle()

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the newest losses in one line: step 1,240, train 1.47, valid 1.62."""
        history, parts = snapshot.history, [f"step {snapshot.step:,}"]
        if not len(history.train_loss):
            return "", "loss"
        parts.append(f"train {significant(float(history.train_loss[-1]))}")
        if len(history.validation_loss):
            parts.append(f"valid {significant(float(history.validation_loss[-1]))}")
        return ", ".join(parts), "losses"

    def data(self) -> Arrays:
        """Return all curves by step with the references, or the loss by position."""
        if self.by_position:
            places = np.arange(1, len(self._positions) + 1)
            return {"position": places, "loss": self._positions} if len(self._positions) else {}
        if not len(self._history.step):
            return {}
        references = self._references.finite if self._references else {}
        return by_step(self._history) | flat({f"reference.{name}": value for name, value in references.items()})

    def toggle_scale(self) -> None:
        """Toggle between a logarithmic and a linear axis."""
        self.logarithmic = not self.logarithmic
        self._retitle()

    def toggle_positions(self) -> None:
        """Toggle between the loss over training and the loss at each position of a sequence."""
        self.by_position = not self.by_position
        self._retitle()

    def zoom(self, direction: int) -> None:
        """Show fewer of the latest steps (direction > 0) or more (< 0), up to all of them."""
        steps = int(self._history.step[-1]) if len(self._history.step) else 0
        fitting: list[int | None] = [window for window in WINDOWS if window < steps]
        choices = [*fitting, None]  # from the shortest window to all steps
        now = choices.index(self.window) if self.window in choices else len(choices) - 1
        self.window = choices[max(0, min(len(choices) - 1, now + (-1 if direction > 0 else 1)))]
        self._retitle()

    def _retitle(self) -> None:
        self.timeline = Timeline.of(self._history, self.lens.axis, self.window)
        scale = "log" if self.logarithmic else "linear"
        if self.by_position:
            self.set_titles("1 loss", f"by position · {scale}", "by position")
        else:
            look = f" · last {self.window:,}" if self.window else ""
            said, brief = (f"{scale} · {words}" for words in self.timeline.said(self.lens))
            self.set_titles("1 loss", said + look, said, brief)
        self.redraw()

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the numbers, the plot, the ticks below it, and a verdict in words."""
        self.plot_columns, self.plot_lines = 0, range(0)
        if not len(self._positions if self.by_position else self._history.train_loss):
            return waiting_rows(_WAITING[self._phase], width, self.ink.muted)
        rows = self._numbers(width, height) if height != 2 else []
        judged = height >= _VERDICT and not self.by_position
        lines = height - len(rows) - (1 if height >= 5 else 0) - int(judged)
        lines_across = [] if self.by_position else self._reference_lines()
        margin = max((cell_len(label) for label, _ in lines_across), default=-2) + 2 if width >= 44 else 0
        columns = width - TICKS_WIDTH - margin
        if lines < 2 or columns < 2:
            return self._numbers(width, 1)
        plot = self._positions_plot(columns, lines) if self.by_position else self._plot(columns, lines, len(rows))
        ink = self.ink
        styles = (ink.text, ink.accent, ink.faint, ink.second, ink.faint)
        rows += plot.rows(styles, ink.muted, margin, ink.lit)
        if height >= 5:
            line = _position_ticks(plot, columns) if self.by_position else self.timeline.ticks(columns)
            rows.append(Row(("x", line), lambda: pieces((line, ink.muted))))
        if judged:
            rows.append(self._verdict(width))
        return rows

    def _verdict(self, width: int) -> Row:
        """Return what can be said of the curves; see the view of health."""
        ink, found = self.ink, self._remarked.of(self._history, self._references)
        text = fit(f"  {visible(words_of(found))}", width)
        style = ink.warm if any(one.good is False for one in found[:1]) else ink.muted
        return Row(("verdict", text, style), lambda: pieces((text, style)))

    def _positions_plot(self, columns: int, lines: int) -> Plot:
        last = float(max(len(self._positions), 2))
        x, y = condense(np.arange(1, len(self._positions) + 1), self._positions, dot_edges(1.0, last, 2 * columns))
        plot = Plot(columns, lines, self._axis(y, np.zeros(0)), 1.0, last)
        plot.curve(x, y, _TRAIN)
        return plot

    def _plot(self, columns: int, lines: int, above: int) -> Plot:
        history, timeline = self._history, self.timeline
        first, last = timeline.first, timeline.last
        self.plot_columns, self.plot_lines = columns, range(above, above + lines)
        train: Points = self.reduced(history.step, history.train_loss, columns)
        valid_x = timeline.place(history.validation_step)
        valid_y = history.validation_loss[valid_x >= first]
        valid_x = valid_x[valid_x >= first]
        plot = Plot(columns, lines, self._axis(train.y, valid_y), first, last)
        for label, value in self._reference_lines():
            plot.reference(value, label, _REFERENCE)
        turns = timeline.place(np.array(self._turns, np.int64))
        plot.rules(turns[turns >= first], _REFERENCE)
        train.draw(plot, _TRAIN, _RAW)
        if len(valid_x):
            plot.marks(valid_x[:-1], valid_y[:-1], _VALID, "•")
            plot.marks(valid_x[-1:], valid_y[-1:], _VALID)
        self.cross(plot)
        return plot

    def _axis(self, y: np.ndarray, valid: np.ndarray) -> Axis:
        known = self._references.finite if self._references and not (self.window or self.by_position) else {}
        lines = [known["uniform"]] if "uniform" in known else list(known.values())  # the highest of n-grams
        values = np.concatenate([y, valid, lines])
        values = values[np.isfinite(values) & ((values > 0) | (not self.logarithmic))]
        if len(values) == 0:
            return Axis.around(1.0, 5.0, self.logarithmic)
        low, high = float(values.min()), float(values.max())
        if self._of_classes and self.logarithmic:  # an example that is right costs next to nothing
            low = max(low, high * _FLOOR)
        return Axis.around(low, high, self.logarithmic)

    def _reference_lines(self) -> list[tuple[str, float]]:
        """Return labels and losses of the baselines."""
        known = self._references.finite if self._references else {}
        return [(f"{visible(name)} {significant(value)}", value) for name, value in known.items()]

    def _numbers(self, width: int, height: int) -> list[Row]:
        """Return the values at the crosshair, or the current numbers at fixed columns."""
        ink, history = self.ink, self._history
        crossed = None if self.by_position else self.timeline.nearest(self.lens.crosshair)
        if crossed is not None:
            labels = [label for label, _ in self._reference_lines()]
            found = numbers.crossed(history, crossed, self.timeline, self.lens, labels, ink)
            return numbers.laid(found, width, 2 if height >= _TWO_LINES else 1)
        if self.by_position:
            parts, values = numbers.ends(self._positions, width, ink), self._positions
        else:
            parts, values = numbers.newest(history, self.timeline, self.lens, ink), history.train_loss
            parts += numbers.measures(self._measured, width - sum(len(text) for text, _ in parts), ink)
        odd = int(np.count_nonzero(~np.isfinite(values)))
        if odd:
            parts.append((f"   {odd:,} not finite", ink.warm))
        used = sum(len(text) for text, _ in parts)
        if used + len(self._unit) + 2 <= width:
            parts.append((self._unit.rjust(width - used - 1), ink.faint))
        return [Row(("numbers", tuple(text for text, _ in parts)), lambda: pieces(*parts))]


def _position_ticks(plot: Plot, columns: int) -> str:
    """Return the line below the plot by position: the first one, and multiples of a nice number."""
    step = max(1.0, nice_step(plot.last - plot.first, max(1, columns // 11)))
    values = [1.0, *np.arange(np.ceil(2 / step) * step, plot.last + 1e-9, step).tolist()]
    return " " * TICKS_WIDTH + x_ticks(plot.first, plot.last, columns, values)
