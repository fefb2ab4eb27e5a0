"""Generate reviews.tsv: short reviews, positive or negative, for a classifier that reads a text to its end.

Which words a review consists of says little about its label; their order and what is negated decide:

    gripping , not dull at all .                                positive
    dull , not gripping at all .                                negative
    although the plot was terrible , the film was excellent .   positive
    although the plot was excellent , the film was terrible .   negative

Every opinion is therefore told twice, with opposite labels and otherwise alike: the same construction, length, neutral
sentences and negation. Such twins make the labels balanced in every respect. The rules are in reviews_grammar/.

A line is text, label and "yes" or "no" for negated, separated by tabs. Run it to write reviews.tsv and its entry in
index.json; --check only compares both with what would be written.
"""

import bisect
import itertools
import random
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from telling import Rules, read_rules
from writing import finish

SEED = 1764
SHORTEST, LONGEST = 3, 60  # tokens
PAIRS = (140, 65)  # pairs of the shortest and of the longest length; linear in between
HEADER = "text\tlabel\tnegated"
LABELS = ("positive", "negative")
KINDS = {  # the share of each kind of opinion in percent, as far as its templates fit the length
    "plain": 24,
    "negation": 15,
    "affirmed": 9,
    "double": 10,
    "contrast": 10,
    "but": 12,
    "denied": 6,
    "quoted": 8,
    "comparison": 6,
}
SUPPORT = 0.4  # the probability of a second opinion, with the same label, in a review longer than LONG
LONG = 24
GAP = "\n\n"  # what read_rules makes of //
GRAMMAR = Path(__file__).resolve().parent / "reviews_grammar"

_SLOT = re.compile(r"\{([+-]?)([a-z]+)(2?)\}")
_CHOICE = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")
_ARTICLE = re.compile(r"\ba~ (?=(\w+))")


@dataclass
class Draw:
    """The random choices of one pair of twins: a thing, and a word or two for every slot, chosen at first use."""

    words: dict[str, list[str]]
    chance: random.Random
    thing: list[str]  # the fields of a line in things.txt
    slots: dict[str, str] = field(default_factory=dict)

    def slot(self, sign: str, name: str, second: str, positive: bool) -> str:
        """Return the word of a slot, "{+adj2}" being ("+", "adj", "2"), in the positive or the negative review."""
        if name in ("thing", "things", "be"):
            return self.thing[("thing", "things", "be").index(name)]
        if name == "he":
            return dict(line.split("; ") for line in self.words["person"])[self.slot("", "person", "", positive)]
        side = "" if not sign else "good " if positive == (sign == "+") else "bad "
        key = side + name
        if key + second not in self.slots:
            taken = self.slots.get(key + ("" if second else "2"))
            self.slots[key + second] = pick([word for word in self._choices(side, name) if word != taken], self.chance)
        return self.slots[key + second]

    def _choices(self, side: str, name: str) -> list[str]:
        if name == "part":
            return self.thing[5].split(", ")
        if name == "person":
            return [line.split("; ")[0] for line in self.words["person"]]
        own = self.thing[3 if side == "good " else 4].split(", ") if name == "adj" else []
        return self.words[side + name] + own


@dataclass(frozen=True)
class Twins:
    """A positive review and its negative twin."""

    positive: str
    negative: str
    negated: bool
    length: int  # tokens


def rules() -> Rules:
    """Read all rules of the grammar."""
    return read_rules("\n".join(path.read_text(encoding="ascii") for path in sorted(GRAMMAR.glob("*.txt"))))


def pick(choices: list[str], chance: random.Random) -> str:
    """Return one of `choices`, with equal probability."""
    return choices[int(chance.random() * len(choices))]


def told(template: str, draw: Draw, positive: bool) -> str:
    """Return a template as it reads in the positive or the negative review."""
    text = _CHOICE.sub(lambda match: match[1 if positive else 2], template)
    text = _SLOT.sub(lambda match: draw.slot(match[1], match[2], match[3], positive), text)
    return _ARTICLE.sub(lambda match: "an " if match[1][0] in "aeiou" and match[1][:2] != "us" else "a ", text)


def length(text: str) -> int:
    """Return the number of tokens: words and punctuation marks, all separated by white space."""
    return len(text.split())


