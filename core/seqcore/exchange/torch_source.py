"""Python source of the PyTorch module that exported weights load into: plain torch.nn modules, sizes filled in.

The source is meant to be read and edited: one short class. Submodule names are those of `torch_layout`; constants that
are not parameters (sinusoids, angles) are non-persistent buffers, absent from the state dict.
"""

from collections.abc import Iterable

from seqcore.config import RECURRENT, ModelConfig
from seqcore.naming import described

_ANGLES = '''def angles() -> Tensor:
    """({context}, {pairs}): t / 10000^(2i / {width}) at timestep t for column pair i."""
    times, pairs = torch.arange({context}, dtype=torch.float64), torch.arange(0, {width}, 2, dtype=torch.float64)
    return times[:, None] / 10000 ** (pairs / {width})'''

_TURNED = '''def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding: rotate column pairs (2i, 2i + 1) of x (B, heads, T, width) by their angles."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)'''

_LOAD = '''def load(file: str = {file}) -> Model:
    """Load the weights and return the model in eval mode; model.train() re-enables dropout."""
    model = Model()
    model.load_state_dict(load_file(file), strict=True)
    return model.eval()'''


def source(config: ModelConfig, file: str) -> str:
    """Return the source of the module, in ASCII. `file` is the default path of the weights in its `load`."""
    parts = (
        _recurrent if config.family in RECURRENT else {"attention": _attention, "feedforward": _window}[config.family]
    )
    return "\n\n\n".join((_head(config), *parts(config), _LOAD.format(file=_literal(file)))) + "\n"


def _literal(text: str) -> str:
    """Return an ASCII Python literal of the text, in double quotes if that needs no escapes."""
    literal = ascii(text)
    return literal if '"' in literal else f'"{literal[1:-1]}"'


def _in_ascii(name: str) -> str:
    return name.replace("×", " x ").replace("→", " -> ")


def _head(config: ModelConfig) -> str:
    lines = [
        f'"""{_in_ascii(described(config))} over {config.vocabulary_size} tokens, exported by seqtui.',
        "",
        "The vocabulary is stored as JSON in the metadata of the weights file.",
        '"""',
        "",
        "import torch" if config.family not in RECURRENT else None,
        "import torch.nn.functional as F" if config.family == "attention" or not config.embedding else None,
        "from safetensors.torch import load_file",
        "from torch import Tensor, nn",
    ]
    return "\n".join(line for line in lines if line is not None)


def _class(name: str, about: str, parts: Iterable[str], forward: str, steps: Iterable[str]) -> str:
    """Source of an nn.Module: its docstring, the lines of __init__ and those of forward; empty lines are skipped."""
    inside = " " * 8
    return "\n".join(
        [
            f"class {name}(nn.Module):",
            f'    """{about}"""',
            "",
            "    def __init__(self) -> None:",
            "        super().__init__()",
            *(inside + part for part in parts if part),
            "",
            f"    def {forward}:",
            *(inside + step for step in steps if step),
        ]
    )


def _said(config: ModelConfig) -> str:
    """Return what the logits are of."""
    return "logits of the classes" if config.outputs else "logits of the next tokens"


def _dropout(config: ModelConfig) -> str:
    return f"self.dropout = nn.Dropout({config.dropout!r})" if config.dropout else ""


def _dropped(config: ModelConfig, what: str) -> str:
    return f"self.dropout({what})" if config.dropout else what


def _recurrent(config: ModelConfig) -> list[str]:
    V, K, H, L, family = config.vocabulary_size, config.logits, config.hidden, config.layers, config.family
    sizes = f"{config.embedding or V}, {H}, num_layers={L}"
    if family == "rnn":
        sizes += f', nonlinearity="{config.activation}"'
    if config.dropout and L > 1:
        sizes += f", dropout={config.dropout!r}"  # between layers only; before the head it is a separate module
    state = "State" if family == "lstm" else "Tensor"
    kind = f"h and c, ({L}, B, {H}) each" if family == "lstm" else f"h, ({L}, B, {H})"
    about = f"""Map tokens (T, B), time first, to {_said(config)} (T, B, {K}) and the final state.

    The state is {kind}; None starts from zeros.
    """
    parts = [
        f"self.embedding = nn.Embedding({V}, {config.embedding})" if config.embedding else "",
        f"self.{family} = nn.{family.upper()}({sizes})",
        _dropout(config),
        f"self.head = nn.Linear({H}, {K})",
    ]
    steps = [
        "x = self.embedding(tokens)" if config.embedding else f"x = F.one_hot(tokens, {V}).float()",
        f"h, state = self.{family}(x, state)",
        f"return self.head({_dropped(config, 'h')}), state",
    ]
    forward = f"forward(self, tokens: Tensor, state: {state} | None = None) -> tuple[Tensor, {state}]"
    alias = ["State = tuple[Tensor, Tensor]"] if family == "lstm" else []
    return [*alias, _class("Model", about, parts, forward, steps)]


