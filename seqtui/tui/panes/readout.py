"""What the playhead crosses, said in one line."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe, Stave

from seqtui.tui.panes.attention import bits_of
from seqtui.tui.panes.staves import saturation, stave_units, unit_name
from seqtui.tui.widgets.numbers import percent, significant
from seqtui.visible import cell

LETTERS = {"input": "i", "forget": "f", "cell": "g", "output": "o", "reset": "r", "update": "z", "candidate": "n"}
OF_STATE = " back from the cursor"  # what is said of norms that are as they are
BACK = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # steps that the reach is told at
_UNITS = {"char": "character", "byte": "byte", "word": "word"}


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; what counts is drawn brighter."""

    text: str
    bright: bool = False


def quoted(symbol: str) -> str:
    """A token as it is named in a sentence."""
    return f"`{cell(symbol)}`"


def place_readout(probe: Probe, t: int, guesses: int) -> list[Part]:
    """The token, its loss and what was guessed for its place."""
    return [*_place(probe, t), *_loss(probe, t, guesses)]


def unit_readout(probe: Probe, t: int, stave: Stave, unit: int, guesses: int) -> list[Part]:
    """A unit's value, and the loss and the guesses of the place; below 0 guesses the value alone."""
    if stave.name == "stream":
        of = f"after {unit_name(stave, unit)}" if unit else "before block 1, the embedding,"
        head = [Part("residual stream", True), Part(f" {of} at "), *_place(probe, t)]
    else:
        head = [Part(f"`{_letter(stave)}`", True), Part(f" of {unit_name(stave, unit)} at "), *_place(probe, t)]
    value = Part(f"{significant(float(stave.values[t, unit])):>5}", True)
    return [*head, value, *_and_loss(probe, t, guesses)]


def gate_readout(probe: Probe, t: int, stave: Stave, guesses: int) -> list[Part]:
    """All units of a gate or state at a place: their mean, and how many are saturated or how far they spread."""
    values = stave.values[t]
    known = values[np.isfinite(values)].astype(np.float64)
    what = "residual stream" if stave.name == "stream" else f"`{_letter(stave)}`"
    head = [Part(what, True), Part(f" of {stave_units(stave)} at "), *_place(probe, t)]
    if not known.size:
        return [*head, Part("nothing is finite")]
    head += [Part("mean "), Part(f"{significant(float(known.mean())):>6}", True)]
    if stave.signed or not stave.gate:
        low, high = (f"{significant(float(end)):>6}" for end in (known.min(), known.max()))
        head += [Part(", from "), Part(low, True), Part(" to "), Part(high, True)]
    else:
        opened, closed = saturation(known)
        head += [Part(", open "), Part(percent(opened), True), Part(", closed "), Part(percent(closed), True)]
    return [*head, *_and_loss(probe, t, guesses)]


def distances_readout(probe: Probe, row: npt.NDArray[np.floating], t: int, places: int, of: str) -> list[Part]:
    """The gradient norms 1, 2, 5, 10 ... steps back from t, of which `row` (T,) has all: at most `places` of them.

    `of` is what the gradient is taken by: |dL/dx|.
    """
    head = [Part("the loss of "), *_place(probe, t), *([Part(of, True), Part(" ")] if t else [])]
    if t == 0:
        return [*head, Part("there is none, nothing comes before it")]
    for i, back in enumerate([back for back in BACK if back <= t][: max(0, places)]):
        ends = f"{', ' if i else ''}{back} back "
        head += [Part(ends), Part(f"{significant(float(row[t - back])):>7}", True)]
    return head


