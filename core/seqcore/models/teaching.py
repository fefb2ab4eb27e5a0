"""How a model is taught in a training step, besides the batch and dropout."""

from typing import NamedTuple


class Teaching(NamedTuple):
    """Settings of one training step; they may change from step to step."""

    smoothing: float = 0.0  # share of the target distribution spread over all symbols (Szegedy et al. 2016)
    forcing: float = 1.0  # probability that the decoder reads the true symbol, not its own (Bengio et al. 2015)


PLAIN = Teaching()
