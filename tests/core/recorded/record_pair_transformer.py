"""Record PyTorch's losses and gradients of small transformers for pairs in pair_transformer.npz in this folder.

    python -m tests.core.recorded.record_pair_transformer

needs torch; the tests that compare with the recording do not. Layout and names are those of record_pairs.py.
"""

import importlib
import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from seqcore.config import POSITIONS, ModelConfig
from seqcore.models.pair_transformer_weights import shapes
from seqcore.parameters import ordered
from seqcore.records import F32

from tests.core import twin_pair_transformer, twin_pairs
from tests.core.recorded.modules import Place, linear
from tests.core.recorded.record_pairs import ANSWERS, SOURCES, Arrays, K, S, U, V, flat
from tests.core.twin_pairs import PairConfig

PATH = Path(__file__).with_name("pair_transformer.npz")


@dataclass(frozen=True)
class Case:
    """One recording: which model, and where its numbers start."""

    config: ModelConfig
    seed: int


def _config(positions: str, bias: bool) -> ModelConfig:
    return ModelConfig(
        V, "attention", hidden=8, heads=2, layers=2, context=6, positions=positions, bias=bias, outputs=K, decodes=True
    )


CASES = {
    f"{positions} {'bias' if bias else 'no bias'}": Case(_config(positions, bias), seed)
    for seed, (positions, bias) in enumerate([*product(POSITIONS, [True]), ("rotary", False)], 301)
}


def weights(case: Case) -> dict[str, F32]:
    """The twin's random weights, rounded, in the order of the parameter buffer."""
    named = ordered(shapes(case.config))
    return {n: value.astype(np.float32) for n, value in twin_pair_transformer.weights(named, case.seed).items()}


def batch(case: Case) -> Arrays:
    """inputs and targets (T, B)."""
    inputs, targets = twin_pairs.drawn(PairConfig(V, K), SOURCES, ANSWERS, case.seed, S, U)
    return {"inputs": inputs, "targets": targets}


class EncoderDecoder:
    """nn.Embedding, nn.LayerNorm, nn.Linear, scaled_dot_product_attention and gelu; one padded batch, with masks."""

    def __init__(self, config: ModelConfig, torch: Any) -> None:
        self.config, self.torch = config, torch
        C = config.hidden
        self.places: dict[str, Place] = {}
        self.tables, self.positions = [], []
        for prefix, symbols, count in (
            ("embedding", V, config.context),
            ("decoder.embedding", K, config.context + 1),
        ):
            self.tables.append(torch.nn.Embedding(symbols, C))
            self.places[f"{prefix}.E"] = Place(self.tables[-1].weight)
            if config.positions == "learned":
                self.positions.append(torch.nn.Embedding(count, C))
                self.places[f"{prefix}.P"] = Place(self.positions[-1].weight)
        self.encoder = [self._block(f"layers.{n}", 2) for n in range(config.layers)]
        self.decoder = [self._block(f"decoder.{n}", 3) for n in range(config.layers)]
        self.norms = [self._norm("norm"), self._norm("decoder.norm")]
        self.head = self._linear("head.W_hy", "", C, K)

    def _block(self, prefix: str, branches: int) -> dict[str, Any]:
        C = self.config.hidden
        parts = {"qkv": (C, 3 * C), "o": (C, C), "fc": (C, 4 * C), "proj": (4 * C, C)}
        cross = {"q": (C, C), "kv": (C, 2 * C), "o": (C, C)} if branches == 3 else {}
        made = {f"norm{n}": self._norm(f"{prefix}.norm{n}") for n in range(1, branches + 1)}
        made |= {n: self._linear(f"{prefix}.W_{n}", f"{prefix}.b_{n}", *shape) for n, shape in parts.items()}
        for n, shape in cross.items():
            made[f"cross_{n}"] = self._linear(f"{prefix}.cross.W_{n}", f"{prefix}.cross.b_{n}", *shape)
        return made

    def _norm(self, name: str) -> Any:
        made = self.torch.nn.LayerNorm(self.config.hidden, bias=self.config.bias)
        self.places[f"{name}.g"] = Place(made.weight)
        if self.config.bias:
            self.places[f"{name}.b"] = Place(made.bias)
        return made

    def _linear(self, weight: str, bias: str, inputs: int, outputs: int) -> Any:
        made = linear(self.torch, inputs, outputs, bool(bias) and self.config.bias)
        self.places[weight] = Place(made.weight, True)
        if bias and self.config.bias:
            self.places[bias] = Place(made.bias)
        return made

    def _angles(self, T: int, width: int) -> Any:
        """(T, width / 2): t / 10000^(2i/width)."""
        torch = self.torch
        rates = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000.0) / width))
        return torch.outer(torch.arange(T, dtype=torch.float64), rates)

    def _embedded(self, side: int, symbols: Any) -> Any:
        """(B, T, C) of symbols (B, T), which start at position 0."""
        x, T = self.tables[side](symbols), symbols.shape[1]
        if self.config.positions == "learned":
            return x + self.positions[side](self.torch.arange(T))
        if self.config.positions == "sinusoidal":
            angles = self._angles(T, self.config.hidden)
            return x + self.torch.stack((angles.sin(), angles.cos()), dim=2).reshape(T, -1)
        return x

    def _heads(self, x: Any, turned: bool = False) -> Any:
        """(B, heads, T, d) of (B, T, C), turned by its position where positions are rotary: as complex numbers."""
        torch, (B, T, _) = self.torch, x.shape
        parts = x.reshape(B, T, self.config.heads, -1).transpose(1, 2)
        if not (turned and self.config.positions == "rotary"):
            return parts
        angles = self._angles(T, parts.shape[3])
        turn = torch.polar(torch.ones_like(angles), angles)
        pairs = torch.view_as_complex(parts.reshape(*parts.shape[:3], -1, 2).contiguous())
        return torch.view_as_real(pairs * turn).reshape(parts.shape)

    def _attended(self, q: Any, k: Any, v: Any, turned: bool, **how: Any) -> Any:
        heads = self._heads(q, turned), self._heads(k, turned), self._heads(v)
        y = self.torch.nn.functional.scaled_dot_product_attention(*heads, **how)
        return y.transpose(1, 2).reshape(q.shape)

    def _mlp(self, block: dict[str, Any], x: Any) -> Any:
        return block["proj"](self.torch.nn.functional.gelu(block["fc"](x)))

    def __call__(self, source: Any, inside: Any, inputs: Any) -> Any:
        """Logits (B, U, K) of left-aligned sources (B, n), `inside` (B, n), and of what the decoder reads (B, U)."""
        x, seen = self._embedded(0, source), inside[:, None, None]
        for block in self.encoder:
            q, k, v = block["qkv"](block["norm1"](x)).chunk(3, dim=2)
            x = x + block["o"](self._attended(q, k, v, True, attn_mask=seen))
            x = x + self._mlp(block, block["norm2"](x))
        memory, x = self.norms[0](x), self._embedded(1, inputs)
        for block in self.decoder:
            q, k, v = block["qkv"](block["norm1"](x)).chunk(3, dim=2)
            x = x + block["o"](self._attended(q, k, v, True, is_causal=True))
            k, v = block["cross_kv"](memory).chunk(2, dim=2)
            y = self._attended(block["cross_q"](block["norm2"](x)), k, v, False, attn_mask=seen)
            x = x + block["cross_o"](y)
            x = x + self._mlp(block, block["norm3"](x))
        return self.head(self.norms[1](x))