def _window(config: ModelConfig) -> list[str]:
    V, K, N = config.vocabulary_size, config.logits, config.context
    parts = [
        f"self.embedding = nn.Embedding({V + 1}, {config.embedding})  # row {V} is the padding before the first token",
        f"self.hidden = nn.Linear({N * config.embedding}, {config.hidden})",
        _dropout(config),
        f"self.head = nn.Linear({config.hidden}, {K})",
    ]
    steps = [
        f"nothing = tokens.new_full(({N - 1}, tokens.shape[1]), {V})",
        f"windows = torch.cat((nothing, tokens)).unfold(0, {N}, 1)  # (T, B, {N}), oldest first",
        "h = torch.tanh(self.hidden(self.embedding(windows).flatten(2)))",
        f"return self.head({_dropped(config, 'h')})",
    ]
    about = f"Map tokens (T, B), time first, to {_said(config)} (T, B, {K}), each from the last {N} tokens."
    return [_class("Model", about, parts, "forward(self, tokens: Tensor) -> Tensor", steps)]


def _attention(config: ModelConfig) -> list[str]:
    rotary = config.positions == "rotary"
    width = config.hidden // config.heads if rotary else config.hidden
    angles = _ANGLES.format(context=config.context, pairs=width // 2, width=width)
    before = {"learned": [], "sinusoidal": [angles], "rotary": [angles, _TURNED]}[config.positions]
    return [*before, _block(config, rotary), _transformer(config)]


def _block(config: ModelConfig, rotary: bool) -> str:
    C, heads, bias = config.hidden, config.heads, config.bias
    parts = [
        f"self.norm1 = nn.LayerNorm({C}, bias={bias})",
        f"self.qkv = nn.Linear({C}, {3 * C}, bias={bias})",
        f"self.out = nn.Linear({C}, {C}, bias={bias})",
        f"self.norm2 = nn.LayerNorm({C}, bias={bias})",
        f"self.fc = nn.Linear({C}, {4 * C}, bias={bias})",
        f"self.proj = nn.Linear({4 * C}, {C}, bias={bias})",
        _dropout(config),
    ]
    steps = [
        f"qkv = self.qkv(self.norm1(x)).unflatten(2, (3, {heads}, {C // heads}))  # (T, B, 3, heads, width)",
        "q, k, v = qkv.permute(2, 1, 3, 0, 4)  # (B, heads, T, width) each",
        "q, k = turned(q, cos, sin), turned(k, cos, sin)" if rotary else "",
        "y = F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        f"x = x + {_dropped(config, 'self.out(y.permute(2, 0, 1, 3).flatten(2))')}",
        f"return x + {_dropped(config, 'self.proj(F.gelu(self.fc(self.norm2(x))))')}",
    ]
    about = f"Pre-norm transformer block on the residual stream (T, B, {C}): attention, then an MLP."
    forward = f"forward(self, x: Tensor{', cos: Tensor, sin: Tensor' if rotary else ''}) -> Tensor"
    return _class("Block", about, parts, forward, steps)


def _transformer(config: ModelConfig) -> str:
    V, K, C, N, kind = config.vocabulary_size, config.logits, config.hidden, config.context, config.positions
    buffer = 'self.register_buffer("{}", {}, persistent=False)'.format
    positions = {
        "learned": [f"self.positions = nn.Embedding({N}, {C})"],
        "sinusoidal": [
            "columns = torch.stack((angles().sin(), angles().cos()), dim=-1).flatten(1)",
            buffer("positions", "columns.float()"),
        ],
        "rotary": [buffer("cos", "angles().cos().float()"), buffer("sin", "angles().sin().float()")],
    }
    added = {
        "learned": " + self.positions(times)",
        "sinusoidal": " + self.positions[: len(tokens), None]",
        "rotary": "",
    }
    parts = [
        f"self.embedding = nn.Embedding({V}, {C})",
        *positions[kind],
        _dropout(config),
        f"self.blocks = nn.ModuleList(Block() for _ in range({config.layers}))",
        f"self.norm = nn.LayerNorm({C}, bias={config.bias})",
        "" if config.tied else f"self.head = nn.Linear({C}, {K}, bias=False)",
    ]
    steps = [
        "times = torch.arange(len(tokens), device=tokens.device)[:, None]" if kind == "learned" else "",
        f"x = {_dropped(config, 'self.embedding(tokens)' + added[kind])}",
        "for block in self.blocks:",
        f"    x = block(x{', self.cos[: len(x)], self.sin[: len(x)]' if kind == 'rotary' else ''})",
        "x = self.norm(x)",
        "return F.linear(x, self.embedding.weight)  # the head is tied to the embedding"
        if config.tied
        else "return self.head(x)",
    ]
    about = f"Map tokens (T, B), time first, T <= {N}, to {_said(config)} (T, B, {K})."
    return _class("Model", about, parts, "forward(self, tokens: Tensor) -> Tensor", steps)
