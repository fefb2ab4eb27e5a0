"""Text generation by rules: templates with alternatives, slots, and a memory of the characters and objects of a story.

A rule has a name and alternatives. The syntax of an alternative:

    [a|b|c]         one of them, with equal probability
    {name}          another rule: one of its alternatives, preferably one not yet used in this story
    {name:h,f}      the same, with x bound to h and y to f
    {h} {t.use}     a person or thing of the story, and a form of it (he, his, was, at, ...)
    {h?}            he or she where that is unambiguous, otherwise the name
    {over!}         empty; marks it as mentioned from here on
    {^...}          capitalised
    a~ word         a or an, depending on the word
    (h,t) ...       only if the story has already mentioned h and t; (!h) only if not yet
    \\n, //          end of line, end of paragraph
    &               another person is named here: he and she become ambiguous

All randomness comes from `random.Random.random`, whose sequence is the same in every Python version.
"""

import math
import random
import re
from dataclasses import dataclass, field

PRONOUNS = {
    "he": {"he": "he", "him": "him", "his": "his", "himself": "himself"},
    "she": {"he": "she", "him": "her", "his": "her", "himself": "herself"},
}
ONE = {"was": "was", "is": "is", "has": "has", "it": "it", "them": "it", "its": "its", "this": "this", "s": "s"}
MANY = {
    "was": "were",
    "is": "are",
    "has": "have",
    "it": "they",
    "them": "them",
    "its": "their",
    "this": "these",
    "s": "",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_ARTICLE = re.compile(r"\b([Aa])~ (?=(\w+))")
_CONDITION = re.compile(r"(?:\(([a-z,!]+)\) )?(.*)")
_VOWEL = re.compile(r"(?!one\b|once\b|use|uni|eu)[aeiou]|hour|honest|heir", re.IGNORECASE)


@dataclass
class Person:
    """A person or animal: `known` lists their names, the template `intro` introduces them at first mention."""

    known: tuple[str, ...]
    pronoun: str  # "he" or "she"
    intro: str
    called: str  # how they are addressed
    forms: dict[str, str] = field(default_factory=dict)
    met: bool = False


@dataclass
class Thing:
    """An object or a place. All forms are templates; `a` is used at first mention if present, `the` after that."""

    forms: dict[str, str]
    met: bool = False


@dataclass
class Count:
    """A number of things of one kind that are given away one by one."""

    one: str
    many: str
    left: int

    def form(self, name: str) -> str:
        """Return the count in words, or the noun (`one`, `many`); `take` first takes one away."""
        if name == "take":
            self.left -= 1
        if name == "one":
            return self.one
        if name == "many":
            return self.many
        if name in ("left", "take"):
            return f"{'none' if self.left == 0 else NUMBERS[self.left]} {'was' if self.left < 2 else 'were'} left"
        return f"{NUMBERS[self.left]} {self.one if self.left == 1 else self.many}"


# name -> alternatives: the roles that must have been mentioned, and the template
Rules = dict[str, list[tuple[tuple[str, ...], str]]]


class Teller:
    """The generator of one story; `cast` maps slot names to their values."""

    def __init__(self, rules: Rules, chance: random.Random) -> None:
        self.rules = rules
        self.chance = chance
        self.cast: dict[str, Person | Thing | Count | str] = {}
        self.nats = 0.0  # information content of the random choices: not predictable by any model
        self._used: dict[str, list[str]] = {}
        self._meant: dict[str, str] = {}  # pronoun -> the person it refers to here

    def choose(self, count: int) -> int:
        """Return a uniformly random number in 0..count-1."""
        self.nats += math.log(count)
        return int(self.chance.random() * count)

    def pick(self, rule: str) -> str:
        """Return an alternative of a rule; of more than three, one not yet used in this story if possible."""
        options = [rest for needed, rest in self.rules[rule] if self._met(needed)]
        assert options, f"no alternative of {rule} applies"
        used = self._used.setdefault(rule, [])
        fresh = [option for option in options if option not in used] if len(options) > 3 else options
        if not fresh:
            used.clear()
            fresh = options
        used.append(fresh[self.choose(len(fresh))])
        return used[-1]

    def _met(self, roles: tuple[str, ...]) -> bool:
        """Return whether the story has mentioned all roles, and none of those marked with an exclamation mark."""
        return all(getattr(self.cast[role.lstrip("!")], "met", False) != role.startswith("!") for role in roles)

    def tell(self, template: str) -> str:
        """Return the text of a template."""
        return _ARTICLE.sub(_article, self._render(template))

    def _render(self, template: str) -> str:
        told: list[str] = []
        place = 0
        while place < len(template):
            character = template[place]
            if character == "[":
                end = _closing(template, place)
                options = _alternatives(template[place + 1 : end])
                told.append(self._render(options[self.choose(len(options))]))
                place = end + 1
            elif character == "{":
                end = template.index("}", place)
                told.append(self._slot(template[place + 1 : end]))
                place = end + 1
            else:
                if character in "\n&":
                    self._meant.clear()  # a new paragraph names its people again
                told.append(character.replace("&", ""))
                place += 1
        return "".join(told)

    def _slot(self, slot: str) -> str:
        if slot.startswith("^"):
            text = self._slot(slot[1:])
            return text[0].upper() + text[1:]
        if slot.endswith("!"):
            told = self.cast[slot[:-1]]
            assert not isinstance(told, str | Count), f"{slot} is not a person or thing"
            told.met = True
            return ""
        name, _, arguments = slot.partition(":")
        if arguments:
            return self._with(name, arguments.split(","))
        for mark in (".", "?", "'"):
            name, found, form = slot.partition(mark)
            if found:
                break
        return self._form(name, found + form)

    def _with(self, rule: str, roles: list[str]) -> str:
        """Return the text of a rule with x and y bound to `roles`."""
        before = {key: self.cast.get(key) for key in ("x", "y")}
        for key, role in zip(("x", "y"), roles, strict=False):
            self.cast[key] = self.cast[role]
        text = self._render(self.pick(rule))
        self.cast.update({key: value for key, value in before.items() if value is not None})
        return text

    def _form(self, name: str, form: str) -> str:
        held = self.cast.get(name)
        if isinstance(held, Person):
            return self._person(held, form)
        if isinstance(held, Thing):
            first = not held.met and "a" in held.forms
            held.met = held.met or form in ("", ".a", ".the")
            return self._render(held.forms[form[1:] or ("a" if first else "the")])
        if isinstance(held, Count):
            return held.form(form[1:])
        if isinstance(held, str) and not form:
            return held
        if isinstance(held, str):  # weather.now: the rule of this story's weather
            return self._render(self.pick(held + form))
        return self._render(self.pick(name + form))

    def _person(self, who: Person, form: str) -> str:
        if form in (".he", ".him", ".his", ".himself"):
            assert who.met, f"{who.called} has not been introduced yet"
            return PRONOUNS[who.pronoun][form[1:]]
        if form == ".called":
            return who.called
        if form == ".intro" or (not who.met and form in ("", "?", "'s")):
            who.met = True
            text = self._render(who.intro)
            self._meant[who.pronoun] = who.called
            return text + ("'s" if form == "'s" else "")
        if form[:1] == "." and form != ".the":
            return self._render(who.forms[form[1:]])
        assert who.met or form == ".the", f"{who.called} has not been introduced yet"
        who.met = True
        meant = self._meant.get(who.pronoun) == who.called
        self._meant[who.pronoun] = who.called
        if form == "?'s" and meant:
            return PRONOUNS[who.pronoun]["his"]
        if form == "?" and meant and self.choose(5):
            return PRONOUNS[who.pronoun]["he"]
        known = who.known[self.choose(len(who.known))]
        return known + ("'s" if form.endswith("'s") else "")


def read_rules(text: str) -> Rules:
    """Parse rules: a name at the start of a line, its alternatives indented below it; # starts a comment line."""
    rules: Rules = {}
    name = ""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] != " ":
            name = line.strip()
            assert name not in rules, f"{name} is defined twice"
            rules[name] = []
        else:
            needed, alternative = _CONDITION.fullmatch(line.strip()).groups()  # type: ignore[union-attr]  # always matches
            roles = tuple(needed.split(",")) if needed else ()
            rules[name].append((roles, alternative.replace("\\n", "\n").replace("//", "\n\n")))
    return rules


def _article(match: re.Match[str]) -> str:
    """Return the article with an n before a vowel sound."""
    return match[1] + ("n " if _VOWEL.match(match[2]) else " ")


def _closing(template: str, place: int) -> int:
    """Return the index of the bracket that closes the one at `place`. Raises ValueError if there is none."""
    depth = 0
    for at in range(place, len(template)):
        depth += {"[": 1, "]": -1}.get(template[at], 0)
        if depth == 0:
            return at
    raise ValueError(f"unclosed bracket in {template}")


def _alternatives(inner: str) -> list[str]:
    """Split at the bars outside inner brackets."""
    parts, depth = [""], 0
    for character in inner:
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
