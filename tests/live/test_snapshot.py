"""The snapshot: what the screen derives from it."""

import pytest

from seqtui.live.snapshot import Snapshot
from tests.tui.panes.made import made_probe


@pytest.mark.parametrize(
    ("tokens_by", "symbols", "text"),
    [
        ("char", ("a", " ", "b"), "a b"),
        ("word", ("The", " cat", ",", "<unk>", "\n"), "The cat, <unk>\n"),
        ("bpe", ("Th", "e", " ca", "t"), "The cat"),
    ],
)
def test_the_text_of_the_score_is_the_tokens_joined(tokens_by: str, symbols: tuple[str, ...], text: str) -> None:
    assert Snapshot(tokens_by=tokens_by, probe=made_probe(symbols, units=4)).score_text == text
