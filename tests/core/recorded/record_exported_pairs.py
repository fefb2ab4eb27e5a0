"""What PyTorch makes of exported encoder-decoders, as record_exported.py has it: into exported_pairs.npz.

    python -m tests.core.recorded.record_exported_pairs

needs torch; the tests that compare with the recording do not. Names in the archive: CASE/source, the module as it was
run; CASE/names, the names of its state dict, a line each, and CASE/state, their values flat, one after the other;
CASE/logits (U, B, K) for `batch()`; CASE/greedy (B, most), what `greedy` wrote for its sources, and -1 after it.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from seqcore.config import ModelConfig
from seqcore.data.pair_examples import PairExamples
from seqcore.data.vocabulary import Vocabulary
from seqcore.exchange.torch_file import torch_bytes
from seqcore.exchange.torch_source import source
from seqcore.records import F32, I32, I64
from seqcore.tasks.pair_data import MORE
from seqcore.tasks.translate import Translate

from tests.core.recorded.record_exported import FILE, Case, V, module

PATH = Path(__file__).with_name("exported_pairs.npz")
TARGET = Vocabulary("char", tuple("pqrstuv"))
END = TARGET.size
LENGTHS = (4, 1, 7, 3), (2, 5, 1, 0)  # of sources and targets
LONGEST = 5


@dataclass(frozen=True)
class PairCase(Case):
    """An encoder-decoder and its weights; `reverse`: it reads sources backwards."""

    reverse: bool = False

    @property
    def task(self) -> Translate:
        """A task whose model this can be."""
        return Translate(TARGET, self.reverse, "source", "target", longest=LONGEST)


def _cases() -> dict[str, PairCase]:
    made: dict[str, PairCase] = {}

    def add(label: str, reverse: bool = False, **fields: Any) -> None:
        common = {"hidden": 4, "embedding": 3, "outputs": END + 1, "decodes": True}
        made[label] = PairCase(ModelConfig(V, label.split()[0], **(common | fields)), reverse)

    for family in ("rnn", "gru", "lstm"):
        for layers, attention in enumerate(("none", "dot", "general", "additive"), 1):
            count = f"{layers} layer{'s' * (layers > 1)}"
            add(f"{family} {attention}, {count}", attention == "additive", layers=layers, cross_attention=attention)
        for layers, attention in enumerate(("none", "general", "additive"), 1):
            two = {"bidirectional": True, "layers": layers, "cross_attention": attention}
            add(f"{family} {attention}, bidirectional, {layers}", attention == "general", **two)
        add(f"{family} one-hot, dropout", embedding=0, layers=2, dropout=0.2, bidirectional=True)
    add("rnn relu, reversed, dropout", True, activation="relu", bidirectional=True, dropout=0.1)
    return made


CASES = _cases()


@dataclass(frozen=True)
class Batch:
    """Pairs, and the same padded as PyTorch and ONNX get them: (S, B), (B,) and (U, B) int64."""

    pairs: list[tuple[I32, I32]]
    sources: I64
    lengths: I64
    symbols: I64  # what the decoder reads: the end symbol, then the target
    targets: I64  # what it should write, and -1

    def examples(self, reverse: bool) -> PairExamples:
        """The pairs as the engine gets them."""
        return PairExamples.of(self.pairs, END, V, reverse)


def batch() -> Batch:
    """Four pairs."""
    draw = np.random.default_rng(11)
    pairs = [
        (draw.integers(0, V, n).astype(np.int32), draw.integers(0, END, m).astype(np.int32))
        for n, m in zip(*LENGTHS, strict=True)
    ]
    S, U, B = max(LENGTHS[0]) + 2, max(LENGTHS[1]) + 2, len(pairs)  # longer than need be
    sources, symbols, targets = draw.integers(0, V, (S, B)), np.full((U, B), END), np.full((U, B), -1)
    for b, (one, other) in enumerate(pairs):
        sources[: len(one), b] = one
        symbols[1 : len(other) + 1, b] = targets[: len(other), b] = other
        targets[len(other), b] = END
    return Batch(pairs, sources, np.array(LENGTHS[0]), symbols, targets)


def logits(model: Any) -> F32:
    """(U, B, K), as PyTorch computes them."""
    torch: Any = importlib.import_module("torch")  # where it is missing, the rest of this file still serves
    given = batch()
    with torch.no_grad():
        found: F32 = model(*map(torch.from_numpy, (given.sources, given.lengths, given.symbols))).numpy()
    return found


def greedy(model: Any) -> I64:
    """(B, most): what the module writes for the sources, by its default length; -1 after it."""
    torch: Any = importlib.import_module("torch")
    given = batch()
    rows = model.greedy(torch.from_numpy(given.sources), torch.from_numpy(given.lengths))
    found = np.full((len(rows), LONGEST + MORE), -1)
    for row, symbols in zip(found, rows, strict=True):
        row[: len(symbols)] = symbols
    return found


def record(case: PairCase) -> dict[str, Any]:
    """Everything of one case, by name."""
    with TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        file.write_bytes(torch_bytes(case.contents))
        model = module(case.contents.described, file)
    state = model.state_dict()
    return {
        "source": np.array(source(case.contents.described, FILE)),
        "names": np.array("\n".join(state)),
        "state": np.concatenate([value.numpy().ravel() for value in state.values()]),
        "logits": logits(model),
        "greedy": greedy(model).astype(np.int32),
    }


def main() -> None:
    """Write the archive."""
    told = {f"{label}/{name}": value for label, case in CASES.items() for name, value in record(case).items()}
    np.savez_compressed(PATH, allow_pickle=False, **told)


if __name__ == "__main__":
    main()
