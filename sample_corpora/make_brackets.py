"""Makes brackets.txt: nested brackets with labels, where every error can be counted and told by its distance.

    line    = group { " " group } newline
    group   = opening label " " { group " " } label closing       with one label and one kind of bracket
    label   = "a" | "b" | ... | "h"
    kinds   = ( )  [ ]  { }  < >

as in `(c [a a] <f {b b} f> c)`. Which bracket opens next, and when one closes, is chance: nobody can know it. How it
closes is certain to whoever remembers: its label and its kind, from a few characters to hundreds before. So what a
model has still to learn is what it gets wrong at closings, and at what distance.

Run it to write brackets.txt and its line of index.json; --check only compares them with what would be written.
"""

import random
import sys

from writing import finish

SEED = 20
CHARACTERS = 500_000
KINDS = ("()", "[]", "{}", "<>")
LABELS = "abcdefgh"
DEEPEST = 12


def group(chance: random.Random, room: int) -> str:
    """One pair with what is in it; at most `room` more levels below."""
    kind = KINDS[int(chance.random() * len(KINDS))]
    label = LABELS[int(chance.random() * len(LABELS))]
    inside = []
    # one group in each on average, fewer further down: most pairs are near, some are hundreds of characters apart
    while room > 0 and chance.random() < 0.57 * room / (room + 1):
        inside.append(group(chance, room - 1))
    return f"{kind[0]}{label} {''.join(part + ' ' for part in inside)}{label}{kind[1]}"


def line(chance: random.Random) -> str:
    """One to four groups; how deep they may go differs from line to line."""
    deepest = 1 + int(chance.random() * DEEPEST)
    groups = [group(chance, deepest)]
    while len(groups) < 4 and chance.random() < 0.5:
        groups.append(group(chance, deepest))
    return " ".join(groups) + "\n"


def make() -> str:
    """The whole corpus."""
    chance = random.Random(SEED)
    lines: list[str] = []
    length = 0
    while length < CHARACTERS:
        lines.append(line(chance))
        length += len(lines[-1])
    return "".join(lines)


if __name__ == "__main__":
    description = "nested brackets with labelled pairs: every error has a distance"
    sys.exit(finish("brackets", description, make(), sys.argv[1:]))
