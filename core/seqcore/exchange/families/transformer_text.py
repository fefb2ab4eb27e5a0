"""Pieces of a transformer in PyTorch, of which several families are made: places of weights, positions, blocks."""

from collections.abc import Sequence

from seqcore.config import ModelConfig
from seqcore.exchange.family import Places
from seqcore.exchange.source_text import class_text, dropout, dropped

_ANGLES = '''def angles() -> Tensor:
    """({context}, {pairs}): t / 10000^(2i / {width}) at timestep t for column pair i."""
    times, pairs = torch.arange({context}, dtype=torch.float64), torch.arange(0, {width}, 2, dtype=torch.float64)
    return times[:, None] / 10000 ** (pairs / {width})'''

_TURNED = '''def turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding: rotate column pairs (2i, 2i + 1) of x (B, heads, T, width) by their angles."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)'''

_PARTS = {"qkv": "qkv", "o": "out", "fc": "fc", "proj": "proj"}  # our matrices, and PyTorch's modules
_CROSS = {"cross.q": "query", "cross.kv": "memory", "cross.o": "mix"}


def norm_places(config: ModelConfig, ours: str, theirs: str) -> Places:
    """Return the places of a norm."""
    both = {"g": "weight", "b": "bias"} if config.bias else {"g": "weight"}
    return {f"{ours}.{one}": (f"{theirs}.{other}", False) for one, other in both.items()}


def block_places(config: ModelConfig, ours: str, theirs: str, cross: bool = False) -> Places:
    """Return the places of a block; `cross`: with attention over a memory."""
    places: Places = {}
    for n in range(1, 4 if cross else 3):
        places |= norm_places(config, f"{ours}.norm{n}", f"{theirs}.norm{n}")
    for name, module in (_PARTS | _CROSS if cross else _PARTS).items():
        before, _, last = f"{ours}.{name}".rpartition(".")
        places[f"{before}.W_{last}"] = (f"{theirs}.{module}.weight", True)
        if config.bias:
            places[f"{before}.b_{last}"] = (f"{theirs}.{module}.bias", False)
    return places


