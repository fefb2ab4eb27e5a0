"""The words of phrases_grammar/ and their forms in both languages: agreement, conjugation, elision and contraction.

A number of a person is 0 to 4: i, he or she, we, you, they. "You" is vous, said to one man.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from telling import read_rules

GRAMMAR = Path(__file__).resolve().parent / "phrases_grammar"
FUTURE = ("ai", "a", "ons", "ez", "ont")
REFLEXIVE = ("me", "se", "nous", "vous", "se")
MY = ("my", "his", "our", "your", "their")
MON = (
    ("mon", "ma", "mes"),
    ("son", "sa", "ses"),
    ("notre", "notre", "nos"),
    ("votre", "votre", "vos"),
    ("leur", "leur", "leurs"),
)
ASPIRATED = ("hibou", "hiboux", "huit", "onze")  # no elision before them
ELIDED = {"le": "l'", "la": "l'", "je": "j'", "me": "m'", "se": "s'", "ne": "n'", "de": "d'", "que": "qu'"}
CONTRACTED = {("à", "le"): "au", ("à", "les"): "aux", ("de", "le"): "du", ("de", "les"): "des"}


@dataclass(frozen=True)
class Noun:
    """A noun; `plural` and `pluriel` are empty for a substance."""

    english: str
    plural: str
    french: str
    pluriel: str
    feminine: bool
    kinds: frozenset[str]


@dataclass(frozen=True)
class Adjective:
    """An adjective with its five French forms: masculine, before a vowel, feminine, and both plurals."""

    english: str
    comparative: str
    forms: tuple[str, ...]
    kinds: frozenset[str]
    place: str  # before, after or matter

    def french(self, feminine: bool, plural: bool, following: str = "") -> str:
        """Return the form that agrees, in front of the word `following`."""
        if plural:
            return self.forms[4 if feminine else 3]
        return self.forms[2 if feminine else 1 if is_vowel(following) else 0]


@dataclass(frozen=True)
class Verb:
    """A verb and its translation."""

    english: tuple[str, ...]  # base, with he, past, after "is"
    infinitive: str
    present: tuple[str, ...]
    stem: str  # of the future
    participle: str
    auxiliary: str
    kinds: frozenset[str] = frozenset()
    prepositions: tuple[str, str] = ("", "")
    imperfect: tuple[str, ...] = ()
    command: bool = False
    kind: str = ""

    def said(self, english: tuple[str, ...]) -> "Verb":
        """Return the same French verb as the translation of another English one."""
        return replace(self, english=english)


@dataclass(frozen=True)
class Phrase:
    """A subject or an object in both languages, and what agrees with it."""

    english: tuple[str, ...]
    french: tuple[str, ...]
    person: int
    feminine: bool = False
    kinds: frozenset[str] = frozenset()
    pronoun: bool = False

    @property
    def plural(self) -> bool:
        """Whether it stands for several."""
        return self.person in (2, 4)


@dataclass
class Words:
    """All words of the grammar."""

    nouns: list[Noun] = field(default_factory=list)
    adjectives: list[Adjective] = field(default_factory=list)
    verbs: dict[str, list[Verb]] = field(default_factory=dict)
    sayings: dict[str, list[list[str]]] = field(default_factory=dict)

    @cached_property
    def by_infinitive(self) -> dict[str, Verb]:
        """Every verb by its French infinitive."""
        return {verb.infinitive: verb for verbs in self.verbs.values() for verb in verbs}


def read_words() -> Words:
    """Read the grammar."""
    words = Words()
    for name in ("nouns", "adjectives", "verbs", "sayings"):
        for kind, lines in read_rules((GRAMMAR / f"{name}.txt").read_text(encoding="utf-8")).items():
            fields = [[part.strip() for part in line.split(";")] for _, line in lines]
            if name == "nouns":
                for one in fields:
                    noun = Noun(one[0], one[1], one[2], one[3], one[4] == "f", frozenset(one[5].split()))
                    words.nouns.append(noun)
            elif name == "adjectives":
                for one in fields:
                    forms = tuple(one[2].split(", "))
                    words.adjectives.append(Adjective(one[0], one[1], forms, frozenset(one[3].split()), kind))
            elif name == "verbs":
                words.verbs[kind] = [_verb(kind, one) for one in fields]
            else:
                words.sayings[kind] = fields
    return words


def _verb(kind: str, fields: list[str]) -> Verb:
    """Return the verb of a line."""
    english = tuple(fields[0].lstrip("*").split(", "))
    present, more = tuple(fields[2].split()), [*fields[6:], ""]
    verb = Verb(english, fields[1], present, fields[3], fields[4], fields[5])
    verb = replace(verb, command=fields[0].startswith("*"), kind=kind)
    if kind == "going":
        return replace(verb, prepositions=(more[0], more[1]))
    if kind == "main":
        return replace(verb, imperfect=tuple(more[0].split()))
    return replace(verb, kinds=frozenset(more[0].split()))


def is_vowel(word: str) -> bool:
    """Return whether a French word begins with a vowel sound."""
    return word not in ASPIRATED and word[:1] in tuple("aâàeéèêiîoôœuhy")


def agreeing(participle: str, feminine: bool, plural: bool) -> str:
    """Return the form of a participle."""
    return participle + ("e" if feminine else "") + ("s" if plural and (feminine or participle[-1] != "s") else "")


def future(verb: Verb, person: int) -> str:
    """Return a form of the future."""
    return verb.stem + FUTURE[person]


def tokens(text: str) -> list[str]:
    """Split French text into tokens: the apostrophe ends one."""
    return text.replace("'", "' ").split()


def joined(words: list[str]) -> str:
    """Return French words as a text: with elision, and with du, des, au and aux."""
    found: list[str] = []
    for i, word in enumerate(words):
        following = words[i + 1] if i + 1 < len(words) else ""
        if word in ELIDED and is_vowel(following):
            word = ELIDED[word]
        elif word == "si" and following in ("il", "ils"):
            word = "s'"
        if found and (found[-1], word) in CONTRACTED:
            word = CONTRACTED[found.pop(), word]
        found.append(word)
    return " ".join(found)
