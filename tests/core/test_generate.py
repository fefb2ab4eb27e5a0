"""Generation samples from the model's predictions: temperature, top-k, top-p and seed work as documented."""

import math

import numpy as np
import pytest
from seqcore.config import ModelConfig
from seqcore.data.corpus import Corpus
from seqcore.data.vocabulary import Vocabulary
from seqcore.errors import SeqError
from seqcore.generate import Writer, distribution
from seqcore.model import initial
from seqcore.models.recurrent import RecurrentModel
from seqcore.models.recurrent import RecurrentWorkspace as Workspace
from seqcore.sampling import Sampling, draw
from seqcore.serial import SerialModel, serial_model

VOCABULARY = Vocabulary.build("char", Corpus("abc", "-", b"abcdefg \n", "utf-8"))
LOGITS = np.array([2.0, 1.0, 0.5, 0.0, -1.0], np.float32)


@pytest.fixture(params=[(1, 0, 37), (3, 4, 8)])
def model(request: pytest.FixtureRequest, kernels: None) -> SerialModel:
    """A model with random weights, large enough that the prompt affects the output."""
    layers, embedding, hidden = request.param
    config = ModelConfig(VOCABULARY.size, hidden=hidden, layers=layers, embedding=embedding)
    parameters = initial(config, 4)
    parameters.flat *= 4
    return serial_model(config, parameters)


def write(model: SerialModel, prompt: str = "abc", seed: int = 1, count: int = 60, **sampling: float) -> str:
    writer = Writer(model, VOCABULARY, prompt, Sampling(**sampling), seed)  # type: ignore[arg-type]  # top_k is an int
    return "".join(next(writer).text for _ in range(count)) + writer.flush()


def test_the_same_seed_writes_the_same_and_another_another(model: SerialModel) -> None:
    assert write(model) == write(model)
    assert write(model) != write(model, seed=2)
    assert write(model, prompt="g") != write(model)


def test_a_prompt_of_tokens_is_read_as_it_is(model: SerialModel) -> None:
    tokens = VOCABULARY.encode("abc")
    writer = Writer(model, VOCABULARY, tokens, Sampling(), 1)
    assert "".join(next(writer).text for _ in range(60)) == write(model, prompt="abc")
    assert writer.warning == ""


def test_reading_token_by_token_is_reading_at_once_and_what_training_computes(model: SerialModel) -> None:
    tokens = np.random.default_rng(0).integers(0, VOCABULARY.size, 11).astype(np.int32)
    state = model.initial_state()
    one_by_one = np.stack([model.read(int(token), state).copy() for token in tokens])
    at_once = model.look(tokens).logits
    np.testing.assert_allclose(one_by_one, at_once, rtol=1e-5, atol=1e-6)
    parallel = RecurrentModel(model.config, model.parameters)
    parallel.pack()
    targets = np.roll(tokens, -1)[:, None].copy()
    losses = parallel.losses(tokens[:, None].copy(), targets, Workspace.of(model.config, 11, 1))
    shares = np.stack([distribution(row, 1.0) for row in one_by_one])
    np.testing.assert_allclose(losses[:, 0], -np.log(shares[np.arange(11), targets[:, 0]]), rtol=1e-4)


def test_new_weights_forget_the_old_ones_rows(model: SerialModel) -> None:
    first = model.read(2, model.initial_state()).copy()
    model.load(model.parameters.flat * np.float32(1.5))
    assert not np.allclose(first, model.read(2, model.initial_state()))


def test_temperature_sharpens_and_zero_takes_the_likeliest() -> None:
    cold, plain, hot = (distribution(LOGITS, t) for t in (0.5, 1.0, 2.0))
    assert cold[0] > plain[0] > hot[0]
    np.testing.assert_allclose(plain, np.exp(LOGITS) / np.exp(LOGITS).sum(), rtol=1e-6)
    assert distribution(LOGITS, 0.0).tolist() == [1, 0, 0, 0, 0]
    assert distribution(LOGITS, 1e-9)[0] == 1


@pytest.mark.parametrize(
    ("sampling", "allowed"),
    [
        (Sampling(1.0), {0, 1, 2, 3, 4}),
        (Sampling(1.0, top_k=2), {0, 1}),
        (Sampling(1.0, top_k=99), {0, 1, 2, 3, 4}),
        (Sampling(1.0, top_p=0.5), {0}),  # the most likely token has 0.57
        (Sampling(1.0, top_p=0.7), {0, 1}),
        (Sampling(1.0, top_k=3, top_p=0.99), {0, 1, 2}),
    ],
)
def test_draws_follow_the_distribution_that_is_left(sampling: Sampling, allowed: set[int]) -> None:
    probability = distribution(LOGITS, 1.0)
    chances = (np.arange(20_000) + 0.5) / 20_000
    counts = np.bincount([draw(probability, sampling, chance) for chance in chances], minlength=5)
    assert set(np.flatnonzero(counts)) == allowed
    kept = np.where([token in allowed for token in range(5)], probability, 0)
    np.testing.assert_allclose(counts / 20_000, kept / kept.sum(), atol=1e-3)


def test_probability_is_the_one_it_was_drawn_with(model: SerialModel) -> None:
    writer = Writer(model, VOCABULARY, "a", Sampling(0.7), 3)
    state = model.initial_state()
    logits = model.read(int(VOCABULARY.encode("a")[0]), state).copy()
    for _ in range(20):
        written = next(writer)
        assert written.probability == pytest.approx(distribution(logits, 0.7)[written.token], rel=1e-6)
        logits = model.read(written.token, state).copy()


def test_prompts_say_what_they_could_not_use(model: SerialModel) -> None:
    writer = Writer(model, VOCABULARY, "a?b", Sampling(), 1)
    assert "?" in writer.warning
    assert Writer(model, VOCABULARY, "", Sampling(), 1).warning == ""
    with pytest.raises(SeqError):
        Writer(model, VOCABULARY, "???", Sampling(), 1)


@pytest.mark.parametrize("wrong", [{"temperature": -1}, {"temperature": math.nan}, {"top_k": -1}, {"top_p": 0}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SeqError) as error:
        Sampling(**wrong)  # type: ignore[arg-type]  # invalid on purpose
    assert "\n" not in str(error.value)


def test_a_model_that_diverged_is_told_instead_of_drawn_from(model: SerialModel) -> None:
    model.load(np.full_like(model.parameters.flat, np.nan))
    with pytest.raises(SeqError, match="diverged"):
        write(model)
