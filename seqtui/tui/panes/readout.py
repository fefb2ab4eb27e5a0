"""What the playhead crosses, said in one line."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from seqcore.records import Probe, Stave

from seqtui.tui.widgets.numbers import percent, significant
from seqtui.visible import cell

LETTERS = {"input": "i", "forget": "f", "cell": "g", "output": "o", "reset": "r", "update": "z", "candidate": "n"}
_UNITS = {"char": "character", "byte": "byte", "word": "word"}


@dataclass(frozen=True)
class Part:
    """A piece of a sentence; what counts is drawn brighter."""

    text: str
    bright: bool = False


def quoted(symbol: str) -> str:
    """A token as it is named in a sentence."""
    return f"`{cell(symbol)}`"


def place_readout(probe: Probe, t: int, stave: Stave | None, unit: int | None, guesses: int) -> list[Part]:
    """The unit's value, the token, its loss and what was guessed for its place."""
    steps = len(probe.symbols)
    where = [Part(quoted(probe.symbols[t]), True), Part(f" (t {t:>{len(str(steps - 1))}}): ")]
    if stave is not None and unit is not None:
        value = float(stave.values[t, unit])
        name = LETTERS.get(stave.name, stave.name)
        number = Part(f"{significant(value):>5}", True)
        head = [Part(f"`{name}`", True), Part(f" of unit {unit} at "), *where, number, Part(", ")]
    else:
        head = where
    if t == 0:
        return [*head, Part("no loss: nothing comes before it")]
    head += [Part("loss "), Part(f"{significant(float(probe.loss[t])):>4}", True)]
    shares = probe.top_probability[t].tolist()
    for i, (symbol, share) in enumerate(zip(probe.top_symbols[t][:guesses], shares, strict=False)):
        head += [Part(", guessed " if i == 0 else ", "), Part(quoted(symbol), True), Part(f" {percent(share)}")]
    return head


def reach_readout(row: npt.NDArray[np.floating], t: int, tokens_by: str) -> list[Part]:
    """How far back the loss at t reaches: `row` (T,) are gradient norms, of which those before t count."""
    unit = _UNITS.get(tokens_by, "token")
    head = [Part("1e0 … 1e-6", True), Part(" back from the cursor: ")]
    if t == 0:
        return [*head, Part("nothing comes before it")]
    back = steps_to_a_tenth(row, t)
    if back is None:
        return [*head, Part("no gradient reaches back")]
    return [*head, Part(f"{back:>{len(str(len(row)))}}", True), Part(f" {unit}{'' if back == 1 else 's'} to a tenth")]


def steps_to_a_tenth(row: npt.NDArray[np.floating], t: int) -> int | None:
    """Steps back from t to the farthest place whose norm is still a tenth of the largest; None without any."""
    past = np.where(np.isfinite(row[:t]), row[:t], 0.0)
    largest = float(past.max(initial=0.0))
    if not (largest > 0 and math.isfinite(largest)):
        return None
    return t - int(np.flatnonzero(past >= 0.1 * largest)[0])
