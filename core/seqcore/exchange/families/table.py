"""The families that can be exported. A new one is a file beside this one, and a line here."""

from seqcore.config import RECURRENT, ModelConfig
from seqcore.errors import SeqError
from seqcore.exchange.families import feedforward, pairs, recurrent, transformer
from seqcore.exchange.family import Family
from seqcore.naming import described

FAMILIES: dict[tuple[str, bool], Family] = {  # by family, and whether it is an encoder-decoder
    **dict.fromkeys([(name, False) for name in RECURRENT], recurrent.FAMILY),
    **dict.fromkeys([(name, True) for name in RECURRENT], pairs.FAMILY),
    ("attention", False): transformer.FAMILY,
    ("feedforward", False): feedforward.FAMILY,
}


def family_of(config: ModelConfig) -> Family:
    """Return how a model is exported. Raises SeqError if it cannot be."""
    found = FAMILIES.get((config.family, config.decodes))
    if found is None or config.input_feeding or config.patches:
        what = "input feeding" if config.input_feeding else "pictures" if config.patches else "pairs"
        raise SeqError(f"{described(config)} with {what} has no PyTorch or ONNX form yet: export it to .npz")
    return found
