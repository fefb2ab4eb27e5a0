"""Record PyTorch's losses and gradients of small encoder-decoders in pairs.npz in this folder.

    python -m tests.core.recorded.record_pairs

needs torch; the tests that compare with the recording do not. As in record.py, PyTorch computes in float64 from float32
weights. Names in the archive: CASE/inputs, CASE/targets and CASE/losses (T, B); CASE/weights and CASE/gradient (of the
mean loss), every parameter flat, one after the other in the order of `shapes`: 1,100 small arrays would take more room
for their headers than for their numbers.
"""

import importlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from seqcore.records import F32

from tests.core import twin_pairs
from tests.core.recorded.modules import Place, Tensors, cell_places, linear
from tests.core.twin_pairs import PairConfig

PATH = Path(__file__).with_name("pairs.npz")
V, K = 7, 5
SOURCES, ANSWERS, S, U = (4, 1, 5, 3), (2, 4, 1, 3), 6, 5  # symbols of each pair, and the timesteps they are padded to

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One recording: which model, and where its numbers start."""

    config: PairConfig
    seed: int


def _configs() -> Iterator[tuple[str, PairConfig]]:
    for family in ("rnn", "gru", "lstm"):
        for attention in twin_pairs.ATTENTIONS:
            yield f"{family} {attention}", PairConfig(V, K, family, layers=2, cross_attention=attention)
        for attention in ("general", "additive"):
            for layers in (1, 2):
                config = PairConfig(V, K, family, layers=layers, cross_attention=attention, bidirectional=True)
                yield f"{family} {attention} bidirectional {layers} layers", config
    yield "rnn relu general", PairConfig(V, K, "rnn", layers=2, activation="relu", cross_attention="general")
    yield "lstm none bidirectional one-hot", PairConfig(V, K, layers=2, embedding=0, bidirectional=True)
    for family in ("rnn", "gru", "lstm"):
        for attention, layers, two in (("dot", 1, False), ("general", 2, True), ("additive", 2, False)):
            config = PairConfig(
                V, K, family, layers=layers, cross_attention=attention, bidirectional=two, input_feeding=True
            )
            yield f"{family} {attention} fed", config


CASES = {label: Case(config, seed) for seed, (label, config) in enumerate(_configs(), 101)}


def weights(case: Case) -> dict[str, F32]:
    """The twin's random weights, rounded."""
    return {name: value.astype(np.float32) for name, value in twin_pairs.weights(case.config, case.seed).items()}


def batch(case: Case) -> Arrays:
    """inputs and targets (T, B)."""
    inputs, targets = twin_pairs.drawn(case.config, SOURCES, ANSWERS, case.seed, S, U)
    return {"inputs": inputs, "targets": targets}


