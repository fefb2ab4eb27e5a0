"""Small runs for tests: a corpus of a few thousand characters and a model of a few units."""

from pathlib import Path
from typing import Any

from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.run import Run

TEXT = "".join(f"{n} foxes met {n * 7 % 13} owls; (all was [well]).\n" for n in range(160))


def corpus(text: str = TEXT) -> Corpus:
    """A corpus that cannot be read again, so the run folder stores a copy."""
    return Corpus("foxes", "-", text.encode(), "utf-8")


def start(out: Path | None, model: dict[str, Any] | None = None, **training: Any) -> Run:
    """A run on `corpus()`; not saved if `out` is None."""
    settings: dict[str, Any] = {"batch": 5, "length": 7, "eval_every": 0, "checkpoint_every": 0, "seed": 3}
    shape: dict[str, Any] = {"hidden": 13, "layers": 2, "embedding": 6, "dropout": 0.2}
    return Run.start(shape | (model or {}), TrainingConfig(**(settings | training)), corpus(), out, keep=bool(out))


def weights(run: Run) -> bytes:
    """The parameters, optimiser state and carried state, as bytes."""
    return b"".join(array.tobytes() for _, array in sorted(run.trainer.state().items()))
