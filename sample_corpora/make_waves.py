"""Generate waves.csv: mixtures of two or three sines, with noise.

    value(t) = sum of amplitude * sin(2 pi t / period + phase) + NOISE * normal        t = 0, 1, 2, ...

Amplitudes, periods and phases are random for each wave. Without noise, the next value of k sines follows exactly from
the last 2 k values; how it does depends on the periods, which a model has to find out from the wave itself.

Run it to write waves.csv and its entry in index.json; --check only compares both with what would be written.
"""

import math
import random
import sys

from writing_tables import between, finish_table, normal

SEED = 33
WAVES = 200
HEADER = ("wave", "value")
SHORTEST, LONGEST = 8.0, 50.0  # periods, in points
NOISE = 0.02


def wave(chance: random.Random) -> list[float]:
    """Return the values of one wave without noise: 100 to 200 of them."""
    sines = [
        (between(chance, 0.3, 1.0), between(chance, SHORTEST, LONGEST), between(chance, 0.0, 2 * math.pi))
        for _ in range(2 + int(chance.random() * 2))
    ]
    points = 100 + int(chance.random() * 101)
    return [
        math.fsum(amplitude * math.sin(2 * math.pi * t / period + phase) for amplitude, period, phase in sines)
        for t in range(points)
    ]


def make() -> list[tuple[object, ...]]:
    """Return all rows: the values of one wave after another."""
    chance = random.Random(SEED)
    rows: list[tuple[object, ...]] = []
    for number in range(1, WAVES + 1):
        rows += [(number, round(value + NOISE * normal(chance), 4)) for value in wave(chance)]
    return rows


if __name__ == "__main__":
    description = "mixtures of two or three sines of random periods, with noise of 0.02"
    sys.exit(finish_table("waves", "forecast", description, HEADER, make(), sys.argv[1:]))
