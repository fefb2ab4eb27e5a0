"""Record PyTorch's losses and gradients of small models and ten steps of AdamW in torch.npz in this folder.

    python -m tests.core.recorded.record

needs torch; the tests that compare with the recording do not. PyTorch computes in float64 here, so that the recording
has no rounding of its own, from float32 weights drawn by NumPy. Its recurrent layers have two biases, here they are
one: see modules.py. Names in the archive: CASE/weights/NAME, CASE/gradient/NAME, CASE/carried/NAME, CASE/left/NAME
(what is carried after), CASE/tokens and so on, names and layouts those of the engine (time first, matrices (in, out)).
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from seqcore.config import RECURRENT, ModelConfig
from seqcore.records import F32

from tests.core.recorded.modules import Tensors, build
from tests.core.twin_families import shapes

PATH = Path(__file__).with_name("torch.npz")
T, B, V = 7, 3, 11
RATE, DECAY, CLIP, BETAS, STEPS = 0.01, 0.1, 0.25, (0.9, 0.99), 10

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One recording: which model, and where its numbers start."""

    config: ModelConfig
    seed: int

    @property
    def eps(self) -> float:
        """Of AdamW. The gradient of a key's bias is rounding and nothing else, and others of a transformer nearly so:
        with 1e-8 they would be blown up to whole steps (PyTorch in float32 strays from itself in float64 by 2e-3).
        """
        return 1e-3 if self.config.family == "attention" else 1e-8


def _recurrent(family: str, start: int, layers: tuple[int, ...], **options: str) -> dict[str, Case]:
    """One case for each number of layers, and one-hot."""
    label = " ".join((family, *options.values()))
    made = {
        f"{label} {n} layers": ModelConfig(V, family, hidden=6, layers=n, embedding=5, **options)  # type: ignore[arg-type]  # all are text
        for n in layers
    }
    made[f"{label} one-hot"] = ModelConfig(V, family, hidden=6, embedding=0, **options)  # type: ignore[arg-type]  # as above
    return {name: Case(config, start + n) for n, (name, config) in enumerate(made.items())}


def _attention(**options: Any) -> ModelConfig:
    return ModelConfig(V, "attention", hidden=12, heads=3, context=9, **options)


def _real(**options: Any) -> ModelConfig:
    return ModelConfig(0, "attention", hidden=12, heads=3, context=9, **options)


CASES = (
    _recurrent("lstm", 1, (1, 2, 3))
    | _recurrent("gru", 11, (1, 2))
    | _recurrent("rnn", 21, (1, 2), activation="tanh")
    | _recurrent("rnn", 31, (1, 2), activation="relu")
    | {
        "attention learned tied": Case(_attention(layers=2), 41),
        "attention rotary untied bias": Case(_attention(layers=2, positions="rotary", tied=False, bias=True), 42),
        "attention sinusoidal tied": Case(_attention(layers=1, positions="sinusoidal"), 43),
        "attention learned untied bias": Case(_attention(layers=1, tied=False, bias=True), 44),
        "feedforward": Case(ModelConfig(V, "feedforward", hidden=6, embedding=5, context=3), 51),
        "feedforward longer than the batch": Case(ModelConfig(V, "feedforward", hidden=6, embedding=4, context=10), 52),
        "lstm classes": Case(ModelConfig(V, "lstm", hidden=6, embedding=5, outputs=4), 61),
        "attention classes": Case(_attention(layers=1, outputs=4), 62),
        "feedforward classes": Case(ModelConfig(V, "feedforward", hidden=6, embedding=5, context=3, outputs=4), 63),
        "lstm forecast": Case(ModelConfig(0, "lstm", hidden=6, layers=2, inputs=3, values=3), 64),
        "gru forecast": Case(ModelConfig(0, "gru", hidden=6, inputs=2, values=2), 65),
        "rnn answer": Case(ModelConfig(0, "rnn", hidden=6, inputs=2, values=1), 66),
        "lstm rows": Case(ModelConfig(0, "lstm", hidden=6, inputs=4, outputs=3), 67),
        "attention forecast": Case(_real(layers=1, inputs=3, values=3), 68),
        "attention rows bias": Case(_real(layers=1, inputs=2, outputs=4, bias=True, positions="rotary"), 69),
        "feedforward forecast": Case(ModelConfig(0, "feedforward", hidden=6, context=3, inputs=2, values=2), 70),
    }
)


