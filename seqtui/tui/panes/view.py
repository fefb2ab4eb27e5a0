"""What the score shows at one moment, and what it keeps from frame to frame so that a frame is cheap."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe, Stave

from seqtui.tui.colours import GATE, SIGNED, Scale
from seqtui.tui.panes.layout import Layout
from seqtui.tui.panes.playhead import Place
from seqtui.tui.panes.selection import Selection
from seqtui.tui.panes.staves import Fold, fold, stave_label
from seqtui.tui.widgets.heatmap import HeatmapPainter
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import COARSE, SteadyLimit

MOST = 95  # percent of an unbounded state that its scale holds: a few units integrate without an end
_SAMPLE = 8192  # values that a magnitude is taken from: sorting more costs a frame and changes nothing that is seen
U8 = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """One frame of the score."""

    probe: Probe
    layout: Layout
    place: Place
    chosen: Selection
    tokens_by: str
    ink: Ink

    @property
    def steps(self) -> int:
        """T, the text's length in tokens."""
        return len(self.probe.symbols)

    @property
    def window(self) -> slice:
        """The timesteps in view."""
        return slice(self.place.scroll, min(self.place.scroll + self.layout.columns, self.steps))

    @property
    def lit(self) -> int:
        """The playhead's column."""
        return self.place.playhead - self.place.scroll

    @property
    def reach_matrix(self) -> npt.NDArray[np.float32]:
        """(T, T) gradient norms of what was chosen to look back to; NaN where the probe has none."""
        hidden = self.probe.reach_hidden
        matrix = hidden[self.chosen.reach] if 0 <= self.chosen.reach < len(hidden) else self.probe.reach_input
        if matrix.shape != (self.steps, self.steps):
            return np.full((self.steps, self.steps), np.nan, np.float32)
        return matrix

    def stave(self, name: str) -> Stave | None:
        """The stave of that name in the layer shown."""
        try:
            return self.probe.stave(name, self.chosen.layer)
        except KeyError:
            return None


@dataclass
class Memory:
    """Painters, steady scales, and what was computed of the probe that is shown."""

    loss_limit: SteadyLimit = field(default_factory=lambda: SteadyLimit(4.0))
    _limits: dict[tuple[str, int], SteadyLimit] = field(default_factory=dict)
    _painters: dict[tuple[str, int], HeatmapPainter] = field(default_factory=dict)
    _ink: Ink | None = None
    _probe: Probe | None = None
    _folded: dict[object, npt.NDArray[np.floating]] = field(default_factory=dict)
    _labels: dict[object, list[str]] = field(default_factory=dict)

    def refresh(self, view: View) -> None:
        """Forget what belongs to another probe or another theme."""
        if view.ink is not self._ink:
            self._ink = view.ink
            self._painters.clear()
        if view.probe is not self._probe:
            self._probe = view.probe
            self._folded.clear()
            self._labels.clear()
            self.loss_limit.update(_largest(view.probe.loss[1:]))
            for stave in view.probe.staves:
                if math.isinf(stave.limit):
                    steady = SteadyLimit(1.0, COARSE, least=0.1, over=1.15, empty=0.3)
                    self._limits.setdefault((stave.name, stave.layer), steady).update(_largest(stave.values, MOST))

    def painter(self, view: View, scale: Scale) -> HeatmapPainter:
        """The painter of a scale at the layout's column width."""
        key = (scale.name, view.layout.column_width)
        if key not in self._painters:
            self._painters[key] = HeatmapPainter(view.ink, scale, view.layout.column_width)
        return self._painters[key]

    def limit(self, stave: Stave) -> float:
        """The largest magnitude on the stave's scale."""
        steady = self._limits.get((stave.name, stave.layer))
        return steady.value if steady else max(float(stave.limit), 1e-6)

    def bounds(self, stave: Stave) -> tuple[Scale, float, float]:
        """The scale of a stave, and what is at both its ends, in the measure of `measured`."""
        limit = math.asinh(self.limit(stave)) if math.isinf(stave.limit) else self.limit(stave)
        return (SIGNED, -limit, limit) if stave.signed else (GATE, 0.0, limit)

    def measured(self, stave: Stave, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Values as they are; those without a bound even up to about 1 and logarithmic beyond, so that all are seen."""
        return np.arcsinh(values) if math.isinf(stave.limit) else values

    def codes(self, view: View, stave: Stave, rows: int) -> U8:
        """Level codes (rows, columns in view) of a stave."""
        how, window = view.chosen.fold, view.window
        unit = view.chosen.unit or 0
        key = (stave.name, stave.layer, rows, how, unit if how is Fold.NEAR else 0, window.start, window.stop)
        if key not in self._folded:
            if len(self._folded) > 64:
                self._folded.clear()
            self._folded[key] = fold(stave.values[window], rows, how, unit)
        scale, low, high = self.bounds(stave)
        return scale.codes(self.measured(stave, self._folded[key]), low, high)

    def label(self, view: View, stave: Stave, rows: int, lines: int) -> list[str]:
        """The stave's lines in the gutter."""
        how, unit = view.chosen.fold, view.chosen.unit
        key = (stave.name, stave.layer, rows, lines, how, unit if how is Fold.NEAR else None)
        if key not in self._labels:
            self._labels[key] = stave_label(stave, rows, how, unit, self.limit(stave), lines)
        return self._labels[key]


def _largest(values: npt.NDArray[np.floating], most: float = 99.5) -> float:
    """A magnitude that `most` percent of the values stay below, of many of them a sample; NaN without any."""
    values = values.reshape(-1)[:: 1 + values.size // _SAMPLE]
    finite = np.abs(values[np.isfinite(values)])
    return float(np.percentile(finite, most)) if finite.size else math.nan
