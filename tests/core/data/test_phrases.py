"""The phrases equal the output of their program, are one function, and their French is correct."""

import importlib
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from seqcore.data.samples import sample_info, sample_names, sample_path
from seqcore.tasks.labelled_data import split

FOLDER = Path(__file__).resolve().parents[3] / "sample_corpora"
README = re.sub(r"\s+", " ", (FOLDER / "README.md").read_text(encoding="utf-8")).split("## phrases")[1].split(" ## ")[0]
HEADER, *LINES = sample_path("phrases").read_text(encoding="utf-8").splitlines()
PAIRS = [tuple(line.split("\t")) for line in LINES]
ENGLISH, FRENCH = ([pair[side] for pair in PAIRS] for side in (0, 1))
VOWEL = r"(?:[aâàeéèêiîoôœuh]|y )"
BE = r"(?:suis|est|sommes|êtes|sont|étais|était|étions|étiez|étaient|ser(?:ai|a|ons|ez|ont))"
WORD = r"(?:[a-zàâçéèêîôœûù]+'?|'s)(?:-[a-z]+)*"
PRONOUNS = {"je": 0, "j'": 0, "il": 1, "elle": 1, "nous": 2, "vous": 3, "ils": 4, "elles": 4}


@pytest.fixture(scope="module")
def french() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module("french")
    finally:
        sys.path.remove(str(FOLDER))


def test_the_entry_and_the_lines() -> None:
    assert "phrases" not in sample_names()
    info = sample_info("phrases")
    assert (info.task, info.file, info.rows) == ("translate", "phrases.tsv", len(PAIRS))
    assert HEADER == "english\tfrench"
    assert len(PAIRS) == 40_000
    for pair in PAIRS:
        assert len(pair) == 2
        for side in pair:
            assert re.fullmatch(rf"{WORD}(?: (?:{WORD}|[,.?]))* [.?]", side), side


def test_an_english_sentence_occurs_once() -> None:
    assert len(set(ENGLISH)) == len(PAIRS)


def test_lengths_and_vocabularies_are_as_documented() -> None:
    for side, name in ((ENGLISH, "English"), (FRENCH, "French")):
        lengths = [len(text.split()) for text in side]
        assert (min(lengths), max(lengths)) == (2, 25)
        assert sum(length >= 15 for length in lengths) > 0.15 * len(PAIRS)
        assert sum(length <= 4 for length in lengths) > 0.02 * len(PAIRS)
        words = {word for text in side for word in text.split()}
        assert f"{len(words)} {name} words" in README
    long = sum(len(text.split()) >= 15 for text in ENGLISH) / len(PAIRS)
    assert f"{long:.0%} of the English sentences have 15 tokens or more" in README


def test_held_out_sentences_are_new_and_their_words_are_known() -> None:
    train, held = split(len(PAIRS), 0.1)
    for side in (ENGLISH, FRENCH):
        known = Counter(word for i in train for word in side[i].split())
        unseen = [word for i in held for word in side[i].split() if word not in known]
        assert len(unseen) <= 5, unseen
    seen = {FRENCH[i] for i in train}
    assert sum(FRENCH[i] in seen for i in held) < 0.01 * len(held)


def test_translation_is_not_word_by_word() -> None:
    assert sum(len(en.split()) != len(fr.split()) for en, fr in PAIRS) > 0.6 * len(PAIRS)


@pytest.mark.parametrize(
    "wrong",
    [
        r"\b(de|à) les?\b",
        rf"\b(le|la|je|me|se|ne|de|que) (?!hibou){VOWEL}",
        rf"\b(du|au|ma|sa|ce) (?!hibou|est-ce){VOWEL}",
        rf"\b(l'|d'|n'|j'|m'|s'|qu'|c') (?!{VOWEL})",
        rf"\b(un|le|ce|mon|son|notre|votre|leur|de) (beau|nouveau|vieux) (?!hibou){VOWEL}\S*[^sx ] ",
        rf"\bcet (?!{VOWEL})|\b(bel|nouvel|vieil) (?!{VOWEL})|\bcet hibou",
        r"\bsi ils?\b",
        r"\bde de\b|\bdu des\b|\bde des\b|\bde du\b|\bde un",
        r"\b(pas|jamais) (des|un|une) (?!cordes)(?!.*(ven|vien))",
        r"\b(?!vous\b|nous\b|aide|voit)(\w+) \1\b",
        r"(^|[,.?] )[,.?]",
        r"[~{}()\[\]|/]",
    ],
)  # fmt: skip
def test_no_slip_of_french(wrong: str) -> None:
    for text in FRENCH:
        assert not re.search(wrong, text), text


