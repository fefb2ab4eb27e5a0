"""How tokens are sampled from a distribution: temperature, top-k and top-p. NumPy alone: the screen uses it, too."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqcore.errors import SeqError
from seqcore.records import F32, F64, I64


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


def softmax(logits: F32, temperature: float = 1.0) -> F64:
    """Return softmax(logits / temperature) of finite logits (V,), in float64; one-hot at the first largest for 0."""
    shares = np.zeros(logits.size)
    if temperature <= 0:
        shares[int(np.argmax(logits))] = 1
        return shares
    above = (logits.astype(np.float64) - float(logits.max())) / temperature
    np.exp(above, out=shares)
    shares /= shares.sum()
    return shares


def kept(probability: F64, sampling: Sampling) -> I64:
    """Return the tokens that top-k and top-p leave of a distribution (V,), likeliest first."""
    order = np.argsort(-probability, kind="stable")
    if sampling.top_k:
        order = order[: sampling.top_k]
    if sampling.top_p < 1:
        order = order[: int(np.searchsorted(np.cumsum(probability[order]), sampling.top_p)) + 1]
    return order


def narrowed(probability: F64, sampling: Sampling) -> F64:
    """Return the distribution (V,) that is sampled from: 0 for what top-k and top-p exclude."""
    if not sampling.narrows:
        return probability
    left, order = np.zeros_like(probability), kept(probability, sampling)
    left[order] = probability[order] / probability[order].sum()
    return left


def draw(probability: F64, sampling: Sampling, chance: float) -> int:
    """Return the token at `chance` (0..1) of the distribution (V,) after top-k and top-p."""
    if not sampling.narrows:
        place = int(np.searchsorted(np.cumsum(probability), chance, side="right"))
        return min(place, probability.size - 1)
    order = kept(probability, sampling)
    mass = np.cumsum(probability[order])
    return int(order[min(int(np.searchsorted(mass, chance * mass[-1], side="right")), order.size - 1)])
