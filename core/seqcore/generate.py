"""Text generation: a stream of tokens, each sampled from the model's predictions."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.layers.draw import draw_token
from seqcore.records import F32, F64
from seqcore.serial import SerialModel


@dataclass(frozen=True)
class Sampling:
    """How tokens are sampled. Raises SeqError if a value is invalid."""

    temperature: float = 0.8  # divides the logits; 0 always takes the most likely token
    top_k: int = 0  # only the k most likely; 0: all
    top_p: float = 1.0  # only the most likely with a total probability p (nucleus sampling, Holtzman et al. 2020)

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 100:
            raise SeqError(f"temperature {self.temperature:g}: must be a number from 0 to 100")
        if self.top_k < 0:
            raise SeqError(f"top-k {self.top_k}: must be 0 (all) or positive")
        if not 0 < self.top_p <= 1:
            raise SeqError(f"top-p {self.top_p:g}: must be above 0 and at most 1")

    @cached_property
    def narrows(self) -> bool:
        """Whether top-k or top-p exclude tokens."""
        return self.top_k > 0 or self.top_p < 1


class Written(NamedTuple):
    """A generated token, its text ("" while a character is incomplete), and its probability at the temperature."""

    token: int
    text: str
    probability: float


def distribution(logits: F32, temperature: float) -> F64:
    """Return softmax(logits / temperature), (V,); one-hot at 0. Raises SeqError if logits are not finite."""
    shares = np.empty(logits.size, np.float64)
    _draw_token(np.ascontiguousarray(logits, np.float32), temperature, 0.0, shares)
    return shares


def _draw_token(logits: F32, temperature: float, chance: float, shares: F64) -> int:
    """Call `layers.draw.draw_token`. Raises SeqError if logits are not finite."""
    token: int = draw_token(logits, temperature, chance, shares)
    if token < 0:
        raise SeqError("the model's predictions are not finite: it has diverged; use an earlier checkpoint")
    return token


def draw(probability: F64, sampling: Sampling, chance: float) -> int:
    """Return the token at `chance` (0..1) of the distribution (V,) after top-k and top-p."""
    if not sampling.narrows:
        place = int(np.searchsorted(np.cumsum(probability), chance, side="right"))
        return min(place, probability.size - 1)
    order = np.argsort(-probability, kind="stable")
    if sampling.top_k:
        order = order[: sampling.top_k]
    mass = np.cumsum(probability[order])
    if sampling.top_p < 1:
        kept = int(np.searchsorted(mass, sampling.top_p)) + 1
        order, mass = order[:kept], mass[:kept]
    return int(order[min(int(np.searchsorted(mass, chance * mass[-1], side="right")), order.size - 1)])


class Writer:
    """An endless stream of tokens after a prompt; bytes are for a vocabulary by byte.

    `warning` lists what in the prompt is not in the vocabulary. After an empty prompt, generation starts as if a line
    had just ended. The same model, prompt, sampling and seed generate the same text.
    """

    def __init__(
        self, model: SerialModel, vocabulary: Vocabulary, prompt: str | bytes, sampling: Sampling, seed: int
    ) -> None:
        self.model, self.vocabulary, self.sampling = model, vocabulary, sampling
        self.warning = ""
        if prompt:
            tokens, self.warning = vocabulary.encode_prompt(prompt)
        else:
            tokens = _beginning(vocabulary)
        self._chance = np.random.default_rng(seed).random
        self._decoder = vocabulary.decoder()
        self._shares = np.zeros(model.config.logits, np.float64)
        self._state = model.initial_state()
        self._logits = np.zeros(0, np.float32)
        for token in tokens:
            self._logits = model.read(int(token), self._state)

    def __iter__(self) -> Iterator[Written]:
        return self

    def __next__(self) -> Written:
        sampling, shares, chance = self.sampling, self._shares, self._chance()
        token = _draw_token(self._logits, sampling.temperature, chance, shares)
        if sampling.narrows:
            token = draw(shares, sampling, chance)
        self._logits = self.model.read(token, self._state)
        return Written(token, self._decoder.feed(token), shares.item(token))

    def flush(self) -> str:
        """Return what the decoder still holds back after the last token."""
        return self._decoder.flush()


def _beginning(vocabulary: Vocabulary) -> "np.typing.NDArray[np.int32]":
    if (
        vocabulary.kind == "bpe" and "\n" in vocabulary.symbols
    ):  # a single line end may always be part of a longer token
        return vocabulary.encode("\n\n")[-1:]
    for token in range(vocabulary.size):
        if vocabulary.symbol(token) == "\n":
            return np.array([token], np.int32)
    return np.zeros(1, np.int32)
