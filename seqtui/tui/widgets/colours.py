"""Colour scales of the heatmaps, defined in a perceptually uniform colour space.

A scale is a path through OKLab divided into steps of equal length, so equal differences in value look equally large.
Lightness increases along every arm, so the scales are readable without hue, including for colour-blind users. They do
not depend on the theme. OKLab and its matrices: Björn Ottosson, "A perceptual color space for image processing" (2020).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
Triplet = tuple[int, int, int]

GAP = 255  # code of a non-finite value
OVER = 253  # code of a gradient norm above the scale (exploding)
RAMP = " ░▒▓█"  # for terminals without colour
RAMP_GAP = "·"
RAMP_OVER = "▲"
REACH_DECADES = (-6.0, 0.0)

_LMS_FROM_LAB = np.array(
    [[1.0, 0.3963377774, 0.2158037573], [1.0, -0.1055613458, -0.0638541728], [1.0, -0.0894841775, -1.2914855480]]
)
_RGB_FROM_LMS = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


@dataclass(frozen=True)
class Scale:
    """Colours from the lowest level to the highest."""

    name: str
    colours: tuple[Triplet, ...]

    @property
    def levels(self) -> int:
        """Number of colours; at most 253, so that the codes do not collide with OVER and GAP in a byte."""
        return len(self.colours)

    def codes(self, values: npt.NDArray[np.floating], low: float, high: float) -> U8:
        """Return each value's level between low and high, same shape; clipped outside, GAP where not finite."""
        position = (np.asarray(values, np.float64) - low) * (self.levels / (high - low))
        finite = np.isfinite(position)
        level = np.clip(np.where(finite, position, 0.0), 0, self.levels - 1)
        return np.where(finite, level, GAP).astype(np.uint8)


def linear_rgb(lab: F64) -> F64:
    """Convert OKLab (..., 3) to linear sRGB (..., 3); components outside 0..1 are out of gamut."""
    lms: F64 = (lab @ _LMS_FROM_LAB.T) ** 3
    rgb: F64 = lms @ _RGB_FROM_LMS.T
    return rgb


def oklab(colour: Triplet) -> F64:
    """Convert an 8-bit sRGB colour to OKLab (3,)."""
    channel = np.asarray(colour, np.float64) / 255
    linear = np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
    lms = np.cbrt(np.linalg.inv(_RGB_FROM_LMS) @ linear)
    lab: F64 = np.linalg.inv(_LMS_FROM_LAB) @ lms
    return lab


def mix(colour: Triplet, other: Triplet, share: float) -> Triplet:
    """Return `colour` blended with `share` (0..1) of `other`."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


@lru_cache(1024)
def lightness(colour: Triplet) -> float:
    """Return the OKLab lightness, 0 (black) to 1 (white)."""
    return float(oklab(colour)[0])


def _polar(light: float, chroma: float, hue: float) -> F64:
    """Return OKLab for a lightness, chroma and hue (degrees), the chroma reduced to fit the sRGB gamut."""
    angle = math.radians(hue)
    for share in np.linspace(1.0, 0.0, 41):
        lab = np.array([light, chroma * share * math.cos(angle), chroma * share * math.sin(angle)])
        rgb = linear_rgb(lab)
        if rgb.min() >= -1e-4 and rgb.max() <= 1.0001:
            return lab
    return np.array([light, 0.0, 0.0])


def _triplet(lab: F64) -> Triplet:
    linear = np.clip(linear_rgb(lab), 0, 1)
    channel = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(value) * 255) for value in channel)
    return red, green, blue


def _path(anchors: tuple[tuple[float, float, float], ...], levels: int) -> tuple[Triplet, ...]:
    """Return `levels` colours at equal OKLab distances along a path of (lightness, chroma, hue) anchors."""
    knots = np.linspace(0, 1, len(anchors))
    fine = np.linspace(0, 1, 64)
    light, chroma, hue = (np.interp(fine, knots, column) for column in zip(*anchors, strict=True))
    lab = np.array([_polar(*point) for point in zip(light, chroma, hue, strict=True)])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    even = np.linspace(0, length[-1], levels)
    return tuple(_triplet(np.array([np.interp(at, length, lab[:, i]) for i in range(3)])) for at in even)


def _diverging(levels_an_arm: int) -> tuple[Triplet, ...]:
    """Dark at zero, blue below, orange above: distinguishable with all common forms of colour vision."""
    below = _path(((0.27, 0.012, 258), (0.55, 0.12, 252), (0.87, 0.075, 232)), levels_an_arm + 1)
    above = _path(((0.27, 0.012, 62), (0.57, 0.125, 50), (0.88, 0.105, 78)), levels_an_arm + 1)
    middle = mix(below[0], above[0], 0.5)
    return (*below[:0:-1], middle, *above[1:])


GATE = Scale("gate", _path(((0.25, 0.055, 285), (0.46, 0.105, 258), (0.68, 0.105, 190), (0.94, 0.115, 108)), 32))
SIGNED = Scale("signed", _diverging(16))
ATTENTION = Scale("attention", _path(((0.22, 0.02, 220), (0.46, 0.09, 175), (0.70, 0.13, 150), (0.95, 0.10, 120)), 32))
REACH = Scale("reach", _path(((0.22, 0.03, 320), (0.45, 0.13, 350), (0.68, 0.15, 395), (0.94, 0.09, 450)), 24))


OVER_COLOUR = _triplet(_polar(0.82, 0.11, 215))  # a hue far from those of the reach scale


def reach_codes(values: npt.NDArray[np.floating]) -> U8:
    """Return levels of gradient norms on a log scale from 1e-6 to 1: OVER above it, lowest for zero, GAP for NaN."""
    with np.errstate(invalid="ignore"):
        logarithm = np.log10(np.maximum(np.asarray(values, np.float64), 1e-30))
        over = logarithm > REACH_DECADES[1]
    return np.where(over, np.uint8(OVER), REACH.codes(logarithm, *REACH_DECADES))
