"""Pieces of the source of a PyTorch module that several families share."""

from collections.abc import Iterable

from seqcore.config import ModelConfig
from seqcore.exchange.family import Source

_INSIDE = " " * 8
_STORED = (
    "The vocabulary is stored as JSON in the metadata of the weights file.",
    "The values are standardised; how is stored as JSON in the metadata of the weights file (task: scale).",
)


def class_text(name: str, about: str, parts: Iterable[str], forward: str, steps: Iterable[str], *more: str) -> str:
    """Source of an nn.Module: its docstring, the lines of __init__ and those of forward; empty lines are skipped.

    `more` are further methods, see `method_text`.
    """
    lines = [
        f"class {name}(nn.Module):",
        f'    """{about}"""',
        "",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(_INSIDE + part for part in parts if part),
        "",
        method_text(forward, steps),
    ]
    return "\n".join([*lines, *(f"\n{one}" for one in more)])


def method_text(head: str, steps: Iterable[str], about: str = "", decorator: str = "") -> str:
    """Source of a method; empty lines are skipped."""
    lines = [f"    {decorator}", f"    def {head}:", f'{_INSIDE}"""{about}"""' if about else "   "]
    return "\n".join([*(line for line in lines if line.strip()), *(_INSIDE + step for step in steps if step)])


def model_source(config: ModelConfig, parts: Iterable[str]) -> Source:
    """Return the source of a model that reads tokens, or values, of one kind."""
    over = f"{config.inputs} real values" if config.inputs else f"{config.vocabulary_size} tokens"
    return Source(over, _STORED[bool(config.inputs)], parts)


def read(config: ModelConfig) -> tuple[str, str]:
    """Return the name of the argument of forward, and what it is."""
    if config.inputs:
        return "values", f"values (T, B, {config.inputs}), time first,"
    return "tokens", "tokens (T, B), time first,"


def predicted(config: ModelConfig) -> str:
    """Return what the results are."""
    if config.values:
        return "values"
    return "logits of the classes" if config.outputs else "logits of the next tokens"


def dropout(config: ModelConfig) -> str:
    """Return the line of __init__ that makes the dropout, if there is any."""
    return f"self.dropout = nn.Dropout({config.dropout!r})" if config.dropout else ""


def dropped(config: ModelConfig, what: str) -> str:
    """Return the expression with dropout, if there is any."""
    return f"self.dropout({what})" if config.dropout else what
