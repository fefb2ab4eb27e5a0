"""Generated pairs: every target is right, every symbol and length is as declared, and no dial is out of range."""

import datetime
import re

import numpy as np
import pytest
from seqcore.data.date_formats import DATE_SYMBOLS, FIRST, FORMATS, LAST, SHORTEST_AND_LONGEST
from seqcore.data.transductions import TRANSDUCTIONS, transduction

from tests.core.data.table_texts import refusal

RIGHT = {
    "reverse": lambda text: text[::-1],
    "sort": lambda text: "".join(sorted(text)),
    "duplicate": lambda text: "".join(letter * 2 for letter in text),
}


def drawn(name: str, dial: int, count: int, seed: int = 0) -> list[tuple[str, str]]:
    one = TRANSDUCTIONS[name]
    pairs = one.draw(np.random.default_rng(seed), dial, count)
    assert all(part.dtype == np.int32 and part.ndim == 1 for pair in pairs for part in pair)
    return [
        ("".join(one.source[n] for n in source), "".join(one.target[n] for n in target)) for source, target in pairs
    ]


@pytest.mark.parametrize("name", RIGHT)
def test_targets_are_right(name: str) -> None:
    pairs = drawn(name, 7, 2000)
    assert len(pairs) == 2000
    assert all(RIGHT[name](source) == target for source, target in pairs)
    assert len(set(pairs)) > 1000


@pytest.mark.parametrize("name", TRANSDUCTIONS)
def test_lengths_and_symbols_are_as_declared(name: str) -> None:
    one = TRANSDUCTIONS[name]
    for dial in {one.least, min(one.most, 5)}:
        pairs = drawn(name, dial, 4000)
        for side, span in enumerate(one.lengths(dial)):
            lengths = [len(pair[side]) for pair in pairs]
            assert span[0] <= min(lengths)
            assert max(lengths) <= span[1]
            if name in RIGHT:
                assert (min(lengths), max(lengths)) == span
        assert set("".join(source for source, _ in pairs)) == set(one.source)
        assert set("".join(target for _, target in pairs)) == set(one.target)
    assert len(set(one.source)) == len(one.source)
    assert len(set(one.target)) == len(one.target)


def test_lengths_are_uniform() -> None:
    counts = np.bincount([len(source) for source, _ in drawn("reverse", 10, 20_000)], minlength=11)[1:]
    assert counts.min() > 1800
    assert counts.max() < 2200


@pytest.mark.parametrize("name", TRANSDUCTIONS)
def test_pairs_follow_from_the_generator(name: str) -> None:
    dial = TRANSDUCTIONS[name].dial
    assert drawn(name, dial, 20, 3) == drawn(name, dial, 20, 3)
    assert drawn(name, dial, 20, 3) != drawn(name, dial, 20, 4)
    assert TRANSDUCTIONS[name].draw(np.random.default_rng(0), dial, 0) == []


def test_a_text_stands_for_one_date() -> None:
    """All dates in all formats: no two dates share a text, and nothing occurs that is not declared."""
    found: dict[str, int] = {}
    for day in range(FIRST.toordinal(), LAST.toordinal() + 1):
        date = datetime.date.fromordinal(day)
        for form in FORMATS:
            assert found.setdefault(form(date), day) == day
    lengths = {len(text) for text in found}
    assert (min(lengths), max(lengths)) == SHORTEST_AND_LONGEST
    assert "".join(sorted(set("".join(found)))) == DATE_SYMBOLS


def test_a_date_in_every_format() -> None:
    texts = {form(datetime.date(1987, 3, 5)) for form in FORMATS}
    assert len(texts) == len(FORMATS) >= 15
    assert texts >= {
        "5 march 1987", "march 5th, 1987", "05/03/1987", "1987.03.05", "5 mar 87", "05/03/87", "the 5th of march 1987",
        "thursday, 5 march 1987", "MARCH 5 1987", "mar 5 '87", "19870305",
    }  # fmt: skip
    days = [FORMATS[6](datetime.date(2000, 1, day)).split()[1] for day in range(1, 32)]
    others = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
    assert days == [f"{day}{others.get(day, 'th')}" for day in range(1, 32)]


def test_targets_of_dates_agree_with_a_parser() -> None:
    """Whatever a source says in digits and words is in its target: checked without the code that writes it."""
    weekdays = 0
    for source, target in drawn("dates", 0, 5000):
        date = datetime.date.fromisoformat(target)
        assert FIRST <= date <= LAST
        digits = [int(digits) for digits in re.findall(r"\d+", source)]
        if len(digits) == 1:
            assert source == target.replace("-", "")
            continue
        assert {date.day, date.year} <= {*digits} or {date.day, date.year % 100} <= {*digits}
        words = re.findall(r"[a-z]{3,}", source.lower())
        if not words:
            assert date.month in digits
            assert digits[1] == date.month, "the month is in the middle"
        names = {f"{date:%B}".lower(), f"{date:%b}".lower(), f"{date:%A}".lower(), f"{date:%a}".lower(), "the"}
        assert {*words} <= names
        weekdays += len(words) == 2
    assert weekdays > 300


def test_names_and_dials() -> None:
    for name, one in TRANSDUCTIONS.items():
        assert one.name == name
        assert one.least <= one.dial <= one.most
        assert transduction(name) == (one, one.dial)
    assert transduction("reverse:5") == (TRANSDUCTIONS["reverse"], 5)
    assert transduction("dates:0") == (TRANSDUCTIONS["dates"], 0)
    for source in ("", "copy:5", "copy", "reverse:", "reverse:x", "reverse:-1", "reverse:1234567", "Reverse:5", "-"):
        assert transduction(source) is None
    for source in ("reverse:1", "sort:201"):
        assert "the dial of" in refusal(lambda source=source: transduction(source))
        assert "goes from 2 to 200" in refusal(lambda source=source: transduction(source))
    assert refusal(lambda: transduction("dates:5")) == "'dates:5': dates has no dial: write dates"
