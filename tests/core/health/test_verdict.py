"""A verdict on synthetic curves says what a person would see."""

import numpy as np
import pytest
from seqcore.health.verdict import Remark, remarks, verdict
from seqcore.records import History

STEPS = 2000
REFERENCES = {"uniform": 4.2, "unigram": 3.0, "bigram": 2.4, "trigram": 1.9}


def history(
    train: np.ndarray, validation: list[float] | None = None, every: int = 100, noise: float = 0.05, seed: int = 1
) -> History:
    """Curves of one training loss per step and a validation every so many."""
    n = len(train)
    drawn = np.random.default_rng(seed).normal(0, noise, n)
    ones = np.ones(n, np.float32)
    checked = np.arange(1, len(validation or []) + 1, dtype=np.int64) * every
    return History(
        np.arange(1, n + 1), (train + drawn).astype(np.float32), ones, ones, checked,
        np.array(validation or [], np.float32),
    )  # fmt: skip


def falls(n: int = STEPS, scale: float = 800.0, floor: float = 1.0) -> np.ndarray:
    return floor + 3 * np.exp(-np.arange(n) / scale)


def kinds(of: History) -> list[str]:
    return [remark.kind for remark in remarks(of)]


@pytest.mark.parametrize("seed", range(5))
def test_a_curve_that_falls_is_falling(seed: int) -> None:
    assert kinds(history(falls(), seed=seed)) == ["falling"]
    assert kinds(history(4 - np.arange(STEPS) / 1000, seed=seed)) == ["falling"]
    (remark,) = remarks(history(4 - np.arange(STEPS) / 1000, noise=0))
    assert remark.words.startswith("still falling: by 0.5")
    assert remark.good


@pytest.mark.parametrize("seed", range(5))
def test_a_curve_that_stops_falling_is_flat_since_then(seed: int) -> None:
    train = np.maximum(4 - np.arange(STEPS) / 300, 1.0)  # reaches 1.0 in step 900
    (remark,) = remarks(history(train, seed=seed))
    assert remark.kind == "flat"
    assert remark.step is not None
    assert 800 <= remark.step <= 1100
    assert remark.words == f"flat since step {remark.step:,}"
    (never,) = remarks(history(np.full(STEPS, 3.0), seed=seed))
    assert never.words == "flat from the beginning: it has learnt nothing yet"
    assert never.good is False


@pytest.mark.parametrize("seed", range(5))
def test_a_slow_fall_in_noise_is_not_flat(seed: int) -> None:
    assert kinds(history(2 - np.arange(STEPS) / 10_000, noise=0.1, seed=seed)) == ["falling"]


@pytest.mark.parametrize("seed", range(5))
def test_a_fall_that_noise_hides_is_not_flat(seed: int) -> None:
    train = 6.5 * np.exp(-np.arange(300) / 150)  # falls to the end: by 0.3 in the last tenth
    assert "flat" not in kinds(history(train, noise=0.9, seed=seed))


def test_a_loss_that_is_almost_zero_does_not_diverge_when_it_flickers() -> None:
    train = np.maximum(falls(floor=0.0, scale=100), 1e-4)
    train[1700:] = 4e-3
    assert "diverging" not in kinds(history(train, noise=1e-5))
    train[1700:] = 0.4
    assert "diverging" in kinds(history(train, noise=1e-5))


def test_a_few_means_of_ten_steps_are_judged_like_all_steps() -> None:
    rows = falls(300, 60, 1.9).reshape(30, 10).mean(axis=1)
    assert kinds(history(rows, noise=0.01)) == ["falling"]


def test_validation_that_rises_while_training_falls_is_overfitting() -> None:
    validation = [*(2 + 1.5 * np.exp(-np.arange(9) / 3)), *(2.1 + 0.03 * np.arange(1, 12))]
    for seed in range(3):
        (remark,) = remarks(history(falls(), validation, seed=seed))
        assert remark == Remark("overfitting", "validation rising since step 900: overfitting", 900, False)
    (remark,) = remarks(history(np.maximum(falls(), 2.0), [*validation[:9], *validation[9:]]))
    assert remark.kind == "rising"
    assert remark.words == "validation rising since step 900"


def test_validation_that_wobbles_is_not_overfitting() -> None:
    falling = 2 + 1.5 * np.exp(-np.arange(20) / 6)
    wobble = falling + 0.004 * np.cos(np.arange(20) * 2.1)
    assert kinds(history(falls(), wobble.tolist())) == ["falling"]
    spike = falling.copy()
    spike[-1] += 0.3  # one bad validation
    assert kinds(history(falls(), spike.tolist())) == ["falling"]


def test_a_loss_that_blows_up_is_diverging() -> None:
    train = falls()
    train[1500:] += np.linspace(0, 4, 500)
    (remark,) = remarks(history(train))
    assert remark.kind == "diverging"
    assert remark.step is not None
    assert 1300 <= remark.step <= 1550
    assert f"diverging since step {remark.step:,}: the loss rose from" in remark.words
    spiked = falls()
    spiked[1500] = 30.0
    assert kinds(history(spiked)) == ["falling"]


@pytest.mark.parametrize(
    ("loss", "words", "good"),
    [
        (1.5, "below the trigram (1.900)", True),
        (2.0, "below the bigram (2.400), not yet below the trigram (1.900)", False),
        (3.5, "below uniform (4.200), not yet below the unigram (3.000)", False),
        (5.0, "not yet below uniform (4.200)", False),
    ],
)
def test_the_loss_is_put_beside_every_baseline(loss: float, words: str, good: bool) -> None:
    found = remarks(history(falls(), [6.0, loss]), REFERENCES)
    assert found[-1].words == words
    assert found[-1].good is good
    assert verdict(history(falls(), [6.0, loss]), REFERENCES).endswith(f" · {words}")


def test_without_a_validation_the_training_loss_is_compared() -> None:
    assert remarks(history(falls()), REFERENCES)[-1].words.startswith("training loss below the trigram")
    assert remarks(history(falls()), {"no memory": 0.2, "broken": float("nan")})[-1].words == (
        "training loss not yet below no memory (0.200)"
    )


def test_short_and_empty_curves_are_too_early() -> None:
    assert remarks(History.empty(), REFERENCES) == (Remark("early", "too early to tell"),)
    assert verdict(history(falls(10))) == "too early to tell"
    broken = history(np.full(50, np.nan))
    assert verdict(broken) == "too early to tell"
    assert kinds(history(np.full(50, 2.0), noise=0)) == ["flat"]
