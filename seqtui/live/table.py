"""What is cut of the model under observation and of its example: copies are cut, the run is not touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqcore.errors import SeqError
from seqcore.records import Example
from seqcore.surgery.context import ContextCut
from seqcore.surgery.cut import Cut

from seqtui.live.seen import Weights

if TYPE_CHECKING:
    from seqcore.config import ModelConfig


class Table:
    """The cuts of one run."""

    def __init__(self) -> None:
        self.cuts: tuple[Cut | ContextCut, ...] = ()
        self.whole: Example | None = None  # the example without cuts
        self._given: Weights | None = None
        self._cut: Weights | None = None  # the same with cuts

    def take(self, cuts: tuple[Cut | ContextCut, ...]) -> None:
        """Replace the cuts."""
        self.cuts, self._given = cuts, None

    def cut(self, weights: Weights) -> Weights:
        """Return the weights with the cuts, made once for each of them; the same if none is of the model."""
        from seqcore.model import shapes
        from seqcore.surgery.edits import cut_copy

        cuts = [one for one in self.cuts if isinstance(one, Cut)]
        if not cuts:
            return weights
        if weights is not self._given or self._cut is None:
            config = weights.run.config.model
            self._given = weights
            self._cut = Weights(weights.run, weights.step, cut_copy(config, weights.flat, shapes(config), cuts))
        return self._cut

    def lay(self, whole: Example, config: ModelConfig) -> tuple[Example, str]:
        """Take an example; return it with the cuts, and why some were dropped that are not possible in this example."""
        from seqcore.surgery.context import cut_example

        self.whole, refused = whole, ""
        while True:
            context = [one for one in self.cuts if isinstance(one, ContextCut)]
            try:
                return cut_example(config, whole, context).example, refused
            except SeqError as error:
                refused = str(error)
                self.cuts = tuple(one for one in self.cuts if one is not context[-1])
