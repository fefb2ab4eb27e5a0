"""The class Model of an encoder-decoder in PyTorch, which joins Encoder and Decoder and writes greedily."""

import textwrap
from collections.abc import Iterable
from typing import NamedTuple

from seqcore.config import ModelConfig
from seqcore.exchange.contents import Described
from seqcore.exchange.families.pairs_patches import pictures
from seqcore.exchange.family import Source
from seqcore.exchange.source_text import class_text, method_text
from seqcore.tasks.pair_data import MORE
from seqcore.tasks.pairs import pairs_task

_STORED = "Both vocabularies are stored as JSON in the metadata of the weights file (vocabulary; task: target)."
_PICTURES = """The vocabulary is stored as JSON in the metadata of the weights file (task: target), and how pictures are
cut and standardised, too (task: grid, levels): see `patches`."""


class Calls(NamedTuple):
    """How Model calls its encoder and its decoder: lines of Python."""

    encode: str  # of what the encoder reads, see `Read.names`
    forward: str  # returns the logits for `symbols`
    loop: Iterable[str]  # from `symbols`, END for each source, to what is written, `rows`


class Read(NamedTuple):
    """What an encoder reads."""

    names: str  # of the arguments
    typed: str  # the same as parameters
    first: str  # the expression for END, one for each source (1, B)
    about: str  # a sentence on Model
    more: str  # sentences on it


def read(config: ModelConfig) -> Read:
    """Return what the encoder reads: sources, or pictures."""
    P, F, K = config.patches, config.inputs, config.logits
    if P:
        about = f"Map patches ({P}, B, {F}) of pictures and what the decoder reads (U, B) to logits (U, B, {K})."
        more = "The function `patches` cuts pictures. The decoder reads END, and then the caption."
        return Read("cut", "cut: Tensor", "torch.full((1, cut.shape[1]), END, device=cut.device)", about, more)
    first = "source.new_full((1, source.shape[1]), END)"
    about = f"Map sources (S, B), time first, and what the decoder reads (U, B) to logits of the targets (U, B, {K})."
    more = "The sources have lengths (B,), 1 or more, and are padded at the end with any symbol."
    more += " The decoder reads END, and then the target."
    return Read("source, lengths", "source: Tensor, lengths: Tensor", first, about, more)


def pairs_source(described: Described, before: Iterable[str], classes: Iterable[str], calls: Calls) -> Source:
    """Return the source of the module: lines `before` the classes, those of encoder and decoder, and Model."""
    config, K = described.config, described.config.logits
    end = f"END = {K - 1}  # the symbol after a target, which the decoder also reads first"
    over, stored = f"{config.vocabulary_size} symbols of the source and {K} of the target", _STORED
    if config.patches:
        grid = pictures(described.task)[0]
        over, stored = f"pictures of {grid.columns}x{grid.rows} pixels and {K} symbols of captions", _PICTURES
    head = "\n".join((end, *before))
    return Source(over, stored, [head, *classes, _model_text(described, calls)])


def _model_text(described: Described, calls: Calls) -> str:
    config, given = described.config, read(described.config)
    most = pairs_task(described.task).longest + MORE
    if config.context:
        most = min(most, config.context + 1)
    about = f"""{given.about}

    {textwrap.fill(given.more, 116, subsequent_indent="    ")}
    """
    loop = [
        calls.encode,
        *calls.loop,
        "return [row[: row.index(END)] if END in row else row for row in rows]",
    ]
    greedy = method_text(
        f"greedy(self, {given.typed}, most: int = {most}) -> list[list[int]]",
        loop,
        "Return what is written for each source, the likeliest symbol at every step, without END.",
        "@torch.no_grad()",
    )
    return class_text(
        "Model", about, ["self.encoder, self.decoder = Encoder(), Decoder()"],
        f"forward(self, {given.typed}, symbols: Tensor) -> Tensor", [calls.encode, calls.forward], greedy,
    )  # fmt: skip
