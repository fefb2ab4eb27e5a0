"""The state at the bar of a pair: the numbers in which the decoder starts, unit by unit, and those of another source.

However long the source is, they are as many. A source is compared with the one that was on the score before it.
"""

from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.style import Style
from seqcore.records import F32, Probe, Stave

from seqtui.tui.panes.drawing import gutter_of
from seqtui.tui.panes.layout import Band
from seqtui.tui.panes.readout import Part, quoted
from seqtui.tui.panes.staves import LABELS, Fold, fold, row_of
from seqtui.tui.panes.view import Memory, View
from seqtui.tui.widgets.cells import runs
from seqtui.tui.widgets.heatmap import HALF, line_codes
from seqtui.tui.widgets.numbers import counted, significant
from seqtui.tui.widgets.pane import BLANK, Row, fit, pieces

_VALUE, _GAP = 6, 2  # cells of a value, and between two units
_SOURCE = 24  # most cells of a source in a sentence


def handed_of(probe: Probe | None) -> tuple[Stave, ...]:
    """Return the states in which the decoder starts; none if it has none, or if it is not a pair."""
    return probe.translation.handed if probe is not None and probe.translation is not None else ()


def handed_names(probe: Probe, layer: int) -> tuple[str, ...]:
    """Return the names of the states that are handed over in a layer."""
    return tuple(stave.name for stave in handed_of(probe) if stave.layer == layer)


def state_shown(view: View) -> Stave | None:
    """Return the state that is shown unit by unit: that of the chosen stave, or else h; None if there is none."""
    own = [stave for stave in handed_of(view.probe) if stave.layer == view.chosen.layer]
    return next((stave for stave in own if stave.name == view.chosen.gate), own[-1] if own else None)


