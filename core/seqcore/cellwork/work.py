"""One timestep of one layer with its real numbers: the door to the equations of any model.

A `Cellwork` holds what the model computed for one sequence; any unit at any timestep can then be asked for in a few
milliseconds. The first backward pass for a loss takes as long as one pass through the sequence, and is kept.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqcore.cellwork.attention import AttentionWork
from seqcore.cellwork.ends import end_facts, losses_of
from seqcore.cellwork.feedforward import FeedForwardWork
from seqcore.cellwork.pair_attention import PairAttentionWork
from seqcore.cellwork.pairs import PairsWork
from seqcore.cellwork.place import Place, Work
from seqcore.cellwork.records import CellBack, CellFacts
from seqcore.cellwork.recurrent import RecurrentWork
from seqcore.cellwork.terms import Names
from seqcore.data.patch_grid import pixel_names
from seqcore.data.score_layout import decoder_symbols, joined
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.models.feedforward_serial import SerialFeedForward
from seqcore.models.pair_transformer_serial import SerialPairTransformer
from seqcore.models.pairs_serial import SerialPairs
from seqcore.models.recurrent_serial import SerialRecurrent
from seqcore.models.transformer_serial import SerialTransformer
from seqcore.records import F32, Inputs, Probe, Targets
from seqcore.serial import Look, SerialModel

_WORKS: dict[type, Callable[[Any, Any, Inputs, Names], Work]] = {
    SerialRecurrent: RecurrentWork,
    SerialTransformer: AttentionWork,
    SerialFeedForward: FeedForwardWork,
    SerialPairs: PairsWork,
    SerialPairTransformer: PairAttentionWork,
}
_KEPT = 2  # backward passes


class Cellwork:
    """The equations of a model at every timestep of one sequence. Valid until the model loads other parameters."""

    def __init__(self, model: SerialModel, look: Look, inputs: Inputs, targets: Targets, names: Names) -> None:
        """Take what a model computed for inputs (T,) or (T, D): `look`, whose targets are (T,) or (T, K)."""
        self.config, self.look, self.targets, self.names = model.config, look, targets, names
        self.parameters = model.parameters
        self._work = _WORKS[type(model)](model, look, inputs, names)
        self._passes: dict[tuple[int | None, int], Any] = {}  # by loss and cut

    @property
    def timesteps(self) -> int:
        """T."""
        return len(self.look.logits)

    def layers(self, t: int) -> int:
        """Return the number of layers of the part that timestep t is in."""
        return self._work.layers(t)

    def part(self, t: int, second: bool = False) -> str:
        """Return which part of an encoder-decoder timestep t is in; "" of other models.

        Raises SeqError if there is no `second` direction.
        """
        return self._work.part(t, second)

    def states(self, t: int, layer: int, second: bool = False) -> F32:
        """Return the states of a layer over the part that t is in, (n, H), in the order in which they are computed."""
        return self._work.states(t, layer, second)

    def predicts(self, t: int) -> bool:
        """Return whether anything is predicted at a timestep."""
        return self._work.top(t) is not None

    def forward(
        self, t: int, layer: int, unit: int | None = None, second: bool = False, position: int | None = None
    ) -> CellFacts:
        """Return the equations of a unit at timestep t; without `unit`, of the one that varies most.

        `second`: in the second direction of an encoder. `position`: the attended timestep whose score is shown, by
        default the one with the largest weight. Raises SeqError if there is no such thing.
        """
        place, part = self._place(t, layer, unit, second, position)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):  # show a diverged model without warnings
            found = self._work.forward(place)
            top = self._work.top(t)
            logits, target = self.look.logits[t], self.targets[t : t + 1]
            end = end_facts(top, logits, target, self.names) if top is not None else None
        return CellFacts(
            self.config.family, part, t, self.names.symbol(t), layer, place.unit, found.head, found.quantities,
            found.attention, found.position, end, found.cell or self.config.family,
        )  # fmt: skip

    def backward(
        self,
        t: int,
        layer: int,
        unit: int | None = None,
        second: bool = False,
        position: int | None = None,
        loss: int | None = None,
        cut: int = 0,
    ) -> CellBack:
        """Return the chain rule of a unit at timestep t, from all losses, or from that of the output at `loss`.

        The other arguments are those of `forward`. What a loss at a timestep is of: see `ends.losses_of`. `cut`:
        recurrent states hand no gradient back over timesteps that are multiples of it, as in truncated backpropagation.
        """
        place, part = self._place(t, layer, unit, second, position)
        if loss is not None:
            self._within("loss", loss, self.timesteps, "timestep", "the sequence")
            if self._work.top(loss) is None:
                raise SeqError(f"loss {loss}: nothing is predicted at this timestep")
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            losses, back = self._pass(loss, cut)
            found = self._work.backward(place, losses, back)
        return CellBack(
            self.config.family, part, t, self.names.symbol(t), layer, place.unit, self._head(place.unit), losses.said,
            found.gradients, found.position, found.state, found.keep, found.path, found.depth,
        )  # fmt: skip

    def _head(self, unit: int) -> int:
        config = self.config
        return unit // (config.hidden // config.heads) if config.family == "attention" else -1

    def _pass(self, loss: int | None, cut: int) -> Any:
        """Return the losses and the gradients of all units, which are kept for the next call."""
        if (loss, cut) not in self._passes:
            losses = losses_of(self.look.logits, self.targets, loss)._replace(cut=cut)
            while len(self._passes) >= _KEPT:
                del self._passes[next(iter(self._passes))]
            self._passes[loss, cut] = losses, self._work.back(losses)
        return self._passes[loss, cut]

    def _place(self, t: int, layer: int, unit: int | None, second: bool, position: int | None) -> tuple[Place, str]:
        self._within("timestep", t, self.timesteps, "timestep", "the sequence")
        part, layers = self._work.part(t, second), self._work.layers(t)
        self._within("layer", layer, layers, "layer", f"the {part.split()[0]}" if part else "this model")
        if unit is None:
            with np.errstate(invalid="ignore", over="ignore"):
                unit = int(np.argmax(self._work.states(t, layer, second).std(axis=0)))
        self._within("unit", unit, self.config.hidden, "unit")
        return Place(t, layer, unit, second, position), part

    @staticmethod
    def _within(name: str, value: int, count: int, noun: str, of: str = "this model") -> None:
        if not 0 <= value < count:
            has = f"{noun}s 0 to {count - 1}" if count > 1 else f"{noun} 0 only"
            raise SeqError(f"{name} {value}: {of} has {has}")


def cellwork(model: SerialModel, probe: Probe, inputs: Inputs, vocabulary: Vocabulary) -> Cellwork:
    """Return the equations of a model for the example of a probe, whose inputs were (T,) or (T, D)."""
    read = inputs[: len(probe.tokens)]
    if probe.bar and probe.source is not None:
        V = model.config.vocabulary_size
        read = joined(probe.source, decoder_symbols(probe.tokens[probe.bar :], V), V)
    assert probe.targets is not None
    return Cellwork(model, model.look(read), read, probe.targets, names_of(probe, vocabulary))


def names_of(probe: Probe, vocabulary: Vocabulary) -> Names:
    """Return the names of what the model of a probe reads and predicts."""
    inputs: tuple[str, ...] = ()
    output: Callable[[int], str] = vocabulary.symbol
    if probe.verdict is not None:
        output = probe.verdict.classes.__getitem__
    if probe.translation is not None:
        output = probe.translation.symbols.__getitem__
        if probe.translation.picture is not None and probe.source is not None:
            inputs = pixel_names(probe.translation.picture.side, probe.source.shape[1] - 1)
    if probe.series is not None:
        inputs, output = probe.series.names, probe.series.predicted_names.__getitem__
    if probe.boundary is not None:
        inputs = probe.boundary.names
    return Names(probe.symbols, inputs, output)
