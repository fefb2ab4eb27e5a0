"""Generate tunes.abc: dance tunes and airs in ABC notation, composed by the rules in tune_rules.py.

A tune has a header and two parts of 8 bars, each played twice, often with a first and a second ending. A model can
learn the notation (full bars, closed repeats, endings), the key and the metre that the header promises, and the form:
phrases that come back, figures that a tune favours, cadences on the tonic.

Run it to write tunes.abc and its entry in index.json; --check only compares both with what would be written.
"""

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from composing import EIGHTH, Composer, Note, Part, pick
from tune_rules import SCALES, STYLES, Style
from writing import finish

SEED = 1724
TUNES = 3_000
LETTERS = "CDEFGAB"
DOTTED = EIGHTH * 3 // 2
TRIPLET = [EIGHTH * 2 // 3] * 3
TITLES = Path(__file__).resolve().parent / "tune_titles.txt"


def read_words() -> dict[str, list[str]]:
    """Return the word lists for titles by name."""
    text = re.sub("#.*", "", TITLES.read_text(encoding="ascii"))
    lists = [paragraph.split(": ", 1) for paragraph in text.strip().split("\n\n")]
    return {name: " ".join(words.split()).split(", ") for name, words in lists}


def title(chance: random.Random, words: dict[str, list[str]], style: Style) -> str:
    """Return a title; some name the rhythm."""
    word = {kind: pick(chance, of_kind) for kind, of_kind in words.items()}
    owner = word["names"] + ("'" if word["names"].endswith("s") else "'s")
    rhythm = style.name.capitalize()
    titles = {
        f"The {word['adjectives']} {word['nouns']}": 30,
        f"{owner} {rhythm}": 20,
        f"{owner} {word['nouns']}": 10,
        f"{owner} {word['adjectives']} {word['nouns']}": 10,
        f"{word['ways']} {word['places']}": 20,
        f"The {word['places']} {rhythm}": 10,
    }
    return pick(chance, tuple(titles), tuple(titles.values()))


def bar_text(notes: Sequence[Note], style: Style) -> str:
    """Return the notes of a bar, with a space between beats and accidentals where the bar needs them."""
    text, now = "", 0
    altered: dict[int, bool] = {}  # by letter, whether the last accidental in this bar raised it
    lengths = [note.length for note in notes]
    triplet = 0  # notes that are left in it
    for place, note in enumerate(notes):
        if text and now % (style.beat * EIGHTH) == 0:
            text += " "
        if not triplet and lengths[place : place + 3] == TRIPLET:
            text, triplet = text + "(3", 3
        letter = note.step % 7
        if note.raised != altered.get(letter, False):
            text += "^" if note.raised else "="
            altered[letter] = note.raised
        text += LETTERS[letter] if note.step < 7 else LETTERS[letter].lower() + "'" * (note.step >= 14)
        if note.length == DOTTED:
            text += ">"  # and the next note is the short one
        elif note.length > EIGHTH:
            text += str(note.length // EIGHTH)
        triplet = max(triplet - 1, 0)
        now += note.length
    return text


def part_text(part: Part, style: Style) -> str:
    """Return a part in two lines of four bars."""
    pickup = f"{bar_text(part.pickup, style)}|" if part.pickup else ""
    bars = [bar_text(bar, style) for bar in part.bars]
    first, second = bar_text(part.first, style), bar_text(part.second, style)
    last = f"1 {first}:|2 {second}|]" if first != second else f"{second}:|"
    return f"|:{pickup}{'|'.join(bars[:4])}|\n{'|'.join(bars[4:])}|{last}\n"


def tune(chance: random.Random, number: int, words: dict[str, list[str]], taken: set[str]) -> str:
    """Return a tune with a title that is not in `taken` yet."""
    style = pick(chance, STYLES, [style.weight for style in STYLES])
    scale = pick(chance, SCALES, [scale.weight for scale in SCALES])
    name = title(chance, words, style)
    while name in taken:
        name = title(chance, words, style)
    taken.add(name)
    composer = Composer(chance, scale, style)
    height = min(max(composer.final + 4, 5), 8)
    parts = [composer.part(height), composer.part(min(height + 3, 10))]
    header = f"X:{number}\nT:{name}\nR:{style.name}\nM:{style.metre}\nL:1/8\nK:{scale.name}\n"
    return header + "".join(part_text(part, style) for part in parts)


def make() -> str:
    """Return the whole corpus; an empty line ends each tune."""
    chance = random.Random(SEED)
    words, taken = read_words(), set[str]()
    return "".join(tune(chance, number + 1, words, taken) + "\n" for number in range(TUNES))


if __name__ == "__main__":
    description = "dance tunes and airs in ABC notation: metre, key, phrases that come back"
    sys.exit(finish("tunes", description, make(), sys.argv[1:], file="tunes.abc", task="music"))
