"""Clauses in English and French at once: verbs with tense and negation, what they are said of, and what is around them.

What both languages share is drawn once; the order of the words is that of each language.
"""

import re
from dataclasses import replace

from french import MON, MY, REFLEXIVE, Phrase, Verb, agreeing, tokens
from objects import Objects
from phrasing import OBJECTS, SURE, Both, Predicate, Topic
from verbs import ADVERBS, Manner, english_verb, french_verb

ACTIONS = {"transitive": 30, "giving": 9, "indirect": 3, "intransitive": 8, "going": 8, "reflexive": 6, "doing": 5}
KINDS = ACTIONS | {"loving": 5, "need": 5, "have": 5, "being": 8, "rarely": 2, "job": 2, "adjective": 9, "where": 5,
                   "modal": 12, "missing": 3, "that": 3, "comparison": 4}  # fmt: skip
EVERY = ("present", "past", "future")
TENSES = {"loving": ("present", "future"), "missing": ("present", "future"), "modal": ("present",),
          "that": ("present",), "rarely": ("past",)}  # fmt: skip
OF_THINGS = ("where", "adjective", "comparison")  # said also of animals and things
NOT_INSIDE = ("missing", "that", "comparison")  # neither in a question nor within another clause


class Clauses(Objects):
    """Draws clauses at random."""

    def manner(self, kind: str, denial: float = 0.25) -> Manner:
        """Return a random manner for a kind of predicate."""
        tense = self.pick(TENSES.get(kind, ("present", "past", *EVERY)))
        if kind not in ("rarely", "that") and self.maybe(denial):
            return Manner(tense, self.pick(["not", "not", "never"] + ([] if tense == "past" else ["no longer"])))
        often = kind in ACTIONS and self.maybe(0.12)
        return Manner(tense, "", self.pick(tuple(ADVERBS)) if often else "")

    def clause(
        self,
        topic: Topic,
        tense: str = "",
        subject: Phrase | None = None,
        asked: bool = False,
        inside: bool = False,
        rich: float = 0.0,
        plain: bool = False,
        present: bool = False,
        kind: str = "",
    ) -> tuple[Both, Both]:
        """Return the subject and the rest of a clause; of a question, the English auxiliary, and the rest.

        `topic` learns what the clause was about. `inside`: within another one, or of a certain point in time if
        `plain`. `rich` is the probability of each addition. `present`: see Manner.
        """
        kinds = {kind: weight for kind, weight in KINDS.items() if not tense or tense in TENSES.get(kind, EVERY)}
        kinds = {kind: weight for kind, weight in kinds.items() if not (asked or inside) or kind not in NOT_INSIDE}
        kind = kind or self.weighed(kinds)
        if subject is None:
            things = ("person", "animal", "thing", "food") if kind in OF_THINGS else ("person",)
            subject = self.subject(topic, things, rich)
        manner = self.manner(kind)
        manner = replace(manner, tense=tense or manner.tense, present=present)
        if plain or (manner.denial == "no longer" and (manner.tense == "past" or kind == "comparison")):
            manner = replace(manner, denial="not" if manner.denial and not asked else "", adverb="")
        if kind == "missing":
            return self.missing(manner, subject, topic)
        verb, predicate = self.predicate(kind, subject, manner, topic, rich)
        if kind in ("transitive", "intransitive", "giving", "doing") and self.maybe(rich):
            english, french = self.around()
            predicate.english += english
            predicate.french += french
        auxiliary, rest = english_verb(verb, subject.person, manner, self.maybe(0.5), asked)
        french = [*french_verb(verb, subject, manner, predicate), *predicate.french]
        topic.first, topic.subject, topic.thing = False, subject, predicate.thing
        if asked:
            return (auxiliary, []), ([*subject.english, *rest, *predicate.english], [*subject.french, *french])
        return (list(subject.english), list(subject.french)), ([*auxiliary, *rest, *predicate.english], french)

    def around(self) -> Both:
        """Return where, with whom, or before what something happens."""
        how = self.pick(("place", "place", "with", "with", "without", "before", "for"))
        if how == "place":
            return self.place()
        if how in ("with", "for"):
            who = self.name() if self.maybe(0.3) else self.phrase(["person"], SURE)
            return [how, *who.english], [{"with": "avec", "for": "pour"}[how], *who.french]
        if how == "without":
            who = self.phrase(["person"], {"my": 1}, single=True)
            return ["without", *who.english], ["sans", *who.french]
        when, quand = self.pick((("before", "avant"), ("after", "après")))
        event = self.phrase(["event"], {"the": 4, "this": 1, "my": 1}, single=True)
        return [when, *event.english], [quand, *event.french]

    def predicate(
        self, kind: str, subject: Phrase, manner: Manner, topic: Topic, rich: float
    ) -> tuple[Verb, Predicate]:
        """Return the verb and what follows it."""
        if kind in ("intransitive", "reflexive"):
            return self.pick(self.words.verbs[kind]), Predicate()
        if kind in ("being", "doing", "rarely"):
            return self.saying(kind, subject, manner)
        if kind in ("job", "adjective", "where", "comparison"):
            return replace(self.words.by_infinitive["être"], english=("be", "", "", "-")), self.state(kind, subject)
        if kind == "going":
            verb, goal = self.pick(self.words.verbs["going"]), self.goal()
            to, french = verb.prepositions
            return verb, Predicate([to, *goal.english], [french, *goal.french])
        if kind == "modal":
            return self.modal(subject, manner, topic, rich)
        if kind == "that":
            verb = self.pick(self.words.verbs["that"])
            inner = Topic(first=False, subject=subject)
            (who, qui), (does, fait) = self.clause(inner, inside=True, rich=rich / 2)
            return verb, Predicate(["that", *who, *does], ["que", *qui, *fait])
        if kind == "need":
            return self.need(bool(manner.denial))
        return self.with_object(kind, subject, manner, topic, rich)

    def saying(self, kind: str, subject: Phrase, manner: Manner) -> tuple[Verb, Predicate]:
        """Return an idiom of sayings.txt."""
        said = self.pick(self.words.sayings[kind])
        person = subject.person
        my = "her" if person == 1 and subject.feminine else MY[person]
        column = 1 if subject.feminine else 0
        french = said[-1].replace("{mes}", MON[person][2])
        french = re.sub(r"\((.*)\)", lambda match: match[1].split("/")[column + 2 * subject.plural], french)
        french = re.sub(r"\[(.*)\]", "de" if manner.denial else r"\1", french)
        if kind == "being":
            verb = self.words.by_infinitive[said[1]].said(("be", "", "", "-"))
            return verb, Predicate(said[0].split(), tokens(french))
        english = said[0].replace("{my}", my).split(", ")
        if kind == "rarely":
            base, past = english
            verb = Verb((base, "", past, "-"), said[1], (), "", said[2], "avoir")
        else:
            verb = self.words.by_infinitive[said[1]].said(tuple(english))
        return verb, Predicate([], tokens(french))

    def state(self, kind: str, subject: Phrase) -> Predicate:
        """Return what comes after "is"."""
        if kind == "where":
            return Predicate(*self.place())
        if kind == "job" and not subject.plural:
            job = self.noun(["title"])
            return Predicate(["a", job.english], [job.french])
        fitting = [one for one in self.words.adjectives if one.kinds & subject.kinds and one.place != "matter"]
        if kind == "comparison":
            kinds = subject.kinds & {"person", "animal", "thing", "food"}
            one = self.pick([one for one in fitting if one.comparative != "-"])
            if "good" in [other.english for other in fitting] and self.maybe(0.4):
                one = self.pick([one for one in fitting if one.english in ("good", "bad")])
            other = self.name() if kinds == {"person"} and self.maybe(0.3) else self.phrase(kinds, SURE)
            french = one.french(subject.feminine, subject.plural)
            if self.maybe(0.5):
                return Predicate(["as", one.english, "as", *other.english], ["aussi", french, "que", *other.french])
            more = ["plus", french]
            if one.english == "good":
                more = [agreeing("meilleur", subject.feminine, subject.plural)]
            return Predicate([*one.comparative.split(), "than", *other.english], [*more, "que", *other.french])
        one = self.pick(fitting)
        very, tres = "", ""
        if one.comparative != "-" and self.maybe(0.3):
            very, tres = self.pick((("very", "très"), ("too", "trop")))
        form = one.french(subject.feminine, subject.plural)
        return Predicate([*very.split(), one.english], [*tres.split(), form])

    def modal(self, subject: Phrase, manner: Manner, topic: Topic, rich: float) -> tuple[Verb, Predicate]:
        """Return want to, can or must with another verb; its pronouns stand before the infinitive."""
        verb = self.pick(self.words.verbs["modal"])
        kind = self.weighed(ACTIONS | {"rarely": 4})
        inner, predicate = self.predicate(kind, subject, Manner("future"), topic, rich)
        if manner.denial and predicate.thing and not predicate.clitics:
            inner, predicate = self.predicate("going", subject, manner, topic, rich)
        base = inner.english[0].split()
        reflexive = [REFLEXIVE[subject.person]] if inner.kind == "reflexive" else []
        french = [*reflexive, *predicate.clitics, inner.infinitive, *predicate.french]
        return verb, Predicate([*base, *predicate.english], french, thing=predicate.thing)

    def missing(self, manner: Manner, subject: Phrase, topic: Topic) -> tuple[Both, Both]:
        """Return "she misses the garden", which is "le jardin lui manque": what is missed is the French subject."""
        verb = self.words.verbs["missing"][0]
        if not subject.pronoun and (subject.plural or len(subject.english) > 3):
            subject = self.name()
        missed = self.name() if self.maybe(0.3) else self.phrase(["person", "animal", "building"], SURE)
        if subject.pronoun:
            lui = "lui" if subject.person == 1 else OBJECTS[subject.person][2]
            predicate = Predicate(clitics=[lui])
        else:
            predicate = Predicate(french=["à", *subject.french])
        auxiliary, rest = english_verb(verb, subject.person, manner, False, False)
        topic.first, topic.subject, topic.thing = False, subject, None
        french = [*french_verb(verb, missed, manner, predicate), *predicate.french]
        return (list(subject.english), []), ([*auxiliary, *rest, *missed.english], [*missed.french, *french])

    def with_tail(self, phrase: Phrase) -> Phrase:
        """Return a phrase with a place or a relative clause after it."""
        fitting = [verb for verb in self.words.verbs["transitive"] if verb.kinds & phrase.kinds]
        if fitting and self.maybe(0.5):
            english, french = self.which(phrase, self.pick(fitting))
        elif self.maybe(0.6) and phrase.kinds & {"person", "animal", "thing"}:
            person = "person" in phrase.kinds
            kind = "" if person and self.maybe(0.8) else self.pick(("adjective", "where"))
            _, (does, fait) = self.clause(Topic(first=False), subject=phrase, inside=True, kind=kind)
            english, french = ["who" if person else "that", *does], ["qui", *fait]
        else:
            english, french = self.place(near=True)
        return replace(phrase, english=(*phrase.english, *english), french=(*phrase.french, *french))

    def which(self, phrase: Phrase, verb: Verb) -> Both:
        """Return "that she wrote": the participle agrees with what stands before."""
        subject = self.subject(Topic(first=False)) if self.maybe(0.7) else self.name()
        if not subject.pronoun and len(subject.english) > 1:
            subject = self.name()
        manner = self.manner("transitive", 0.15)
        if self.maybe(0.4) and manner.denial != "no longer":
            manner = replace(manner, tense="past")
        auxiliary, rest = english_verb(verb, subject.person, manner, self.maybe(0.5), False)
        french = french_verb(verb, subject, manner, Predicate(agrees=(phrase.feminine, phrase.plural)))
        return ["that", *subject.english, *auxiliary, *rest], ["que", *subject.french, *french]
