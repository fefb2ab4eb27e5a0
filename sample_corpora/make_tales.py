"""Generate tales.txt: short stories from the grammar in tales_grammar/.

A story is consistent throughout: the main character with a gender, a friend, an animal, a tradesperson, an object that
is wanted or lost, places with their adjectives, a season and its weather, a tree, a dish. A character model can learn
dependencies from the spelling of a word up to who "she" is three paragraphs later.

Run it to write tales.txt and its entry in index.json; --check only compares both with what would be written.
"""

import random
import sys
from pathlib import Path

from telling import MANY, ONE, Count, Person, Rules, Teller, Thing, read_rules
from writing import finish

SEED = 1889
CHARACTERS = 1_000_000
GRAMMAR = Path(__file__).resolve().parent / "tales_grammar"
INTROS = (
    "a~ {adjective} {own_job} called {name}",
    "a~ {own_job} called {name}",
    "a~ {adjective} {youth} called {name}",
    "a~ {youth} called {name}",
    "a~ {adult} named {name}",
)


def rules() -> Rules:
    """Read all rules of the grammar."""
    return read_rules("\n".join(path.read_text(encoding="ascii") for path in sorted(GRAMMAR.glob("*.txt"))))


def story(rules: Rules, chance: random.Random) -> tuple[str, float]:
    """Return one story with its title, and the information content of its random choices in nats."""
    teller = Teller(rules, chance)
    cast(teller)
    told = teller.tell("{plot}")
    return f"{teller.tell('{title}')}\n\n{told}\n", teller.nats


def cast(teller: Teller) -> None:
    """Choose the characters, objects and places of the story."""
    pick = teller.pick
    hero, friend = (pick_pronoun(teller) for _ in range(2))
    names = pick(hero), pick(friend)
    youth, adult = ("girl", "woman") if hero == "she" else ("boy", "man")
    intro = INTROS[teller.choose(len(INTROS))].replace("{name}", names[0])
    intro = intro.replace("{youth}", youth).replace("{adult}", adult).replace("{adjective}", "{person_adj}")
    teller.cast["h"] = Person((names[0],), hero, intro, names[0], {"name": names[0]})
    tie = pick(f"tie_{friend}")
    intro = f"{{h?'s}} {tie} {names[1]}"
    teller.cast["f"] = Person((names[1],), friend, intro, names[1], {"name": names[1], "tie": tie})
    teller.cast["b"] = beast(teller)
    teller.cast["k"] = trader(teller)
    for role in "tuvw":
        teller.cast[role] = thing(teller)
    for role, group in (("p", "near"), ("q", "near"), ("r", "far")):
        teller.cast[role] = place(teller, pick(group))
    one, many = pick("goods").split("; ")
    teller.cast["n"] = Count(one, many, 5 + teller.choose(5))
    season = ("spring", "summer", "autumn", "winter")[teller.choose(4)]
    teller.cast["season"] = season
    teller.cast["weather"] = pick(f"{season}.sky")
    # flags for conditions, not objects: whether the weather is over, and whether people get lost in it
    teller.cast["over"], teller.cast["dark"] = Thing({}), Thing({}, met=teller.cast["weather"] not in ("sun", "heat"))
    small = pick("small")
    teller.cast["small_first"], teller.cast["small_the"] = small, small.replace("a~", "the")
    teller.cast["small_noun"] = small.removeprefix("a~ ")
    for name, rule in (("good", "skill"), ("bad", "skill"), ("meal", "food"), ("famed", "fame"), ("tree", "tree_kind")):
        teller.cast[name] = pick(rule)


def pick_pronoun(teller: Teller) -> str:
    """Return "he" or "she" at random."""
    return ("she", "he")[teller.choose(2)]


def beast(teller: Teller) -> Person:
    """Return an animal with a name."""
    pronoun = pick_pronoun(teller)
    kind, name = teller.pick("beast"), teller.pick(f"beast_{pronoun}")
    intro = f"a~ {teller.pick('beast_adj')} {kind} called {name}"
    return Person((name, f"the {kind}"), pronoun, intro, name, {"name": name, "kind": kind, "Kind": titled(kind)})


def trader(teller: Teller) -> Person:
    """Return a person with a trade and no name."""
    job, sign = teller.pick("job").split("; ")
    forms = {"job": job, "Job": titled(job)}
    return Person((f"the {job}",), pick_pronoun(teller), f"a~ {job} with {sign}", job, forms)


def thing(teller: Teller) -> Thing:
    """Return a random object in all forms that the rules use."""
    many = teller.choose(6) == 0
    noun, adjectives, use, does, fails = teller.pick("thing_many" if many else "thing").split("; ")
    adjective = adjectives.split(", ")[teller.choose(len(adjectives.split(", ")))]
    none = f"{'were' if many else 'was'} no {noun}"
    these = f"{'these' if many else 'this'} {noun}"
    forms = dict(MANY if many else ONE, noun=noun, adj=adjective, use=use, does=does, fails=fails, none=none)
    forms["a"] = f"a~ {'pair of ' if many else ''}{adjective} {noun}"
    forms |= {"the": f"the [|{adjective} ]{noun}", "these_noun": these, "many": noun if many else plural(noun)}
    forms["one"] = f"{'a Pair of' if many else 'a~'} {titled(noun)}"
    return Thing(forms | {"Noun": titled(noun), "Adj": titled(adjective)})


def place(teller: Teller, line: str) -> Thing:
    """Return the place of a grammar line in all forms that the rules use."""
    noun, adjectives, at, to, *who = line.split("; ")
    adjective = adjectives.split(", ")[teller.choose(len(adjectives.split(", ")))]
    name = f"the [|{adjective} ]{noun}"
    forms = {"the": name, "at": f"{at} {name}", "to": f"{to} {name}", "Title": f"{at} the {titled(noun)}"}
    return Thing(forms | {"who": who[0] if who else ""})


def titled(words: str) -> str:
    """Return `words` in title case."""
    return " ".join(word[0].upper() + word[1:] for word in words.split(" "))


def plural(noun: str) -> str:
    """Return the plural of a noun."""
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def make() -> str:
    """Return the whole corpus."""
    chance = random.Random(SEED)
    read = rules()
    stories: list[str] = []
    length, nats = 0, 0.0
    while length < CHARACTERS:
        text, chosen = story(read, chance)
        stories.append(text)
        length += len(text) + 2
        nats += chosen
    print(f"{len(stories)} stories, {nats / length:.3f} nats of randomness per character")
    return "\n\n".join(stories)


if __name__ == "__main__":
    description = "small stories told by rules: names, weather and lost things carried over many lines"
    sys.exit(finish("tales", description, make(), sys.argv[1:]))
