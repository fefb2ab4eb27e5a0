"""Generate students.csv: did a student pass, given hours of study, attendance, sleep and earlier marks?

    score  = bias + sum of weight * (value - usual value) / spread      over the four columns
    passed = yes with probability 1 / (1 + exp(-score))

So logistic regression is the right model, and no other can be better. The values are rounded first, so that the score
is a function of what the table shows. The rest is chance: about 85% is the best possible accuracy.

Run it to write students.csv and its entry in index.json; --check only compares both with what would be written.
"""

import math
import random
import sys

from writing_tables import finish_table, normal

SEED = 31
ROWS = 3000
HEADER = ("hours", "attendance", "sleep", "marks", "passed")
BIAS = 0.4
# usual value, spread, lowest, highest, weight in the score
COLUMNS = {
    "hours": (12.0, 5.0, 0.0, 40.0, 2.1),  # of study in a week
    "attendance": (75.0, 15.0, 0.0, 100.0, 1.5),  # per cent of the lectures
    "sleep": (7.0, 1.0, 3.0, 11.0, 0.8),  # hours a night
    "marks": (60.0, 14.0, 0.0, 100.0, 2.2),  # points of 100 in the term before
}


def score(values: dict[str, float]) -> float:
    """Return the log odds of passing."""
    return BIAS + math.fsum(
        weight * (values[name] - usual) / spread for name, (usual, spread, _, _, weight) in COLUMNS.items()
    )


def make() -> list[tuple[object, ...]]:
    """Return all rows."""
    chance = random.Random(SEED)
    rows: list[tuple[object, ...]] = []
    for _ in range(ROWS):
        values = {
            name: round(min(max(usual + spread * normal(chance), low), high), 1)
            for name, (usual, spread, low, high, _) in COLUMNS.items()
        }
        passes = chance.random() < 1 / (1 + math.exp(-score(values)))
        rows.append((*values.values(), "yes" if passes else "no"))
    return rows


if __name__ == "__main__":
    description = "did a student pass? hours of study, attendance, sleep and earlier marks; at best 85% can be right"
    sys.exit(finish_table("students", "classify-rows", description, HEADER, make(), sys.argv[1:]))
