"""Phrases and predicates in English and French at once: every construction makes both sides from the same choices."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from french import MON, MY, Adjective, Noun, Phrase, Words, is_vowel

_T = TypeVar("_T")
Both = tuple[list[str], list[str]]  # the English and the French words

SUBJECTS = (("i", "je", 0, False), ("he", "il", 1, False), ("she", "elle", 1, True), ("we", "nous", 2, False),
            ("you", "vous", 3, False), ("they", "ils", 4, False))  # fmt: skip
# of a person as an object: english, direct, indirect
OBJECTS = {0: ("me", "me", "me"), 2: ("us", "nous", "nous"), 3: ("you", "vous", "vous"), 4: ("them", "les", "leur")}
HIM = {False: ("him", "le", "lui"), True: ("her", "la", "lui")}
NAMES = (("anna", True), ("marie", True), ("paul", False), ("louis", False))
NUMBERS = (("two", "deux"), ("three", "trois"), ("four", "quatre"), ("five", "cinq"), ("ten", "dix"))
PLACES = (
    ("in", "dans", "in"),
    ("on", "sur", "on"),
    ("under", "sous", "under"),
    ("near", "près de", "near"),
    ("behind", "derrière", "near"),
    ("in front of", "devant", "near"),
    ("next to", "à côté de", "near"),
)
SURE = {"the": 8, "my": 3, "this": 2, "owner": 2}  # what determines a noun, with weights
ANY = SURE | {"a": 6, "number": 1}
MISREAD = {"big": "person", "beautiful": "kin"}  # grand homme is a great man, belle sœur a sister-in-law


@dataclass
class Topic:
    """What "they", "it" and "them" refer to in the clause that follows; before the first, to something masculine."""

    first: bool = True
    subject: Phrase | None = None
    thing: Phrase | None = None  # the object of the clause before

    def they(self) -> bool | None:
        """Return whether "they" is feminine; None if it is better not used."""
        if self.subject and self.subject.person == 4:
            return self.subject.feminine
        return False if self.first else None

    def it(self, plural: bool, kinds: frozenset[str]) -> bool | None:
        """Return whether "it" or "them" is feminine as the object of a verb said of `kinds`; None if not used."""
        if self.thing:
            fits = self.thing.plural == plural and self.thing.kinds & kinds and (plural or not _is_person(self.thing))
            return self.thing.feminine if fits else None
        return False if self.first else None


def _is_person(phrase: Phrase) -> bool:
    return "person" in phrase.kinds


@dataclass
class Predicate:
    """What is said of a subject, besides the form of the verb."""

    english: list[str] = field(default_factory=list)  # after the verb
    french: list[str] = field(default_factory=list)
    clitics: list[str] = field(default_factory=list)  # before the verb
    agrees: tuple[bool, bool] = (False, False)  # the participle after avoir: feminine, plural
    thing: Phrase | None = None


class Phrases:
    """Draws phrases at random."""

    def __init__(self, words: Words, chance: random.Random) -> None:
        self.words, self._chance = words, chance

    def pick(self, choices: Sequence[_T]) -> _T:
        """Return one of `choices`, with equal probability."""
        return choices[int(self._chance.random() * len(choices))]

    def weighed(self, weights: dict[_T, int]) -> _T:
        """Return one of the keys, with probability in proportion to its weight."""
        left = self._chance.random() * sum(weights.values())
        for choice, weight in weights.items():
            left -= weight
            if left < 0:
                return choice
        raise AssertionError("unreachable")

    def maybe(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._chance.random() < probability

    def noun(self, kinds: Iterable[str], countable: bool = False) -> Noun:
        """Return a noun of one of the kinds; `countable`: one that has a plural."""
        wanted = frozenset(kinds)
        fitting = [noun for noun in self.words.nouns if noun.kinds & wanted]
        return self.pick([noun for noun in fitting if not countable or (noun.plural and "one" not in noun.kinds)])

    def subject(self, topic: Topic, kinds: Sequence[str] = ("person",), tail: float = 0.0) -> Phrase:
        """Return the subject of a clause."""
        if "person" in kinds and self.maybe(0.55):
            english, french, person, feminine = self.pick(SUBJECTS)
            if person == 4:
                they = topic.they()
                if they is None:
                    return self.subject(topic, kinds, tail)
                french, feminine = ("elles" if they else "ils"), they
            return Phrase((english,), (french,), person, feminine, frozenset({"person"}), pronoun=True)
        if "person" in kinds and self.maybe(0.3):
            return self.name()
        phrase = self.phrase(kinds, SURE | {"number": 1}, tail=tail)
        if tail and self.maybe(0.12):
            return self.both(phrase, kinds)
        return phrase

    def both(self, one: Phrase, kinds: Iterable[str]) -> Phrase:
        """Return a phrase and another of the same kind with "and" in between: masculine unless both are feminine."""
        shared = sorted(one.kinds.intersection(kinds))[:1]
        other = self.name() if shared == ["person"] and self.maybe(0.4) else self.phrase(shared, SURE)
        english, french = (*one.english, "and", *other.english), (*one.french, "et", *other.french)
        return Phrase(english, french, 4, one.feminine and other.feminine, one.kinds & other.kinds)

    def name(self) -> Phrase:
        """Return a person by name."""
        name, feminine = self.pick(NAMES)
        return Phrase((name,), (name,), 1, feminine, frozenset({"person"}))

    def phrase(
        self,
        kinds: Iterable[str],
        determiners: dict[str, int] | None = None,
        denied: bool = False,
        tail: float = 0.0,
        single: bool = False,
        several: bool = False,
        noun: Noun | None = None,
    ) -> Phrase:
        """Return a noun with determiner and adjectives, and with probability `tail` something after it.

        `denied`: the object of a verb with a negation, so that "a cat" is "de chat".
        """
        noun = noun or self.noun(kinds)
        single = single or not noun.plural or "one" in noun.kinds
        plural = not single and (several or self.maybe(0.35))
        determiner = self.weighed(determiners or ANY)
        if determiner == "number" and single:
            determiner = "a" if "a" in (determiners or ANY) else "the"
        if determiner == "number":
            plural = True
        if determiner in ("my", "owner") and "person" in noun.kinds and "own" not in noun.kinds:
            determiner = "the"
        adjectives = self.adjectives(noun)
        before = [one for one in adjectives if one.place == "before"]
        after = [word for one in adjectives if one.place != "before" for word in agreed(one, noun, plural)]
        french = [noun.pluriel if plural else noun.french]
        for one in before:
            french.insert(0, one.french(noun.feminine, plural, french[0]))
        english = [word for one in adjectives for word in one.english.split()]
        english.append(noun.plural if plural else noun.english)
        owner = self.owner() if determiner == "owner" else None
        first, premier = self.determined(determiner, noun, plural, denied, bool(before), french[0], english[0])
        if owner:
            first, after = [*owner.english, "'s"], [*after, "de", *owner.french]
        phrase = Phrase((*first, *english), (*premier, *french, *after), 4 if plural else 1, noun.feminine, noun.kinds)
        return self.with_tail(phrase) if self.maybe(tail) else phrase

    def adjectives(self, noun: Noun) -> list[Adjective]:
        """Return none, one or two adjectives, at most one of each place, in the English order."""
        fitting = [one for one in self.words.adjectives if one.kinds & noun.kinds]
        fitting = [one for one in fitting if MISREAD.get(one.english) not in noun.kinds]
        before = [one for one in fitting if one.place == "before"]
        after = [one for one in fitting if one.place != "before"]
        chosen = []
        if before and self.maybe(0.28):
            chosen.append(self.pick(before))
        if after and self.maybe(0.28):
            chosen.append(self.pick(after))
        return chosen

    def owner(self) -> Phrase:
        """Return someone who has something."""
        if self.maybe(0.6):
            return self.name()
        return self.phrase((), {"the": 3, "my": 2}, single=True, noun=self.noun(["person"]))

    def determined(
        self, determiner: str, noun: Noun, plural: bool, denied: bool, adjective: bool, following: str, english: str
    ) -> Both:
        """Return the determiner in front of the French word `following` and the English word `english`."""
        column = 2 if plural else 1 if noun.feminine else 0
        if determiner == "my":
            person = int(self._chance.random() * 5)
            my = "her" if person == 1 and self.maybe(0.5) else MY[person]
            return [my], [MON[person][0 if column == 1 and is_vowel(following) else column]]
        if determiner == "this":
            this = ("cet" if is_vowel(following) else "ce", "cette", "ces")[column]
            return ["these" if plural else "this"], [this]
        if determiner == "number":
            number, nombre = self.pick(NUMBERS)
            return [number], [nombre]
        if determiner == "a":
            several = plural or not noun.plural
            if denied:
                return ["any"] if several else [an(english)], ["de"]
            if plural:
                return ["some"], ["de" if adjective else "des"]
            if not noun.plural:
                return ["some"], ["de", "la" if noun.feminine else "le"]
            return [an(english)], ["une" if noun.feminine else "un"]
        if determiner == "all":
            return [], [("le", "la", "les")[column]]
        return ["the"], [("le", "la", "les")[column]]

    def with_tail(self, phrase: Phrase) -> Phrase:
        """Return a phrase with a place after it."""
        english, french = self.place(near=True)
        return Phrase(
            (*phrase.english, *english), (*phrase.french, *french), phrase.person, phrase.feminine, phrase.kinds
        )

    def place(self, near: bool = False) -> Both:
        """Return where something is."""
        english, french, kind = self.pick(PLACES[2:] if near else PLACES)
        where = self.phrase([kind], SURE | {"a": 1}, single=self.maybe(0.8))
        if where.english[0] == "some":
            return self.place(near)
        return [*english.split(), *where.english], [*french.split(), *where.french]

    def goal(self) -> Phrase:
        """Return where one goes to or comes from."""
        return self.phrase(["goal"], {"the": 10, "this": 1, "my": 1}, single=True)


def an(following: str) -> str:
    """Return the indefinite article in front of an English word."""
    return "an" if following[0] in "aeiou" else "a"


def agreed(adjective: Adjective, noun: Noun, plural: bool) -> list[str]:
    """Return an adjective that follows its noun."""
    return adjective.french(noun.feminine, plural).split()
