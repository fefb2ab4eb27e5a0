"""What PyTorch makes of exported weights, loaded strictly into the modules that export prints: into exported.npz.

    python -m tests.core.recorded.record_exported

needs torch; the tests that compare with the recording do not. Names in the archive: CASE/source, the module as it was
run; CASE/state/NAME, its state dict as load_state_dict(strict=True) took it; CASE/logits (T, B, V).
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np
from seqcore.config import ModelConfig
from seqcore.data.standardise import Standardise
from seqcore.data.vocabulary import Vocabulary
from seqcore.exchange.contents import Contents, Described
from seqcore.exchange.torch_file import torch_bytes
from seqcore.exchange.torch_source import source
from seqcore.model import shapes
from seqcore.records import F32, I32, Inputs
from seqcore.tasks.classify import Classify
from seqcore.tasks.forecast import Forecast
from seqcore.tasks.language import Language
from seqcore.tasks.rows import ClassifyRows
from seqcore.tasks.task import Task

PATH = Path(__file__).with_name("exported.npz")
V, T, B = 11, 7, 3
VOCABULARY = Vocabulary("char", tuple("abcdefghijk"))
FILE = "weights.safetensors"


@dataclass(frozen=True)
class Case:
    """One model and its weights."""

    config: ModelConfig

    @property
    def contents(self) -> Contents:
        """Normal weights, drawn for each name by itself; matrices over sqrt(rows)."""
        made: dict[str, F32] = {}
        for name, shape in shapes(self.config).items():
            draw = np.random.default_rng(crc32(f"{name} {shape}".encode()))
            scale = 1 / np.sqrt(shape[0]) if len(shape) > 1 and not name.startswith("embedding") else 0.7
            made[name] = (draw.standard_normal(shape) * scale).astype(np.float32)
        return Contents(self.config, Vocabulary.none() if self.config.inputs else VOCABULARY, made, self.task)

    @property
    def task(self) -> Task:
        """A task whose model this can be."""
        config, names = self.config, tuple(f"class {n}" for n in range(self.config.outputs))
        if not config.inputs:
            return Classify(names, "text", "label") if config.outputs else Language()
        scale = Standardise.none([f"column {n}" for n in range(config.inputs)])
        return ClassifyRows(names, "label", scale) if config.outputs else Forecast(scale, None)


def _cases() -> dict[str, Case]:
    configs: dict[str, dict[str, Any]] = {
        "rnn": {"hidden": 6, "embedding": 5},
        "rnn relu, one-hot, 2 layers": {"hidden": 6, "embedding": 0, "layers": 2, "activation": "relu", "dropout": 0.2},
        "attention": {"hidden": 8, "heads": 2, "layers": 2, "context": 9},
        "attention sinusoidal": {"hidden": 8, "heads": 2, "context": 7, "positions": "sinusoidal", "bias": True},
        "attention rotary, untied, 1 head": {
            "hidden": 6, "heads": 1, "context": 8, "layers": 2, "positions": "rotary", "tied": False, "dropout": 0.1,
        },
        "attention learned, untied, biases": {"hidden": 6, "heads": 3, "context": 8, "tied": False, "bias": True},
        "feedforward": {"hidden": 6, "embedding": 5, "context": 3},
        "feedforward of 1, dropout": {"hidden": 6, "embedding": 5, "context": 1, "dropout": 0.2},
    }  # fmt: skip
    for family in ("gru", "lstm"):
        configs[family] = {"hidden": 6, "embedding": 5}
        configs[f"{family} one-hot, 3 layers"] = {"hidden": 6, "embedding": 0, "layers": 3}
        configs[f"{family} dropout, 2 layers"] = {"hidden": 7, "embedding": 5, "layers": 2, "dropout": 0.2}
    ends: dict[str, dict[str, Any]] = {
        "classes": {"outputs": 4}, "forecast": {"inputs": 3, "values": 3}, "rows": {"inputs": 2, "outputs": 5},
    }  # fmt: skip
    for end, fields in ends.items():
        for family in ("rnn", "gru", "lstm", "attention", "feedforward"):
            shape = {"heads": 2, "bias": end == "rows"} if family == "attention" else {"embedding": 5}
            length = {"context": 8} if family in ("attention", "feedforward") else {"layers": 2}
            configs[f"{family} {end}"] = {"hidden": 6, **shape, **length, **fields}
    return {
        label: Case(ModelConfig(0 if config.get("inputs") else V, label.split()[0], **config))
        for label, config in configs.items()
    }


CASES = _cases()


def tokens() -> I32:
    """(T, B)."""
    return np.random.default_rng(5).integers(0, V, (T, B)).astype(np.int32)


def inputs(config: ModelConfig) -> Inputs:
    """(T, B) tokens, or (T, B, D) values."""
    if not config.inputs:
        return tokens()
    return np.random.default_rng(6).standard_normal((T, B, config.inputs)).astype(np.float32)


def module(model: Described, file: Path) -> Any:
    """The module that export prints, with the weights of `file`."""
    names: dict[str, Any] = {}
    exec(compile(source(model, str(file)), "printed", "exec"), names)  # our own source, which is what is tried here
    return names["load"]()


def logits(model: Any, read: Inputs) -> F32:
    """(T, B, K), as PyTorch computes them."""
    torch: Any = importlib.import_module("torch")  # where it is missing, the rest of this file still serves
    with torch.no_grad():
        said = model(torch.from_numpy(read if read.ndim == 3 else read.astype(np.int64)))
    found: F32 = (said[0] if isinstance(said, tuple) else said).numpy()
    return found


def record(case: Case) -> dict[str, Any]:
    """Everything of one case, by name."""
    with TemporaryDirectory() as folder:
        file = Path(folder, FILE)
        file.write_bytes(torch_bytes(case.contents))
        model = module(case.contents.described, file)
    state = {f"state/{name}": value.numpy() for name, value in model.state_dict().items()}
    text = np.array(source(case.contents.described, FILE))
    return {"source": text, "logits": logits(model, inputs(case.config)), **state}


def main() -> None:
    """Write the archive."""
    told = {f"{label}/{name}": value for label, case in CASES.items() for name, value in record(case).items()}
    np.savez_compressed(PATH, allow_pickle=False, **told)


if __name__ == "__main__":
    main()
