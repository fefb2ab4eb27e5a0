"""Generate reviews.tsv: short reviews whose verdict depends on the order of words and on negation.

    review  = { neutral sentence } verdict { neutral sentence }        3 to 60 words and marks
    verdict = one of the FORMS, with a good word, a bad word, or both

In most forms a good and a bad word change places between a positive and a negative review: "it was good , not bad at
all" and "it was bad , not good at all" have the same words. Others turn one word by negation, once or twice: "it was
never dull", "nobody said it was not a dull film". So counting words says little about the verdict; the order of words
decides it always. A third column says whether a verdict is negated.

Run it to write reviews.tsv and its entry in index.json; --check only compares both with what would be written.
"""

import random
import sys

from writing import finish

SEED = 21
REVIEWS = 12_000
MOST = 60  # words and marks

# what is reviewed: the thing, and neutral sentences about it
THINGS = {
    "film": ("we sat in row three .", "it ran for two hours .", "the hall was half full .", "it began at nine .",
             "my sister came along .", "it was shown with subtitles .", "the story takes place on an island ."),
    "book": ("i read it on the train .", "it has three hundred pages .", "a friend lent it to me .",
             "it is set in a harbour town .", "the cover is green .", "i finished it on a sunday ."),
    "inn": ("we arrived on a friday .", "the room looked out on the yard .", "we stayed for two nights .",
            "breakfast was served until ten .", "the stairs were narrow .", "there were six of us ."),
    "soup": ("it came in a white bowl .", "they served it with bread .", "i had it on tuesday .",
             "there was some parsley on it .", "we sat by the window .", "the table was laid for four ."),
    "kettle": ("i bought it in march .", "it holds two litres .", "it stands on my stove .",
               "the handle is made of wood .", "it came in a plain box .", "i use it every morning ."),
    "concert": ("it rained outside .", "we stood near the door .", "they played for an hour .", "the hall was new .",
                "there was one encore .", "my brother had the tickets ."),
}  # fmt: skip
GOOD = ("good", "fine", "lovely", "great", "pleasant", "charming", "splendid", "enjoyable")
BAD = ("bad", "dull", "poor", "awful", "dreadful", "tedious", "disappointing", "unpleasant")
PEOPLE = ("my brother", "my aunt", "a critic", "our neighbour", "the paper", "a friend", "my teacher", "the guide")

# (form, negated): {v} is a word of the verdict, {w} one of the opposite, {v2} another word of the verdict,
# {a v} the word after its article, {thing} what is reviewed, {who} somebody
FORMS = (
    ("the {thing} was {v} .", False),
    ("the {thing} was {v} and {v2} .", False),
    ("what {a v} {thing} !", False),
    ("the {thing} was not {w} .", True),
    ("the {thing} was never {w} .", True),
    ("it was not {a w} {thing} .", True),
    ("nobody could call it {a w} {thing} .", True),
    ("the {thing} was {v} , not {w} at all .", True),
    ("the {thing} was not {w} at all , it was {v} .", True),
    ("the {thing} was anything but {w} , really {v} .", True),
    ("nobody would say that the {thing} was not {v} .", True),
    ("i cannot say that the {thing} was not {v} .", True),
    ("{who} never failed to find it {v} , and so did i .", True),
    ("{who} called it {w} , but it was {v} .", False),
    ("{who} called it {w} , {who2} called it {w2} , and both were wrong .", False),
    ("{who} said it was {w} , but that is not true .", True),
    ("{who} said it was {v} , and that is true .", False),
    ("it looked {w} at first , but in the end it was {v} .", False),
    ("although the start was {w} , the {thing} turned out {v} .", False),
    ("the {thing} turned out {v} , although the start was {w} .", False),
    ("i had expected {a w} {thing} , and got {a v} one .", False),
    ("i was told that it would be {w} , yet it was {v} .", False),
    ("it was less {w} than {v} .", False),
    ("it was more {v} than {w} .", False),
    ("far from {w} , the {thing} was {v} .", True),
    ("the {thing} was {v} , so do not believe {who} who found it {w} .", True),
    ("do not believe {who} who found it {w} .", True),
)  # fmt: skip


def pick(chance: random.Random, options: tuple[str, ...], without: tuple[str, ...] = ()) -> str:
    """Return one of the options that is not among `without`."""
    left = [option for option in options if option not in without]
    return left[int(chance.random() * len(left))]


def with_article(word: str) -> str:
    """Return the word after "a" or "an"."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def verdict(chance: random.Random, form: str, positive: bool, thing: str) -> str:
    """Return a form with its words filled in."""
    same, opposite = (GOOD, BAD) if positive else (BAD, GOOD)
    v, w = pick(chance, same), pick(chance, opposite)
    who = pick(chance, PEOPLE)
    words = {
        "v": v, "w": w, "v2": pick(chance, same, (v,)), "w2": pick(chance, opposite, (w,)), "a v": with_article(v),
        "a w": with_article(w), "thing": thing, "who": who, "who2": pick(chance, PEOPLE, (who,)),
    }  # fmt: skip
    for name, word in words.items():
        form = form.replace(f"{{{name}}}", word)
    return form


def review(chance: random.Random, positive: bool, form: str) -> str:
    """Return a review of at most MOST words: the verdict somewhere among neutral sentences."""
    thing = pick(chance, tuple(THINGS))
    said, room = verdict(chance, form, positive, thing), int(chance.random() * (MOST + 1))
    before: list[str] = []
    after: list[str] = []
    length = len(said.split())
    for sentence in sorted(THINGS[thing], key=lambda _: chance.random()):
        if length + len(sentence.split()) > room:
            break
        length += len(sentence.split())
        (before if chance.random() < 0.5 else after).append(sentence)
    return " ".join([*before, said, *after])


def make() -> str:
    """Return the whole table: as many positive as negative reviews of each form, no text twice."""
    chance = random.Random(SEED)
    rows, seen = ["text\tlabel\tnegated"], set[str]()
    while len(rows) <= REVIEWS:
        form, negated = FORMS[int(chance.random() * len(FORMS))]
        pair = [review(chance, positive, form) for positive in (True, False)]
        if seen & set(pair):
            continue
        seen |= set(pair)
        if chance.random() < 0.5:  # no pattern in the order of labels
            rows += [f"{pair[0]}\tpositive\t{_yes(negated)}", f"{pair[1]}\tnegative\t{_yes(negated)}"]
        else:
            rows += [f"{pair[1]}\tnegative\t{_yes(negated)}", f"{pair[0]}\tpositive\t{_yes(negated)}"]
    return "\n".join(rows) + "\n"


def _yes(negated: bool) -> str:
    return "yes" if negated else "no"


if __name__ == "__main__":
    description = "short reviews whose verdict depends on word order and negation"
    sys.exit(finish("reviews", description, make(), sys.argv[1:], file="reviews.tsv", task="classify"))
