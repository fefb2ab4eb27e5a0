"""Top-k and top-p in NumPy: what is left, and with which probability it is drawn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqcore.generate import distribution
from seqcore.sampling import Sampling, draw, kept, narrowed, softmax

LOGITS = np.array([0.0, 2.0, 1.0, -3.0, 1.0], np.float32)


@pytest.mark.parametrize("temperature", [0.0, 0.05, 0.8, 1.0, 5.0])
def test_the_softmax_is_that_of_the_kernel(temperature: float) -> None:
    assert np.allclose(softmax(LOGITS, temperature), distribution(LOGITS, temperature), rtol=1e-12, atol=0)


def test_top_k_and_top_p_leave_the_likeliest() -> None:
    shares = np.array([0.1, 0.4, 0.2, 0.05, 0.25])
    assert kept(shares, Sampling(top_k=2)).tolist() == [1, 4]
    assert kept(shares, Sampling(top_p=0.6)).tolist() == [1, 4], "0.4 alone is less than 0.6"
    assert kept(shares, Sampling(top_k=4, top_p=0.9)).tolist() == [1, 4, 2, 0]
    assert narrowed(shares, Sampling(top_k=2)).tolist() == pytest.approx([0, 0.4 / 0.65, 0, 0, 0.25 / 0.65])
    assert narrowed(shares, Sampling()) is shares


@given(st.integers(0, 6), st.floats(0.05, 1.0), st.floats(0, 0.999999))
def test_only_what_is_left_is_drawn(k: int, p: float, chance: float) -> None:
    sampling, shares = Sampling(1.0, k, p), softmax(LOGITS)
    assert narrowed(shares, sampling)[draw(shares, sampling, chance)] > 0
    assert narrowed(shares, sampling).sum() == pytest.approx(1)


def test_tokens_are_drawn_as_often_as_the_bars_say() -> None:
    sampling, shares = Sampling(1.0, 3, 0.95), softmax(LOGITS)
    drawn = [draw(shares, sampling, chance) for chance in (np.arange(20_000) + 0.5) / 20_000]
    assert np.allclose(np.bincount(drawn, minlength=5) / 20_000, narrowed(shares, sampling), atol=1e-3)
