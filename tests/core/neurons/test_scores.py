"""Scores are what their names say, and chance is what it is."""

import math

import numpy as np
import pytest
from seqcore.neurons.chance import beyond, rotated, shifted, student_tail
from seqcore.neurons.features import Feature
from seqcore.neurons.recording import midranks
from seqcore.neurons.scores import auc, correlation, correlations, held_out_scores

from tests.core.neurons.passages import noise

pytestmark = pytest.mark.usefixtures("kernels")


def test_midranks_share_the_places_of_equal_values() -> None:
    values = np.array([3.5, -1, 0, -0.0, 3.5, -2, 60000, -60000], np.float16)
    assert midranks(values).tolist() == [6.5, 3, 4.5, 4.5, 6.5, 2, 8, 1]


def test_the_auc_is_the_share_of_pairs_in_order() -> None:
    chance = np.random.default_rng(2)
    values, so = np.round(chance.normal(size=60), 1).astype(np.float16), chance.random(60) < 0.3
    pairs = [(a > b) + 0.5 * (a == b) for a in values[so] for b in values[~so]]
    assert auc(values, so) == pytest.approx(np.mean(pairs))


def test_correlations_are_those_of_numpy() -> None:
    chance = np.random.default_rng(3)
    values = chance.normal(size=(9000, 5)).astype(np.float16)
    values[:, 4] = 2.5  # a unit that never changes
    told = chance.normal(size=(9000, 3)) + values[:, :3]
    found = correlations(values, told)
    expected = np.corrcoef(values[:, :4].astype(float).T, told.T)[:4, 4:]
    assert found[:4] == pytest.approx(expected, abs=1e-5)
    assert found[4].tolist() == [0, 0, 0]
    assert correlation(values[:, 1], told[:, 1]) == pytest.approx(expected[1, 1], abs=1e-4)
    assert correlation(values[:, 4], told[:, 1]) == 0


def test_the_second_half_scores_what_the_first_half_chose() -> None:
    recording = noise(6000, 8)
    so = np.random.default_rng(1).random(6000) < 0.5
    recording.values[:3000, 5] -= 4 * so[:3000]  # low where it is so, and in the first half only
    (row,) = held_out_scores(recording.values, [Feature("x", "x", so)], 3000)
    assert (row[0].unit, row[0].sign) == (5, -1)
    assert row[0].score == pytest.approx(0.5, abs=0.03)
    recording.values[3000:, 5] -= 4 * so[3000:]
    (row,) = held_out_scores(recording.values, [Feature("x", "x", so)], 3000)
    assert row[0].score > 0.95


def test_a_shift_finds_chance_in_series_that_drift_on_their_own() -> None:
    a, b = noise(4000, 60, 4, 200).values.astype(float), noise(4000, 60, 5, 200).values.astype(float)
    p = [shifted(a[:, n], b[:, n]) for n in range(60)]
    naive = [math.erfc(abs(np.corrcoef(a[:, n], b[:, n])[0, 1]) * math.sqrt(4000 / 2)) for n in range(60)]
    assert sum(value < 0.01 for value in naive) > 30  # what counting timesteps as independent would report
    assert sum(value < 0.01 for value in p) <= 3
    assert shifted(a[:, 0], a[:, 0]) < 1e-3
    assert shifted(a[:, 0], np.zeros(4000)) == 1


def test_a_rotation_finds_chance_in_blocks_of_one_length() -> None:
    starts = np.arange(0, 4000, 40)
    place = (np.arange(4000) % 40).astype(float)
    drift = noise(4000, 40, 6).values.astype(float)
    p = [rotated(drift[:, n], place, starts) for n in range(40)]
    assert sum(value < 0.01 for value in p) <= 2
    assert np.mean(p) == pytest.approx(0.5, abs=0.15)
    assert rotated(place + drift[:, 0], place, starts) < 1e-6
    assert shifted(place, place) > 0.01  # a shift by forty timesteps changes nothing
    assert rotated(place[:200], place[:200], starts[:5]) == 1  # too few blocks


@pytest.mark.parametrize(
    ("t", "degrees", "tail"),
    [(6.314, 1, 0.05), (2.920, 2, 0.05), (2.571, 5, 0.025), (3.499, 7, 0.005), (2.764, 10, 0.01)],
)
def test_the_tail_of_students_t(t: float, degrees: int, tail: float) -> None:
    assert student_tail(t, degrees) == pytest.approx(tail, rel=2e-3)
    assert student_tail(-t, degrees) == pytest.approx(1 - tail, rel=2e-3)


def test_a_strength_must_exceed_what_untrained_models_vary_by() -> None:
    others = np.array([[0.5, 0.2], [0.6, 0.2], [0.55, 0.2], [0.65, 0.2]])
    assert beyond(0.575, 0, others) == pytest.approx(0.5)
    assert beyond(0.9, 0, others) < beyond(0.7, 0, others)
    assert beyond(0.24, 1, others) > 0.1  # models that happen to agree do not make a small step significant