@pytest.mark.parametrize(
    "wrong",
    [
        r"\ba [aeiou]",
        r"\ban [^aeiou]",
        r"\b(the|a|an) (the|a|an|my|this)\b",
        r"(^|, |\bbecause |\bbut |\bso )(he|she) (are|have|do)\b",
        r"(^|, |\bbecause |\bbut |\bso )(they|we|you) (is|was|has|does)\b",
        r"\bi (is|are|has|does|were)\b",
        r"\b(the|some|not|never|is|to|and|by|'s) \1\b",
        r"\bnot (some|never)\b",
        r"[{}\[\]]",
    ],
)
def test_no_slip_of_english(wrong: str) -> None:
    for text in ENGLISH:
        assert not re.search(wrong, text), text


def test_ne_goes_with_pas_jamais_or_plus() -> None:
    pronoun = r"(?:(?:me|m'|se|s'|nous|vous|le|la|l'|les|lui|leur|y) )*"
    negated = 0
    for english, text in PAIRS:
        found = re.findall(rf"\b(?:ne |n' ){pronoun}\S+ (pas|jamais|plus)\b", text)
        fixed = text.count("ça ne fait rien")
        assert len(found) + fixed == len(re.findall(r"\bne |\bn' ", text)), text
        alone = len(re.findall(r"\bpas\b|\bjamais\b", text.replace("tard que jamais", "")))
        assert alone == sum(word != "plus" for word in found), text
        denied = re.findall(r"\bnot\b|\bnever\b|\bno longer\b", english.replace("late than never", ""))
        assert len(denied) == len(found) + text.count("ça m' est") + 0 * fixed + english.count("never mind"), english
        negated += bool(found)
    assert 0.2 < negated / len(PAIRS) < 0.5


def regular_feminine(masculine: str) -> str:
    for ending, feminine in (("eux", "euse"), ("er", "ère"), ("on", "onne"), ("nc", "nche"), ("eau", "elle")):
        if masculine.endswith(ending):
            return masculine[: -len(ending)] + feminine
    return masculine if masculine.endswith("e") else masculine + "e"


def test_the_forms_of_adjectives_and_nouns(french: ModuleType) -> None:
    words = french.read_words()
    for one in words.adjectives:
        masculine, linked, feminine, plural, feminines = one.forms
        if one.place == "matter":
            continue
        assert feminine == {"vieux": "vieille"}.get(masculine, regular_feminine(masculine))
        ending = "" if masculine[-1] in "sx" else "x" if masculine.endswith("eau") else "s"
        assert plural == masculine + ending
        assert feminines == feminine + "s"
        assert linked == {"beau": "bel", "nouveau": "nouvel", "vieux": "vieil"}.get(masculine, masculine)
        assert french.is_vowel(one.forms[0]) == (masculine in ("intéressant", "heureux")) or one.place == "after"
    for noun in words.nouns:
        if not noun.plural:
            continue
        ending = noun.french[-3:]
        plural = noun.french + ("" if noun.french[-1] in "sx" else "x" if ending in ("eau", "bou") else "s")
        assert noun.pluriel == (noun.french[:-2] + "aux" if noun.french.endswith("al") else plural)


def features(french: ModuleType) -> tuple[dict[str, set[tuple[bool, bool]]], ...]:
    """What each noun, adjective and determiner can be: feminine, plural."""
    words = french.read_words()
    nouns: dict[str, set[tuple[bool, bool]]] = {}
    for noun in words.nouns:
        nouns.setdefault(noun.french, set()).add((noun.feminine, False))
        nouns.setdefault(noun.pluriel, set()).add((noun.feminine, True))
    adjectives: dict[str, set[tuple[bool, bool]]] = {}
    for one in words.adjectives:
        forms = ((False, False), (False, False), (True, False), (False, True), (True, True))
        for form, kind in zip(one.forms, forms, strict=True):
            adjectives.setdefault(form, set()).add(kind)
    both = {(False, False), (True, False)}
    men, women = {(False, False)}, {(True, False)}
    plural = {(False, True), (True, True)}
    determiners: dict[str, set[tuple[bool, bool]]] = {}
    for listed, kinds in (
        ("le un du au ce cet", men),
        ("la une cette ma sa", women),
        ("l' mon son notre votre leur", both),
        ("les des aux ces mes ses nos vos leurs deux trois quatre cinq dix", plural),
        ("de d'", both | plural),
    ):
        determiners |= dict.fromkeys(listed.split(), kinds)
    return nouns, adjectives, determiners


def test_determiner_and_adjectives_agree_with_every_noun(french: ModuleType) -> None:
    nouns, adjectives, determiners = features(french)
    del nouns[""]
    checked = Counter[str]()
    for text in FRENCH:
        words = text.replace("d' autres chats à fouetter", "").split()
        for i, word in enumerate(words):
            if word not in nouns:
                continue
            fits, at = set(nouns[word]), i - 1
            if words[at] in adjectives:
                fits &= adjectives[words[at]]
                at -= 1
            if words[at] in determiners:
                fits &= determiners[words[at]]
            else:  # a profession: il est professeur
                assert word in ("professeur", "boulanger", "médecin"), text
                assert re.fullmatch(rf"{BE}|pas|plus|jamais", words[at]), text
            if words[i + 1] in adjectives:
                fits &= adjectives[words[i + 1]]
                checked["after"] += 1
            assert fits, text
            checked["all"] += 1
    assert checked["all"] > 50_000
    assert checked["after"] > 10_000


