"""Every family as a module of torch.nn parts, and where the engine's parameters lie in it.

`build(config, torch)` gives a module: module(tokens, carried) -> (logits (T, B, V), carried after); time first. Its
`places` say for each of the engine's names which tensor it is, whether transposed, and which columns of it.
torch is handed in, so that this file can be read where it is missing.
"""

import math
from dataclasses import dataclass
from typing import Any

from seqcore.config import RECURRENT, ModelConfig

Tensors = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """A parameter of PyTorch that is one of the engine's: as it is, transposed, or its last `last` elements.

    `rows` (first, last): those of it in the engine's layout.
    """

    parameter: Any
    transposed: bool = False
    last: int | None = None
    rows: tuple[int, int | None] = (0, None)

    def view(self, tensor: Any) -> Any:
        """That part of the parameter, its gradient, or anything of its shape, as the engine lays it out."""
        part = tensor if self.last is None else tensor[-self.last :]
        return (part.T if self.transposed else part)[slice(*self.rows)]


def linear(torch: Any, inputs: int, outputs: int, bias: bool = True) -> Any:
    """nn.Linear."""
    return torch.nn.Linear(inputs, outputs, bias=bias)


def cell_places(torch: Any, cells: Any, layer: str, start: str) -> dict[str, Place]:
    """The places of one layer ("l0", "l0_reverse") of an nn.RNN, nn.GRU or nn.LSTM; zeroes and freezes its bias_hh."""
    W_xh, W_hh, b, bias_hh = (
        getattr(cells, f"{name}_{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    places = {f"{start}W_xh": Place(W_xh, True), f"{start}W_hh": Place(W_hh, True), f"{start}b": Place(b)}
    bias_hh.data.zero_()
    if cells.mode == "GRU":  # reset's and update's second biases stay zero
        H = cells.hidden_size
        places[f"{start}b_hn"] = Place(bias_hh, last=H)
        free = torch.cat((torch.zeros(2 * H), torch.ones(H)))
        bias_hh.register_hook(lambda gradient: gradient * free)
    else:
        bias_hh.requires_grad_(False)
    return places


class Recurrent:
    """nn.Embedding (or one-hot), nn.RNN, nn.GRU or nn.LSTM, nn.Linear. bias_hh is zero but for the GRU's candidate."""

    def __init__(self, config: ModelConfig, torch: Any) -> None:
        self.config, self.torch = config, torch
        V, H, I = config.vocabulary_size, config.hidden, config.embedding  # noqa: E741  # width of the embedding
        made = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[config.family]
        options = {"nonlinearity": config.activation} if config.family == "rnn" else {}
        self.cells, self.head = made(config.input_width, H, config.layers, **options), linear(torch, H, config.logits)
        self.places = {"head.W_hy": Place(self.head.weight, True), "head.b_y": Place(self.head.bias)}
        if I and V:
            self.embedding = torch.nn.Embedding(V, I)
            self.places["embedding.E"] = Place(self.embedding.weight)
        for n in range(config.layers):
            self.places |= cell_places(torch, self.cells, f"l{n}", f"layers.{n}.")

    def __call__(self, tokens: Any, carried: Tensors) -> tuple[Any, Tensors]:
        """Carried: h, and c for the LSTM, (layers, B, H)."""
        one_hot, V = self.torch.nn.functional.one_hot, self.config.vocabulary_size
        if self.config.inputs:
            x = tokens
        else:
            x = self.embedding(tokens) if self.config.embedding else one_hot(tokens, V).to(self.head.weight.dtype)
        if self.config.family == "lstm":
            y, (h, c) = self.cells(x, (carried["h"], carried["c"]))
            return self.head(y), {"h": h, "c": c}
        y, h = self.cells(x, carried["h"])
        return self.head(y), {"h": h}


class Feedforward:
    """nn.Embedding with a row for nothing before, nn.Linear over the window, tanh, nn.Linear."""

    def __init__(self, config: ModelConfig, torch: Any) -> None:
        self.config, self.torch = config, torch
        H = config.hidden
        self.layer = linear(torch, config.context * config.input_width, H)
        self.head = linear(torch, H, config.logits)
        self.embedding = torch.nn.Identity()
        self.places = {}
        if not config.inputs:
            self.embedding = torch.nn.Embedding(config.vocabulary_size + 1, config.embedding)
            self.places["embedding.E"] = Place(self.embedding.weight)
        self.places |= {
            "layers.0.W_xh": Place(self.layer.weight, True),
            "layers.0.b": Place(self.layer.bias),
            "head.W_hy": Place(self.head.weight, True),
            "head.b_y": Place(self.head.bias),
        }

    def __call__(self, tokens: Any, carried: Tensors) -> tuple[Any, Tensors]:
        """Carried: the last tokens before, (context - 1, B)."""
        n = self.config.context
        known = self.torch.cat((carried["before"], tokens))
        windows = known.unfold(0, n, 1)  # (T, B, n) or (T, B, D, n), oldest first
        rows = windows.transpose(2, 3) if self.config.inputs else self.embedding(windows)
        h = self.torch.tanh(self.layer(rows.flatten(2)))
        return self.head(h), {"before": known[len(known) - n + 1 :]}


class Attention:
    """nn.Embedding, nn.LayerNorm, nn.Linear, scaled_dot_product_attention and gelu of torch.nn.functional."""

    def __init__(self, config: ModelConfig, torch: Any) -> None:
        self.config, self.torch = config, torch
        V, C, bias = config.vocabulary_size, config.hidden, config.bias
        self.places = {}
        if config.inputs:
            self.embedding = linear(torch, config.inputs, C, bias)
            self.places["input.W_x"] = Place(self.embedding.weight, True)
            if bias:
                self.places["input.b_x"] = Place(self.embedding.bias)
        else:
            self.embedding = torch.nn.Embedding(V, C)
            self.places["embedding.E"] = Place(self.embedding.weight)
        if config.positions == "learned":
            self.positions = torch.nn.Embedding(config.context, C)
            self.places["embedding.P"] = Place(self.positions.weight)
        self.blocks = []
        for n in range(config.layers):
            block = {
                "norm1": torch.nn.LayerNorm(C, bias=bias), "qkv": linear(torch, C, 3 * C, bias),
                "o": linear(torch, C, C, bias), "norm2": torch.nn.LayerNorm(C, bias=bias),
                "fc": linear(torch, C, 4 * C, bias), "proj": linear(torch, 4 * C, C, bias),
            }  # fmt: skip
            self.blocks.append(block)
            for name, part in block.items():
                self._place(f"layers.{n}.", name, part)
        self.norm = torch.nn.LayerNorm(C, bias=bias)
        self._place("", "norm", self.norm)
        self.head = linear(torch, C, config.logits, False)
        if config.tied:
            self.head.weight = self.embedding.weight
        else:
            self.places["head.W_hy"] = Place(self.head.weight, True)

    def _place(self, start: str, name: str, part: Any) -> None:
        norm = name.startswith("norm")
        self.places[start + (f"{name}.g" if norm else f"W_{name}")] = Place(part.weight, not norm)
        if self.config.bias:
            self.places[start + (f"{name}.b" if norm else f"b_{name}")] = Place(part.bias)

    def _angles(self, T: int, width: int) -> Any:
        """(T, width / 2): t / 10000^(2i/width)."""
        torch = self.torch
        rates = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000.0) / width))
        return torch.outer(torch.arange(T, dtype=torch.float64), rates)

    def _placed(self, x: Any) -> Any:
        """x (T, B, C) with what its positions add."""
        T, C = x.shape[0], self.config.hidden
        if self.config.positions == "learned":
            return x + self.positions(self.torch.arange(T))[:, None]
        if self.config.positions == "sinusoidal":
            angles = self._angles(T, C)
            places = self.torch.stack((angles.sin(), angles.cos()), dim=2).reshape(T, C)
            return x + places[:, None].to(x.dtype)
        return x

    def _heads(self, part: Any, turned: bool) -> Any:
        """(B, heads, T, d) of (T, B, C), turned by its place where positions are rotary: as complex numbers."""
        T = len(part)
        x = part.reshape(T, part.shape[1], self.config.heads, -1).permute(1, 2, 0, 3)
        if not (turned and self.config.positions == "rotary"):
            return x
        angles = self._angles(T, x.shape[3])
        turn = self.torch.polar(self.torch.ones_like(angles), angles)
        pairs = self.torch.view_as_complex(x.to(turn.real.dtype).reshape(*x.shape[:3], -1, 2).contiguous())
        return self.torch.view_as_real(pairs * turn).reshape(x.shape).to(x.dtype)

    def __call__(self, tokens: Any, carried: Tensors) -> tuple[Any, Tensors]:
        """Nothing is carried."""
        functional = self.torch.nn.functional
        x = self._placed(self.embedding(tokens))
        for block in self.blocks:
            q, k, v = block["qkv"](block["norm1"](x)).chunk(3, dim=2)
            y = functional.scaled_dot_product_attention(
                self._heads(q, True), self._heads(k, True), self._heads(v, False), is_causal=True
            )
            x = x + block["o"](y.permute(2, 0, 1, 3).reshape(x.shape))
            x = x + block["proj"](functional.gelu(block["fc"](block["norm2"](x))))
        return self.head(self.norm(x)), {}


def build(config: ModelConfig, torch: Any) -> Any:
    """The module of that family."""
    if config.family in RECURRENT:
        return Recurrent(config, torch)
    return {"attention": Attention, "feedforward": Feedforward}[config.family](config, torch)
