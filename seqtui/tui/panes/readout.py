"""One-line description of the values at the playhead."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe, Series, Stave, Verdict

from seqtui.tui.panes.attention import bits_of
from seqtui.tui.panes.staves import saturation, stave_units, unit_name
from seqtui.tui.widgets.numbers import percent, significant
from seqtui.visible import cell

LETTERS = {"input": "i", "forget": "f", "cell": "g", "output": "o", "reset": "r", "update": "z", "candidate": "n"}
OF_STATE = " before the playhead"  # for absolute norms
BACK = (1, 2, 5, 10, 20, 50, 100, 200, 500)  # distances at which the reach is listed, in timesteps
_UNITS = {"char": "character", "character": "character", "byte": "byte", "word": "word", "symbol": "symbol",
          "row": "row", "timestep": "timestep"}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; the values are drawn brighter."""

    text: str
    bright: bool = False


def quoted(symbol: str) -> str:
    """Return a token quoted for use in a sentence."""
    return f"`{cell(symbol)}`"


def place_readout(probe: Probe, t: int, guesses: int) -> list[Part]:
    """Return the token at t, its loss and the most likely guesses."""
    return [*_place(probe, t), *_loss(probe, t, guesses)]


def unit_readout(probe: Probe, t: int, stave: Stave, unit: int, guesses: int) -> list[Part]:
    """Return a unit's value at t, and the loss and the guesses there; only the value if `guesses` < 0."""
    if stave.name == "stream":
        of = f"after {unit_name(stave, unit)}" if unit else "before block 1, the embedding,"
        head = [Part("residual stream", True), Part(f" {of} at "), *_place(probe, t)]
    else:
        head = [Part(f"`{_letter(stave)}`", True), Part(f" of {unit_name(stave, unit)} at "), *_place(probe, t)]
    value = Part(f"{significant(float(stave.values[t, unit])):>5}", True)
    return [*head, value, *_and_loss(probe, t, guesses)]


def gate_readout(probe: Probe, t: int, stave: Stave, guesses: int) -> list[Part]:
    """Summarise all units of a gate or state at t: their mean, and the saturated shares or the range."""
    values = stave.values[t]
    known = values[np.isfinite(values)].astype(np.float64)
    what = "residual stream" if stave.name == "stream" else f"`{_letter(stave)}`"
    head = [Part(what, True), Part(f" of {stave_units(stave)} at "), *_place(probe, t)]
    if not known.size:
        return [*head, Part("no finite values")]
    head += [Part("mean "), Part(f"{significant(float(known.mean())):>6}", True)]
    if stave.signed or not stave.gate:
        low, high = (f"{significant(float(end)):>6}" for end in (known.min(), known.max()))
        head += [Part(", from "), Part(low, True), Part(" to "), Part(high, True)]
    else:
        opened, closed = saturation(known)
        head += [Part(", open "), Part(percent(opened), True), Part(", closed "), Part(percent(closed), True)]
    return [*head, *_and_loss(probe, t, guesses)]


def distances_readout(
    probe: Probe, row: npt.NDArray[np.floating], t: int, places: int, of: str, own: int = 0
) -> list[Part]:
    """Return the gradient norms 1, 2, 5, 10 ... timesteps back from t, at most `places` of them; `row` (T,) has all.

    `of` names the gradient: |dL/dx|. With `own` 1 the loss is of what is said after t, whose own norm comes first.
    """
    what = "the verdict after " if own else "the loss of "
    head = [Part(what), *_place(probe, t), *([Part(of, True), Part(" ")] if t + own else [])]
    if t + own == 0:
        return [*head, Part("none at the first position")]
    for i, back in enumerate([back for back in (*([0] * own), *BACK) if back <= t][: max(0, places)]):
        ends = f"{', ' if i else ''}{f'{back} back' if back else 'itself'} "
        head += [Part(ends), Part(f"{significant(float(row[t - back])):>7}", True)]
    return head


def head_readout(
    probe: Probe, t: int, row: npt.NDArray[np.floating], layer: int, head: int, tokens_by: str, places: int
) -> list[Part]:
    """Summarise a head's weights at t, `row` (T,): entropy, mean distance, and the `places` largest weights.

    Only the numbers, in short form, if `places` < 0.
    """
    name = [Part(f"head {head + 1}", True), Part(f" of layer {layer + 1} at "), *_place(probe, t)]
    known = row[: t + 1].astype(np.float64)
    if not np.isfinite(known).all():
        return [*name, Part("its weights are not all finite")]
    bits, back = float(bits_of(known)), float((known * np.arange(t, -1, -1)).sum())
    said = [*name, Part("entropy " if places >= 0 else ""), Part(f"{bits:.2f} bits", True)]
    said += [Part(f", {percent(bits / math.log2(t + 1))} of max")] if t else []
    said += [Part(", "), Part(f"{significant(back):>5}", True)]
    said += [Part(f" {_unit(tokens_by, back)} back" if places >= 0 else " back")]
    for i, s in enumerate(np.argsort(-known, kind="stable")[: max(0, places)].tolist()):
        said += [Part("; most at " if i == 0 else ", "), Part(quoted(probe.symbols[s]), True)]
        said += [Part(f" (t {s}) {percent(float(known[s]))}")]
    return said


