"""The kernel that draws a token matches the NumPy formula in float64, and refuses logits that are not finite."""

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.generate import Writer, distribution
from seqcore.layers.draw import draw_token
from seqcore.model import initial
from seqcore.records import F32, F64
from seqcore.sampling import Sampling, draw
from seqcore.serial import serial_model

LARGEST = np.finfo(np.float32).max
pytestmark = pytest.mark.usefixtures("kernels")


def softmax(logits: F32, temperature: float) -> F64:
    """The definition of softmax, in float64."""
    weights = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    shares: F64 = weights / weights.sum()
    return shares


def drawn(logits: F32, temperature: float, chance: float = 0.5) -> tuple[int, F64]:
    """The kernel's token and shares; previous contents of its output array must not matter."""
    shares = np.full(logits.size, np.nan)
    return draw_token(logits, temperature, chance, shares), shares


@pytest.mark.parametrize("temperature", [0.01, 0.8, 1.0, 100.0, 2])
@pytest.mark.parametrize("size", [1, 2, 65, 1000])
def test_shares_are_the_softmax_in_float64_and_sum_to_one(size: int, temperature: float) -> None:
    logits = (5 * np.random.default_rng(size).standard_normal(size)).astype(np.float32)
    shares = drawn(logits, temperature)[1]
    np.testing.assert_allclose(shares, softmax(logits, temperature), rtol=1e-13, atol=1e-300)
    assert abs(shares.sum() - 1) < 1e-13
    np.testing.assert_array_equal(distribution(logits, temperature), shares)


@pytest.mark.parametrize("size", [1, 2, 65])
def test_the_token_is_the_one_that_draw_finds_at_the_same_chance(size: int) -> None:
    logits = np.random.default_rng(size).standard_normal(size).astype(np.float32)
    mass = np.cumsum(distribution(logits, 0.8))
    for chance in [*np.linspace(0, 1, 101), *(mass - 1e-12), *(mass + 1e-12)]:  # summation order changes the last bits
        token, shares = drawn(logits, 0.8, float(chance))
        assert token == draw(shares, Sampling(), float(chance)), chance


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("temperature", [0.0, 0.8])
@pytest.mark.parametrize("place", [0, 33, 64])
def test_one_logit_that_is_not_finite_is_enough_to_refuse(wrong: float, temperature: float, place: int) -> None:
    logits = np.zeros(65, np.float32)
    logits[place] = wrong
    assert drawn(logits, temperature)[0] == -1
    with pytest.raises(SeqError, match="diverged"):
        distribution(logits, temperature)


@pytest.mark.parametrize("temperature", [0, 0.0])
def test_at_temperature_zero_the_first_of_the_likeliest_has_it_all(temperature: float) -> None:
    logits = np.array([-2, 3, 1, 3, -5], np.float32)
    for chance in (0.0, 0.5, 1 - 2**-53):
        token, shares = drawn(logits, temperature, chance)
        assert (token, shares.tolist()) == (1, [0, 1, 0, 0, 0])


@pytest.mark.parametrize("temperature", [5e-324, 1e-9, 1.0, 100.0])
def test_the_largest_logits_there_are_keep_their_order_and_overflow_nothing(temperature: float) -> None:
    logits = np.array([-LARGEST, LARGEST, 0, -LARGEST], np.float32)
    assert drawn(logits, temperature)[1].tolist() == [0, 1, 0, 0]
    assert drawn(np.full(4, -LARGEST, np.float32), temperature)[1].tolist() == [0.25] * 4


@pytest.mark.parametrize(
    "sampling", [Sampling(), Sampling(0), Sampling(2.5), Sampling(1.0, top_k=3), Sampling(1.0, top_p=0.6)]
)
def test_a_stream_is_the_draws_from_the_definition_one_after_another(sampling: Sampling) -> None:
    vocabulary = Vocabulary.build("char", Corpus("abc", "-", b"abcdefg \n", "utf-8"))
    config = ModelConfig(vocabulary.size, hidden=8, layers=2, embedding=4)
    parameters = initial(config, 4)
    parameters.flat *= 4
    model = serial_model(config, parameters)
    writer, chances, state = (
        Writer(model, vocabulary, "a", sampling, 3),
        np.random.default_rng(3),
        model.initial_state(),
    )
    logits = model.read(int(vocabulary.encode("a")[0]), state).copy()
    for _ in range(40):
        written = next(writer)
        one = np.where(np.arange(logits.size) == logits.argmax(), 1.0, 0.0)
        shares = softmax(logits, sampling.temperature) if sampling.temperature else one
        assert written.token == draw(shares, sampling, chances.random())
        assert written.probability == pytest.approx(shares[written.token], rel=1e-12)
        assert written.text == vocabulary.symbol(written.token)
        logits = model.read(written.token, state).copy()
