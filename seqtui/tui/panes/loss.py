"""The loss over training, and the batch's mean loss at each position."""

from collections.abc import Sequence

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from seqcore.records import History, References

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.curve_data import by_step
from seqtui.tui.panes.remarked import Remarked, words_of
from seqtui.tui.widgets.arrays import Arrays, flat
from seqtui.tui.widgets.axis import Axis, nice_step
from seqtui.tui.widgets.curve import condense, trailing_mean
from seqtui.tui.widgets.numbers import significant
from seqtui.tui.widgets.pane import Pane, Row, fit, pieces, waiting_rows
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
_LEVEL = 0.03  # relative change of the loss along a sequence up to which it counts as level
_VERDICT = 10  # rows from which the verdict stands below the plot
_FLOOR = 1e-3  # of the highest loss: lower ones of a verdict are drawn at the lower edge
_TRAIN, _RAW, _VALID, _REFERENCE = 1, 2, 3, 4


class LossPane(Pane):
    """Training and validation loss, drawn as the minimum and maximum of each column."""

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.logarithmic = True
        self.smoothed = False
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
        unit, said = snapshot.loss_unit, _shares(snapshot)
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
        self.redraw()

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

    def toggle_smoothing(self) -> None:
        """Toggle between the loss of every step and its trailing mean drawn over it."""
        self.smoothed = not self.smoothed
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
        scale = "log" if self.logarithmic else "linear"
        if self.by_position:
            self.set_titles("1 loss", f"by position · {scale}", "by position")
        else:
            look = f" · last {self.window:,}" if self.window else ""
            plain = f"{scale} · {'smoothed' if self.smoothed else 'raw'}"
            self.set_titles("1 loss", plain + look, plain)
        self.redraw()

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the numbers, the plot, the ticks below it, and a verdict in words."""
        x, y = self._series()
        if len(y) == 0:
            return self._waiting(width)
        rows = [self._numbers(width)] if height != 2 else []
        judged = height >= _VERDICT and not self.by_position
        lines = height - len(rows) - (1 if height >= 5 else 0) - int(judged)
        lines_across = [] if self.by_position else self._reference_lines()
        margin = max((cell_len(label) for label, _ in lines_across), default=-2) + 2 if width >= 44 else 0
        columns = width - TICKS_WIDTH - margin
        if lines < 2 or columns < 2:
            return [self._numbers(width)]
        plot = self._plot(x, y, columns, lines)
        ink = self.ink
        styles = (ink.text, ink.accent, ink.faint, ink.second, ink.faint)
        rows += plot.rows(styles, ink.muted, margin)
        if height >= 5:
            values = self._x_values(plot.first, plot.last, columns)
            line = " " * TICKS_WIDTH + x_ticks(plot.first, plot.last, columns, values)
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

    def _series(self) -> tuple[np.ndarray, np.ndarray]:
        """Return x and y of the curve: all training steps and losses, or positions and losses."""
        if self.by_position:
            return np.arange(1, len(self._positions) + 1), self._positions
        return self._history.step, self._history.train_loss

    def _range(self, x: np.ndarray) -> tuple[float, float]:
        """Return the x at both edges, rounded to a grid so that the curve does not shift with every step."""
        last = float(x[-1])
        if self.by_position:
            return 1.0, max(last, 2.0)
        span = self.window or max(last, 8.0)
        grid = nice_step(span, 8)
        right = max(np.ceil(last / grid) * grid, grid)
        return (0.0 if self.window is None else max(0.0, right - span)), float(right)

    def _plot(self, x: np.ndarray, y: np.ndarray, columns: int, lines: int) -> Plot:
        first, last = self._range(x)
        edges = dot_edges(first, last, 2 * columns)
        begin = int(np.searchsorted(x, edges[0]))
        if self.smoothed and not self.by_position:
            smooth = condense(x[begin:], trailing_mean(y, max(8, (len(y) - begin) // 48))[begin:], edges)
        x, y = condense(x[begin:], y[begin:], edges)
        valid_x, valid_y = self._validation(first)
        plot = Plot(columns, lines, self._axis(y, valid_y), first, last)
        if not self.by_position:
            for label, value in self._reference_lines():
                plot.reference(value, label, _REFERENCE)
            plot.rules(np.array([step for step in self._turns if step >= first], np.int64), _REFERENCE)
        if self.smoothed and not self.by_position:
            plot.curve(x, y, _RAW)
            plot.curve(*smooth, _TRAIN, over=True)
        else:
            plot.curve(x, y, _TRAIN)
        if len(valid_x):
            plot.marks(valid_x[:-1], valid_y[:-1], _VALID, "•")
            plot.marks(valid_x[-1:], valid_y[-1:], _VALID)
        return plot

    def _validation(self, first: float) -> tuple[np.ndarray, np.ndarray]:
        x, y = self._history.validation_step, self._history.validation_loss
        if self.by_position or len(x) == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        return x[x >= first], y[x >= first]

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

    def _x_values(self, first: float, last: float, columns: int) -> list[float]:
        step = max(1.0, nice_step(max(last - first, 1.0), max(1, columns // 11)))
        start = 1.0 if self.by_position else np.ceil(first / step) * step
        ticks = [start] if self.by_position else []
        at = np.ceil((first + (1 if self.by_position else 0)) / step) * step
        while at <= last + 1e-9:
            ticks.append(float(at))
            at += step
        return ticks

    def _numbers(self, width: int) -> Row:
        """Return the current numbers, at fixed columns."""
        ink, parts = self.ink, []
        if self.by_position:
            finite = self._positions[np.isfinite(self._positions)]
            ends = (float(finite[0]), float(finite[-1])) if len(finite) else (np.nan, np.nan)
            trend = trend_of(finite)
            if width >= 75:
                words = (" at the first position, ", f" at the last: {trend}")
            elif width >= 46:
                words = (" first, ", f" last, {trend}")
            else:
                words = (" → ", "")
            for end, word in zip(ends, words, strict=True):
                parts += [(f"{significant(end):>5}", ink.accent), (word, ink.muted)]
        else:
            parts = self._train_and_valid()
            parts += self._measures(width - sum(len(text) for text, _ in parts))
        odd = int(np.count_nonzero(~np.isfinite(self._series()[1])))
        if odd:
            parts.append((f"   {odd:,} not finite", ink.warm))
        used = sum(len(text) for text, _ in parts)
        if used + len(self._unit) + 2 <= width:
            parts.append((self._unit.rjust(width - used - 1), ink.faint))
        texts = tuple(text for text, _ in parts)
        return Row(("numbers", texts), lambda: pieces(*parts))

    def _train_and_valid(self) -> list[tuple[str, Style]]:
        ink, history = self.ink, self._history
        train: np.ndarray = history.train_loss
        if self.smoothed:
            train = trailing_mean(train[-1024:], max(8, min(1024, len(train) // 64)))
        parts = [("  ━ ", ink.accent), ("train ", ink.muted), (f"{significant(float(train[-1])):>5}", ink.text)]
        if len(history.validation_loss):
            latest = significant(float(history.validation_loss[-1]))
            parts += [("   ● ", ink.second), ("valid ", ink.muted), (f"{latest:>5}", ink.text)]
        return parts

    def _measures(self, room: int) -> list[tuple[str, Style]]:
        """Return the other measures of the last validation, as many as fit."""
        ink, parts = self.ink, []
        for name, value in self._measured:
            size = 3 + len(name) + 1 + len(value)
            if size <= room:
                parts += [(f"   {name} ", ink.muted), (value, ink.text)]
                room -= size
        return parts

    def _waiting(self, width: int) -> list[Row]:
        """Return the rows of an empty pane: what it is waiting for."""
        return waiting_rows(_WAITING[self._phase], width, self.ink.muted)


def _shares(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """Return the measures of the last validation besides the loss, with their names, as text."""
    found = ((name, snapshot.measures.get(name)) for name in snapshot.task.measures)
    return tuple((name.replace("_", " "), _said(name, value)) for name, value in found if isinstance(value, float))


def _said(name: str, value: float) -> str:
    """Return an error as a number, and a share in per cent."""
    return significant(value) if name.startswith("rmse") else f"{100 * value:.1f}%"


def trend_of(losses: np.ndarray) -> str:
    """Describe the change of the loss from the first eighth of the positions to the last half; losses (n,) finite."""
    if len(losses) < 2:
        return "too few positions"
    first, last = float(losses[: max(1, len(losses) // 8)].mean()), float(losses[len(losses) // 2 :].mean())
    if abs(last - first) <= _LEVEL * first:
        return "level: context does not help yet"
    return "falls as context builds up" if last < first else "rises with context"
