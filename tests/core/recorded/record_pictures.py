"""Record PyTorch's losses and gradients of small models that read pictures in pictures.npz in this folder.

    python -m tests.core.recorded.record_pictures

needs torch; the tests that compare with the recording do not. See record_pairs.py for the layout of the archive.
"""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.core import twin_pairs, twin_pictures
from tests.core.recorded.modules import Place, cell_places, linear
from tests.core.twin_pictures import PictureConfig

PATH = Path(__file__).with_name("pictures.npz")
ANSWERS, U = (2, 4, 1), 5  # symbols of each caption, and the timesteps they are padded to

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One recording: which model, and where its numbers start."""

    config: PictureConfig
    seed: int


CASES = {
    f"{family} {attention} {layers}": Case(twin_pictures.config_of(family, attention, layers), seed)
    for seed, (family, attention, layers) in enumerate(
        [(family, attention, 1 + (family == "gru")) for family in ("rnn", "gru", "lstm")
         for attention in twin_pairs.ATTENTIONS], 301,
    )
}  # fmt: skip


def weights(case: Case) -> Arrays:
    """The twin's random weights, rounded."""
    return {name: value.astype(np.float32) for name, value in twin_pictures.weights(case.config, case.seed).items()}


def batch(case: Case) -> Arrays:
    """inputs (T, B, F + 1) and targets (T, B)."""
    inputs, targets = twin_pictures.drawn(case.config, ANSWERS, case.seed, U)
    return {"inputs": inputs.astype(np.float32), "targets": targets}


class Captioner:
    """nn.Linear over patches with a learned position, nn.Linear bridges, nn.RNN, nn.GRU or nn.LSTM, nn.Linear."""

    def __init__(self, config: PictureConfig, torch: Any) -> None:
        self.config, self.torch = config, torch
        H, K, L = config.hidden, config.outputs, config.layers
        made = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[config.family]
        self.decoder, self.table = made(config.embedding, H, L), torch.nn.Embedding(K, config.embedding)
        self.position = torch.nn.Parameter(torch.zeros(config.patches, H))
        self.places = {"patches.position": Place(self.position), "decoder.embedding.E": Place(self.table.weight)}
        self.dense = self._linear("patches.W", config.inputs, H)
        for n in range(L):
            self.places |= cell_places(torch, self.decoder, f"l{n}", f"decoder.{n}.")
        states = "hc" if config.family == "lstm" else "h"
        self.bridges = {
            f"{n}.{s}": self._linear(f"bridge.{n}.{s}.W", H, H, f"bridge.{n}.{s}.b") for n in range(L) for s in states
        }
        kind = config.cross_attention
        if kind == "general":
            self.W_a = self._linear("attention.W_a", H, H)
        if kind == "additive":
            self.W_q, self.W_k = self._linear("attention.W_q", H, H), self._linear("attention.W_k", H, H)
            self.v = torch.nn.Parameter(torch.zeros(H))
            self.places["attention.v"] = Place(self.v)
        if kind != "none":
            self.W_c = self._linear("attention.W_c", 2 * H, H)
        self.head = self._linear("head.W_hy", H, K, "head.b_y")

    def _linear(self, weight: str, inputs: int, outputs: int, bias: str = "") -> Any:
        made = linear(self.torch, inputs, outputs, bias=bool(bias))
        self.places[weight] = Place(made.weight, True)
        if bias:
            self.places[bias] = Place(made.bias)
        return made

    def __call__(self, pictures: Any, symbols: Any) -> Any:
        """Logits (U, B, K) of patches (P, B, F) and of what the decoder reads (U, B)."""
        torch, kind = self.torch, self.config.cross_attention
        a = (self.dense(pictures) + self.position[:, None]).tanh()
        mean = a.mean(dim=0)
        h_0 = torch.stack([self.bridges[f"{n}.h"](mean).tanh() for n in range(self.config.layers)])
        start = h_0
        if self.config.family == "lstm":
            start = h_0, torch.stack([self.bridges[f"{n}.c"](mean) for n in range(self.config.layers)])
        h, _ = self.decoder(self.table(symbols), start)
        if kind == "none":
            return self.head(h)
        h_b, a_b = h.transpose(0, 1), a.transpose(0, 1)
        if kind == "additive":
            scores = (self.W_q(h_b)[:, :, None] + self.W_k(a_b)[:, None]).tanh() @ self.v
        else:
            scores = (self.W_a(h_b) if kind == "general" else h_b) @ a_b.transpose(1, 2)
        context = (scores.softmax(dim=2) @ a_b).transpose(0, 1)
        return self.head(self.W_c(torch.cat((context, h), dim=2)).tanh())


def record(case: Case) -> Arrays:
    """Everything that is compared, in one flat mapping; PyTorch's numbers are float64."""
    torch: Any = importlib.import_module("torch")  # where it is missing, the rest of this file still serves
    made, given, P = weights(case), batch(case), case.config.patches
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        net = Captioner(case.config, torch)
    finally:
        torch.set_default_dtype(before)
    assert net.places.keys() == made.keys()
    for name, place in net.places.items():
        place.view(place.parameter.data).copy_(torch.tensor(made[name]))
    inputs, targets = given["inputs"].astype(np.float64), torch.tensor(given["targets"][P:].astype(np.int64))
    logits = net(torch.tensor(inputs[:P, :, :-1]), torch.tensor(inputs[P:, :, -1].astype(np.int64)))
    entropy = torch.nn.functional.cross_entropy
    each = entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="none").detach().numpy()
    entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1).backward()
    losses = np.full(given["targets"].shape, np.nan)
    losses[P:] = np.where(targets.numpy() >= 0, each.reshape(U, -1), np.nan)
    gradients = {name: net.places[name].view(net.places[name].parameter.grad).numpy() for name in made}
    told: Arrays = {f"weights/{name}": value for name, value in made.items()}
    return told | given | {"losses": losses} | {f"gradient/{name}": value for name, value in gradients.items()}


def load(label: str) -> Arrays:
    """The recorded arrays of one case, laid out as `record` gives them, with the weights that the twin draws."""
    with np.load(PATH, allow_pickle=False) as archive:
        kept = {name: archive[f"{label}/{name}"] for name in ("losses", "gradient")}
    told = {f"weights/{name}": value for name, value in weights(CASES[label]).items()} | batch(CASES[label])
    told["losses"], values = kept["losses"], kept["gradient"]
    for name, shape in twin_pictures.shapes(CASES[label].config).items():
        size = int(np.prod(shape))
        told[f"gradient/{name}"], values = values[:size].reshape(shape), values[size:]
    assert not len(values)
    return told


def main() -> None:
    """Write pictures.npz: float32 only, nothing pickled."""
    kept: Arrays = {}
    for label, case in CASES.items():
        told = record(case)
        parts = [told[f"gradient/{name}"].ravel() for name in twin_pictures.shapes(case.config)]
        kept[f"{label}/losses"] = told["losses"].astype(np.float32)
        kept[f"{label}/gradient"] = np.concatenate(parts).astype(np.float32)
    np.savez_compressed(PATH, **kept)
    print(f"{PATH.name}: {len(kept)} arrays, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
