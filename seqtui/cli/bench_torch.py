"""The same models in PyTorch, as a person would write them for speed on a CPU: their training step, their writing.

Needs PyTorch and nothing else, not even the package that it lies in: the benchmarks load it by its path into an
interpreter that has PyTorch alone. A model is told by the fields of `ModelConfig`, a training by `TrainingConfig`'s.
"""

import importlib
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

torch: Any = importlib.import_module("torch")  # a name that a type checker need not find
F: Any = torch.nn.functional

Fields = Mapping[str, Any]

BATCHES = 4  # prepared ones, taken in turn
WARM_STEPS, LEAST_STEPS = 3, 5
TEMPERATURE = 0.8
ADAM: dict[str, dict[str, bool]] = {
    "fused": {"fused": True},
    "foreach": {"foreach": True},
    "for-loop": {"foreach": False},
}
WAYS = {  # to write: what users do first
    "rnn": ("module", "cells"), "gru": ("module", "cells"), "lstm": ("module", "cells"),
    "attention": ("re-reading", "cached"), "feedforward": ("module",),
}  # fmt: skip


class Net(Protocol):
    """A language model. Tokens are (T, B), or (B, T) where `batch_first`."""

    parts: Any  # a torch.nn.Module that holds every parameter
    batch_first: bool

    def start(self, batch: int) -> Any:
        """Return the initial state of generation."""

    def __call__(self, tokens: Any, state: Any) -> tuple[Any, Any]:
        """The logits at every place, (T * B, V) in the order of the tokens, and what is remembered then."""

    def writer(self, way: str) -> Callable[[], int]:
        """A function that draws the next token and reads it, in one of the family's WAYS."""


class Recurrent:
    """nn.Embedding, nn.RNN, nn.GRU or nn.LSTM, nn.Linear; the state is carried on."""

    batch_first = False

    def __init__(self, model: Fields) -> None:
        V, H, self.layers = model["vocabulary_size"], model["hidden"], model["layers"]
        width = model["embedding"] or V  # a one-hot code times a matrix is an embedding as wide as the code
        family, named = model["family"].upper(), {}
        if family == "RNN":
            named["nonlinearity"] = model["activation"]
        self.hidden, self.gated = H, family == "LSTM"
        self.embedding, self.head = torch.nn.Embedding(V, width), torch.nn.Linear(H, V)
        self.layer = getattr(torch.nn, family)(width, H, self.layers, **named)
        self.parts = torch.nn.ModuleList([self.embedding, self.layer, self.head])
        cell = getattr(torch.nn, f"{family}Cell")
        self.cells = [cell(H if n else width, H, **named) for n in range(self.layers)]

    def start(self, batch: int) -> Any:
        zeros = torch.zeros(self.layers, batch, self.hidden)
        return (zeros, zeros.clone()) if self.gated else zeros

    def __call__(self, tokens: Any, state: Any) -> tuple[Any, Any]:
        out, state = self.layer(self.embedding(tokens), state)
        return self.head(out.view(-1, self.hidden)), state

    def writer(self, way: str) -> Callable[[], int]:
        if way == "cells":
            return self._cells_writer()
        return _writer(self)

    def _cells_writer(self) -> Callable[[], int]:
        token = torch.zeros(1, dtype=torch.long)
        zeros = torch.zeros(1, self.hidden)
        states: list[Any] = [(zeros, zeros) if self.gated else zeros for _ in self.cells]

        def write() -> int:
            nonlocal token
            x = self.embedding(token)
            for n, cell in enumerate(self.cells):
                states[n] = cell(x, states[n])
                x = states[n][0] if self.gated else states[n]
            token = _drawn(self.head(x)[0])
            return int(token)

        return write


class FeedForward:
    """The last tokens' embeddings side by side, a tanh layer, a head (Bengio et al. 2003)."""

    batch_first = False

    def __init__(self, model: Fields) -> None:
        V, H, self.context = model["vocabulary_size"], model["hidden"], model["context"]
        self.nothing = V
        self.embedding, self.head = torch.nn.Embedding(V + 1, model["embedding"]), torch.nn.Linear(H, V)
        self.layer = torch.nn.Linear(self.context * model["embedding"], H)
        self.parts = torch.nn.ModuleList([self.embedding, self.layer, self.head])

    def start(self, batch: int) -> Any:
        return torch.full((self.context - 1, batch), self.nothing)

    def __call__(self, tokens: Any, state: Any) -> tuple[Any, Any]:
        T, B = tokens.shape
        seen = torch.cat((state, tokens))  # (n - 1 + T, B)
        x = self.embedding(seen.unfold(0, self.context, 1))  # (T, B, n, I)
        return self.head(torch.tanh(self.layer(x.view(T * B, -1)))), seen[T:]

    def writer(self, way: str) -> Callable[[], int]:
        return _writer(self)


