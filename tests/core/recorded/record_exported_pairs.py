"""What PyTorch makes of exported encoder-decoders, as record_exported.py has it: into exported_pairs.npz and others.

    python -m tests.core.recorded.record_exported_pairs

needs torch; the tests that compare with the recording do not. Names in the archive: CASE/source, the module as it was
run; CASE/names, the names of its state dict, a line each, and CASE/state, their values flat, one after the other;
CASE/logits (U, B, K) for the batch of the case; CASE/greedy (B, most), what `greedy` wrote for its sources, and -1
after it; CASE/patches (P, B, F), how the module cut the pictures.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from seqcore.config import ModelConfig
from seqcore.data.pair_examples import PairExamples, Targets
from seqcore.data.patch_grid import PatchGrid
from seqcore.data.picture_examples import Levels, PictureExamples
from seqcore.data.vocabulary import Vocabulary
from seqcore.exchange.torch_file import torch_bytes
from seqcore.exchange.torch_source import source
from seqcore.records import F32, I32, I64, U8
from seqcore.tasks.caption import Caption
from seqcore.tasks.pair_data import MORE
from seqcore.tasks.translate import Translate

from tests.core.recorded.record_exported import FILE, Case, V, module

TARGET = Vocabulary("char", tuple("pqrstuv"))
END = TARGET.size
LENGTHS = (4, 1, 7, 3), (2, 5, 1, 0)  # of sources and targets
LONGEST = 5
GRID, LEVELS = PatchGrid(5, 6, 3, 3, 2), Levels(120.5, 70.25)  # the last column of patches ends at the edge


@dataclass(frozen=True)
class Batch:
    """Pairs, and the same padded as PyTorch and ONNX get them: int64, but pictures."""

    examples: Targets
    read: dict[str, Any]  # source (S, B), lengths (B,); or patches (P, B, F)
    symbols: I64  # (U, B) what the decoder reads: the end symbol, then the target
    targets: list[I32]

    def one(self, b: int) -> dict[str, Any]:
        """What is read for one pair, without padding."""
        cut = {name: array[..., b : b + 1] for name, array in self.read.items() if name != "patches"}
        if not cut:
            return {"patches": self.read["patches"][:, b : b + 1]}
        return cut | {"source": cut["source"][: int(cut["lengths"][0])]}


@dataclass(frozen=True)
class PairCase(Case):
    """An encoder-decoder and its weights; `reverse`: it reads sources backwards."""

    reverse: bool = False

    @property
    def task(self) -> Translate | Caption:
        """A task whose model this can be."""
        if self.config.patches:
            return Caption(TARGET, longest=LONGEST, grid=GRID, levels=LEVELS)
        return Translate(TARGET, self.reverse, "source", "target", longest=LONGEST)

    @property
    def path(self) -> Path:
        """The archive that it is recorded in."""
        kind = "pictures" if self.config.patches else "fed" if self.config.input_feeding else "pairs"
        kind = "pair_transformer" if self.config.family == "attention" else kind
        return Path(__file__).with_name(f"exported_{kind}.npz")

    @property
    def most(self) -> int:
        """The symbols that are written by default."""
        return min(LONGEST + MORE, self.config.context + 1 if self.config.context else LONGEST + MORE)

    @property
    def batch(self) -> Batch:
        """Four pairs."""
        return _pictures() if self.config.patches else _sequences(self.reverse)


def _cases() -> dict[str, PairCase]:
    made: dict[str, PairCase] = {}

    def add(label: str, reverse: bool = False, **fields: Any) -> None:
        common = {"hidden": 4, "embedding": 3, "outputs": END + 1, "decodes": True}
        symbols = 0 if fields.get("patches") else V
        made[label] = PairCase(ModelConfig(symbols, label.split()[0], **(common | fields)), reverse)

    for family in ("rnn", "gru", "lstm"):
        for layers, attention in enumerate(("none", "dot", "general", "additive"), 1):
            count = f"{layers} layer{'s' * (layers > 1)}"
            add(f"{family} {attention}, {count}", attention == "additive", layers=layers, cross_attention=attention)
        for layers, attention in enumerate(("none", "general", "additive"), 1):
            two = {"bidirectional": True, "layers": layers, "cross_attention": attention}
            add(f"{family} {attention}, bidirectional, {layers}", attention == "general", **two)
        add(f"{family} one-hot, dropout", embedding=0, layers=2, dropout=0.2, bidirectional=True)
    add("rnn relu, reversed, dropout", True, activation="relu", bidirectional=True, dropout=0.1)
    fed, picture = {"input_feeding": True}, {"patches": GRID.count, "inputs": GRID.numbers}
    add("rnn fed, dot, one-hot", cross_attention="dot", embedding=0, **fed)
    add("gru fed, general, dropout", layers=2, bidirectional=True, dropout=0.1, **fed)
    add("lstm fed, additive, reversed", True, layers=2, cross_attention="additive", **fed)
    add("lstm fed, bidirectional", bidirectional=True, **fed)
    add("rnn picture, none", cross_attention="none", activation="relu", **picture)
    add("gru picture, additive, one-hot", layers=2, cross_attention="additive", embedding=0, **picture)
    add("lstm picture, dot, dropout", cross_attention="dot", dropout=0.2, **picture)
    add("lstm picture, fed", layers=2, **picture, **fed)
    heads = {"hidden": 8, "heads": 2, "context": 9}
    add("attention pairs", **heads, positions="learned")
    add("attention pairs, sinusoidal, biases, reversed", True, **heads, positions="sinusoidal", bias=True)
    add("attention pairs, rotary, dropout", **heads, layers=2, positions="rotary", dropout=0.1)
    add("attention pairs, 1 head, learned, biases", hidden=6, heads=1, context=9, positions="learned", bias=True)
    return made


CASES = _cases()


def _sequences(reverse: bool) -> Batch:
    """Four pairs of symbols, padded more than need be."""
    draw = np.random.default_rng(11)
    pairs = [
        (draw.integers(0, V, n).astype(np.int32), draw.integers(0, END, m).astype(np.int32))
        for n, m in zip(*LENGTHS, strict=True)
    ]
    source = draw.integers(0, V, (max(LENGTHS[0]) + 2, len(pairs)))
    for b, (one, _) in enumerate(pairs):
        source[: len(one), b] = one
    targets = [target for _, target in pairs]
    examples = PairExamples.of(pairs, END, V, reverse)
    return Batch(examples, {"source": source, "lengths": np.array(LENGTHS[0])}, _symbols(targets), targets)


def pictures() -> U8:
    """Four pictures."""
    return np.random.default_rng(12).integers(0, 256, (4, GRID.rows, GRID.columns, GRID.channels), np.uint8)


def _pictures() -> Batch:
    """Four pictures with captions."""
    draw = np.random.default_rng(13)
    targets = [draw.integers(0, END, m).astype(np.int32) for m in LENGTHS[1]]
    examples = PictureExamples.of(pictures(), targets, END, GRID, LEVELS)
    patches = np.stack([examples.read(i)[:, :-1] for i in range(examples.count)], axis=1)
    return Batch(examples, {"patches": patches}, _symbols(targets), targets)


def _symbols(targets: list[I32]) -> I64:
    symbols = np.full((max(map(len, targets)) + 2, len(targets)), END)
    for b, target in enumerate(targets):
        symbols[1 : len(target) + 1, b] = target
    return symbols


def logits(model: Any, case: PairCase) -> F32:
    """(U, B, K), as PyTorch computes them."""
    torch: Any = importlib.import_module("torch")  # where it is missing, the rest of this file still serves
    given = case.batch
    with torch.no_grad():
        found: F32 = model(*map(torch.from_numpy, (*given.read.values(), given.symbols))).numpy()
    return found


def greedy(model: Any, case: PairCase) -> I64:
    """(B, most): what the module writes for the sources, by its default length; -1 after it."""
    torch: Any = importlib.import_module("torch")
    rows = model.greedy(*map(torch.from_numpy, case.batch.read.values()))
    found = np.full((len(rows), case.most), -1)
    for row, symbols in zip(found, rows, strict=True):
        row[: len(symbols)] = symbols
    return found


def patches(case: PairCase) -> F32:
    """(P, B, F): what the printed function makes of the pictures."""
    torch: Any = importlib.import_module("torch")
    names: dict[str, Any] = {}
    exec(compile(source(case.contents.described, FILE), "printed", "exec"), names)  # our own source, as in `module`
    found: F32 = names["patches"](torch.from_numpy(pictures())).numpy()
    return found


def record(case: PairCase) -> dict[str, Any]:
    """Everything of one case, by name."""
    with TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        file.write_bytes(torch_bytes(case.contents))
        model = module(case.contents.described, file)
    state = model.state_dict()
    told = {
        "source": np.array(source(case.contents.described, FILE)),
        "names": np.array("\n".join(state)),
        "state": np.concatenate([value.numpy().ravel() for value in state.values()]),
        "logits": logits(model, case),
        "greedy": greedy(model, case).astype(np.int32),
    }
    return told | ({"patches": patches(case)} if case.config.patches else {})


def main() -> None:
    """Write the archives."""
    told: dict[Path, dict[str, Any]] = {}
    for label, case in CASES.items():
        told.setdefault(case.path, {}).update({f"{label}/{name}": value for name, value in record(case).items()})
    for path, arrays in told.items():
        np.savez_compressed(path, allow_pickle=False, **arrays)


if __name__ == "__main__":
    main()
