"""What PyTorch says: losses and gradients of small LSTMs, and ten steps of AdamW, into torch.npz beside this file.

    python -m tests.core.recorded.record

needs torch; the tests that compare with the recording do not. PyTorch computes in float64 here, so that the recording
has no rounding of its own, from float32 weights drawn by NumPy. The two biases of its LSTM are one here: bias_hh is
zero and frozen. Names in the archive: CASE/weights/NAME, CASE/gradient/NAME, CASE/tokens and so on, names and layouts
those of seqcore.model (time first, matrices (in, out)).
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from seqcore.config import ModelConfig
from seqcore.model import shapes
from seqcore.records import F32

PATH = Path(__file__).with_name("torch.npz")
T, B = 7, 3
RATE, DECAY, CLIP, BETAS, EPS, STEPS = 0.01, 0.1, 0.25, (0.9, 0.99), 1e-8, 10

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One recording: which model, and where its numbers start."""

    config: ModelConfig
    seed: int


CASES = {
    f"{layers} layers": Case(ModelConfig(11, hidden=6, layers=layers, embedding=5), layers) for layers in (1, 2, 3)
} | {"one-hot": Case(ModelConfig(11, hidden=6, layers=1, embedding=0), 4)}


def weights(case: Case) -> dict[str, F32]:
    """Normal, from np.random.default_rng(seed), in the order of seqcore.model.shapes; matrices over sqrt(rows)."""
    draw = np.random.default_rng(case.seed)
    made = {}
    for name, shape in shapes(case.config).items():
        scale = 1 / np.sqrt(shape[0]) if len(shape) > 1 and name != "embedding.E" else 1.0
        made[name] = (draw.standard_normal(shape) * scale).astype(np.float32)
    return made


def batch(case: Case, step: int) -> Arrays:
    """tokens and targets (T, B), a fifth of the targets -1, and a state h0, c0 (layers, B, H) to start from."""
    draw, config = np.random.default_rng([case.seed, step]), case.config
    tokens, targets = (draw.integers(0, config.vocabulary_size, (T, B)).astype(np.int32) for _ in range(2))
    targets[draw.random((T, B)) < 0.2] = -1
    state = draw.standard_normal((2, config.layers, B, config.hidden)).astype(np.float32)
    return {"tokens": tokens, "targets": targets, "h0": state[0], "c0": state[1]}


class TorchModel:
    """nn.Embedding (or one-hot), nn.LSTM, nn.Linear with those weights."""

    def __init__(self, case: Case, made: dict[str, F32], dtype: str = "float64") -> None:
        torch: Any = importlib.import_module("torch")  # where it is missing, the rest of this file still serves
        self.torch, config = torch, case.config
        self.dtype = getattr(torch, dtype)
        self.config = config
        self.lstm = torch.nn.LSTM(config.embedding or config.vocabulary_size, config.hidden, config.layers)
        self.head = torch.nn.Linear(config.hidden, config.vocabulary_size)
        places = {"head.W_hy": (self.head.weight, True), "head.b_y": (self.head.bias, False)}
        if config.embedding:
            self.embedding = torch.nn.Embedding(config.vocabulary_size, config.embedding)
            places["embedding.E"] = (self.embedding.weight, False)
        for n in range(config.layers):
            for name, theirs, transposed in (("W_xh", "weight_ih", 1), ("W_hh", "weight_hh", 1), ("b", "bias_ih", 0)):
                places[f"layers.{n}.{name}"] = (getattr(self.lstm, f"{theirs}_l{n}"), bool(transposed))
            bias_hh = getattr(self.lstm, f"bias_hh_l{n}")
            bias_hh.data.zero_()
            bias_hh.requires_grad_(False)
        self.places = places
        for name, (parameter, transposed) in places.items():
            value = torch.tensor(made[name].T.copy() if transposed else made[name], dtype=self.dtype)
            assert parameter.shape == value.shape, name
            parameter.data = value
        self.lstm.to(self.dtype)
        for name, (parameter, _) in places.items():
            assert parameter.dtype == self.dtype, name

    def step(self, given: Arrays) -> Arrays:
        """Losses (T, B), the state after, and gradients of the mean loss left in the parameters."""
        torch, V = self.torch, self.config.vocabulary_size
        tokens, targets = (torch.tensor(given[name], dtype=torch.int64) for name in ("tokens", "targets"))
        state = tuple(torch.tensor(given[name], dtype=self.dtype) for name in ("h0", "c0"))
        one_hot = torch.nn.functional.one_hot
        x = self.embedding(tokens) if self.config.embedding else one_hot(tokens, V).to(self.dtype)
        h, (h_n, c_n) = self.lstm(x, state)
        logits = self.head(h).reshape(-1, V)
        entropy = torch.nn.functional.cross_entropy
        flat = targets.reshape(-1)
        losses = entropy(logits, flat, ignore_index=-1, reduction="none").detach().numpy().copy()
        losses[given["targets"].reshape(-1) < 0] = np.nan
        for parameter, _ in self.places.values():
            parameter.grad = None
        entropy(logits, flat, ignore_index=-1).backward()
        return {"losses": losses.reshape(T, B), "h": h_n.detach().numpy(), "c": c_n.detach().numpy()}

    def values(self, gradient: bool) -> Arrays:
        """Parameters or their gradients, laid out as the engine has them."""
        chosen = {name: (p.grad if gradient else p.data, transposed) for name, (p, transposed) in self.places.items()}
        return {name: (v.numpy().T if transposed else v.numpy()).copy() for name, (v, transposed) in chosen.items()}

    def train(self, case: Case, first: Arrays) -> Arrays:
        """Ten steps with carried state: the losses and norms of each, and the weights after the last."""
        torch = self.torch
        split: list[list[Any]] = [[], []]
        for name, shape in shapes(self.config).items():
            split[len(shape) < 2].append(self.places[name][0])
        groups = [{"params": split[0], "weight_decay": DECAY}, {"params": split[1], "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=EPS)
        told: Arrays = {"losses": [], "norms": []}
        state = {"h0": first["h0"], "c0": first["c0"]}
        for step in range(STEPS):
            done = self.step(batch(case, step) | state)
            norm = torch.nn.utils.clip_grad_norm_([p for group in split for p in group], CLIP)
            optimizer.step()
            state = {"h0": done["h"], "c0": done["c"]}
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
    for step in range(STEPS):
        told |= {f"step {step}/{name}": value for name, value in batch(case, step).items() if name[0] == "t"}
    return told


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