def bar_state_rows(band: Band, view: View, memory: Memory) -> list[Row]:
    """Return how many numbers there are, a strip of each state, and the values of the units around the picked one."""
    handed, shown = handed_of(view.probe), state_shown(view)
    if shown is None:
        said = "no state is handed over here: the decoder only looks back at the encoder's states, through attention"
        return [_line(view, (said, view.ink.muted))] + [BLANK] * (band.lines - 1)
    rows = [_counted(view, handed)] if band.lines > 1 else []
    strips = [_strip(stave, view, memory, stave is shown) for stave in handed]
    at = next(n for n, stave in enumerate(handed) if stave is shown)
    most = max(1, (band.lines - len(rows)) // 3)
    first = max(0, min(at - most // 2, len(strips) - most))
    rows += strips[first : first + most] if band.lines > 3 else []
    rows += [_compared(shown, view)] if band.lines > 4 else []
    rows += _units(shown, view, memory, band.lines - len(rows))
    return rows + [BLANK] * (band.lines - len(rows))


def state_readout(view: View, brief: bool) -> list[Part]:
    """Return the value of the picked unit at the bar, and what it was for the source before."""
    stave = state_shown(view)
    if stave is None:
        return [Part("no state is handed over at the bar")]
    layer = f" of layer {stave.layer + 1}" if len({one.layer for one in handed_of(view.probe)}) > 1 else ""
    said = [Part(f"`{stave.name}`", True), Part(f"{layer} at the bar")]
    if (unit := view.chosen.unit) is None:
        return [*said, Part(": ↑ ↓ pick a unit, g another state")]
    unit, before = min(unit, stave.values.shape[1] - 1), _before(stave, view)
    said += [Part(f", unit {unit}: "), Part(f"{valued(float(stave.values[0, unit])):>{_VALUE}}", True)]
    if before is not None and not brief:
        said += [Part(f", for {_source(view.before)} "), Part(f"{valued(float(before[unit])):>{_VALUE}}", True)]
    return said


def valued(value: float) -> str:
    """Return a value of a unit, all of them alike: -0.131, 12.3."""
    return f"{value:.3f}" if abs(value) < 9.9995 else significant(value)


def _before(stave: Stave, view: View) -> F32 | None:
    """Return the same state (units,) for the source before; None if there was none of this model."""
    same = (one for one in handed_of(view.before) if (one.name, one.layer) == (stave.name, stave.layer))
    found = next(same, None)
    return found.values[0] if found is not None and found.values.shape == stave.values.shape else None


def _source(probe: Probe | None) -> str:
    """Return the source of a probe in quotes, cut if it is long."""
    text = quoted("".join(probe.symbols[: probe.bar]).strip()) if probe is not None else ""
    return text if cell_len(text) <= _SOURCE else fit(text, _SOURCE - 1) + "`"


def _counted(view: View, handed: tuple[Stave, ...]) -> Row:
    """Say how many numbers carry how many symbols."""
    ink, S = view.ink, view.probe.bar
    numbers = sum(stave.values.shape[1] for stave in handed)
    names = " and ".join(dict.fromkeys(stave.name for stave in handed))
    layers = len({stave.layer for stave in handed})
    each = f" in {layers} layers" if layers > 1 else ""
    what = view.tokens_by if view.tokens_by not in ("char", "bpe", "") else "symbol"
    first = f"{numbers:,} numbers"
    forms = (
        f" ({names} of {counted(handed[0].values.shape[1], 'unit')}{each}) carry {counted(S, what)}, "
        f"{significant(numbers / S)} for each; they are as many for a source of any length",
        f" ({names}{each}) carry {counted(S, what)}, {significant(numbers / S)} for each, at any length",
        f" carry {counted(S, what)}, {significant(numbers / S)} for each",
    )
    room = _width(view) - len(first)
    return _line(view, (first, ink.text), (next((f for f in forms if len(f) <= room), forms[-1]), ink.muted))


def _compared(stave: Stave, view: View) -> Row:
    """Say which state the values are of, and how similar it is to that of the source before."""
    ink, before = view.ink, _before(stave, view)
    layer = f", layer {stave.layer + 1}" if len({one.layer for one in handed_of(view.probe)}) > 1 else ""
    parts = [(f"{LABELS.get(stave.name, stave.name)}{layer}: ", ink.text)]
    if before is None or view.before is None:
        parts.append(("unit and value; n shows another source, to compare", ink.muted))
    else:
        now = stave.values[0].astype(np.float64)
        size = float(np.linalg.norm(now) * np.linalg.norm(before))
        alike = significant(float(now @ before) / size) if size else "–"
        parts.append((f"cosine {alike}", ink.text))
        parts.append((f" with {_source(view.before)} (step {view.before.step:,}); unit, now and before", ink.muted))
    return _line(view, *parts)


def _strip(stave: Stave, view: View, memory: Memory, chosen: bool) -> Row:
    """Draw all units of a state from left to right, folded if they do not fit: now above, before below."""
    ink, width = view.ink, _width(view) - view.layout.gutter
    units, before = stave.values.shape[1], _before(stave, view)
    scale, low, high = memory.bounds(stave)
    codes = []
    for values in (stave.values[0], before):
        if values is None:
            codes.append(np.full(min(units, width), HALF, np.uint8))
            continue
        folded = fold(values[None], width, Fold.STRONGEST, 0)[:, 0]
        codes.append(scale.codes(memory.measured(stave, folded), low, high))
    top, bottom = line_codes(np.array(codes), 1, not ink.colourless)[0]
    unit = view.chosen.unit if chosen else None
    lit = -1 if unit is None else row_of(min(unit, units - 1), units, min(units, width), Fold.STRONGEST)
    many = len({one.layer for one in handed_of(view.probe)}) > 1
    name = f"{stave.name} layer {stave.layer + 1}" if many else LABELS.get(stave.name, stave.name)
    about = (name, "accent" if chosen else "muted", "7" if chosen else "", False)
    painter = memory.narrow(view, scale)
    key = ("strip", about, top.tobytes(), bottom.tobytes(), lit, view.layout.gutter)
    return Row(key, lambda: [*gutter_of(view, about), *painter.line(top, bottom, lit)])


def _units(stave: Stave, view: View, memory: Memory, lines: int) -> list[Row]:
    """Return index, colour and value of the units, in as many columns as fit, scrolled to the picked one."""
    values, before = stave.values[0], _before(stave, view)
    units, width = len(values), _width(view)
    digits = len(str(units - 1))
    swatches = 1 if before is None else 2
    each = digits + 1 + swatches + 1 + _VALUE + _GAP
    across = max(1, (width + _GAP) // each)
    picked = None if view.chosen.unit is None else min(view.chosen.unit, units - 1)
    total = -(-units // across)
    first = max(0, min((picked or 0) // across - lines // 2, total - lines))
    scale, low, high = memory.bounds(stave)
    painter = memory.narrow(view, scale)
    levels = [
        scale.codes(memory.measured(stave, one), low, high).tolist() for one in (values, before) if one is not None
    ]
    rows = []
    for row in range(first, min(total, first + max(0, lines))):
        parts: list[tuple[str, Style]] = []
        for unit in range(row * across, min(units, (row + 1) * across)):
            here = unit == picked
            parts.append((f"{unit:>{digits}} ", view.ink.lit(view.ink.accent) if here else view.ink.faint))
            for level in levels:
                code = np.array([level[unit]], np.uint8)
                swatch = painter.line(code, code, -1)[0]
                parts.append((swatch.text, swatch.style or view.ink.text))
            said = valued(float(values[unit])).rjust(_VALUE + 1)
            parts.append((said, view.ink.lit(view.ink.text) if here else view.ink.text))
            parts.append((" " * _GAP, view.ink.text))
        found = tuple(parts[:-1])
        rows.append(Row(("units", found), partial(runs, [text for text, _ in found], [style for _, style in found])))
    return rows


def _width(view: View) -> int:
    return view.layout.gutter + view.layout.columns * view.layout.column_width + int(view.layout.paired)


def _line(view: View, *parts: tuple[str, Style]) -> Row:
    """Return a line of text over the whole width."""
    room, kept = _width(view), []
    for text, style in parts:
        kept.append((fit(text, min(room, cell_len(text))), style))
        room -= cell_len(kept[-1][0])
    found = tuple(kept)
    return Row(("line", found), partial(pieces, *found))