def head_readout(
    probe: Probe, t: int, row: npt.NDArray[np.floating], layer: int, head: int, tokens_by: str, places: int
) -> list[Part]:
    """How a head, whose weights at t are `row` (T,), looks: how evenly, how far back, and at which `places` most.

    Below 0 places the numbers alone.
    """
    name = [Part(f"head {head + 1}", True), Part(f" of layer {layer + 1} at "), *_place(probe, t)]
    known = row[: t + 1].astype(np.float64)
    if not np.isfinite(known).all():
        return [*name, Part("not all of its weights are finite")]
    bits, back = float(bits_of(known)), float((known * np.arange(t, -1, -1)).sum())
    said = [*name, Part("entropy " if places >= 0 else ""), Part(f"{bits:.2f} bits", True)]
    said += [Part(f", {percent(bits / math.log2(t + 1))} of even")] if t else []
    said += [Part(", "), Part(f"{significant(back):>5}", True)]
    said += [Part(f" {_unit(tokens_by, back)} back" if places >= 0 else " back")]
    for i, s in enumerate(np.argsort(-known, kind="stable")[: max(0, places)].tolist()):
        said += [Part("; most at " if i == 0 else ", "), Part(quoted(probe.symbols[s]), True)]
        said += [Part(f" (t {s}) {percent(float(known[s]))}")]
    return said


def reach_readout(
    row: npt.NDArray[np.floating], t: int, tokens_by: str, brief: bool = False, of: str = OF_STATE
) -> list[Part]:
    """How far back the loss at t reaches: `row` (T,) are gradient norms, of which those before t count.

    Args:
        row: the norms.
        t: the place.
        tokens_by: "char", "byte" or "word".
        brief: whether it is about the number alone.
        of: what the scale is a scale of.
    """
    head = [] if brief else [Part("1e0 … 1e-6", True), Part(f"{of}: ")]
    if t == 0:
        return [*head, Part("nothing comes before it")]
    past = row[:t]
    over = int(np.count_nonzero(past > 1))  # NaN is not
    most = float(np.nanmax(past, initial=0.0))  # 0 where all are NaN
    above = [Part(", above 1e0 at "), Part(f"{over}", True), Part(f", up to {significant(most)}")]
    back = steps_to_a_tenth(row, t)
    if back is None and not over:
        return [*head, Part("no gradient reaches back")]
    if back is not None:
        head += [Part(f"{back:>{len(str(len(row)))}}", True), Part(f" {_unit(tokens_by, back)} to a tenth")]
    else:
        above[0] = Part("above 1e0 at ")
    return [*head, *(above if over else [])]


def _unit(tokens_by: str, count: float) -> str:
    """What tokens are called, one of them or several."""
    return _UNITS.get(tokens_by, "token") + ("" if count == 1 else "s")


def _letter(stave: Stave) -> str:
    return LETTERS.get(stave.name, stave.name)


def _place(probe: Probe, t: int) -> list[Part]:
    width = len(str(len(probe.symbols) - 1))
    return [Part(quoted(probe.symbols[t]), True), Part(f" (t {t:>{width}}): ")]


def _and_loss(probe: Probe, t: int, guesses: int) -> list[Part]:
    return [Part(", "), *_loss(probe, t, guesses)] if guesses >= 0 else []


def _loss(probe: Probe, t: int, guesses: int) -> list[Part]:
    """The loss of the token at t, and the likeliest tokens for its place."""
    if t == 0:
        return [Part("no loss: nothing comes before it")]
    said = [Part("loss "), Part(f"{significant(float(probe.loss[t])):>5}", True)]
    shares = probe.top_probability[t].tolist()
    for i, (symbol, share) in enumerate(zip(probe.top_symbols[t][: max(0, guesses)], shares, strict=False)):
        said += [Part(", guessed " if i == 0 else ", "), Part(quoted(symbol), True), Part(f" {percent(share)}")]
    return said


def steps_to_a_tenth(row: npt.NDArray[np.floating], t: int) -> int | None:
    """Steps back from t to the farthest place whose norm is still a tenth of the largest; None without any."""
    past = np.where(np.isfinite(row[:t]), row[:t], 0.0)
    largest = float(past.max(initial=0.0))
    if not (largest > 0 and math.isfinite(largest)):
        return None
    return t - int(np.flatnonzero(past >= 0.1 * largest)[0])
