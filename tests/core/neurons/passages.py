"""Passages of text with quotations, brackets and lines, and models of a few units, for the tests of neurons."""

import numpy as np
from seqcore.config import ModelConfig
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.neurons.passage import Passage
from seqcore.neurons.recording import Recording, Unit

WORDS = [
    "a",
    "fox",
    "met",
    "an",
    "owl",
    "and",
    "said",
    "that",
    "he",
    "was",
    "very",
    "old",
    "but",
    "she",
    "(who",
    "knew",
    "[better])",
    "went",
    "7",
    "times",
    "to",
    "the",
    "dark",
    "wood",
]


def written(characters: int, seed: int = 1) -> str:
    """Sentences of random words, some of them quotations, in lines of random lengths."""
    chance = np.random.default_rng(seed)
    parts: list[str] = []
    while sum(map(len, parts)) < characters:
        words = chance.choice(WORDS, chance.integers(3, 12)).tolist()
        said = " ".join(words).capitalize()
        parts.append(f'"{said}." ' if chance.random() < 0.4 else f"{said}. ")
        if chance.random() < 0.3:
            parts.append("\n")
    return "".join(parts)[:characters]


def passage_of(text: str, kind: str = "char") -> Passage:
    """A text that is read in one go."""
    vocabulary = Vocabulary.build(kind, Corpus("text", "-", text.encode(), "utf-8"))
    tokens, none = vocabulary.encode(text), np.zeros(1, np.int64)
    return Passage(tokens, np.full(len(tokens), -1, np.int32), none, none, vocabulary)


def model_of(passage: Passage, family: str = "lstm", **more: object) -> ModelConfig:
    """The shape of a small model that reads a passage."""
    settings: dict[str, object] = {"hidden": 16, "embedding": 8} | more
    return ModelConfig(passage.vocabulary.size, family, **settings)  # type: ignore[arg-type]


def noise(T: int, U: int, seed: int = 1, smooth: int = 20) -> Recording:
    """A recording of units that drift at random, so that neighbouring timesteps are alike."""
    chance = np.random.default_rng(seed)
    drawn = chance.normal(size=(T + smooth, U)).cumsum(axis=0)
    values = (drawn[smooth:] - drawn[:-smooth]) / np.sqrt(smooth)
    return Recording("h", tuple(Unit(0, j) for j in range(U)), values.astype(np.float16))
