"""The equations of an encoder-decoder: of its encoder up to the bar, in both directions, then of its decoder."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqcore.arrays import zeros
from seqcore.cellwork.cells import EQUATIONS
from seqcore.cellwork.cross import Cross, CrossBack
from seqcore.cellwork.crossing import Crossing
from seqcore.cellwork.ends import Losses, Top, head_terms
from seqcore.cellwork.feeding import fed_gradient, fed_terms, feed_of
from seqcore.cellwork.layer_back import LayerBack, layer_back
from seqcore.cellwork.paths import recurrent_path
from seqcore.cellwork.place import Backward, Forward, Place, input_read
from seqcore.cellwork.points import Point, above_terms, back_of
from seqcore.cellwork.records import Factor, Quantity, Term
from seqcore.cellwork.recurrent import no_second, nothing
from seqcore.cellwork.source import SourceWork
from seqcore.cellwork.source_picture import SourcePicture
from seqcore.cellwork.source_symbols import SourceSymbols
from seqcore.cellwork.terms import Names, Read, bias, largest, terms_of, unit_name
from seqcore.data.score_layout import decoder_symbols
from seqcore.errors import SeqError
from seqcore.gemm import padded
from seqcore.models.encoder_serial import SerialEncoder
from seqcore.models.pairs_serial import PairLook, SerialPairs
from seqcore.models.patches_serial import SerialPatches
from seqcore.records import F32, Inputs


def source_of(look: PairLook, source: Inputs, names: Names) -> SourceWork:
    """Return the equations of the encoder that has read a source."""
    encoder, trace = look.model.encoder, look.reading.trace
    if isinstance(encoder, SerialPatches):
        return SourcePicture(encoder, trace, source, names)
    assert isinstance(encoder, SerialEncoder)
    return SourceSymbols(encoder, trace, source, names)


@dataclass(frozen=True)
class PairsBack:
    """The gradients of all units at all timesteps."""

    source: Any  # see `SourceWork.back`
    crossing: Crossing

    @property
    def decoder(self) -> list[LayerBack]:
        """Those of the decoder's layers."""
        return self.crossing.decoder

    @property
    def cross(self) -> CrossBack | None:
        """Those of attention."""
        return self.crossing.cross


