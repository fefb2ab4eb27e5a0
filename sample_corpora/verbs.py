"""Verbs with tense and negation: a form of the English verb, and the French one with everything around it."""

from dataclasses import dataclass, replace

from french import REFLEXIVE, Phrase, Verb, agreeing, future
from phrasing import Predicate

DENIALS = {"not": "pas", "never": "jamais", "no longer": "plus"}
ADVERBS = {"always": "toujours", "often": "souvent"}
BE = {"present": ("am", "is", "are", "are", "are"), "past": ("was", "was", "were", "were", "were")}


@dataclass(frozen=True)
class Manner:
    """Tense, and which words deny or modify the verb."""

    tense: str = "present"
    denial: str = ""
    adverb: str = ""
    present: bool = False  # English uses the present after "when" where French uses the future

    @property
    def english(self) -> list[str]:
        """The words in front of an English verb without auxiliary, or after the auxiliary."""
        return [*self.denial.split(), *self.adverb.split()]

    @property
    def french(self) -> list[str]:
        """The words after a French verb, or after its auxiliary."""
        return [(DENIALS | ADVERBS)[word] for word in (self.denial, self.adverb) if word]


def english_verb(verb: Verb, person: int, manner: Manner, continuous: bool, asked: bool) -> tuple[list[str], list[str]]:
    """Return the auxiliary, empty if there is none, and the rest of the verb."""
    base, third, past, progressive = verb.english
    if manner.present:
        manner, continuous = replace(manner, tense="present", present=False), False
    head, _, rest = base.partition(" ")
    if manner.tense == "future":
        return ["will"], [*manner.english, *base.split()]
    if head == "be":
        return [BE[manner.tense][person]], [*manner.english, *rest.split()]
    if continuous and progressive != "-" and manner.tense == "present":
        return [BE["present"][person]], [*manner.english, *progressive.split()]
    if base in ("can", "must"):
        return [base], manner.english
    if asked or manner.denial == "not":
        return ["did" if manner.tense == "past" else "does" if person == 1 else "do"], [*manner.english, *base.split()]
    return [], [*manner.english, *(past if manner.tense == "past" else third if person == 1 else base).split()]


def french_verb(verb: Verb, subject: Phrase, manner: Manner, predicate: Predicate) -> list[str]:
    """Return the verb with everything around it: pronouns, ne and pas, adverb, participle."""
    person, after = subject.person, []
    if manner.tense == "future":
        form = future(verb, person)
    elif manner.tense == "present":
        form = verb.present[person]
    elif verb.imperfect:
        form = verb.imperfect[person]
    elif verb.auxiliary == "être":
        form = ("suis", "est", "sommes", "êtes", "sont")[person]
        after = [agreeing(verb.participle, subject.feminine, subject.plural)]
    else:
        form = ("ai", "a", "avons", "avez", "ont")[person]
        after = [agreeing(verb.participle, *predicate.agrees)]
    reflexive = [REFLEXIVE[person]] if verb.kind == "reflexive" else []
    ne = ["ne"] if manner.denial else []
    return [*ne, *reflexive, *predicate.clitics, form, *manner.french, *after]
