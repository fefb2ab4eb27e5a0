"""Matching finds where the units of a selection are on again; contrast finds what tells two selections apart."""

import numpy as np
import pytest
from seqcore.errors import SeqError
from seqcore.neurons.contrast import contrast
from seqcore.neurons.matching import Match, matching, units_on
from seqcore.neurons.recording import Unit

from tests.core.neurons.passages import noise


def test_the_units_of_a_selection_are_on_throughout_and_off_outside() -> None:
    recording = noise(400, 12)
    recording.values[:] = 0
    recording.values[100:110, [2, 5]] = 0.8
    recording.values[100:109, 3] = 0.8  # off too early
    recording.values[90:110, 7] = 0.8  # on before
    assert units_on(recording, 100, 110, 0.5).tolist() == [2, 5]
    assert units_on(recording, 100, 110, 0.5, bounded=False).tolist() == [2, 5, 7]
    assert units_on(recording, 100, 110, 0.9).tolist() == []
    assert matching(recording, 100, 110, 0.9) == ((), ())


def test_planted_stretches_are_found_the_most_alike_first() -> None:
    recording = noise(3000, 40)
    recording.values[:] = np.clip(recording.values, -0.4, 0.4)
    own = [3, 4, 8, 9, 20, 31]
    for first, last, units in (
        (500, 512, own), (900, 912, own), (1400, 1406, own), (2000, 2012, own[:4]), (2500, 2512, own[:2]),
        (2700, 2712, [*own, *range(10, 18)]),
    ):  # fmt: skip
        recording.values[first:last, units] = 0.9
    found = matching(recording, 500, 512, 0.5)
    assert found.units == tuple(Unit(0, unit) for unit in own)
    assert found.found[:3] == (Match(900, 912, 6, 0), Match(1400, 1406, 6, 0), Match(2000, 2012, 4, 0))
    assert found.found[3] == Match(2700, 2712, 6, 8)
    assert len(found.found) == 4  # a third of the units is too few
    assert found.found[0].likeness(6) == 1
    assert found.found[3].likeness(6) == pytest.approx(6 / 14)
    assert matching(recording, 500, 512, 0.5, most=1).found == found.found[:1]


@pytest.mark.parametrize(("first", "last"), [(5, 5), (-1, 4), (10, 4000)])
def test_a_stretch_outside_the_recording_is_refused(first: int, last: int) -> None:
    with pytest.raises(SeqError, match="give START:END"):
        matching(noise(100, 3), first, last, 0.5)


def test_the_planted_unit_separates_two_selections() -> None:
    recording = noise(5000, 60)
    one, other = [(1000, 1020), (1100, 1130), (1200, 1230)], [(1030, 1060), (1140, 1170)]
    for first, last in one:
        recording.values[first:last, 17] -= 9
    found = contrast(recording, one, other)
    assert (found[0].unit, found[0].sign) == (17, -1)
    assert found[0].score > 0.99
    assert found[0].chance < 0.01
    assert all(separation.chance > 0.01 for separation in found[1:])


def test_two_selections_of_noise_are_not_told_apart() -> None:
    reported = []
    for seed in range(4):
        found = contrast(noise(3000, 60, seed), [(1000, 1030)], [(1100, 1130)])
        assert max(one.score for one in found) > 0.6  # some unit of sixty looks good
        reported += [one for one in found[:1] if one.chance <= 0.01]
    assert len(reported) == 0


def test_selections_that_cannot_be_compared_are_refused() -> None:
    recording = noise(100, 3)
    with pytest.raises(SeqError, match="share timesteps"):
        contrast(recording, [(1, 9)], [(5, 12)])
    with pytest.raises(SeqError, match="two timesteps"):
        contrast(recording, [(1, 2)], [(5, 12)])
    with pytest.raises(SeqError, match="not one of the timesteps"):
        contrast(recording, [(1, 9)], [(90, 101)])