def functions(config: ModelConfig, timesteps: int) -> list[str]:
    """Return the functions that the positions need, for so many timesteps."""
    rotary = config.positions == "rotary"
    width = config.hidden // config.heads if rotary else config.hidden
    angles = _ANGLES.format(context=timesteps, pairs=width // 2, width=width)
    return {"learned": [], "sinusoidal": [angles], "rotary": [angles, _TURNED]}[config.positions]


def turns(config: ModelConfig, as_text: str) -> str:
    """Return a text, with rotary positions alone."""
    return as_text if config.positions == "rotary" else ""


def position_parts(config: ModelConfig, timesteps: int) -> list[str]:
    """Return the lines of __init__ for the positions."""
    buffer = 'self.register_buffer("{}", {}, persistent=False)'.format
    return {
        "learned": [f"self.positions = nn.Embedding({timesteps}, {config.hidden})"],
        "sinusoidal": [
            "columns = torch.stack((angles().sin(), angles().cos()), dim=-1).flatten(1)",
            buffer("positions", "columns.float()"),
        ],
        "rotary": [buffer("cos", "angles().cos().float()"), buffer("sin", "angles().sin().float()")],
    }[config.positions]


def stream_steps(config: ModelConfig, name: str, entered: str, more: str = "") -> list[str]:
    """Return the lines of forward from the embedded argument `name` to the last norm; blocks also get `more`."""
    kind = config.positions
    added = {
        "learned": " + self.positions(times)",
        "sinusoidal": f" + self.positions[: len({name}), None]",
        "rotary": "",
    }
    return [
        f"times = torch.arange(len({name}), device={name}.device)[:, None]" if kind == "learned" else "",
        f"x = {dropped(config, entered + added[kind])}",
        "for block in self.blocks:",
        f"    x = block(x{more}{turns(config, ', self.cos[: len(x)], self.sin[: len(x)]')})",
    ]


def stack_parts(config: ModelConfig, block: str = "Block") -> list[str]:
    """Return the lines of __init__ that make dropout, blocks and the last norm."""
    return [
        dropout(config),
        f"self.blocks = nn.ModuleList({block}() for _ in range({config.layers}))",
        f"self.norm = nn.LayerNorm({config.hidden}, bias={config.bias})",
    ]


def block_text(config: ModelConfig) -> str:
    """Return the class Block of a causal transformer."""
    return _block(config, "Block", "attention, then an MLP", "", "is_causal=True")


def encoder_block_text(config: ModelConfig) -> str:
    """Return the class Block of an encoder, whose attention has a mask."""
    return _block(config, "Block", "attention, then an MLP", ", mask: Tensor", "attn_mask=mask")


def decoder_block_text(config: ModelConfig) -> str:
    """Return the class DecoderBlock, with causal attention and attention over a memory, which has a mask."""
    C, heads, bias = config.hidden, config.heads, config.bias
    parts = [
        f"self.norm2 = nn.LayerNorm({C}, bias={bias})",
        f"self.query = nn.Linear({C}, {C}, bias={bias})",
        f"self.memory = nn.Linear({C}, {2 * C}, bias={bias})",
        f"self.mix = nn.Linear({C}, {C}, bias={bias})",
    ]
    steps = [
        f"q = self.query(self.norm2(x)).unflatten(2, ({heads}, {C // heads})).permute(1, 2, 0, 3)",
        f"k, v = self.memory(memory).unflatten(2, (2, {heads}, {C // heads})).permute(2, 1, 3, 0, 4)",
        "y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)",
        f"x = x + {dropped(config, 'self.mix(y.permute(2, 0, 1, 3).flatten(2))')}",
    ]
    about = "attention, also over the memory, then an MLP"
    return _block(config, "DecoderBlock", about, ", memory: Tensor, mask: Tensor", "is_causal=True", parts, steps)


def _block(
    config: ModelConfig,
    name: str,
    branches: str,
    given: str,
    mask: str,
    cross: Sequence[str] = (),
    cross_steps: Sequence[str] = (),
) -> str:
    """Return the class of a block; `cross` are the lines of its attention over the memory, if it has one."""
    C, heads, bias = config.hidden, config.heads, config.bias
    last = "norm3" if cross else "norm2"
    parts = [
        f"self.norm1 = nn.LayerNorm({C}, bias={bias})",
        f"self.qkv = nn.Linear({C}, {3 * C}, bias={bias})",
        f"self.out = nn.Linear({C}, {C}, bias={bias})",
        *cross,
        f"self.{last} = nn.LayerNorm({C}, bias={bias})",
        f"self.fc = nn.Linear({C}, {4 * C}, bias={bias})",
        f"self.proj = nn.Linear({4 * C}, {C}, bias={bias})",
        dropout(config),
    ]
    steps = [
        f"qkv = self.qkv(self.norm1(x)).unflatten(2, (3, {heads}, {C // heads}))  # (T, B, 3, heads, width)",
        "q, k, v = qkv.permute(2, 1, 3, 0, 4)  # (B, heads, T, width) each",
        turns(config, "q, k = turned(q, cos, sin), turned(k, cos, sin)"),
        f"y = F.scaled_dot_product_attention(q, k, v, {mask})",
        f"x = x + {dropped(config, 'self.out(y.permute(2, 0, 1, 3).flatten(2))')}",
        *cross_steps,
        f"return x + {dropped(config, f'self.proj(F.gelu(self.fc(self.{last}(x))))')}",
    ]
    about = f"Pre-norm transformer block on the residual stream (T, B, {C}): {branches}."
    forward = f"forward(self, x: Tensor{given}{turns(config, ', cos: Tensor, sin: Tensor')}) -> Tensor"
    return class_text(name, about, parts, forward, steps)
