"""Real values: a sequence in flight or over time, what the model forecasts from the playhead on, and its errors."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.cells import cell_len
from rich.style import Style
from seqcore.records import Series

from seqtui.live.snapshot import Phase, Snapshot
from seqtui.tui.panes.forecast import HORIZONS, Forecast, answer_of, forecast_at, one_scale, series_of
from seqtui.tui.panes.kernels import kernel_rows
from seqtui.tui.panes.plane import Plane
from seqtui.tui.panes.watching import ExamplePane
from seqtui.tui.widgets.axis import Axis
from seqtui.tui.widgets.numbers import counted, significant
from seqtui.tui.widgets.pane import Row, pieces, waiting_rows
from seqtui.tui.widgets.plot import TICKS_WIDTH, Plot, x_ticks
from seqtui.visible import visible

F64 = npt.NDArray[np.float64]
Said = tuple[tuple[str, Style], ...]  # what stands together or is left out together
_WAITING = {
    Phase.LOADING: "waiting for the corpus and the model",
    Phase.COMPILING: "waiting for the kernels",
    Phase.FAILED: "no values: training failed",
}
_PAST, _TRUTH, _MODEL, _NOW = 1, 2, 3, 4
_LOW = 8  # rows from which there are lines about the validation and the errors


class ValuesPane(ExamplePane):
    """Pane of the values up to the playhead, and of what the model says there."""

    TITLE = "2 values"
    WATCHED = tuple(name for name in ExamplePane.WATCHED if name != "facts")

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self.page = 0  # 0: the plane of the first two columns, or else the first column; then every column over time

    @property
    def _series(self) -> Series | None:
        return series_of(self._snapshot.probe)

    def next_page(self) -> None:
        """Show the plane, then one column after another over time."""
        self.page += 1
        self._changed()

    def copied_text(self, snapshot: Snapshot) -> tuple[str, str]:
        """Return the values of the sequence as rows of numbers, separated by semicolons."""
        series = series_of(snapshot.probe)
        if series is None:
            return "", "values"
        return "; ".join(", ".join(f"{value:.6g}" for value in row) for row in series.read.tolist()), "values"

    def _pages(self, series: Series) -> list[tuple[int, ...]]:
        """Return the columns of each page: two for the plane."""
        columns = [(column,) for column in range(len(series.predicted_names))]
        flies = bool(len(series.starts)) and len(series.names) > 1
        return [(0, 1), *columns] if flies else list(columns)

    def _changed(self) -> None:
        now, series, titles = self._snapshot, self._series, [""]
        title = self.TITLE
        if now.searched is not None:
            titles = self._searching()
        elif now.probe is not None and series is not None:
            step = f"step {now.probe.step:,}"
            which = "typed" if now.example is None else f"example {now.example + 1:,} of {now.task.examples:,}"
            rows = counted(len(now.probe.symbols), now.task.input_unit or "row")
            titles = [f"{which} · {rows} · {step}", f"{which} · {step}", step]
            names = [visible(series.predicted_names[column]) for column in self._page(series)]
            title += f" · {', '.join(names)}"
        self.set_titles(title, *titles)
        self.redraw()

    def _page(self, series: Series) -> tuple[int, ...]:
        pages = self._pages(series)
        return pages[self.page % len(pages)]

    def rows(self, width: int, height: int) -> Sequence[Row]:
        """Return the plot, and below it the errors of the forecast and the last validation."""
        now, series = self._snapshot, self._series
        if now.compiling is not None and now.phase is Phase.COMPILING:
            return kernel_rows(self, now.compiling, width, height)
        if series is None:
            text = _WAITING.get(now.phase, "waiting for the first probe")
            return waiting_rows(text, width, self.ink.muted)[:height]
        t = min(self._playhead, len(series.read) - 1)
        below = self._below(series, t, width) if height >= _LOW else self._below(series, t, width)[:1]
        lines = height - len(below) - 1
        if lines < 2 or width <= TICKS_WIDTH + 4:
            return below[:height]
        page, forecast = self._page(series), forecast_at(series, t)
        if len(page) > 1 and forecast is not None:
            drawn = self._plane(series, forecast, page, width, lines)
        else:
            drawn = self._over_time(series, forecast, page[0], t, width, lines)
        return [*drawn, *below]

    @property
    def _styles(self) -> tuple[Style, ...]:
        ink = self.ink
        return (ink.text, ink.muted, ink.faint, ink.accent, ink.warm)

    def _plane(self, series: Series, forecast: Forecast, page: tuple[int, ...], width: int, lines: int) -> list[Row]:
        """Draw the path: dots up to now, a faint line for what came, a bright one for the forecast."""
        pair = list(page)
        low, high = np.nanmin(series.read[:, pair], axis=0), np.nanmax(series.read[:, pair], axis=0)
        axes = [Axis.around(float(a), float(b), False) for a, b in zip(low, high, strict=True)]
        plane = Plane(width - TICKS_WIDTH, lines, axes[0], axes[1])
        plane.path(np.vstack([forecast.past[-1:], forecast.truth])[:, pair], _TRUTH)
        plane.path(forecast.past[:, pair], _PAST, joined=False)
        plane.path(np.vstack([forecast.past[-1:], forecast.ran])[:, pair], _MODEL)
        plane.mark(forecast.past[-1, pair], "●", _NOW)
        return plane.rows(self._styles, self.ink.faint)

    def _over_time(
        self, series: Series, forecast: Forecast | None, column: int, t: int, width: int, lines: int
    ) -> list[Row]:
        """Draw a column over time: the past, what came, and the forecast; or the answer after every timestep."""
        T = len(series.read)
        answer = answer_of(series)
        known = series.read[:, column] if forecast is not None else series.predicted[:, column]
        spread = np.append(known, answer[column] if answer is not None else known[-1])
        axis = Axis.around(float(np.nanmin(spread)), float(np.nanmax(spread)), False)
        right = " right" if answer is not None else ""
        margin = len(right) + 1 if right else 0
        last = T - 1 if forecast is None else max(T - 1, forecast.start + 1)
        plot = Plot(width - TICKS_WIDTH - margin, lines, axis, 0, max(1, last))
        x = np.arange(T)
        plot.rules(np.array([t]), _NOW)
        if answer is not None:
            plot.reference(float(answer[column]), right.strip(), _NOW)
        if forecast is None:
            plot.curve(x, known, _TRUTH)
            plot.curve(x[: t + 1], known[: t + 1], _MODEL, over=True)
        else:
            at, end = forecast.start, T - 1 - forecast.start
            plot.curve(x[at:], known[at:], _TRUTH)
            plot.curve(x[: at + 1], known[: at + 1], _PAST)
            ahead = np.vstack([forecast.past[-1:], forecast.ran[:end]])[:, column]
            plot.curve(at + np.arange(len(ahead)), ahead, _MODEL, over=True)
        below = " " * TICKS_WIDTH + x_ticks(0, max(1, last), plot.columns, [0, t, last])
        ticks = Row(("ticks", below), partial(pieces, (below, self.ink.faint)))
        return [*plot.rows(self._styles, self.ink.faint, margin), ticks]

    def _below(self, series: Series, t: int, width: int) -> list[Row]:
        """Return lines about the forecast at the playhead, and about the last validation."""
        forecast = forecast_at(series, t)
        said = self._answer(series, t) if forecast is None else self._errors(series, forecast)
        return [_fitting(said, width), _fitting(self._validation(), width)]

    def _errors(self, series: Series, forecast: Forecast) -> list[Said]:
        ink = self.ink
        shared = one_scale(series)
        deviation = np.std(series.read, axis=0)
        scale = np.ones_like(deviation) if shared else np.where(deviation > 0, deviation, 1)
        said: list[Said] = [((f"from {forecast.start} on, error{'' if shared else ' in deviations'}", ink.muted),)]
        known = {horizon: errors for horizon in HORIZONS if (errors := forecast.errors(horizon, scale)) is not None}
        if not known:
            return [((f"from {forecast.start} on, the error is unknown: this is the last row", ink.muted),)]
        for horizon, errors in known.items():
            style = ink.accent if errors[0] <= min(errors[1:]) else ink.warm
            said.append(((f"  +{horizon} ", ink.muted), (significant(errors[0]), style)))
        for place, (horizon, errors) in enumerate(known.items()):
            said.append(
                (
                    ("" if place else "   same velocity", ink.faint),
                    (f"  +{horizon} {significant(errors[2])}", ink.faint),
                )
            )
        return said

    def _answer(self, series: Series, t: int) -> list[Said]:
        ink, answer = self.ink, answer_of(series)
        numbers = " ".join(significant(float(value)) for value in series.predicted[t])
        said: list[Said] = [((f"after {t} says ", ink.muted), (numbers, ink.accent))]
        if answer is not None:
            end = series.predicted[-1]
            said.append((("   at the end ", ink.muted), (significant(float(end[0])), ink.accent)))
            said.append(((", right is ", ink.muted), (significant(float(answer[0])), ink.text)))
            said.append(((f", off by {significant(float(np.abs(end - answer).max()))}", ink.muted),))
        return said

    def _validation(self) -> list[Said]:
        now, ink = self._snapshot, self.ink
        if not now.measures:
            every = now.training.eval_every if now.training is not None else 0
            return [((f"waiting for the first validation{f' (every {every:,} steps)' if every else ''}", ink.muted),)]
        said: list[Said] = [((f"valid at {now.measured_step:,}", ink.muted),)]
        for name in ("rmse", "accuracy"):
            if isinstance(value := now.measures.get(name), float):
                text = significant(value) if name == "rmse" else f"{100 * value:.1f}%"
                said.append(((f"  {name} ", ink.muted), (text, ink.text)))
        for name, value in now.measures.get("rmse_by_column", {}).items():
            said.append(((f"  {visible(name)} ", ink.muted), (significant(value), ink.text)))
        return said


def _fitting(said: list[Said], width: int) -> Row:
    """Return as many of the parts of a line as fit as a whole."""
    kept: list[tuple[str, Style]] = []
    for part in said:
        if sum(cell_len(text) for text, _ in (*kept, *part)) > width:
            break
        kept += part
    found = tuple(kept)
    return Row(("said", found), partial(pieces, *found))