def _turns(context: int, d: int) -> Any:
    """Return exp(i t / 10000^(2j/d)) of rotary positions (Su et al. 2021), (context, d / 2), complex."""
    angles = torch.outer(torch.arange(context).double(), 10_000.0 ** (-torch.arange(0, d, 2).double() / d))
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def _turned(x: Any, turns: Any) -> Any:
    """Rotate the pairs (2j, 2j + 1) of x (B, heads, T, d) by turns (T, d / 2)."""
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2)


class Attention:
    """A causal transformer as in nanoGPT: pre-norm, GELU, with learned or rotary positions."""

    batch_first = True

    def __init__(self, model: Fields) -> None:
        C, self.context, self.heads = model["hidden"], model["context"], model["heads"]
        bias, nn = model["bias"], torch.nn
        if model["positions"] not in ("learned", "rotary"):
            raise ValueError(f"{model['positions']} positions are not implemented in PyTorch here")
        self.E = nn.Embedding(model["vocabulary_size"], C)
        self.P = nn.Embedding(self.context, C) if model["positions"] == "learned" else None
        self.turns = _turns(self.context, C // self.heads) if self.P is None else None
        self.blocks = [
            nn.ModuleList([nn.LayerNorm(C, bias=bias), nn.Linear(C, 3 * C, bias), nn.Linear(C, C, bias),
                           nn.LayerNorm(C, bias=bias), nn.Linear(C, 4 * C, bias), nn.Linear(4 * C, C, bias)])
            for _ in range(model["layers"])
        ]  # fmt: skip
        self.norm, self.head = nn.LayerNorm(C, bias=bias), nn.Linear(C, model["vocabulary_size"], bias=False)
        if model["tied"]:
            self.head.weight = self.E.weight
        learned = [] if self.P is None else [self.P]
        self.parts = nn.ModuleList([self.E, *learned, *self.blocks, self.norm, self.head])
        for parameter in self.parts.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, 0.0, 0.02)

    def start(self, batch: int) -> Any:
        return None

    def __call__(self, tokens: Any, state: Any) -> tuple[Any, Any]:
        return self.head(self._stream(tokens).flatten(0, 1)), None

    def _stream(self, tokens: Any, cache: list[Any] | None = None, start: int = 0) -> Any:
        """The last norm's output at every place, (B, T, C); `cache` holds keys and values of the `start` before."""
        B, T = tokens.shape
        x = self.E(tokens)
        if self.P is not None:
            x = x + self.P.weight[start : start + T]
        for layer, (norm1, qkv, out, norm2, fc, proj) in enumerate(self.blocks):
            q, k, v = (
                part.view(B, T, self.heads, -1).transpose(1, 2) for part in qkv(norm1(x)).chunk(3, dim=2)
            )  # (B, heads, T, d)
            if self.turns is not None:
                q, k = (_turned(part, self.turns[start : start + T]) for part in (q, k))
            if cache is not None:
                if start:
                    k, v = torch.cat((cache[layer][0], k), 2), torch.cat((cache[layer][1], v), 2)
                cache[layer] = k, v
            y = F.scaled_dot_product_attention(q, k, v, is_causal=not start)
            x = x + out(y.transpose(1, 2).reshape(B, T, -1))
            x = x + proj(F.gelu(fc(norm2(x))))
        return self.norm(x)

    def writer(self, way: str) -> Callable[[], int]:
        return self._cached_writer() if way == "cached" else self._reading_writer()

    def _reading_writer(self) -> Callable[[], int]:
        """Run the whole context for every token, as nanoGPT's `generate` does."""
        text = torch.zeros(1, 1, dtype=torch.long)

        def write() -> int:
            nonlocal text
            token = _drawn(self.head(self._stream(text)[0, -1]))
            text = torch.cat((text, token.view(1, 1)), 1)[:, -self.context :]
            return int(token)

        return write

    def _cached_writer(self) -> Callable[[], int]:
        """Cache keys and values; when the context is full, start again from its second half."""
        text: list[int] = [0]
        cache: list[Any] = [None] * len(self.blocks)
        read = 0  # how many tokens of the text the cache holds

        def write() -> int:
            nonlocal read
            if len(text) > self.context:
                del text[: len(text) - self.context // 2]
                read = 0
            new = torch.tensor([text[read:]])
            token = int(_drawn(self.head(self._stream(new, cache, read)[0, -1])))
            read = len(text)
            text.append(token)
            return token

        return write


NETS: dict[str, Callable[[Fields], Net]] = {
    **dict.fromkeys(("rnn", "gru", "lstm"), Recurrent), "attention": Attention, "feedforward": FeedForward,
}  # fmt: skip


def _drawn(logits: Any) -> Any:
    """A token (1,) drawn from the distribution of logits (V,)."""
    return torch.multinomial(torch.softmax(logits / TEMPERATURE, 0), 1)


def _writer(net: Net) -> Callable[[], int]:
    token, state = torch.zeros(1, 1, dtype=torch.long), net.start(1)

    def write() -> int:
        nonlocal token, state
        logits, state = net(token, state)
        token = _drawn(logits[0]).view(1, 1)
        return int(token)

    return write


class Step:
    """A training step: cross-entropy, backward, clipping, Adam (AdamW where matrices decay); carries the state on."""

    def __init__(self, model: Fields, training: Fields) -> None:
        torch.manual_seed(1)
        B, T, V = training["batch"], training["length"], model["vocabulary_size"]
        self.training, self.net = training, NETS[model["family"]](model)
        self.parameters = list(self.net.parts.parameters())
        tokens = torch.randint(0, V, (BATCHES, T + 1, B))
        self.batches = [self._batch(piece) for piece in tokens]
        self.state = self.net.start(B)
        self.steps = 0
        self.adam, self.optimizer = "", None

    def _batch(self, piece: Any) -> tuple[Any, Any]:
        x, y = piece[:-1], piece[1:]
        if self.net.batch_first:
            x, y = x.T, y.T
        return x.contiguous(), y.reshape(-1)

    def use(self, adam: str) -> None:
        """Adam in one of PyTorch's three implementations."""
        decay, betas = self.training["weight_decay"], (self.training["beta1"], self.training["beta2"])
        kind = torch.optim.AdamW if decay else torch.optim.Adam
        matrices = [p for p in self.parameters if p.dim() >= 2]
        others = [p for p in self.parameters if p.dim() < 2]
        groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        rate = self.training["learning_rate"]
        self.adam, self.optimizer = adam, kind(groups if decay else self.parameters, lr=rate, betas=betas, **ADAM[adam])

    def __call__(self) -> float:
        """One batch forward, back, and an update; the loss."""
        x, y = self.batches[self.steps % BATCHES]
        logits, state = self.net(x, self.state)
        loss = F.cross_entropy(logits, y)
        optimizer: Any = self.optimizer
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.training["clip"]:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.training["clip"])
        optimizer.step()
        self.state = _detached(state)
        self.steps += 1
        return float(loss.detach())

    def seconds(self, seconds: float) -> float:
        """The median time of a step, measured for `seconds`."""
        for _ in range(WARM_STEPS):
            self()
        return _median(self, seconds, LEAST_STEPS)

    def use_fastest(self, seconds: float) -> dict[str, float]:
        """Use the implementation of Adam that is fastest at this size; what each took."""
        taken: dict[str, float] = {}
        for adam in ADAM:
            self.use(adam)
            taken[adam] = self.seconds(seconds)
        self.use(min(taken, key=lambda adam: taken[adam]))
        return taken


def use_threads(count: int) -> None:
    """Compute with `count` threads from now on."""
    torch.set_num_threads(count)


def characters_per_second(model: Fields, seconds: float, way: str) -> float:
    """Return the sampled characters per second of one stream: the median over pieces within `seconds`."""
    torch.manual_seed(1)
    write = NETS[model["family"]](model).writer(way)
    piece: int = max(64, 2 * model["context"])  # a context is full and begun anew in it, where there is one

    def write_piece() -> None:
        for _ in range(piece):
            write()

    with torch.inference_mode():
        write_piece()
        taken = _median(write_piece, seconds, 1)
    return piece / taken


def _detached(state: Any) -> Any:
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state if state is None else state.detach()


def _median(act: Callable[[], Any], seconds: float, least: int) -> float:
    spent: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(spent) < least:
        start = time.perf_counter()
        act()
        spent.append(time.perf_counter() - start)
    return statistics.median(spent)
