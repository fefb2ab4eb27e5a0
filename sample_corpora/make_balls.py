"""Generate balls.csv: balls thrown in a box, observed with noise.

The box is 1 wide and 1 high. A ball falls with gravity, and bounces off the two walls and the floor; each bounce
reverses its velocity across the wall and leaves RESTITUTION of it. No ball reaches the ceiling. It is observed every
STEP seconds, with normal noise of standard deviation NOISE on x and y, so an observation may lie just outside the box.

Run it to write balls.csv and its entry in index.json; --check only compares both with what would be written.
"""

import math
import random
import sys

from writing_tables import between, finish_table, normal

SEED = 32
BALLS = 400
HEADER = ("ball", "x", "y")
GRAVITY = 2.0  # boxes a second, each second
RESTITUTION = 0.9
STEP = 0.05  # seconds
NOISE = 0.01  # boxes
HIGHEST = 0.95  # of any ball


def across(x: float, speed: float, time: float) -> tuple[float, float]:
    """Return position and speed between the walls at 0 and 1 after `time`."""
    while True:
        wall = 1.0 if speed > 0 else 0.0
        until = (wall - x) / speed
        if until > time:
            return x + speed * time, speed
        x, speed, time = wall, -RESTITUTION * speed, time - until


def up(y: float, speed: float, time: float) -> tuple[float, float]:
    """Return height and upward speed above the floor after `time`."""
    while True:
        until = (speed + math.sqrt(speed * speed + 2 * GRAVITY * y)) / GRAVITY
        if until > time:
            return y + speed * time - GRAVITY * time * time / 2, speed - GRAVITY * time
        y, speed, time = 0.0, RESTITUTION * (GRAVITY * until - speed), time - until


def flight(chance: random.Random) -> list[tuple[float, float]]:
    """Return the true positions of one ball at each observation: 40 to 80 of them."""
    x, y = between(chance, 0.05, 0.95), between(chance, 0.3, 0.7)
    sideways = between(chance, 0.3, 1.0) * (1 if chance.random() < 0.5 else -1)
    upward = between(chance, -0.8, math.sqrt(2 * GRAVITY * (HIGHEST - y)))
    positions = []
    for _ in range(40 + int(chance.random() * 41)):
        positions.append((x, y))
        x, sideways = across(x, sideways, STEP)
        y, upward = up(y, upward, STEP)
    return positions


def make() -> list[tuple[object, ...]]:
    """Return all rows: observations of one ball after another."""
    chance = random.Random(SEED)
    rows: list[tuple[object, ...]] = []
    for ball in range(1, BALLS + 1):
        for x, y in flight(chance):
            rows.append((ball, round(x + NOISE * normal(chance), 4), round(y + NOISE * normal(chance), 4)))
    return rows


if __name__ == "__main__":
    description = (
        "balls thrown in a box, seen every 0.05 s with noise of 0.01: gravity, and bounces off walls and floor"
    )
    sys.exit(finish_table("balls", "forecast", description, HEADER, make(), sys.argv[1:]))
