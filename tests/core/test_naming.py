"""A model has the same name on the screen, in tables and in files."""

import pytest
from seqcore.config import ModelConfig
from seqcore.naming import described


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"family": "lstm", "layers": 2}, "lstm 2×256"),
        ({"family": "lstm", "activation": "relu"}, "lstm 1×256"),
        ({"family": "rnn", "hidden": 8, "activation": "relu"}, "rnn 1×8 relu"),
        ({"family": "attention", "hidden": 128, "layers": 4}, "attention 4×128"),
        ({"family": "feedforward"}, "feedforward 8→256"),
        ({"family": "feedforward", "context": 3}, "feedforward 3→256"),
    ],
)
def test_a_model_is_called_by_what_tells_it_from_others(fields: dict[str, object], words: str) -> None:
    from seqtui.live.snapshot import ModelChoice

    config = ModelConfig(65, **fields)  # type: ignore[arg-type]  # fields of a case
    assert described(config) == words
    assert ModelChoice(**fields).label == words  # type: ignore[arg-type]  # as above
