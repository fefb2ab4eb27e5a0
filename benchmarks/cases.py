"""The cases compared with PyTorch: model and training configurations that both sides understand."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from seqcore.config import RECURRENT, ModelConfig, TrainingConfig

VOCABULARY = 65
FAMILIES = ("lstm", "gru", "rnn", "attention")
SIZES = ((64, 16, 64), (128, 32, 64), (128, 64, 128), (256, 32, 64), (256, 64, 128), (512, 32, 64))  # H, B, T

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Case:
    """A model and its training."""

    model: ModelConfig
    training: TrainingConfig

    @property
    def family(self) -> str:
        """The model's family."""
        return self.model.family

    @property
    def size(self) -> Size:
        """H, B, T."""
        return self.model.hidden, self.training.batch, self.training.length

    def __str__(self) -> str:
        return "{} H {}, B {}, T {}".format(self.family, *self.size)


def recurrent(family: str, size: Size) -> Case:
    """One layer with an embedding of the same width and a linear head; stateful, trained with Adam."""
    H, B, T = size
    model = ModelConfig(VOCABULARY, family=family, hidden=H, layers=1, embedding=H)
    return Case(model, TrainingConfig(batch=B, length=T, learning_rate=1e-3, clip=1.0))


def recipe() -> Case:
    """NanoGPT's CPU recipe: 4 blocks, 4 heads, width 128, 12 windows of 64, no dropout, no bias, tied head, AdamW."""
    model = ModelConfig(VOCABULARY, family="attention", hidden=128, layers=4, heads=4, context=64)
    return Case(
        model,
        TrainingConfig(batch=12, length=64, sampling="windows", learning_rate=1e-3, weight_decay=0.1, clip=1.0),
    )


def cases(families: list[str], sizes: list[Size]) -> list[Case]:
    """Return one case per size for each recurrent family, and the one recipe for attention."""
    found: list[Case] = []
    for family in families:
        found += [recurrent(family, size) for size in sizes] if family in RECURRENT else [recipe()]
    return found


def size(text: str) -> Size:
    """Parse H,B,T from the command line."""
    parts = text.split(",")
    if len(parts) != 3 or not all(part.strip().isdigit() and 0 < int(part) <= 8192 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r}: expected H,B,T, for example 128,32,64")
    H, B, T = (int(part) for part in parts)
    return H, B, T
