"""Verbs with their objects: nouns, pronouns (which stand before the French verb), and persons who get things."""

from french import Phrase, Verb
from phrasing import ANY, HIM, OBJECTS, SURE, Phrases, Predicate, Topic
from verbs import Manner


class Objects(Phrases):
    """Draws verbs with objects at random."""

    def with_object(
        self, kind: str, subject: Phrase, manner: Manner, topic: Topic, rich: float
    ) -> tuple[Verb, Predicate]:
        """Return a verb with its object or objects."""
        denied = bool(manner.denial)
        if kind == "have":
            wanted = {"a": 6, "number": 2, "the": 2, "my": 1, "this": 1}
            if self.maybe(0.2):
                thing = self.phrase(["kin"], {"a": 2, "number": 1}, denied)
            else:
                thing = self.phrase(["thing", "animal", "drink"], wanted, denied, 0 if denied else rich)
            return self.words.by_infinitive["avoir"], Predicate(list(thing.english), list(thing.french), thing=thing)
        verbs = self.words.verbs[kind]
        again = topic.thing.kinds if topic.thing else frozenset()
        if self.maybe(0.5):  # a verb that can be said once more of what the clause before was about
            verbs = [verb for verb in verbs if verb.kinds & again] or verbs
        verb = self.pick(verbs)
        if kind == "giving":
            return verb, self.giving(verb, subject, topic, denied, rich)
        if kind == "loving" and self.maybe(0.5):
            thing = self.phrase(verb.kinds - {"person"}, {"all": 1}, several=True)
            return verb, Predicate(list(thing.english), list(thing.french), thing=thing)
        if self.maybe(0.6 if verb.kinds & again else 0.35):
            found = self.person_pronoun(subject, topic, verb.kinds, kind == "indirect")
            if not found or (kind == "transitive" and self.maybe(0.4)):
                found = self.thing_pronoun(topic, verb.kinds)
            if found:
                return verb, found
        if "person" in verb.kinds and self.maybe(0.3):
            thing = self.name()
        else:
            kinds = verb.kinds - ({"person"} if kind == "loving" else set())
            wanted = SURE if kind in ("indirect", "loving") else ANY
            thing = self.phrase(kinds, wanted, denied, 0 if denied else rich)
            if kind != "indirect" and not denied and self.maybe(rich * 0.4):
                thing = self.both(thing, kinds)
        french = [*(["à"] if kind == "indirect" else []), *thing.french]
        return verb, Predicate(list(thing.english), french, thing=thing)

    def person_pronoun(self, subject: Phrase, topic: Topic, kinds: frozenset[str], indirect: bool) -> Predicate | None:
        """Return someone else as an object before the verb."""
        if "person" not in kinds:
            return None
        same = {0: (0, 2), 2: (0, 2), 3: (3,)}.get(subject.person, ())
        person = self.pick([person for person in (0, 1, 2, 3, 4) if person not in same])
        if person == 1:
            feminine = self.maybe(0.5)
            english, le, lui = HIM[feminine]
        else:
            feminine = False
            english, le, lui = OBJECTS[person]
        thing = topic.thing if person == 4 else None
        if person == 4:
            them = topic.it(True, kinds)
            if them is None:
                return None
            feminine = them
        agrees = (False, False) if indirect else (feminine, person in (2, 4))
        return Predicate([english], [], [lui if indirect else le], agrees, thing)

    def thing_pronoun(self, topic: Topic, kinds: frozenset[str]) -> Predicate | None:
        """Return "it" or "them" as a direct object before the verb."""
        plural = topic.thing.plural if topic.thing else self.maybe(0.35)
        feminine = topic.it(plural, kinds)
        if feminine is None or (not plural and kinds <= {"person"}):
            return None
        french = "les" if plural else "la" if feminine else "le"
        return Predicate(["them" if plural else "it"], [], [french], (feminine, plural), topic.thing)

    def giving(self, verb: Verb, subject: Phrase, topic: Topic, denied: bool, rich: float) -> Predicate:
        """Return a thing and the person who gets it, each a pronoun or not."""
        who = self.person_pronoun(subject, Topic(), frozenset({"person"}), True) if self.maybe(0.5) else None
        it = self.thing_pronoun(topic, verb.kinds) if self.maybe(0.25) else None
        if who is None:
            person = self.name() if self.maybe(0.3) else self.phrase(["person"], SURE)
            who = Predicate(list(person.english), ["à", *person.french])
        if it:
            clitics = who.clitics + it.clitics
            clitics = clitics[::-1] if clitics[0] in ("lui", "leur") else clitics
            return Predicate([*it.english, "to", *who.english], who.french, clitics, it.agrees, it.thing)
        thing = self.phrase(verb.kinds, ANY, denied, 0 if denied or not who.clitics else rich)
        if who.clitics:
            return Predicate([*who.english, *thing.english], list(thing.french), who.clitics, thing=thing)
        return Predicate([*thing.english, "to", *who.english], [*thing.french, *who.french], thing=thing)

    def need(self, denied: bool) -> tuple[Verb, Predicate]:
        """Return "need", which is avoir besoin de: with "du pain", it has no second de."""
        verb = self.words.by_infinitive["avoir"].said(("need", "needs", "needed", "-"))
        wanted = {"the": 4, "my": 3, "this": 2, "a": 6}
        thing = self.phrase(["thing", "food", "drink"], wanted, denied)
        french = thing.french
        if thing.english[0] == "some":
            french = french[2:] if french[:2] in (("de", "la"), ("de", "le")) else french[1:]
        elif denied and french[0] == "de":
            french = french[1:]
        return verb, Predicate(list(thing.english), ["besoin", "de", *french], thing=thing)
