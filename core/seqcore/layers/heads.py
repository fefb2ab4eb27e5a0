"""The head that a configuration asks for: logits of symbols with cross-entropy, or values with the squared error."""

from seqcore.config import ModelConfig
from seqcore.layers.loss import Head
from seqcore.layers.squares import ValuesHead
from seqcore.records import F32


def head_of(config: ModelConfig, W_hy: F32, b_y: F32, dW_hy: F32, db_y: F32) -> Head | ValuesHead:
    """Return the head over W_hy (H, K), b_y (K,) and their gradients."""
    return (ValuesHead if config.values else Head)(W_hy, b_y, dW_hy, db_y)