def record(case: Case) -> Arrays:
    """Everything that is compared, in one flat mapping; PyTorch's numbers are float64."""
    torch: Any = importlib.import_module("torch")  # where it is missing, the rest of this file still serves
    made, given = weights(case), batch(case)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        net = EncoderDecoder(case.config, torch)
    finally:
        torch.set_default_dtype(before)
    assert net.places.keys() == made.keys()
    for name, place in net.places.items():
        view = place.view(place.parameter.data)
        assert tuple(view.shape) == made[name].shape, name
        view.copy_(torch.tensor(made[name]))
    columns = [torch.tensor(given["inputs"][S - n : S, b].astype(np.int64)) for b, n in enumerate(SOURCES)]
    source = torch.nn.utils.rnn.pad_sequence(columns, batch_first=True)
    inside = torch.arange(source.shape[1]) < torch.tensor(SOURCES)[:, None]
    inputs, targets = (torch.tensor(given[name][S:].T.astype(np.int64)) for name in ("inputs", "targets"))
    logits, entropy = net(source, inside, inputs).transpose(1, 2), torch.nn.functional.cross_entropy
    each = entropy(logits, targets, ignore_index=-1, reduction="none").detach().numpy()
    entropy(logits, targets, ignore_index=-1).backward()
    losses = np.full(given["targets"].shape, np.nan)
    losses[S:] = np.where(targets.numpy() >= 0, each, np.nan).T
    gradients = {name: net.places[name].view(net.places[name].parameter.grad).numpy() for name in made}
    told: Arrays = {f"weights/{name}": value for name, value in made.items()}
    return told | given | {"losses": losses} | {f"gradient/{name}": value for name, value in gradients.items()}


def load(label: str) -> Arrays:
    """The recorded arrays of one case, laid out as `record` gives them."""
    with np.load(PATH, allow_pickle=False) as archive:
        start = f"{label}/"
        told = {name.removeprefix(start): archive[name] for name in archive.files if name.startswith(start)}
    for part in ("weights", "gradient"):
        values = told.pop(part)
        for name, shape in ordered(shapes(CASES[label].config)).items():
            size = math.prod(shape)
            told[f"{part}/{name}"], values = values[:size].reshape(shape), values[size:]
        assert not len(values), part
    return told


def main() -> None:
    """Write pair_transformer.npz: float32 and int32 only, nothing pickled."""
    kept: Arrays = {}
    for label, case in CASES.items():
        for name, value in flat(flat(record(case), "weights"), "gradient").items():
            kept[f"{label}/{name}"] = value.astype(np.float32 if value.dtype.kind == "f" else np.int32)
    np.savez_compressed(PATH, **kept)
    print(f"{PATH.name}: {len(kept)} arrays, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
