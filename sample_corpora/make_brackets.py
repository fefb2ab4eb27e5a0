"""Generate brackets.txt: nested brackets with labels, where every error can be counted and located by distance.

    line    = group { " " group } newline
    group   = opening label " " { group " " } label closing       with one label and one kind of bracket
    label   = "a" | "b" | ... | "h"
    kinds   = ( )  [ ]  { }  < >

as in `(c [a a] <f {b b} f> c)`. Which bracket opens next, and when one closes, is random and cannot be predicted. How
it closes is determined by its label and kind, from a few characters to hundreds of characters back. What a model has
not learned yet therefore shows in its errors at closings, and in their distance.

Run it to write brackets.txt and its entry in index.json; --check only compares both with what would be written.
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
    """Return one pair with its contents, nested at most `room` levels deeper."""
    kind = KINDS[int(chance.random() * len(KINDS))]
    label = LABELS[int(chance.random() * len(LABELS))]
    inside = []
    # about one group each, fewer when deeper: most pairs are close together, some are hundreds of characters apart
    while room > 0 and chance.random() < 0.57 * room / (room + 1):
        inside.append(group(chance, room - 1))
    return f"{kind[0]}{label} {''.join(part + ' ' for part in inside)}{label}{kind[1]}"


def line(chance: random.Random) -> str:
    """Return a line of one to four groups; the maximum depth varies by line."""
    deepest = 1 + int(chance.random() * DEEPEST)
    groups = [group(chance, deepest)]
    while len(groups) < 4 and chance.random() < 0.5:
        groups.append(group(chance, deepest))
    return " ".join(groups) + "\n"


def make() -> str:
    """Return the whole corpus."""
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
