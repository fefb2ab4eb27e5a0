"""The sample corpus `tunes` equals the output of its program, and its tunes keep their promises."""

import importlib
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from seqcore.data.abc import Tune, legality, parse_tune, tunes

FOLDER = Path(__file__).resolve().parents[3] / "sample_corpora"
TEXT = (FOLDER / "tunes.abc").read_bytes().decode("ascii")
SPANS = list(tunes(TEXT))
TUNES = [TEXT[start:end] for start, end in SPANS]


@pytest.fixture(scope="module")
def parsed() -> list[Tune]:
    return [parse_tune(text) for text in TUNES]


def test_the_corpus_is_what_its_program_makes() -> None:
    sys.path.insert(0, str(FOLDER))
    try:
        made = importlib.import_module("make_tunes").make()
    finally:
        sys.path.remove(str(FOLDER))
    assert made == TEXT


def test_size_and_alphabet() -> None:
    assert 2_000 < len(TUNES) < 4_000
    assert 650_000 < len(TEXT) < 900_000
    assert len(set(TEXT)) < 80
    assert "\t" not in TEXT
    assert TEXT.endswith("\n\n")


def test_all_tunes_are_legal() -> None:
    found = legality(TEXT)
    assert found.errors == ()
    assert found.tunes == len(TUNES)


def test_headers(parsed: list[Tune]) -> None:
    assert all("".join(letter for letter, _ in tune.fields) == "XTRMLK" for tune in parsed)
    assert [tune.field("X") for tune in parsed] == [str(number + 1) for number in range(len(parsed))]
    titles = {tune.field("T") for tune in parsed}
    assert len(titles) == len(parsed)
    rhythms = Counter(tune.field("R") for tune in parsed)
    assert set(rhythms) == {"jig", "reel", "hornpipe", "air"}
    assert min(rhythms.values()) > len(parsed) / 10
    metres = {"jig": "6/8", "reel": "4/4", "hornpipe": "4/4", "air": "3/4"}
    assert all(tune.field("M") == metres[tune.field("R")] for tune in parsed)
    for tune in parsed:  # a rhythm in the title is the tune's own
        assert all(word == tune.field("R") for word in tune.field("T").lower().split() if word in metres)
    keys = Counter(tune.field("K") for tune in parsed)
    assert {"D", "G", "A", "C", "Em", "Am", "Dm", "Bm", "Ador", "Edor", "Gmix"} <= set(keys)
    assert min(keys.values()) > 30


def test_every_tune_has_two_parts_of_eight_bars_that_are_played_twice(parsed: list[Tune]) -> None:
    with_endings = with_pickups = 0
    for text, tune in zip(TUNES, parsed, strict=True):
        assert text.count("|:") == 2
        pickup = not tune.bars[0].full
        played = 8 + pickup
        assert len(tune.order) == 4 * played
        assert Counter(tune.order).most_common(1)[0][1] == 2
        for part in range(2):
            times = [tune.order[(2 * part + time) * played :][:played] for time in range(2)]
            assert times[0][:-1] == times[1][:-1]
        with_endings += tune.bars[played - 1].ending == 1
        with_pickups += pickup
    assert 0.5 < with_endings / len(parsed) < 0.8
    assert 0.2 < with_pickups / len(parsed) < 0.5


def test_both_parts_end_on_the_tonic(parsed: list[Tune]) -> None:
    for tune in parsed:
        played = len(tune.order) // 4
        for last in (tune.order[2 * played - 1], tune.order[-1]):
            pitch = [note.pitch for note in tune.notes if note.bar == last][-1]
            assert pitch is not None
            assert pitch % 12 == tune.tonic, tune.fields


def test_phrases_come_back(parsed: list[Tune]) -> None:
    repeated = 0
    for text, tune in zip(TUNES, parsed, strict=True):
        bars = [text[bar.begin : bar.end] for bar in tune.bars if bar.full]
        repeated += len(set(bars)) <= len(bars) - 2
    assert repeated > 0.8 * len(parsed)


def test_melodies_are_singable(parsed: list[Tune]) -> None:
    leaps: Counter[int] = Counter()
    for text, tune in zip(TUNES, parsed, strict=True):
        pitches = [note.pitch for note in tune.notes if note.pitch is not None]
        assert min(pitches) >= 62, text  # D
        assert max(pitches) <= 87, text  # d', raised
        leaps.update(abs(one - other) for one, other in pairwise(pitches))
    assert sum(leaps[steps] for steps in range(6)) > 0.85 * sum(leaps.values())  # up to a fourth
    assert sum(leaps[steps] for steps in range(13, 40)) < 0.01 * sum(leaps.values())


def test_accidentals_are_only_the_raised_seventh_of_minor_keys(parsed: list[Tune]) -> None:
    raised = 0
    for text, tune in zip(TUNES, parsed, strict=True):
        body = text[text.index("\nK:") :]
        sharp = [note.pitch % 12 for note in tune.notes if text[note.begin] == "^" and note.pitch is not None]
        assert "_" not in body
        assert len(sharp) == body.count("^")
        assert tune.tonic is not None
        assert set(sharp) <= {(tune.tonic - 1) % 12}
        assert not sharp or tune.field("K").endswith("m")
        raised += bool(sharp)
    assert raised > 100


def test_hornpipes_are_dotted(parsed: list[Tune]) -> None:
    for text, tune in zip(TUNES, parsed, strict=True):
        dotted = text[text.index("\nK:") :].count(">")
        assert dotted >= 8 if tune.field("R") == "hornpipe" else dotted == 0
