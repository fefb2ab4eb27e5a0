"""Pictures with captions as the examples of a run."""

from dataclasses import dataclass, field

from seqcore.config import ModelConfig
from seqcore.data.pair_examples import Targets
from seqcore.data.patch_grid import PatchGrid
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.tasks.pair_data import PairData


@dataclass(frozen=True)
class CaptionData(PairData):
    """Pictures of a training part and a held-out part, with their captions."""

    grid: PatchGrid = field(kw_only=True)

    def check(self, config: ModelConfig) -> None:
        """Raise SeqError if the model is not an encoder-decoder of these patches and words."""
        super().check(config)
        if (config.patches, config.inputs) != (self.grid.count, self.grid.numbers):
            raise SeqError("this model reads pictures that are divided in another way")

    def summary(self, vocabulary: Vocabulary) -> str:
        """Return the numbers of pictures, patches and words."""
        grid = self.grid
        return (
            f"{self.train.count:,} pictures of {grid.columns}x{grid.rows}, {self.validation.count:,} held out · "
            f"{len(grid.lefts)}x{len(grid.tops)} patches of {grid.side}x{grid.side} · "
            f"vocabulary of {self.target.size:,}"
        )

    def source_text(self, part: Targets, i: int) -> str:
        """Return what stands for a picture in a line of text."""
        return f"picture {i + 1:,}"
