"""The colour scales are perceptually uniform and readable with colour blindness."""

import itertools

import numpy as np
import pytest

from seqtui.tui.widgets.colours import (
    ATTENTION,
    GAP,
    GATE,
    OVER,
    OVER_COLOUR,
    REACH,
    SIGNED,
    Scale,
    Triplet,
    lightness,
    oklab,
    reach_codes,
)

SCALES = [GATE, SIGNED, REACH, ATTENTION]
# sRGB (linear) as seen without the red or the green cones: Viénot, Brettel and Mollon (1999)
PROTAN = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
DEUTAN = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


def seen(colour: Triplet, matrix: np.ndarray) -> Triplet:
    linear = matrix @ (np.array(colour) / 255) ** 2.2
    red, green, blue = (round(255 * float(value) ** (1 / 2.2)) for value in np.clip(linear, 0, 1))
    return red, green, blue


def arms(scale: Scale) -> list[tuple[Triplet, ...]]:
    if scale is not SIGNED:
        return [scale.colours]
    middle = scale.levels // 2
    return [scale.colours[middle:], scale.colours[middle::-1]]


@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)
def test_equal_steps_look_equally_large(scale: Scale) -> None:
    steps = [np.linalg.norm(oklab(a) - oklab(b)) for a, b in zip(scale.colours, scale.colours[1:], strict=False)]
    assert max(steps) < 1.6 * min(steps)


@pytest.mark.parametrize("matrix", [np.eye(3), PROTAN, DEUTAN], ids=["all cones", "no red cones", "no green cones"])
@pytest.mark.parametrize("scale", SCALES, ids=lambda scale: scale.name)
def test_lightness_rises_along_every_arm_for_the_colour_blind_too(scale: Scale, matrix: np.ndarray) -> None:
    for arm in arms(scale):
        light = [lightness(seen(colour, matrix)) for colour in arm]
        assert all(b > a for a, b in itertools.pairwise(light))
        assert light[-1] - light[0] > 0.45


@pytest.mark.parametrize("matrix", [PROTAN, DEUTAN], ids=["no red cones", "no green cones"])
def test_the_signs_differ_in_hue_for_the_colour_blind(matrix: np.ndarray) -> None:
    for level in (0, 4, 8):
        below, above = (oklab(seen(SIGNED.colours[i], matrix)) for i in (level, -1 - level))
        assert np.linalg.norm(below - above) > 0.1


def test_codes_are_clipped_and_gaps_stay_gaps() -> None:
    values = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, np.nan, np.inf, -np.inf])
    assert GATE.codes(values, 0, 1).tolist() == [0, 0, 16, 31, 31, GAP, GAP, GAP]
    assert SIGNED.codes(np.array([-3.0, 0.0, 3.0]), -3, 3).tolist() == [0, 16, 32]


def test_reach_is_logarithmic_between_its_ends() -> None:
    codes = reach_codes(np.array([0.0, 1e-9, 1e-6, 1e-3, 1.0, 50.0, np.inf, np.nan], np.float32)).tolist()
    assert codes == [0, 0, 0, REACH.levels // 2, REACH.levels - 1, OVER, OVER, GAP]


@pytest.mark.parametrize("matrix", [np.eye(3), PROTAN, DEUTAN], ids=["all cones", "no red cones", "no green cones"])
def test_a_gradient_above_the_scale_looks_like_none_within_it(matrix: np.ndarray) -> None:
    over = oklab(seen(OVER_COLOUR, matrix))
    assert min(np.linalg.norm(over - oklab(seen(colour, matrix))) for colour in REACH.colours) > 0.1
