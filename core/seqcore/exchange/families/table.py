"""The families that can be exported. A new one is a file beside this one, and a line here."""

from seqcore.config import RECURRENT, ModelConfig
from seqcore.exchange.families import feedforward, pairs, pairs_transformer, recurrent, transformer
from seqcore.exchange.family import Family

FAMILIES: dict[tuple[str, bool], Family] = {  # by family, and whether it is an encoder-decoder
    **dict.fromkeys([(name, False) for name in RECURRENT], recurrent.FAMILY),
    **dict.fromkeys([(name, True) for name in RECURRENT], pairs.FAMILY),
    ("attention", False): transformer.FAMILY,
    ("attention", True): pairs_transformer.FAMILY,
    ("feedforward", False): feedforward.FAMILY,
}


def family_of(config: ModelConfig) -> Family:
    """Return how a model is exported."""
    return FAMILIES[config.family, config.decodes]
