"""One frame of the score, and the state it caches between frames to keep them cheap."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe, Stave

from seqtui.tui.panes.attention import alignments_of, attention_of, heads_of
from seqtui.tui.panes.judged import losses_of
from seqtui.tui.panes.layout import Kind, Layout
from seqtui.tui.panes.playhead import Place
from seqtui.tui.panes.selection import Selection
from seqtui.tui.panes.staves import Fold, fold, is_norm, stave_label
from seqtui.tui.widgets.colours import GATE, SIGNED, Scale
from seqtui.tui.widgets.heatmap import HeatmapPainter
from seqtui.tui.widgets.ink import Ink
from seqtui.tui.widgets.numbers import COARSE, SteadyLimit

MOST = 95  # percent of an unbounded state that its scale covers: a few units integrate without limit
_LEAST_VERDICT = 0.1  # nats: the scale of the loss of a verdict covers at least this
_SAMPLE = 8192  # values a percentile is computed from: sorting more costs a frame and makes no visible difference
U8 = npt.NDArray[np.uint8]
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class View:
    """One frame of the score."""

    probe: Probe
    layout: Layout
    place: Place
    chosen: Selection
    tokens_by: str
    ink: Ink
    before: Probe | None = None  # of a pair: the probe of the source before this one

    @property
    def steps(self) -> int:
        """Length T of the text in tokens."""
        return len(self.probe.symbols)

    @property
    def window(self) -> slice:
        """The timesteps in view."""
        return slice(self.place.scroll, min(self.place.scroll + self.layout.columns, self.steps))

    @property
    def lit(self) -> int:
        """The playhead's column, relative to the window."""
        return self.place.playhead - self.place.scroll

    @property
    def bar(self) -> int:
        """The column, relative to the window, before which the double bar of a pair stands; -1 if it is not in view."""
        at = self.probe.bar - self.window.start
        return at if self.probe.bar and 0 <= at < self.window.stop - self.window.start else -1

    @property
    def reaches_input(self) -> bool:
        """Whether the reach is that of the input, which every family has, rather than of a layer's state."""
        return not 0 <= self.chosen.reach < len(self.probe.reach_hidden)

    @property
    def own(self) -> int:
        """1 if a loss depends on the input of its own timestep, too: it is of what is said after that; else 0."""
        return 0 if self.probe.verdict is None else 1

    def reach_rows(self, rows: slice) -> npt.NDArray[np.floating]:
        """Return the gradient norms (rows, T) with respect to the chosen input or state; NaN if the probe has none.

        Norms of a layer's state are absolute. Those of the input are relative to the largest of their row: the scale
        of embeddings differs between families, and the reach should be comparable across them.
        """
        matrix = self.probe.reach_input if self.reaches_input else self.probe.reach_hidden[self.chosen.reach]
        if matrix.shape != (self.steps, self.steps):
            matrix = np.full((self.steps, self.steps), np.nan, np.float32)
        return relative(matrix[rows], rows.start + self.own) if self.reaches_input else matrix[rows]

    @property
    def reach_row(self) -> npt.NDArray[np.floating]:
        """The row (T,) of `reach_rows` for the loss at the playhead."""
        row: npt.NDArray[np.floating] = self.reach_rows(slice(self.place.playhead, self.place.playhead + 1))[0]
        return row

    @property
    def norms(self) -> npt.NDArray[np.floating]:
        """The gradient norms (T,) of the loss at the playhead, always absolute."""
        matrix = self.probe.reach_input if self.reaches_input else self.probe.reach_hidden[self.chosen.reach]
        return matrix[self.place.playhead] if matrix.shape == (self.steps, self.steps) else self.reach_row

    @property
    def attention(self) -> npt.NDArray[np.float32] | None:
        """Attention weights (layers, heads, T, T); None for a model without attention."""
        return attention_of(self.probe)

    @property
    def spread_mean(self) -> bool:
        """Whether the mean of all heads is drawn, rather than the picked head."""
        return any(band.kind is Kind.HEADS for band in self.layout.bands)

    def alignment(self, mean: bool) -> npt.NDArray[np.float32] | None:
        """Return the weights (T, S) of the picked head over the source of a pair, or the mean of all heads."""
        found = alignments_of(self.probe)
        if found is None:
            return None
        weights: npt.NDArray[np.float32] = found.mean(axis=(0, 1)) if mean else found[self.layer, self.head]
        return weights

    @property
    def heads(self) -> tuple[int, int]:
        """The number of layers with attention, and of heads in each; (0, 0) without attention."""
        return heads_of(self.probe)

    @property
    def layer(self) -> int:
        """The layer whose heads are shown, counted from 0."""
        return min(self.chosen.layer, max(0, self.heads[0] - 1))

    @property
    def head(self) -> int:
        """The picked head, counted from 0."""
        return min(self.chosen.head, max(0, self.heads[1] - 1))

    def stave(self, name: str) -> Stave | None:
        """Return the stave of that name in the layer shown; None if there is none."""
        try:
            return self.probe.stave(name, self.chosen.layer)
        except KeyError:
            return None


