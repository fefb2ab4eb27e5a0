"""Generate phrases.tsv: English sentences with their French translations, for a model that translates.

Both sides of a sentence are made at once from the same choices, each in the order of its language:

    she is not looking for the small black cats .     elle ne cherche pas les petits chats noirs .
    i gave it to him yesterday .                      je le lui ai donné hier .
    the key that they lost is red .                   la clé qu' ils ont perdue est rouge .

An English sentence has one translation. Where French distinguishes more than English, a rule decides: "you" is vous,
said to one man; "i" is a man; "they", "it" and "them" are what the clause before was about, or else masculine.

The words are in phrases_grammar/, their forms in french.py, phrases in phrasing.py, and clauses in verbs.py,
objects.py and clauses.py. A line is
English, a tab and French, all tokens separated by spaces. Run it to write phrases.tsv and its entry in index.json;
--check only compares both with what would be written.
"""

import random
import sys
from dataclasses import replace

from clauses import EVERY, Clauses
from french import Phrase, Words, joined, read_words, tokens
from phrasing import Both, Predicate, Topic
from verbs import Manner, english_verb, french_verb
from writing import finish

SEED = 1635
PAIRS = 40_000
HEADER = "english\tfrench"
SHORTEST, LONGEST = 2, 25  # tokens, of both sides
# how many sentences there may be of so many English tokens
MOST = {4: 1400, 5: 2400, 6: 3400, 7: 3900, 8: 4000, 9: 3900, 10: 3600, 11: 3300, 12: 2900, 13: 2500, 14: 2100}
MOST_LONG = (1000, 400)  # of 15 and of 25 tokens, linear in between
SHAPES = {"fixed": 4, "command": 5, "simple": 30, "timed": 12, "asked": 12, "word": 10, "sky": 2, "there": 6, "two": 30,
          "three": 14}  # fmt: skip
IL = Phrase(("it",), ("il",), 1)
WHO = Phrase(("who",), ("qui",), 1, kinds=frozenset({"person"}), pronoun=True)
YOU = Phrase(("you",), ("vous",), 3, kinds=frozenset({"person"}), pronoun=True)
# joins two clauses: english, french, whether a comma stands before it, and whether it can come first
JOINS = (
    ("and", "et", False, False),
    ("and", "et", False, False),
    ("but", "mais", True, False),
    ("because", "parce que", False, False),
    ("so", "donc", True, False),
    ("while", "pendant que", False, True),
    ("when", "quand", False, True),
    ("if", "si", False, True),
)


