"""The nameable things that a unit may follow: one function each, and one table.

A function returns, for every timestep of a passage, whether something is so, or a number: after the timestep was read,
as the units are. It raises `NotHere`, with a reason, where its question makes no sense.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqcore.neurons import text
from seqcore.neurons.passage import Passage
from seqcore.records import F64, I64, Bools

MOST_CLASSES = 10
FEW = 25  # timesteps, in each half, at which something must be so, and as many at which it is not


class NotHere(Exception):  # noqa: N818  # an answer, not an error
    """Why a feature cannot be asked for in a passage."""


@dataclass(frozen=True)
class Feature:
    """Something nameable at each of T timesteps."""

    name: str  # in `FEATURES`
    follows: str  # what it is, in words; raw: it may hold the name of a class or a column
    values: npt.NDArray[Any]  # (T,) bool or float64
    blocks: I64 | None = None  # where it begins anew, if it says where in a block one is; see `chance.rotated`

    @property
    def either(self) -> bool:
        """Whether it is so or not, rather than a number."""
        return self.values.dtype == np.bool_


class Nameable(NamedTuple):
    """How a feature is found, and what it is about."""

    about: str
    of: Callable[[Passage], Sequence[Feature]]


def _text(name: str, follows: str, ask: Callable[[Passage], Any], blocks: bool = False) -> Callable[..., list[Feature]]:
    """Return the function of a feature of the text; `blocks`: within lines."""

    def of(passage: Passage) -> list[Feature]:
        if passage.inputs.ndim > 1:
            raise NotHere("the model reads numbers")
        lines = text.lines(passage) if blocks else None
        return [Feature(name, follows, ask(passage), lines)]

    return of


def _class(name: str, follows: str, is_so: Callable[[str], bool], whole: bool = True) -> Callable[..., list[Feature]]:
    """Return the function of a class of characters; `whole`: also asked of the first one of a longer token."""

    def ask(passage: Passage) -> Bools:
        if not whole and passage.vocabulary.kind not in ("char", "byte"):
            raise NotHere("a token has several characters")
        return text.first_is(passage, is_so)

    return _text(name, follows, ask)


def _frequency(passage: Passage) -> F64:
    counts = np.bincount(passage.inputs)
    share: F64 = np.log(counts[passage.inputs] / len(passage))
    return share


def _position(passage: Passage) -> list[Feature]:
    if len(passage.starts) < 2:
        raise NotHere("it is one long text")
    sizes = np.diff([*passage.starts.tolist(), len(passage)])
    place = np.arange(len(passage)) - np.repeat(passage.starts, sizes)
    return [Feature("position", "position in the sequence", place.astype(np.float64), passage.starts)]


def _label(passage: Passage) -> list[Feature]:
    if passage.targets.ndim > 1 or not passage.classes:
        raise NotHere("there are no labels")
    sizes = np.diff([*passage.texts.tolist(), len(passage)])
    label = np.maximum.reduceat(passage.targets, passage.texts)
    known = np.where(passage.targets < 0, np.repeat(label, sizes), passage.targets)
    if (known != np.repeat(label, sizes)).any() or (label < 0).any():
        raise NotHere("an example has several labels, or none")
    if len(passage.classes) > MOST_CLASSES:
        raise NotHere(f"there are {len(passage.classes)} classes")
    shown = range(1, 2) if len(passage.classes) == 2 else range(len(passage.classes))
    return [Feature("label", f"label {passage.classes[k]}", np.repeat(label == k, sizes)) for k in shown]


def _values(passage: Passage) -> list[Feature]:
    return [Feature("value", f"value of {name}", values) for name, values in _columns(passage)]


def _changes(passage: Passage) -> list[Feature]:
    found = []
    for name, values in _columns(passage):
        change = np.diff(values, prepend=values[:1])
        change[passage.texts] = 0
        found.append(Feature("change", f"change of {name}", change))
    return found


def _columns(passage: Passage) -> list[tuple[str, F64]]:
    if passage.inputs.ndim == 1:
        raise NotHere("the model reads symbols")
    columns = passage.inputs.astype(np.float64).T
    names = passage.names or tuple(f"input {n + 1}" for n in range(len(columns)))
    return list(zip(names, columns, strict=True))


_QUOTES = _text("quotes", "inside quotation marks", text.inside_quotes)
_DEPTH = _text("depth", "bracket depth", text.depth)
_BRACKETS = _text("brackets", "inside brackets", lambda passage: text.depth(passage) > 0)
_LINE = _text("line", "place in the line", text.place_in_line, blocks=True)
_LINE_END = _text("line-end", "line end", lambda passage: text.last_is(passage, lambda one: one == "\n"))
_WORD_START = _text("word-start", "start of a word", text.word_starts)
_WORD = _text("word", "place in the word", text.place_in_word)
_FREQUENCY = _text("frequency", "frequency of the token", _frequency)

FEATURES: dict[str, Nameable] = {
    "quotes": Nameable("inside quotation marks", _QUOTES),
    "depth": Nameable("how many brackets are open", _DEPTH),
    "brackets": Nameable("whether a bracket is open", _BRACKETS),
    "line": Nameable("characters since the line began", _LINE),
    "line-end": Nameable("whether a line ends here", _LINE_END),
    "word-start": Nameable("whether a word begins here", _WORD_START),
    "word": Nameable("letters since the word began", _WORD),
    "vowel": Nameable("vowels", _class("vowel", "vowel", lambda one: one.lower() in "aeiouäöüáéíóúàèìòù", False)),
    "capital": Nameable("capital letters", _class("capital", "capital letter", str.isupper)),
    "digit": Nameable("digits", _class("digit", "digit", str.isdigit)),
    "punctuation": Nameable("punctuation", _class("punctuation", "punctuation", text.is_punctuation)),
    "space": Nameable("spaces", _class("space", "space", lambda one: one == " ", False)),
    "frequency": Nameable("how common the token is (the logarithm of its share)", _FREQUENCY),
    "position": Nameable("timesteps since the sequence, or the context, began", _position),
    "label": Nameable("the label of the example", _label),
    "value": Nameable("the numbers that are read", _values),
    "change": Nameable("how much they changed", _changes),
}


def features(passage: Passage, names: Sequence[str] = ()) -> tuple[list[Feature], dict[str, str]]:
    """Return the features of a passage, all or those with these names; and why the others are not among them."""
    found: list[Feature] = []
    missing: dict[str, str] = {}
    for name in names or FEATURES:
        try:
            asked = FEATURES[name].of(passage)
        except NotHere as reason:
            missing[name] = str(reason)
            continue
        usual = [one for one in asked if _varies(one, passage.middle)]
        if len(usual) < len(asked):
            missing[name] = "too rare, or always so, in one half of the passage"
        found += usual
    return found, missing


def _varies(feature: Feature, middle: int) -> bool:
    """Return whether both halves have enough of it and of its opposite."""
    for part in (feature.values[:middle], feature.values[middle:]):
        usual = part if feature.either else part != np.median(part) if part.size else part
        if not FEW <= int(np.count_nonzero(usual)) <= part.size - (FEW if feature.either else 0):
            return False
    return True