def test_verbs_agree_with_subject_pronouns(french: ModuleType) -> None:
    words = french.read_words()
    forms: dict[str, set[int]] = {}
    for verb in (verb for verbs in words.verbs.values() for verb in verbs):
        for person in range(5):
            for form in (verb.present[person], french.future(verb, person), *verb.imperfect[person : person + 1]):
                forms.setdefault(form, set()).add(person)
    pattern = re.compile(
        r"(?:^|\b(?:et|mais|donc|qu'|parce que|est-ce que|quand|s'|si|,) )(je|j'|ils?|elles?|nous|vous) "
        r"(?:(?:ne|n'|me|m'|se|s'|le|la|l'|les|lui|leur|y|nous|vous) )*([^ ]+)"
    )
    found = [(text, match) for text in FRENCH for match in pattern.finditer(text) if match[2] in forms]
    assert len(found) > 20_000
    for text, match in found:
        assert PRONOUNS[match[1]] in forms[match[2]], text


def test_participles_agree_with_the_subject_after_etre_and_with_what_stands_before_avoir() -> None:
    for pattern, endings in (
        (r"\belle (?:n' )?est (?:pas |jamais |toujours |souvent )?(all|part|ven)(\w+)", {"ée", "ie", "ue"}),
        (r"\bils (?:ne )?sont (?:pas |jamais |toujours |souvent )?(all|part|ven)(\w+)", {"és", "is", "us"}),
        (r"\bnous (?:ne )?nous sommes (?:pas |jamais )?(lev|amus)(\w+)", {"és"}),
        (r"\belle (?:ne )?s' est (?:pas |jamais )?(lev|amus)(\w+)", {"ée"}),
        (
            r"\b(?:clés|portes|pommes|voitures)(?: \w+)? qu' (?:il|elle) a (achet|prépar|ouvert|pri|perdu|vu)(\w*)",
            {"ées", "es", "ses"},
        ),
        (r"\bcombien de pommes est-ce qu' (?:il|elle) a (mang|achet)(\w+)", {"ées"}),
    ):
        found = [match[2] for text in FRENCH for match in re.finditer(pattern, text)]
        assert found, pattern
        assert set(found) <= endings, pattern


@pytest.mark.parametrize(
    ("english", "french", "least"),
    [
        (r"^(i am|he is|she is) hungry\b", r"^(j' ai|il a|elle a) faim\b", 2),
        (r"^(i was|he was|she was) right\b", r"^(j' avais|il avait|elle avait) raison\b", 2),
        (r"is raining cats and dogs", r"il (ne )?pleut (pas )?des cordes", 50),
        (r"^paul needs (?!any)", r"^paul (a|n' a plus) besoin (de|du|d'|des) ", 10),
        (r"\b(sees?|helps?) her \.$", r"\b(la|l') (\w+ )?(vo|ver|vue|aid)\w*( \w+)* \.$", 5),
        (r"^\w+ gave it to (him|her)\b", r"le lui (ai|a|avons|avez|ont) donné\b", 3),
        (r"^\w+ gave it to (me|us|you)\b", r"(me|nous|vous) l' (ai|a|avons|avez|ont) donné\b", 1),
        (r"^(i|you|we) miss (anna|marie|paul|louis) (?!')", r"^\w+ (me|nous|vous) manque\b", 2),
        (r"\blooks? for\b", r"\bcherch", 100),
        (r"^does she ", r"^est-ce qu' elle ", 20),
        (r"\bas \w+ as\b", r"\baussi \w+(-\w+)? qu[e']", 50),
    ],
)
def test_constructions_that_differ(english: str, french: str, least: int) -> None:
    found = [(en, fr) for en, fr in PAIRS if re.search(english, en)]
    assert len(found) >= least, len(found)
    for en, fr in found:
        assert re.search(french, fr), (en, fr)


def test_it_has_the_gender_of_the_object_of_the_clause_before(french: ModuleType) -> None:
    nouns = {noun.english: noun for noun in french.read_words().nouns}
    who = r"(?:i|he|she|we|you|anna|marie|paul|louis)"
    plain = r"(?:(?!it |and |when |that |in |on |under |near |behind |to |with |without |for |before |after )\w+ )+?"
    end = re.compile(rf"^{who} {plain}(\w+) (?:and|because|, but|, so|when|if) {who} (?:\w+ ){{1,4}}it \.$")
    genders = Counter[bool]()
    for english, text in PAIRS:
        found = end.search(english)
        pronoun = re.search(r"\b(le|la) (\S+ ){1,3}\.$", text)
        if found and pronoun and found[1] in nouns:
            feminine = nouns[found[1]].feminine
            assert (pronoun[1] == "la") == feminine, text
            genders[feminine] += 1
    assert min(genders[True], genders[False]) >= 5