def relative(norms: npt.NDArray[np.floating], first: int = 0) -> npt.NDArray[np.floating]:
    """Divide norms (rows, T), row i by the largest finite one before timestep `first` + i.

    Infinite norms stay infinite, and zeros stay zeros.
    """
    past = np.isfinite(norms) & np.tri(norms.shape[0], norms.shape[1], k=first - 1, dtype=np.bool_)
    largest = np.max(np.where(past, norms, 0.0), axis=1, keepdims=True, initial=0.0)
    shares: npt.NDArray[np.floating] = norms / np.where(largest > 0, largest, 1.0)
    return shares


@dataclass
class Memory:
    """Painters, steady scales, and cached results for the probe shown."""

    loss_limit: SteadyLimit = field(default_factory=lambda: SteadyLimit(4.0))
    _limits: dict[tuple[str, int], SteadyLimit] = field(default_factory=dict)
    _painters: dict[tuple[str, int], HeatmapPainter] = field(default_factory=dict)
    _ink: Ink | None = None
    _probe: Probe | None = None
    _kept: dict[object, Any] = field(default_factory=dict)

    def refresh(self, view: View) -> None:
        """Discard what belongs to a previous probe or theme, and update the scales for a new probe."""
        if view.ink is not self._ink:
            self._ink = view.ink
            self._painters.clear()
        if view.probe is not self._probe:
            self._probe = view.probe
            self._kept.clear()
            least = 0.0 if view.probe.verdict is None else _LEAST_VERDICT
            self.loss_limit.update(max(_largest(losses_of(view.probe)), least))
            for stave in view.probe.staves:
                if is_norm(stave):
                    steady = SteadyLimit(1.0, least=1e-3)
                    self._limits.setdefault((stave.name, stave.layer), steady).update(_largest(stave.values))
                elif math.isinf(stave.limit):
                    steady = SteadyLimit(1.0, COARSE, least=0.1, over=1.15, empty=0.3)
                    self._limits.setdefault((stave.name, stave.layer), steady).update(_largest(stave.values, MOST))

    def painter(self, view: View, scale: Scale) -> HeatmapPainter:
        """Return the painter of a scale at the layout's column width."""
        key = (scale.name, view.layout.column_width)
        if key not in self._painters:
            self._painters[key] = HeatmapPainter(view.ink, scale, view.layout.column_width)
        return self._painters[key]

    def narrow(self, view: View, scale: Scale) -> HeatmapPainter:
        """Return the painter of a scale at one cell per value, independent of the column width."""
        key = (scale.name, 1)
        if key not in self._painters:
            self._painters[key] = HeatmapPainter(view.ink, scale, 1)
        return self._painters[key]

    def limit(self, stave: Stave) -> float:
        """Return the largest magnitude on the stave's scale."""
        steady = self._limits.get((stave.name, stave.layer))
        return steady.value if steady else max(float(stave.limit), 1e-6)

    def bounds(self, stave: Stave) -> tuple[Scale, float, float]:
        """Return the scale of a stave and its lower and upper bound, in the units of `measured`."""
        limit = math.asinh(self.limit(stave)) if _is_logarithmic(stave) else self.limit(stave)
        return (SIGNED, -limit, limit) if stave.signed else (GATE, 0.0, limit)

    def measured(self, stave: Stave, values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        """Return the values as drawn: arcsinh (linear to about 1, then logarithmic) if unbounded, else unchanged."""
        return np.arcsinh(values) if _is_logarithmic(stave) else values

    def kept(self, key: object, make: Callable[[], Kept]) -> Kept:
        """Return the result of `make`, cached for the current probe."""
        if key not in self._kept:
            if len(self._kept) > 64:
                self._kept.clear()
            self._kept[key] = make()
        found: Kept = self._kept[key]
        return found

    def codes(self, view: View, stave: Stave, rows: int) -> U8:
        """Return the level codes (rows, columns in view) of a stave."""
        how, window = view.chosen.fold, view.window
        unit = view.chosen.unit or 0
        key = ("stave", stave.name, stave.layer, rows, how, unit if how is Fold.NEAR else 0, window.start, window.stop)
        values = self.kept(key, lambda: fold(stave.values[window], rows, how, unit))
        scale, low, high = self.bounds(stave)
        return scale.codes(self.measured(stave, values), low, high)

    def label(self, view: View, stave: Stave, rows: int, lines: int) -> list[str]:
        """Return the stave's labels in the gutter."""
        how, unit = view.chosen.fold, view.chosen.unit
        key = ("label", stave.name, stave.layer, rows, lines, how, unit if how is Fold.NEAR else None)
        return self.kept(key, lambda: stave_label(stave, rows, how, unit, self.limit(stave), lines))


def _is_logarithmic(stave: Stave) -> bool:
    return math.isinf(stave.limit) and not is_norm(stave)


def _largest(values: npt.NDArray[np.floating], most: float = 99.5) -> float:
    """Return the `most`-th percentile of the finite magnitudes, from a sample if there are many; NaN if none."""
    values = values.reshape(-1)[:: 1 + values.size // _SAMPLE]
    finite = np.abs(values[np.isfinite(values)])
    return float(np.percentile(finite, most)) if finite.size else math.nan
