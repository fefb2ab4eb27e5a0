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
        f'"""{_in_ascii(described(config))} over {_over(config)}, exported by seqtui.',
        "",
        _STORED[bool(config.inputs)],
        '"""',
        "",
        "import torch" if config.family not in RECURRENT else None,
        "import torch.nn.functional as F" if config.family == "attention" or _one_hot(config) else None,
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


_STORED = (
    "The vocabulary is stored as JSON in the metadata of the weights file.",
    "The values are standardised; how is stored as JSON in the metadata of the weights file (task: scale).",
)


def _over(config: ModelConfig) -> str:
    return f"{config.inputs} real values" if config.inputs else f"{config.vocabulary_size} tokens"


def _one_hot(config: ModelConfig) -> bool:
    return not config.embedding and not config.inputs


def _read(config: ModelConfig) -> tuple[str, str]:
    """Return the name of the argument of forward, and what it is."""
    if config.inputs:
        return "values", f"values (T, B, {config.inputs}), time first,"
    return "tokens", "tokens (T, B), time first,"


def _said(config: ModelConfig) -> str:
    """Return what the results are."""
    if config.values:
        return "values"
    return "logits of the classes" if config.outputs else "logits of the next tokens"


def _dropout(config: ModelConfig) -> str:
    return f"self.dropout = nn.Dropout({config.dropout!r})" if config.dropout else ""


def _dropped(config: ModelConfig, what: str) -> str:
    return f"self.dropout({what})" if config.dropout else what


def _recurrent(config: ModelConfig) -> list[str]:
    V, K, H, L, family = config.vocabulary_size, config.logits, config.hidden, config.layers, config.family
    sizes = f"{config.input_width}, {H}, num_layers={L}"
    name, what = _read(config)
    if family == "rnn":
        sizes += f', nonlinearity="{config.activation}"'
    if config.dropout and L > 1:
        sizes += f", dropout={config.dropout!r}"  # between layers only; before the head it is a separate module
    state = "State" if family == "lstm" else "Tensor"
    kind = f"h and c, ({L}, B, {H}) each" if family == "lstm" else f"h, ({L}, B, {H})"
    about = f"""Map {what} to {_said(config)} (T, B, {K}) and the final state.

    The state is {kind}; None starts from zeros.
    """
    parts = [
        f"self.embedding = nn.Embedding({V}, {config.embedding})" if config.embedding and not config.inputs else "",
        f"self.{family} = nn.{family.upper()}({sizes})",
        _dropout(config),
        f"self.head = nn.Linear({H}, {K})",
    ]
    looked_up = "x = self.embedding(tokens)" if config.embedding else f"x = F.one_hot(tokens, {V}).float()"
    steps = [
        "" if config.inputs else looked_up,
        f"h, state = self.{family}({name if config.inputs else 'x'}, state)",
        f"return self.head({_dropped(config, 'h')}), state",
    ]
    forward = f"forward(self, {name}: Tensor, state: {state} | None = None) -> tuple[Tensor, {state}]"
    alias = ["State = tuple[Tensor, Tensor]"] if family == "lstm" else []
    return [*alias, _class("Model", about, parts, forward, steps)]


def _window(config: ModelConfig) -> list[str]:
    V, K, N, name = config.vocabulary_size, config.logits, config.context, _read(config)[0]
    table = f"nn.Embedding({V + 1}, {config.embedding})  # row {V} is the padding before the first token"
    parts = [
        "" if config.inputs else f"self.embedding = {table}",
        f"self.hidden = nn.Linear({N * config.input_width}, {config.hidden})",
        _dropout(config),
        f"self.head = nn.Linear({config.hidden}, {K})",
    ]
    before = f"tokens.new_full(({N - 1}, tokens.shape[1]), {V})"
    shape, x, what = f"(T, B, {N})", "self.embedding(windows)", "tokens"
    if config.inputs:
        before = f"values.new_zeros({N - 1}, *values.shape[1:])"
        shape, x, what = f"(T, B, {config.inputs}, {N})", "windows.transpose(2, 3)", "timesteps"
    steps = [
        f"nothing = {before}",
        f"windows = torch.cat((nothing, {name})).unfold(0, {N}, 1)  # {shape}, oldest first",
        f"h = torch.tanh(self.hidden({x}.flatten(2)))",
        f"return self.head({_dropped(config, 'h')})",
    ]
    about = f"Map {_read(config)[1]} to {_said(config)} (T, B, {K}), each from the last {N} {what}."
    return [_class("Model", about, parts, f"forward(self, {name}: Tensor) -> Tensor", steps)]


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
    name, what = _read(config)
    entered = "self.input(values)" if config.inputs else "self.embedding(tokens)"
    product = f"self.input = nn.Linear({config.inputs}, {C}, bias={config.bias})"
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
        "sinusoidal": f" + self.positions[: len({name}), None]",
        "rotary": "",
    }
    parts = [
        product if config.inputs else f"self.embedding = nn.Embedding({V}, {C})",
        *positions[kind],
        _dropout(config),
        f"self.blocks = nn.ModuleList(Block() for _ in range({config.layers}))",
        f"self.norm = nn.LayerNorm({C}, bias={config.bias})",
        "" if config.tied else f"self.head = nn.Linear({C}, {K}, bias=False)",
    ]
    steps = [
        f"times = torch.arange(len({name}), device={name}.device)[:, None]" if kind == "learned" else "",
        f"x = {_dropped(config, entered + added[kind])}",
        "for block in self.blocks:",
        f"    x = block(x{', self.cos[: len(x)], self.sin[: len(x)]' if kind == 'rotary' else ''})",
        "x = self.norm(x)",
        "return F.linear(x, self.embedding.weight)  # the head is tied to the embedding"
        if config.tied
        else "return self.head(x)",
    ]
    about = f"Map {what} T <= {N}, to {_said(config)} (T, B, {K})."
    return _class("Model", about, parts, f"forward(self, {name}: Tensor) -> Tensor", steps)