class Sentences(Clauses):
    """Draws sentences at random."""

    def sentence(self) -> Both:
        """Return a sentence."""
        shape = self.weighed(SHAPES)
        rich = self.pick((0.0, 0.15, 0.3, 0.5))
        if shape == "fixed":
            return self.fixed()
        if shape == "command":
            return self.command(rich)
        if shape == "timed":
            return self.timed(rich)
        if shape == "asked":
            (do, _), (rest, french) = self.clause(Topic(), asked=True, rich=rich)
            return [*do, *rest, "?"], ["est-ce", "que", *french, "?"]
        if shape == "word":
            return self.asked_word(rich)
        if shape in ("two", "three"):
            english, french = self.compound(3 if shape == "three" else 2, rich)
            return [*english, "."], [*french, "."]
        english, french = self.part(Topic(), "", rich, shape)
        return [*english, "."], [*french, "."]

    def fixed(self) -> Both:
        """Return a fixed sentence, alone, said to someone, or in front of another sentence."""
        said, dit = self.pick(self.words.sayings["fixed"])
        english, french = said.split(), tokens(dit)
        how = self.pick(("alone", "name", "name", "more", "more", "more"))
        if how == "name":
            name = self.name().english
            return [*english[:-1], ",", *name, english[-1]], [*french[:-1], ",", *name, french[-1]]
        if how == "more":
            (who, qui), (does, fait) = self.clause(Topic())
            return [*english, *who, *does, "."], [*french, *qui, *fait, "."]
        return english, french

    def part(self, topic: Topic, tense: str, rich: float, shape: str = "", present: bool = False) -> Both:
        """Return a clause, or what the weather is, or what there is somewhere."""
        shape = shape or self.weighed({"simple": 80, "sky": 8, "there": 8})
        if shape == "sky" or (shape == "there" and present):
            topic.first, topic.subject, topic.thing = False, None, None
            return self.sky("present" if present else tense or self.pick(EVERY), "future" if present else "")
        if shape == "there":
            topic.first, topic.subject, topic.thing = False, None, None
            return self.there(tense or self.pick(EVERY))
        (who, qui), (does, fait) = self.clause(topic, tense, rich=rich, present=present)
        return [*who, *does], [*qui, *fait]

    def sky(self, tense: str, in_french: str = "") -> Both:
        """Return what the weather is."""
        said = self.pick(self.words.sayings["weather"])
        english, french = said[EVERY.index(tense)].split(), said[3 + EVERY.index(in_french or tense)].split()
        if in_french:  # "when it rains": no other form of it is in the list
            english = said[6].split()
        elif english[0] in ("is", "was", "will") and self.maybe(0.25):
            english.insert(1, "not")
            french = ["ne", french[0], "pas", *("de" if word == "du" else word for word in french[1:])]
        return ["it", *english], ["il", *french]

    def there(self, tense: str, asked: bool = False) -> Both:
        """Return what there is somewhere."""
        denial = "not" if not asked and self.maybe(0.25) else ""
        thing = self.phrase(["person", "animal", "thing", "food", "drink"], {"a": 4, "number": 1}, bool(denial))
        be = replace(self.words.by_infinitive["être"], english=("be", "", "", "-"))
        auxiliary, rest = english_verb(be, thing.person, Manner(tense, denial), False, False)
        have = self.words.by_infinitive["avoir"]
        french = french_verb(have, IL, Manner(tense, denial), Predicate(clitics=["y"]))
        where, ou = self.place()
        first = [*auxiliary, "there"] if asked else ["there", *auxiliary]
        return [*first, *rest, *thing.english, *where], ["il", *french, *thing.french, *ou]

    def timed(self, rich: float) -> Both:
        """Return a clause with a point in time before or after it."""
        english, french, tense = self.pick(self.words.sayings["when"])
        (who, qui), (does, fait) = self.clause(Topic(), tense, rich=rich, plain=True)
        if self.maybe(0.5):
            return [*english.split(), ",", *who, *does, "."], [*french.split(), ",", *qui, *fait, "."]
        return [*who, *does, *english.split(), "."], [*qui, *fait, *french.split(), "."]

    def command(self, rich: float) -> Both:
        """Return a command; with a pronoun only if it is denied, which keeps the pronoun before the verb."""
        denied = self.maybe(0.35)
        kind = self.pick(("transitive", "transitive", "indirect", "giving", "intransitive", "going"))
        while True:
            verb, predicate = self.predicate(kind, YOU, Manner("present", "not" if denied else ""), Topic(), rich)
            if verb.command and (denied or not predicate.clitics):
                break
        english, french = [*verb.english[0].split(), *predicate.english], [verb.present[3]]
        if denied:
            word, mot = self.pick((("do not", "pas"), ("never", "jamais")))
            english, french = [*word.split(), *english], ["ne", *predicate.clitics, *french, mot]
        french += predicate.french
        if self.maybe(0.25):
            return ["please", *english, "."], [*french, ",", *tokens("s'il vous plaît"), "."]
        return [*english, "."], [*french, "."]

    def asked_word(self, rich: float) -> Both:
        """Return a question that begins with a question word, or with "is there"."""
        word = self.pick(("who", "why", "when", "where", "what", "many", "there"))
        if word == "there":
            english, french = self.there(self.pick(EVERY), asked=True)
            return [*english, "?"], ["est-ce", "que", *french, "?"]
        if word == "who":
            (who, qui), (does, fait) = self.clause(Topic(), subject=WHO, inside=True, rich=rich)
            return [*who, *does, "?"], [*qui, *fait, "?"]
        if word in ("what", "many"):
            return self.asked_object(word)
        kind = self.pick(("intransitive", "transitive", "doing")) if word == "where" else ""
        (do, _), (rest, french) = self.clause(Topic(), asked=True, rich=rich, kind=kind, plain=word != "why")
        mot = {"why": "pourquoi", "when": "quand", "where": "où"}[word]
        return [word, *do, *rest, "?"], [mot, "est-ce", "que", *french, "?"]

    def asked_object(self, word: str) -> Both:
        """Return a question about the object: the participle agrees with it, as it stands before the verb."""
        unfit = {"person"} if word == "what" else {"person", "drink"}
        verb = self.pick([one for one in self.words.verbs["transitive"] if one.kinds - unfit])
        subject, manner = self.subject(Topic()), Manner(self.pick(EVERY))
        auxiliary, rest = english_verb(verb, subject.person, manner, self.maybe(0.5), True)
        asked = [*auxiliary, *subject.english, *rest, "?"]
        if word == "what":
            french = french_verb(verb, subject, manner, Predicate())
            return ["what", *asked], ["que", "est-ce", "que", *subject.french, *french, "?"]
        noun = self.noun(verb.kinds, countable=True)
        french = french_verb(verb, subject, manner, Predicate(agrees=(noun.feminine, True)))
        things = ["combien", "de", noun.pluriel]
        return ["how", "many", noun.plural, *asked], [*things, "est-ce", "que", *subject.french, *french, "?"]

    def compound(self, parts: int, rich: float) -> Both:
        """Return two or three clauses."""
        topic, tense = Topic(), self.pick(("present", *EVERY))
        english, french = self.joined_pair(topic, tense, rich)
        if parts == 3:
            more, plus = self.part(topic, tense, rich / 2)
            word, mot, comma, _ = self.pick([one for one in JOINS[1:4] if one[0] not in english])
            between = [","] if comma else []
            return [*english, *between, word, *more], [*french, *between, *mot.split(), *plus]
        return english, french

    def joined_pair(self, topic: Topic, tense: str, rich: float) -> Both:
        """Return two clauses that are joined."""
        word, mot, comma, first = self.pick(JOINS)
        between = [","] if comma else []
        if word == "if":
            tense = self.pick(("present", "future"))
        if word == "while":
            tense = "present"
        if not (first and self.maybe(0.5)):
            english, french = self.part(topic, tense, rich)
            later = "present" if word == "if" else tense
            more, plus = self.part(topic, later, rich, present=word == "when" and later == "future")
            return [*english, *between, word, *more], [*french, *between, *mot.split(), *plus]
        earlier = "present" if word == "if" else tense
        more, plus = self.part(topic, earlier, rich, present=word == "when" and earlier == "future")
        english, french = self.part(topic, tense, rich)
        return [word, *more, ",", *english], [*mot.split(), *plus, ",", *french]