class EncoderDecoder:
    """nn.Embedding (or one-hot), a packed nn.RNN, nn.GRU or nn.LSTM and another one, nn.Linear."""

    def __init__(self, config: PairConfig, torch: Any) -> None:
        self.config, self.torch = config, torch
        H, E, L = config.hidden, config.embedding, config.layers
        A = 2 * H if config.bidirectional else H
        made = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[config.family]
        options = {"nonlinearity": config.activation} if config.family == "rnn" else {}
        self.encoder = made(E or V, H, L, bidirectional=config.bidirectional, **options)
        feeds = config.input_feeding
        self.decoder = made((E or K) + (H if feeds else 0), H, L, **options)
        self.places: dict[str, Place] = {}
        if E:
            self.tables = {V: torch.nn.Embedding(V, E), K: torch.nn.Embedding(K, E)}
            self.places["embedding.E"] = Place(self.tables[V].weight)
            self.places["decoder.embedding.E"] = Place(self.tables[K].weight)
        for n in range(L):
            self.places |= cell_places(torch, self.encoder, f"l{n}", f"layers.{n}.")
            self.places |= cell_places(torch, self.decoder, f"l{n}", f"decoder.{n}.")
            if config.bidirectional:
                self.places |= cell_places(torch, self.encoder, f"l{n}_reverse", f"back.{n}.")
        if feeds:  # the decoder reads [x ; htilde]
            W = self.decoder.weight_ih_l0
            self.places["decoder.0.W_xh"] = Place(W, True, rows=(0, E or K))
            self.places["decoder.0.W_feed"] = Place(W, True, rows=(E or K, None))
        self.bridges: Tensors = {}
        if config.bidirectional:
            for n in range(L):
                for state in "hc" if config.family == "lstm" else "h":
                    self.bridges[f"{n}.{state}"] = self._linear(f"bridge.{n}.{state}.W", A, H, f"bridge.{n}.{state}.b")
        if config.cross_attention == "general":
            self.W_a = self._linear("attention.W_a", H, A)
        if config.cross_attention == "additive":
            self.W_q, self.W_k = self._linear("attention.W_q", H, H), self._linear("attention.W_k", A, H)
            self.v = torch.nn.Parameter(torch.zeros(H))
            self.places["attention.v"] = Place(self.v)
        if config.cross_attention != "none":
            self.W_c = self._linear("attention.W_c", A + H, H)
        self.head = self._linear("head.W_hy", H, K, "head.b_y")

    def _linear(self, weight: str, inputs: int, outputs: int, bias: str = "") -> Any:
        made = linear(self.torch, inputs, outputs, bias=bool(bias))
        self.places[weight] = Place(made.weight, True)
        if bias:
            self.places[bias] = Place(made.bias)
        return made

    def _embedded(self, symbols: Any, count: int) -> Any:
        if self.config.embedding:
            return self.tables[count](symbols)
        return self.torch.nn.functional.one_hot(symbols, count).to(self.head.weight.dtype)

    def __call__(self, source: Any, lengths: Any, inputs: Any) -> Any:
        """Logits (U, B, K) of source (n, B), left-aligned, with lengths (B,), and of the decoder's inputs (U, B)."""
        rnn = self.torch.nn.utils.rnn
        packed = rnn.pack_padded_sequence(self._embedded(source, V), lengths, enforce_sorted=False)
        packed, last = self.encoder(packed)
        annotations, _ = rnn.pad_packed_sequence(packed)  # (n, B, A)
        x, state = self._embedded(inputs, K), self._start(last)
        if self.config.input_feeding:
            return self._fed(x, state, annotations, lengths)
        h, _ = self.decoder(x, state)
        if self.config.cross_attention == "none":
            return self.head(h)
        return self.head(self._attended(h, annotations, lengths))

    def _fed(self, x: Any, state: Any, annotations: Any, lengths: Any) -> Any:
        """Logits (U, B, K) of a decoder that reads its attentional vector of the timestep before."""
        torch = self.torch
        out, found = torch.zeros(1, x.shape[1], self.config.hidden, dtype=x.dtype), []
        for x_t in x:
            h, state = self.decoder(torch.cat((x_t[None], out), dim=2), state)
            out = self._attended(h, annotations, lengths)
            found.append(self.head(out))
        return torch.cat(found)

    def _attended(self, h: Any, annotations: Any, lengths: Any) -> Any:
        """The attentional vectors (U, B, H) of states h (U, B, H) over annotations (n, B, A)."""
        torch = self.torch
        scores = self._scores(h.transpose(0, 1), annotations.transpose(0, 1))
        padded = torch.arange(len(annotations)) >= lengths[:, None]
        alpha = scores.masked_fill(padded[:, None], -torch.inf).softmax(dim=2)
        context = (alpha @ annotations.transpose(0, 1)).transpose(0, 1)
        return self.W_c(torch.cat((context, h), dim=2)).tanh()

    def _start(self, last: Any) -> Any:
        """The decoder's initial h, or (h, c), of the encoder's last ones (L, or 2 L, B, H)."""
        if not self.config.bidirectional:
            return last
        if self.config.family == "lstm":
            return self._bridged("h", last[0]).tanh(), self._bridged("c", last[1])
        return self._bridged("h", last).tanh()

    def _bridged(self, state: str, last: Any) -> Any:
        """(L, B, H), without the tanh, of last (2 L, B, H): every layer's forward direction, then its backward one."""
        torch = self.torch
        return torch.stack(
            [
                self.bridges[f"{n}.{state}"](torch.cat((last[2 * n], last[2 * n + 1]), dim=1))
                for n in range(self.config.layers)
            ]
        )

    def _scores(self, h: Any, a: Any) -> Any:
        """(B, U, n) of h (B, U, H) and a (B, n, A)."""
        if self.config.cross_attention == "additive":
            return (self.W_q(h)[:, :, None] + self.W_k(a)[:, None]).tanh() @ self.v
        return (self.W_a(h) if self.config.cross_attention == "general" else h) @ a.transpose(1, 2)


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
    source, inputs = torch.nn.utils.rnn.pad_sequence(columns), torch.tensor(given["inputs"][S:].astype(np.int64))
    logits, targets = net(source, torch.tensor(SOURCES), inputs), torch.tensor(given["targets"][S:].astype(np.int64))
    entropy = torch.nn.functional.cross_entropy
    each = entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="none").detach().numpy()
    entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1).backward()
    losses = np.full(given["targets"].shape, np.nan)
    losses[S:] = np.where(targets.numpy() >= 0, each.reshape(U, -1), np.nan)
    gradients = {name: net.places[name].view(net.places[name].parameter.grad).numpy() for name in made}
    told: Arrays = {f"weights/{name}": value for name, value in made.items()}
    return told | given | {"losses": losses} | {f"gradient/{name}": value for name, value in gradients.items()}


def flat(told: Arrays, part: str) -> Arrays:
    """PART/NAME of every parameter as one array PART, and the rest as it is."""
    values = [value.ravel() for name, value in told.items() if name.startswith(f"{part}/")]
    return {name: value for name, value in told.items() if not name.startswith(f"{part}/")} | {
        part: np.concatenate(values)
    }


def named(case: Case, told: Arrays, part: str) -> Arrays:
    """The inverse of `flat`."""
    made, rest, values = {}, dict(told), told[part]
    del rest[part]
    for name, shape in twin_pairs.shapes(case.config).items():
        size = math.prod(shape)
        made[f"{part}/{name}"], values = values[:size].reshape(shape), values[size:]
    assert not len(values), part
    return rest | made


def load(label: str) -> Arrays:
    """The recorded arrays of one case, laid out as `record` gives them."""
    with np.load(PATH, allow_pickle=False) as archive:
        start = f"{label}/"
        told = {name.removeprefix(start): archive[name] for name in archive.files if name.startswith(start)}
    return named(CASES[label], named(CASES[label], told, "weights"), "gradient")


def main() -> None:
    """Write pairs.npz: float32 and int32 only, nothing pickled."""
    kept: Arrays = {}
    for label, case in CASES.items():
        for name, value in flat(flat(record(case), "weights"), "gradient").items():
            kept[f"{label}/{name}"] = value.astype(np.float32 if value.dtype.kind == "f" else np.int32)
    np.savez_compressed(PATH, **kept)
    print(f"{PATH.name}: {len(kept)} arrays, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
