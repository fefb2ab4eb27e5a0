"""The equations of an encoder-decoder: of its encoder up to the bar, in both directions, then of its decoder."""

import functools
from dataclasses import dataclass

import numpy as np

from seqcore.arrays import zeros
from seqcore.cellwork.cells import EQUATIONS
from seqcore.cellwork.cross import Cross, CrossBack
from seqcore.cellwork.ends import Losses, Top, head_terms
from seqcore.cellwork.layer_back import LayerBack, layer_back
from seqcore.cellwork.mirror import mirrored
from seqcore.cellwork.paths import recurrent_path
from seqcore.cellwork.place import Backward, Forward, Place, input_read
from seqcore.cellwork.points import Point, above_terms, back_of
from seqcore.cellwork.records import Factor, Quantity, Term
from seqcore.cellwork.recurrent import no_second, nothing
from seqcore.cellwork.terms import Names, Read, bias, largest, terms_of, unit_name
from seqcore.errors import SeqError
from seqcore.gemm import padded
from seqcore.models.encoder import State
from seqcore.models.encoder_serial import SerialEncoder, Trace
from seqcore.models.pairs_reach import Rows, cross_bridge
from seqcore.models.pairs_serial import PairLook, SerialPairs
from seqcore.records import F32, I32


@dataclass(frozen=True)
class PairsBack:
    """The gradients of all units at all timesteps."""

    encoder: list[list[LayerBack]]  # by layer and direction
    decoder: list[LayerBack]
    cross: CrossBack | None