def opinion(words: dict[str, list[str]], draw: Draw, size: int) -> tuple[str, str]:
    """Return an opinion, and the same with the opposite label, for a review of `size` tokens; it may be too long."""
    kind = bisect.bisect(list(itertools.accumulate(KINDS.values())), int(draw.chance.random() * 100))
    templates = [pick(words[list(KINDS)[kind]], draw.chance)]
    if size > LONG and draw.chance.random() < SUPPORT:
        templates.append(pick(words["support"], draw.chance))
    # every template draws its own words
    draws = [Draw(words, draw.chance, draw.thing) for _ in templates]
    sides = [[told(t, d, side) for t, d in zip(templates, draws, strict=True)] for side in (True, False)]
    return GAP.join(sides[0]), GAP.join(sides[1])


def filling(words: dict[str, list[str]], draw: Draw, size: int) -> list[str] | None:
    """Return neutral sentences of `size` tokens together; None if none were found."""
    shared = Draw(words, draw.chance, draw.thing)  # a review has one day and one month
    calendar = {name: shared.slot("", name, "", True) for name in ("day", "month")}
    choices = words["any"] + 3 * words[draw.thing[0]]  # about as many of both
    found: list[str] = []
    used: set[str] = set()
    for _ in range(200):
        if size == 0:
            return found
        templates = [pick(choices, draw.chance) for _ in range(2)]
        template = max(templates, key=length)  # fewer and longer sentences
        sentence = told(template, Draw(words, draw.chance, draw.thing, dict(calendar)), True)
        rest = size - length(sentence)
        if template not in used and (rest == 0 or rest >= SHORTEST):
            found.append(sentence)
            used.add(template)
            size = rest
    return None


def twins(words: dict[str, list[str]], chance: random.Random, size: int) -> Twins | None:
    """Return a pair of reviews of `size` tokens; None if what was drawn does not fit."""
    draw = Draw(words, chance, pick(words["thing"], chance).split("; "))
    positive, negative = opinion(words, draw, size)
    rest = size - length(positive)
    if length(negative) != length(positive):
        raise ValueError(f"the twins are not of the same length: {positive} / {negative}")
    if rest < 0 or 0 < rest < SHORTEST:
        return None
    sentences = filling(words, draw, rest)
    if sentences is None:
        return None
    gaps: list[list[str]] = [[] for _ in range(positive.count(GAP) + 2)]
    for sentence in sentences:
        gaps[int(chance.random() * len(gaps))].append(sentence)
    texts = [placed(text.split(GAP), gaps) for text in (positive, negative)]
    negated = [any(word in words["negator"] for word in text.split()) for text in texts]
    if negated[0] != negated[1]:
        raise ValueError(f"one twin is negated and the other is not: {positive} / {negative}")
    return Twins(texts[0], texts[1], negated[0], size)


def placed(parts: list[str], gaps: list[list[str]]) -> str:
    """Return the parts of an opinion with neutral sentences before, between and after them."""
    pieces = list(gaps[0])
    for part, sentences in zip(parts, gaps[1:], strict=True):
        pieces += [part, *sentences]
    return " ".join(" ".join(pieces).split())


def pairs() -> list[Twins]:
    """Return all pairs, by increasing length; no text occurs twice."""
    chance = random.Random(SEED)
    words = {name: [line for _, line in lines] for name, lines in rules().items()}
    made: list[Twins] = []
    seen: set[str] = set()
    for size in range(SHORTEST, LONGEST + 1):
        share = (size - SHORTEST) / (LONGEST - SHORTEST)
        wanted = len(made) + round(PAIRS[0] + share * (PAIRS[1] - PAIRS[0]))
        while len(made) < wanted:
            pair = twins(words, chance, size)
            if pair is not None and seen.isdisjoint((pair.positive, pair.negative)):
                made.append(pair)
                seen |= {pair.positive, pair.negative}
    return made


def make() -> str:
    """Return the whole corpus, in random order."""
    lines = []
    for pair in pairs():
        for text, label in zip((pair.positive, pair.negative), LABELS, strict=True):
            lines.append(f"{text}\t{label}\t{'yes' if pair.negated else 'no'}")
    chance = random.Random(SEED)
    for last in range(len(lines) - 1, 0, -1):
        other = int(chance.random() * (last + 1))
        lines[last], lines[other] = lines[other], lines[last]
    return "\n".join([HEADER, *lines]) + "\n"


if __name__ == "__main__":
    description = "short reviews, positive or negative: word order and negation decide, not the words"
    sys.exit(finish("reviews", description, make(), sys.argv[1:], file="reviews.tsv", task="classify"))