def weights(case: Case) -> dict[str, F32]:
    """Normal, from np.random.default_rng(seed), in the order of `shapes`; matrices over sqrt(rows), gains about 1."""
    draw = np.random.default_rng(case.seed)
    made = {}
    for name, shape in shapes(case.config).items():
        product = len(shape) > 1 and not name.startswith("embedding.")
        scale = 1 / np.sqrt(shape[0]) if product else 0.3 if name.endswith(".g") else 1.0
        made[name] = (draw.standard_normal(shape) * scale + name.endswith(".g")).astype(np.float32)
    return made


def batch(case: Case, step: int) -> Arrays:
    """tokens and targets (T, B), a fifth of the targets -1, and what is carried in: h (and c) (layers, B, H).

    Real inputs are (T, B, D) under the name of the tokens, real targets (T, B, K), a fifth of them NaN. feedforward:
    `before` (context - 1, B), tokens, in the first row of the batch half of them nothing (V); or (context - 1, B, D).
    """
    draw, config = np.random.default_rng([case.seed, step]), case.config
    tokens, targets = (draw.integers(0, most, (T, B)).astype(np.int32) for most in (V, config.outputs or V))
    hidden = draw.random((T, B)) < 0.2
    targets[hidden] = -1
    if config.inputs:
        tokens = draw.standard_normal((T, B, config.inputs)).astype(np.float32)
    if config.values:
        targets = draw.standard_normal((T, B, config.values)).astype(np.float32)
        targets[hidden] = np.nan
    given: Arrays = {"tokens": tokens, "targets": targets}
    if config.family in RECURRENT:
        for name in ("h", "c") if config.family == "lstm" else ("h",):
            given[f"carried/{name}"] = draw.standard_normal((config.layers, B, config.hidden)).astype(np.float32)
    elif config.inputs and config.family == "feedforward":
        shape = (config.context - 1, B, config.inputs)
        given["carried/before"] = draw.standard_normal(shape).astype(np.float32)
    elif config.family == "feedforward":
        before = draw.integers(0, V, (config.context - 1, B)).astype(np.int32)
        before[: config.context // 2, 0] = V
        given["carried/before"] = before
    return given


class TorchModel:
    """The module of a case with those weights."""

    def __init__(self, case: Case, made: dict[str, F32], dtype: str = "float64") -> None:
        torch: Any = importlib.import_module("torch")  # where it is missing, the rest of this file still serves
        self.torch, self.config, self.dtype = torch, case.config, getattr(torch, dtype)
        before = torch.get_default_dtype()
        torch.set_default_dtype(self.dtype)
        try:
            self.module = build(case.config, torch)
        finally:
            torch.set_default_dtype(before)
        self.places = self.module.places
        assert self.places.keys() == made.keys()
        for name, place in self.places.items():
            view = place.view(place.parameter.data)
            assert (tuple(view.shape), view.dtype) == (made[name].shape, self.dtype), name
            view.copy_(torch.tensor(made[name]))

    def step(self, given: Arrays) -> Arrays:
        """Losses (T, B), what is carried after, and gradients of the mean loss left in the parameters."""
        torch = self.torch
        tokens, targets = (
            torch.tensor(given[name], dtype=torch.int64 if given[name].dtype.kind == "i" else self.dtype)
            for name in ("tokens", "targets")
        )
        carried: Tensors = {}
        for name, value in given.items():
            if name.startswith("carried/"):
                kind = torch.int64 if value.dtype.kind == "i" else self.dtype
                carried[name.removeprefix("carried/")] = torch.tensor(value, dtype=kind)
        logits, left = self.module(tokens, carried)
        losses, mean = (self._squares if self.config.values else self._entropies)(logits, targets)
        for place in self.places.values():
            place.parameter.grad = None
        mean.backward()
        told = {f"left/{name}": value.detach().numpy() for name, value in left.items()}
        return {"losses": losses.reshape(T, B)} | told

    def _entropies(self, logits: Any, targets: Any) -> tuple[Any, Any]:
        """Cross-entropy at every position, NaN where masked, and the mean."""
        logits, flat = logits.reshape(-1, self.config.logits), targets.reshape(-1)
        entropy = self.torch.nn.functional.cross_entropy
        losses = entropy(logits, flat, ignore_index=-1, reduction="none").detach().numpy().copy()
        losses[flat.numpy() < 0] = np.nan
        return losses, entropy(logits, flat, ignore_index=-1)

    def _squares(self, values: Any, targets: Any) -> tuple[Any, Any]:
        """Squared error at every position, NaN where masked, and the mean."""
        seen = ~self.torch.isnan(targets[..., 0])
        losses = ((values - targets) ** 2).mean(dim=2).detach().numpy().copy()
        return losses, self.torch.nn.functional.mse_loss(values[seen], targets[seen])

    def values(self, gradient: bool) -> Arrays:
        """Parameters or their gradients, laid out as the engine has them."""
        return {
            name: place.view(place.parameter.grad if gradient else place.parameter.data).numpy().copy()
            for name, place in self.places.items()
        }

    def train(self, case: Case, first: Arrays) -> Arrays:
        """Ten steps, each with what the one before left: losses and norms of each, and the weights after the last."""
        torch = self.torch
        split: list[list[Any]] = [[], []]
        for name, shape in shapes(self.config).items():
            split[len(shape) < 2].append(self.places[name].parameter)
        groups = [{"params": split[0], "weight_decay": DECAY}, {"params": split[1], "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=case.eps)
        told: Arrays = {"losses": [], "norms": []}
        state = {name: value for name, value in first.items() if name.startswith("carried/")}
        for step in range(STEPS):
            done = self.step(batch(case, step) | state)
            norm = torch.nn.utils.clip_grad_norm_([p for group in split for p in group], CLIP)
            optimizer.step()
            state = {f"carried/{name.removeprefix('left/')}": done[name] for name in done if name.startswith("left/")}
            told["losses"].append(done["losses"])
            told["norms"].append(float(norm))
        return {name: np.array(value) for name, value in told.items()} | {"after": self.values(gradient=False)}


def record(case: Case, dtype: str = "float64") -> Arrays:
    """Everything that is compared, in one flat mapping."""
    made, given = weights(case), batch(case, 0)
    net = TorchModel(case, made, dtype)
    told = {f"weights/{name}": value for name, value in made.items()} | given
    told |= net.step(given)
    told |= {f"gradient/{name}": value for name, value in net.values(gradient=True).items()}
    trained = TorchModel(case, made, dtype).train(case, given)
    told |= {f"after/{name}": value for name, value in trained["after"].items()}
    told |= {f"training/{name}": trained[name] for name in ("losses", "norms")}
    steps = [batch(case, step) for step in range(STEPS)]
    return told | {f"steps/{name}": np.stack([given[name] for given in steps]) for name in ("tokens", "targets")}


def main() -> None:
    """Write torch.npz: float32 and int32 only, nothing pickled."""
    kept: dict[str, Any] = {}
    for label, case in CASES.items():
        for name, value in record(case).items():
            kept[f"{label}/{name}"] = value.astype(np.float32 if value.dtype.kind == "f" else np.int32)
    np.savez_compressed(PATH, **kept)
    print(f"{PATH.name}: {len(kept)} arrays, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