class PairsWork:
    """A look of an encoder-decoder at one pair; see `place.Work`."""

    def __init__(self, model: SerialPairs, look: PairLook, inputs: I32, names: Names) -> None:
        self.model, self.look, self.names = model, look, names
        self.config, self.bar = model.config, look.bar
        self.source, self.target = inputs[: look.bar], inputs[look.bar :] - model.config.vocabulary_size
        if model.feed is not None:
            raise SeqError("the equations of a model with input feeding cannot be shown")
        self.encoder, trace = model.encoder, look.reading.trace
        if not isinstance(self.encoder, SerialEncoder) or not isinstance(trace, Trace):
            raise SeqError("the equations of a model that reads pictures cannot be shown")
        self.ways, self.trace = self.encoder.layers, trace
        self.equations = EQUATIONS[model.config.family]
        self.cross = Cross(look, names) if look.buffers is not None else None

    def part(self, t: int, second: bool) -> str:
        """See `Work`."""
        if t >= self.bar:
            no_second(second)
            return "decoder"
        if second and not self.config.bidirectional:
            raise SeqError("the encoder of this model reads in one direction only")
        return "encoder ←" if second else "encoder"

    def states(self, t: int, layer: int, second: bool) -> F32:
        """See `Work`."""
        work = self.look.layers[layer] if t >= self.bar else self.trace.layers[layer][int(second)]
        return work.h[1:, 0]

    def top(self, t: int) -> Top | None:
        """See `Work`."""
        if t < self.bar:
            return None
        values = self.cross.y if self.cross is not None else self.look.layers[-1].h[1:, 0]
        read, head = Read.whole("h", t, values[t - self.bar], unit_name), self.model.head
        return Top(read, head.W, head.b, f"W_hy {'h̃_t' if self.cross is not None else 'h_t'} + b_y")

    def point(self, place: Place) -> Point:
        """Return a unit at a timestep."""
        return self._decoder(place) if place.t >= self.bar else self._encoder(place)

    def _decoder(self, place: Place) -> Point:
        t, layer, unit = place[:3]
        i, work = t - self.bar, self.look.layers[layer]
        if layer:
            x = Read.whole("x", t, self.look.layers[layer - 1].h[i + 1, 0], unit_name)
        else:
            x = input_read(self.target, i, self._table("decoder.embedding.E"), self.names, t)
        before = Read.whole("h", t - 1, work.h[i, 0], unit_name)
        return Point(self.equations, self.model.decoder[layer], work, i, unit, t, t + 1, x, before)

    def _encoder(self, place: Place) -> Point:
        t, layer, unit, second = place[:4]
        i, step = (self.bar - 1 - t, -1) if second else (t, 1)
        work, cell = self.trace.layers[layer][int(second)], self.ways[layer][int(second)]
        if layer:
            x = Read.whole("x", t, self.trace.notes_of(layer - 1)[t], self._note_name)
        else:
            x = input_read(self.source, t, self._table("embedding.E"), self.names, t)
        h = work.h[i, 0]
        return Point(
            self.equations, cell, work, i, unit, t, t + step, x,
            Read.whole("h", t - step, h if i else h[:0], unit_name),
        )  # fmt: skip

    def _table(self, name: str) -> F32 | None:
        return self.model.parameters[name] if self.config.embedding else None

    def _note_name(self, j: int) -> str:
        """Return the name of number j of an annotation."""
        H = self.config.hidden
        return unit_name(j) if j < H else f"{unit_name(j - H)} ←"

    def forward(self, place: Place) -> Forward:
        """See `Work`."""
        quantities = tuple(self.equations.forward(self.point(place)))
        if place.t < self.bar:
            return Forward(mirrored(quantities) if place.second else quantities)
        quantities = self._bridged(place) + quantities
        if self.cross is None or place.layer + 1 < self.config.layers:
            return Forward(quantities)
        t, s = place.t - self.bar, self._position(place)
        return Forward(quantities + self.cross.forward(t, place.unit, s), -1, self.cross.softmax(t), s)

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
        ways, found = self.trace.layers[place.layer], []
        for name, linear in bridges.items():
            last = np.concatenate([(way.c if name == "c" else way.h)[-1, 0] for way in ways])
            terms = terms_of("bridge", self.bar - 1, self._note_name, "W", linear.W[:, place.unit], last)
            function = "tanh" if name == "h" else ""
            formula = f"{name}_0 = {'tanh(' if function else ''}W [{name}→ {name}←] + b{')' if function else ''}"
            value = float(getattr(self.look.layers[place.layer], name)[0, 0, place.unit])
            terms += bias("b", linear.b, place.unit)
            found.append(Quantity(f"{name}_0", "bridge", formula, function, value, largest(terms)))
        return tuple(found)

    def back(self, losses: Losses) -> PairsBack:
        """See `Work`."""
        model, look, H = self.model, self.look, self.config.hidden
        model.pack_backward()
        dlogits = np.ascontiguousarray(losses.dlogits[self.bar :])
        cross = CrossBack(self.cross, dlogits) if self.cross is not None else None
        if cross is not None:
            above, dnotes = cross.dh, cross.dnotes
        else:
            above, dnotes = zeros(len(dlogits), padded(H)), zeros(self.bar, padded(self.config.annotation))
            model.head.backward_input_serial(dlogits, above)
        decoder: list[LayerBack] = []
        for cell, work in zip(model.decoder[::-1], look.layers[::-1], strict=True):
            decoder.insert(0, layer_back(cell, work, above))
            above = decoder[0].dx
        rows = Rows(len(decoder), 1, H)
        for n, one in enumerate(decoder):
            rows.dh[n][0], rows.direct[n][0] = one.recurrent[0], one.direct[0]
        return PairsBack(self._encoder_back(cross_bridge(look, rows), dnotes), decoder, cross)

    def _encoder_back(self, last: list[State], dnotes: F32) -> list[list[LayerBack]]:
        """Return the gradients of the encoder, from those of its last states and of its top annotations."""
        found: list[list[LayerBack]] = []
        H = self.config.hidden
        for n in range(self.config.layers - 1, -1, -1):
            ways, below = [], zeros(self.bar, padded(self.ways[n][0].input.input_width))
            for way, cell in enumerate(self.ways[n]):
                order = slice(None, None, -1 if way else 1)
                own = np.ascontiguousarray(dnotes[order, way * H : (way + 1) * H])
                half = slice(way * H, (way + 1) * H)
                dh = zeros(1, padded(H))
                dh[0, :H] = last[n].h[0, half]
                direct = last[n].c[0, half] if cell.carries_c else np.zeros(H, np.float32)
                ways.append(layer_back(cell, self.trace.layers[n][way], own, dh[0], direct))
                below[:, : ways[-1].dx.shape[1]] += ways[-1].dx[order]
            found.insert(0, ways)
            dnotes = below
        return found

    def backward(self, place: Place, losses: Losses, back: PairsBack) -> Backward:
        """See `Work`."""
        point, keep, position = self.point(place), self.equations.keep, -1
        decodes, S, T = place.t >= self.bar, self.bar, len(losses.dlogits)
        own = back.decoder[place.layer] if decodes else back.encoder[place.layer][int(place.second)]
        entering = functools.partial(self._entering, place, losses, back)
        carried_in = nothing if decodes else functools.partial(self._from_bridge, place, back, "c")
        at = back_of(point, own, entering, carried_in)
        gradients = tuple(self.equations.backward(at))
        times = range(S, T) if decodes else (range(S - 1, -1, -1) if place.second else range(S))
        kept = [self.equations.kept(one) for one in at.over(range(len(times)))]
        last = losses.last - S if decodes else S - 1
        path = recurrent_path(own, times, place.unit, kept, last, self.names)
        if place.second and not decodes:
            gradients = mirrored(gradients)
        if back.cross is not None and decodes and place.layer + 1 == self.config.layers:
            position, top = self._position(place), self.top(place.t)
            assert top is not None
            said = head_terms(top, place.unit, losses.dlogits[place.t], self.names)
            gradients = back.cross.gradients(place.t - S, place.unit, position, said) + gradients
        layers = back.decoder if decodes else [ways[int(place.second)] for ways in back.encoder]
        depth = [Factor(f"h of layer {n}", float(one.sizes[point.i])) for n, one in enumerate(layers)]
        depth += [Factor("output", float(np.linalg.norm(losses.dlogits[place.t])))] if decodes else []
        return Backward(gradients, path, tuple(depth[::-1]), keep, position)

    def _entering(self, place: Place, losses: Losses, back: PairsBack) -> list[Term]:
        """Return the terms of dL/dh_t that do not come from the layer's next timestep."""
        above, unit, t = place.layer + 1, place.unit, place.t
        topmost = above == self.config.layers
        if t >= self.bar:
            top, i = self.top(t), t - self.bar
            assert top is not None
            if not topmost:
                dz = back.decoder[above].dz[i]
                return above_terms(unit, t, self.model.decoder[above], self.equations, dz, f"layer {above}, ")
            if back.cross is not None:
                return back.cross.at_state(i, unit)
            return head_terms(top, unit, losses.dlogits[t], self.names)
        row, found = unit + self.config.hidden * place.second, self._from_bridge(place, back, "h")
        if topmost:
            return found + (back.cross.at_note(t, row) if back.cross is not None else [])
        for way, cell in enumerate(self.ways[above]):
            dz = back.encoder[above][way].dz[self.bar - 1 - t if way else t]
            mark = f"layer {above}{' ←' if way else ''}, "
            found += above_terms(row, t, cell, self.equations, dz, mark)
        return found

    def _from_bridge(self, place: Place, back: PairsBack, name: str) -> list[Term]:
        """Return the terms from the decoder's initial h or c; none before the last timestep of a direction."""
        if place.t != (0 if place.second else self.bar - 1) or (name == "c" and not self.model.cell.carries_c):
            return []
        H, one = self.config.hidden, back.decoder[place.layer]
        gradient = one.direct[0] if name == "c" else one.recurrent[0, :H]
        if name == "h" and not self.model.cell.carries_c and self.model.cell.goes_direct:
            gradient = gradient + one.direct[0]
        bridges, row = self.model.bridges[place.layer], place.unit + H * place.second
        if not bridges:
            return [Term("bridge", place.unit, self.bar, f"{name}_0 of the decoder", "1", 1.0, float(gradient[row]))]
        if name == "h":
            h = self.look.layers[place.layer].h[0, 0]
            gradient = gradient * (1 - h * h)
        return terms_of("bridge", self.bar, f"{name}_0 of unit {{}}".format, "W", bridges[name].W[row], gradient)
