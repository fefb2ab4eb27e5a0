"""Text generation: a stream of tokens, each sampled from the model's predictions."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.layers.draw import draw_token
from seqcore.records import F32, F64, I32
from seqcore.sampling import Sampling, draw
from seqcore.serial import SerialModel


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


class Writer:
    """An endless stream of tokens after a prompt; bytes are for a vocabulary by byte, tokens (T,) are read as they are.

    `warning` lists what in the prompt is not in the vocabulary. After an empty prompt, generation starts as if a line
    had just ended. The same model, prompt, sampling and seed generate the same text.
    """

    def __init__(
        self, model: SerialModel, vocabulary: Vocabulary, prompt: str | bytes | I32, sampling: Sampling, seed: int
    ) -> None:
        self.model, self.vocabulary, self.sampling = model, vocabulary, sampling
        tokens, self.warning = (prompt, "") if isinstance(prompt, np.ndarray) else prompted(vocabulary, prompt)
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


def beginning(vocabulary: Vocabulary) -> I32:
    """Return what is read in place of an empty prompt: the end of a line, if there is such a token."""
    if (
        vocabulary.kind == "bpe" and "\n" in vocabulary.symbols
    ):  # a single line end may always be part of a longer token
        return vocabulary.encode("\n\n")[-1:]
    for token in range(vocabulary.size):
        if vocabulary.symbol(token) == "\n":
            return np.array([token], np.int32)
    return np.zeros(1, np.int32)


def prompted(vocabulary: Vocabulary, prompt: str | bytes) -> tuple[I32, str]:
    """Return the tokens to read before the first one is generated, and what of the prompt is not in the vocabulary."""
    return vocabulary.encode_prompt(prompt) if prompt else (beginning(vocabulary), "")
