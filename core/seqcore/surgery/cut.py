"""A cut as a record and as text: `0.118` is unit 118 of layer 0, `0.forget.7=1` a gate held open, `1.head.3` a head."""

import re
from dataclasses import dataclass, replace
from math import isfinite

from seqcore.config import ModelConfig
from seqcore.data.quoting import quoted
from seqcore.errors import SeqError
from seqcore.surgery.places import SIDES, Place, places

_TEXT = re.compile(
    rf"(?:(?P<side>{'|'.join(SIDES)})[.:])?(?P<layer>[0-9]{{1,4}})"
    r"(?:[.:](?P<quantity>[a-z]+))?(?:[.:](?P<unit>[0-9]{1,6}))?(?:=(?P<value>[-+.0-9e]{1,24}))?"
)


@dataclass(frozen=True)
class Cut:
    """Units of a layer held at a value; 0: silenced."""

    layer: int
    quantity: str = ""  # "": the one that stands first in the layer, h or head
    unit: int | None = None  # None: all of them
    value: float = 0.0
    side: str = ""  # of an encoder-decoder, see `places.SIDES`; "": wherever the layer has this quantity

    @property
    def of_heads(self) -> bool:
        """Whether its units are heads."""
        return self.quantity in ("head", "cross")

    def text(self, first: int = 0) -> str:
        """Return the cut as text; layers and heads are numbered from `first` on, units from 0."""
        named = self.quantity if self.unit is None or self.quantity != "h" else ""
        unit = "" if self.unit is None else str(self.unit + first * self.of_heads)
        path = ".".join(part for part in (self.side, str(self.layer + first), named, unit) if part)
        return f"{path}={self.value:g}" if self.value else path

    def same(self, other: object) -> bool:
        """Return whether it is a cut of the same units, at whatever value."""
        return isinstance(other, Cut) and replace(other, value=self.value) == self

    def covers(self, place: Place) -> bool:
        """Return whether it is a cut of this place."""
        return self.side in ("", place.side) and (self.layer, self.quantity) == (place.layer, place.quantity)


def parse(text: str) -> Cut:
    """Return the cut that a text means, for any model. Raises SeqError if it is malformed."""
    found = _TEXT.fullmatch(text.strip())
    if found is None or (found["quantity"] is None and found["unit"] is None):
        right = "LAYER.UNIT, LAYER.QUANTITY or LAYER.QUANTITY.UNIT, for instance 0.118, 0.forget or 0.forget.7=1"
        raise SeqError(f"{quoted(text)}: give {right}")
    try:
        value = float(found["value"] or 0)
    except ValueError:
        raise SeqError(f"{quoted(text)}: {quoted(found['value'])} is not a number") from None
    unit = found["unit"]
    return Cut(
        int(found["layer"]), found["quantity"] or "", int(unit) if unit is not None else None, value,
        found["side"] or "",
    )  # fmt: skip


def checked(config: ModelConfig, cut: Cut) -> Cut:
    """Return the cut with its quantity named. Raises SeqError that says what the model has instead."""
    text, known = cut.text(), places(config)
    if cut.side and cut.side not in {place.side for place in known}:
        sides = ", ".join(dict.fromkeys(place.side for place in known if place.side))
        raise SeqError(f"{text}: this model has {f'only {sides}' if sides else 'no encoder and decoder'}")
    layers = [place for place in known if cut.side in ("", place.side)]
    here = [place for place in layers if place.layer == cut.layer]
    if not here:
        raise SeqError(f"{text}: this model has layers 0 to {max(place.layer for place in layers)}")
    cut = cut if cut.quantity else replace(cut, quantity=here[0].quantity)
    there = [place for place in here if cut.covers(place)]
    if not there:
        names = ", ".join(dict.fromkeys(place.quantity for place in here))
        raise SeqError(f"{text}: layer {cut.layer} has no {cut.quantity}; it has {names}")
    for place in there:
        if cut.unit is not None and cut.unit >= place.units:
            raise SeqError(f"{text}: {cut.quantity} of layer {cut.layer} is numbered from 0 to {place.units - 1}")
        if not (isfinite(cut.value) and place.low <= cut.value <= place.high):
            raise SeqError(f"{text}: {reachable(place)}")
    return cut


def reachable(place: Place) -> str:
    """Return a sentence on the values that a place can be held at."""
    if not place.clamps:
        why = " without biases" if place.quantity == "mlp" else ""
        return f"{place.quantity}{why} can be silenced, not set to another value"
    low, high = (f"{end:.4g}" for end in (place.low, place.high))
    ends = f"{low} or more" if high == "inf" else f"values from {low} to {high}"
    return f"{place.quantity} can be set to {ends}"