class PairsWork:
    """A look of an encoder-decoder at one pair; see `place.Work`."""

    def __init__(self, model: SerialPairs, look: PairLook, inputs: Inputs, names: Names) -> None:
        self.model, self.look, self.names = model, look, names
        self.config, self.bar = model.config, look.bar
        self.source = source_of(look, inputs[: look.bar], names)
        self.target = decoder_symbols(inputs[look.bar :], model.config.vocabulary_size)
        self.equations = EQUATIONS[model.config.family]
        self.cross = Cross(look, names) if look.buffers is not None else None

    def layers(self, t: int) -> int:
        """See `Work`."""
        return self.config.layers if t >= self.bar else self.source.layers

    def part(self, t: int, second: bool) -> str:
        """See `Work`."""
        if t < self.bar:
            return self.source.part(second)
        no_second(second)
        return "decoder"

    def states(self, t: int, layer: int, second: bool) -> F32:
        """See `Work`."""
        return self.look.layers[layer].h[1:, 0] if t >= self.bar else self.source.states(layer, second)

    def top(self, t: int) -> Top | None:
        """See `Work`."""
        if t < self.bar:
            return None
        values = self.cross.y if self.cross is not None else self.look.layers[-1].h[1:, 0]
        read, head = Read.whole("h", t, values[t - self.bar], unit_name), self.model.head
        return Top(read, head.W, head.b, f"W_hy {'h̃_t' if self.cross is not None else 'h_t'} + b_y")

    def point(self, place: Place) -> Point:
        """Return a unit of the decoder at a timestep."""
        t, layer, unit = place[:3]
        i, work = t - self.bar, self.look.layers[layer]
        if layer:
            x = Read.whole("x", t, self.look.layers[layer - 1].h[i + 1, 0], unit_name)
        else:
            E = self.model.parameters["decoder.embedding.E"] if self.config.embedding else None
            x = input_read(self.target, i, E, self.names, t)
        before, fed = Read.whole("h", t - 1, work.h[i, 0], unit_name), None
        if self._fed(layer):
            fed = feed_of(self.look, i)
        return Point(self.equations, self.model.decoder[layer], work, i, unit, t, t + 1, x, before, fed=fed)

    def _fed(self, layer: int) -> bool:
        """Return whether a layer of the decoder also reads what attention found a timestep before."""
        return layer == 0 and self.model.feed is not None

    def forward(self, place: Place) -> Forward:
        """See `Work`."""
        if place.t < self.bar:
            return self.source.forward(place)
        quantities = self._bridged(place) + tuple(self.equations.forward(self.point(place)))
        cell = f"{self.config.family}, fed" if self._fed(place.layer) else ""
        if self.cross is None or place.layer + 1 < self.config.layers:
            return Forward(quantities, cell=cell)
        t, s = place.t - self.bar, self._position(place)
        return Forward(quantities + self.cross.forward(t, place.unit, s), -1, self.cross.softmax(t), s, cell)

    def _position(self, place: Place) -> int:
        """Return the source timestep whose score is shown. Raises SeqError."""
        assert self.cross is not None
        if place.position is None:
            return self.cross.position(place.t - self.bar)
        if not 0 <= place.position < self.bar:
            raise SeqError(f"position {place.position}: the source has timesteps 0 to {self.bar - 1}")
        return place.position

    def _bridged(self, place: Place) -> tuple[Quantity, ...]:
        """Return the decoder's initial state, where it has passed a bridge."""
        bridges = self.model.bridges[place.layer]
        if place.t > self.bar or not bridges:
            return ()
        last = self.model.encoder.last(place.layer, self.look.reading.trace)
        found = list(self.source.handed(place.unit))
        for name, linear in bridges.items():
            values = (last.c if name == "c" else last.h)[0]
            terms = terms_of("bridge", self.bar - 1, self.source.note_name, "W", linear.W[:, place.unit], values)
            function = "tanh" if name == "h" else ""
            product = f"W {self.source.last_name(name)} + b"
            formula = f"{name}_0 = {f'tanh({product})' if function else product}"
            value = float(getattr(self.look.layers[place.layer], name)[0, 0, place.unit])
            terms += bias("b", linear.b, place.unit)
            found.append(Quantity(f"{name}_0", "bridge", formula, function, value, largest(terms)))
        return tuple(found)

    def back(self, losses: Losses) -> PairsBack:
        """See `Work`."""
        model, look = self.model, self.look
        model.pack_backward()
        dlogits = np.ascontiguousarray(losses.dlogits[self.bar :])
        above, dnotes = zeros(len(dlogits), padded(self.config.hidden)), zeros(self.bar, padded(self.config.annotation))
        model.head.backward_input_serial(dlogits, above)
        cross = None
        if self.cross is not None:
            cross = CrossBack(self.cross, fed_gradient(look, above) if model.feed is not None else above)
            above, dnotes = cross.dh, cross.dnotes
        decoder: list[LayerBack] = []
        for cell, work in zip(model.decoder[::-1], look.layers[::-1], strict=True):
            decoder.insert(0, layer_back(cell, work, above))
            above = decoder[0].dx
        crossing = Crossing(look, decoder, cross)
        return PairsBack(self.source.back(crossing.last(), dnotes), crossing)

    def backward(self, place: Place, losses: Losses, back: PairsBack) -> Backward:
        """See `Work`."""
        if place.t < self.bar:
            return self.source.backward(place, back.source, back.crossing)
        point, position, S, T = self.point(place), -1, self.bar, len(losses.dlogits)
        own, entering = back.decoder[place.layer], functools.partial(self._entering, place, losses, back)
        at = back_of(point, own, entering, nothing)
        gradients = tuple(self.equations.backward(at))
        kept = [self.equations.kept(one) for one in at.over(range(T - S))]
        path = recurrent_path(own, range(S, T), place.unit, kept, losses.last - S, self.names)
        if back.cross is not None and place.layer + 1 == self.config.layers:
            position, said = self._position(place), self._said(place, losses)
            fed = self._fed_terms(place, back)
            gradients = back.cross.gradients(place.t - S, place.unit, position, said, fed) + gradients
        depth = [Factor(f"h of layer {n}", float(one.sizes[point.i])) for n, one in enumerate(back.decoder)]
        depth.append(Factor("output", float(np.linalg.norm(losses.dlogits[place.t]))))
        return Backward(gradients, path, tuple(depth[::-1]), self.equations.keep, position)

    def _said(self, place: Place, losses: Losses) -> list[Term]:
        """Return the terms from the output at a timestep."""
        top = self.top(place.t)
        assert top is not None
        return head_terms(top, place.unit, losses.dlogits[place.t], self.names)

    def _fed_terms(self, place: Place, back: PairsBack) -> list[Term]:
        """Return the terms of dL/dh̃_t from the lowest layer at the next timestep, which reads it; empty without."""
        feed, i = self.model.feed, place.t - self.bar + 1
        if feed is None or i >= len(self.target):
            return []
        return fed_terms(place.unit, place.t + 1, feed.W, self.equations, back.decoder[0].dz[i])

    def _entering(self, place: Place, losses: Losses, back: PairsBack) -> list[Term]:
        """Return the terms of dL/dh_t of the decoder that do not come from the layer's next timestep."""
        above, unit, t = place.layer + 1, place.unit, place.t
        if above < self.config.layers:
            dz = back.decoder[above].dz[t - self.bar]
            return above_terms(unit, t, self.model.decoder[above], self.equations, dz, f"layer {above}, ")
        return back.cross.at_state(t - self.bar, unit) if back.cross is not None else self._said(place, losses)