def alignment_readout(probe: Probe, t: int, row: npt.NDArray[np.floating], places: int) -> list[Part]:
    """Return the `places` source symbols that the decoder looked at most to predict the symbol at t, and the entropy.

    `row` (S,) has the weights; only the entropy, in short form, if `places` < 0.
    """
    said = [*_place(probe, t)]
    if t <= probe.bar:
        return [
            *said,
            Part("the decoder begins" if t == probe.bar else "read by the encoder"),
            Part(": nothing looked at"),
        ]
    known = row.astype(np.float64)
    if not np.isfinite(known).all():
        return [*said, Part("its weights are not all finite")]
    said[-1] = Part(said[-1].text.removesuffix(": ") + (" looked at " if places > 0 else ": "))
    for i, s in enumerate(np.argsort(-known, kind="stable")[: max(0, places)].tolist()):
        said += [Part(", " if i else ""), Part(quoted(probe.symbols[s]), True), Part(f" {percent(float(known[s]))}")]
    bits, most = float(bits_of(known)), math.log2(len(known))
    said += [Part("; entropy " if places > 0 else "entropy "), Part(f"{bits:.2f} bits", True)]
    return said + ([Part(f", {percent(bits / most)} of max")] if most and places >= 0 else [])


def reach_readout(
    row: npt.NDArray[np.floating], t: int, tokens_by: str, brief: bool = False, of: str = OF_STATE
) -> list[Part]:
    """Describe how far back the loss at t reaches.

    Args:
        row: gradient norms (T,); those before t are used.
        t: the timestep.
        tokens_by: "char", "byte" or "word".
        brief: omit the description of the scale.
        of: what the scale measures.
    """
    head = [] if brief else [Part("1e0 … 1e-6", True), Part(f"{of}: ")]
    if t == 0:
        return [*head, Part("no earlier positions")]
    past = row[:t]
    over = int(np.count_nonzero(past > 1))  # NaN does not count
    most = float(np.nanmax(past, initial=0.0))  # 0 if all are NaN
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
    """Return the name of `count` tokens, singular or plural."""
    return _UNITS.get(tokens_by, "token") + ("" if count == 1 else "s")


def _letter(stave: Stave) -> str:
    return LETTERS.get(stave.name, stave.name)


def _place(probe: Probe, t: int) -> list[Part]:
    width = len(str(len(probe.symbols) - 1))
    if probe.series is not None:  # the symbol is a bar
        return [Part(f"t {t:>{width}}", True), Part(": ")]
    return [Part(quoted(probe.symbols[t]), True), Part(f" (t {t:>{width}}): ")]


def _and_loss(probe: Probe, t: int, guesses: int) -> list[Part]:
    return [Part(", "), *_loss(probe, t, guesses)] if guesses >= 0 else []


def _loss(probe: Probe, t: int, guesses: int) -> list[Part]:
    """Return the loss at t and the most likely tokens there, or the most likely classes after the token at t."""
    if probe.verdict is not None:
        return _said(probe, probe.verdict, t, guesses)
    if probe.series is not None:
        return _values(probe.series, float(probe.loss[t]), t, guesses)
    if probe.bar and t <= probe.bar:
        return [Part("the decoder begins" if t == probe.bar else "read by the encoder")]
    if t == 0:
        return [Part("no loss at the first position")]
    said = [Part("loss "), Part(f"{significant(float(probe.loss[t])):>5}", True)]
    shares = probe.top_probability[t].tolist()
    for i, (symbol, share) in enumerate(zip(probe.top_symbols[t][: max(0, guesses)], shares, strict=False)):
        said += [Part(", guessed " if i == 0 else ", "), Part(quoted(symbol), True), Part(f" {percent(share)}")]
    return said


def _values(series: Series, loss: float, t: int, most: int) -> list[Part]:
    """Return the values read at t, at most `most` of them and at least one, then those predicted, and the loss."""
    said: list[Part] = []
    for name, value in list(zip(series.names, series.read[t].tolist(), strict=True))[: max(1, most)]:
        said += [Part(", " if said else ""), Part(f"{cell(name)} "), Part(significant(value), True)]
    predicted = [value for value in series.predicted[t].tolist() if math.isfinite(value)]
    for i, value in enumerate(predicted[: max(1, most)]):
        said += [Part(", " if i else ", predicted "), Part(significant(value), True)]
    return said + ([Part(", loss "), Part(significant(loss), True)] if math.isfinite(loss) else [])


def _said(probe: Probe, verdict: Verdict, t: int, guesses: int) -> list[Part]:
    """Return the loss at t if a target is known there, and the most likely classes."""
    said: list[Part] = []
    if verdict.targets[t] >= 0:
        right = quoted(verdict.classes[int(verdict.targets[t])])
        said = [Part("loss "), Part(f"{significant(float(probe.loss[t])):>5}", True), Part(f" of {right}, ")]
    shares = probe.top_probability[t].tolist()
    for i, (name, share) in enumerate(zip(probe.top_symbols[t][: max(1, guesses)], shares, strict=False)):
        said += [Part("says " if i == 0 else ", "), Part(quoted(name), True), Part(f" {percent(share)}")]
    return said


def steps_to_a_tenth(row: npt.NDArray[np.floating], t: int) -> int | None:
    """Return the distance from t to the farthest timestep whose norm is at least a tenth of the largest.

    None if no finite norm is above 0.
    """
    past = np.where(np.isfinite(row[:t]), row[:t], 0.0)
    largest = float(past.max(initial=0.0))
    if not (largest > 0 and math.isfinite(largest)):
        return None
    return t - int(np.flatnonzero(past >= 0.1 * largest)[0])
