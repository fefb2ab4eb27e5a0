"""How much of a text was copied, against a search through all stretches."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.copying import Copies, share_copied

TOKENS = st.lists(st.integers(0, 2), max_size=30)


def longest(training: list[int], text: list[int]) -> tuple[int, ...]:
    """The definition, slowly."""
    stretches = {tuple(training[i:j]) for i in range(len(training)) for j in range(i + 1, len(training) + 1)}
    return tuple(
        next((n for n in range(end, 0, -1) if tuple(text[end - n : end]) in stretches), 0)
        for end in range(1, len(text) + 1)
    )


@given(TOKENS, TOKENS)
def test_the_longest_stretch_that_ends_at_each_token_is_found(training: list[int], text: list[int]) -> None:
    assert Copies(np.array(training, np.int32)).of(text) == longest(training, text)


@given(TOKENS, st.lists(TOKENS, min_size=1, max_size=4), st.sampled_from([0, 300]))
def test_a_text_may_grow_shrink_and_change(training: list[int], texts: list[list[int]], more: int) -> None:
    copies = Copies(np.array(training, np.int32) * 7 + more)
    for text in texts:
        assert copies.of([7 * token + more for token in text]) == longest(training, text)


def test_tokens_that_are_wider_than_a_byte_are_not_found_across_their_edges() -> None:
    copies = Copies(np.array([0x0100, 0x0001], np.int32))  # as bytes 00 01 00 00 01 00 00 00
    assert copies.of([0x0100, 0x0001]) == (1, 2)
    assert copies.of([0x00010000]) == (0,)
    assert copies.of([0x010000]) == (0,)


def test_a_planted_copy_is_counted() -> None:
    draw = np.random.default_rng(1)
    training = draw.integers(0, 50, 5000).astype(np.int32)
    own = draw.integers(0, 50, 60).tolist()
    text = own[:30] + training[1000:1040].tolist() + own[30:]
    lengths = Copies(training).of(text)
    assert max(lengths) in (40, 41, 42)
    assert share_copied(lengths) == pytest.approx(40 / 100, abs=0.02)
    assert share_copied(()) == 0.0