def most(length: int) -> int:
    """Return how many sentences of so many English tokens there may be."""
    share = (length - 15) / (LONGEST - 15)
    return MOST.get(length, 1000 if length < 4 else round(MOST_LONG[0] + share * (MOST_LONG[1] - MOST_LONG[0])))


def pairs(words: Words | None = None) -> dict[str, str]:
    """Return the translations of all sentences."""
    draw = Sentences(words or read_words(), random.Random(SEED))
    made: dict[str, str] = {}
    counts = dict.fromkeys(range(SHORTEST, LONGEST + 1), 0)
    while len(made) < PAIRS:
        said, dit = draw.sentence()
        english, french = " ".join(said), joined(dit)
        length, other = len(said), french.count(" ") + 1
        if english in made:
            if made[english] != french:
                raise ValueError(f"two translations of {english}: {made[english]} / {french}")
        elif SHORTEST <= length <= LONGEST and other <= LONGEST and counts[length] < most(length):
            made[english] = french
            counts[length] += 1
    return made


def make() -> str:
    """Return the whole corpus, in random order."""
    lines = [f"{english}\t{french}" for english, french in pairs().items()]
    chance = random.Random(SEED)
    for last in range(len(lines) - 1, 0, -1):
        other = int(chance.random() * (last + 1))
        lines[last], lines[other] = lines[other], lines[last]
    return "\n".join([HEADER, *lines]) + "\n"


if __name__ == "__main__":
    description = "english sentences and their french: word order, agreement, pronouns and idioms differ"
    sys.exit(finish("phrases", description, make(), sys.argv[1:], file="phrases.tsv", task="translate"))
