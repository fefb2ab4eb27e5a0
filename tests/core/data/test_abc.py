"""Tunes in ABC: notes with pitches and times, errors with positions, tunes that grow, repeats played out."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqcore.data.abc import AbcError, Tune, faulty_bars, legality, parse_tune, partial_notes, tunes, unroll

from tests.core.data.test_tunes import TUNES

JIG = "X:1\nT:The Test\nR:jig\nM:6/8\nL:1/8\n"
PIECES = (
    *"abcdefgABCDEFGz0", *" \n|-><()[]{}'\",/~%!:=^_1234789\\", "|:", ":|", "|1", ":|2", "|]", "::", "(3", "[ceg]",
    "d>c", "c-c", "K:Am\n", "\nM:3/4\n", "[L:1/4]", "\n\n", "X:1\n", "T:a\n", "L:1/8\n", "abc abc|", "{g}", "\x1b", "é",
)  # fmt: skip


def sounds(body: str, key: str = "C") -> list[tuple[int | None, str]]:
    """Pitch and duration, in eighths, of every note of a body."""
    tune = parse_tune(f"{JIG}K:{key}\n{body}")
    return [(note.pitch, str(note.duration * 8)) for note in tune.notes]


def pitches(body: str, key: str = "C") -> list[int | None]:
    return [pitch for pitch, _ in sounds(body, key)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("C c c' C, B,, z x", [60, 72, 84, 48, 47, None, None]),
        ("^c _c =c ^^c __c", [73, 71, 72, 74, 70]),
        ("^c c C c | c", [73, 73, 61, 73, 72]),  # up to the bar line, in every octave
        ("^c =c c|", [73, 72, 72]),
        ("^c- | c c", [73, 73, 72]),  # a tie carries it over the bar line, for the tied note only
        ("{^c}c d", [73, 74]),  # grace notes are not among the notes
        ("[ceg] d", [72, 76, 79, 74]),
        ('"Am"a ~b .c Td !trill!e vf', [81, 83, 72, 74, 76, 77]),
        ("abc % def\nd", [81, 83, 72, 74]),
        ("a(bc)d \\\n e`f", [81, 83, 72, 74, 76, 77]),
        ("w:la la\nf | [K:D] f\nK:C\nf", [77, 78, 77]),
    ],
)
def test_pitches(body: str, expected: list[int | None]) -> None:
    assert pitches(body) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("C", [60, 62, 64, 65, 67, 69, 71]),
        ("G", [60, 62, 64, 66, 67, 69, 71]),
        ("Bb", [60, 62, 63, 65, 67, 69, 70]),
        ("F#m", [61, 62, 64, 66, 68, 69, 71]),
        ("Am", [60, 62, 64, 65, 67, 69, 71]),
        ("E minor", [60, 62, 64, 66, 67, 69, 71]),
        ("Ador", [60, 62, 64, 66, 67, 69, 71]),
        ("D Mixolydian", [60, 62, 64, 66, 67, 69, 71]),
        ("Flyd", [60, 62, 64, 65, 67, 69, 71]),
        ("C#", [61, 63, 65, 66, 68, 70, 72]),
        ("Cb", [59, 61, 63, 64, 66, 68, 70]),
        ("none", [60, 62, 64, 65, 67, 69, 71]),
    ],
)
def test_key_signatures(key: str, expected: list[int]) -> None:
    assert pitches("CDEFGAB", key) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a a2 a3/2 a/ a/2 a// a/4 a3/", "1 2 3/2 1/2 1/2 1/4 1/4 3/2"),
        ("a>b a<b a>>b a<<<b", "3/2 1/2 1/2 3/2 7/4 1/4 1/8 15/8"),
        ("a2>b2 z>a [ce]>d", "3 1 3/2 1/2 3/2 3/2 1/2"),
        ("(3abc d", "2/3 2/3 2/3 1"),
        ("(2ab (4abcd", "3/2 3/2 3/4 3/4 3/4 3/4"),
        ("(5abcde", "3/5 3/5 3/5 3/5 3/5"),  # 3 in the time of 5, for 6/8 is compound
        ("(3:2:2 a2 b c", "4/3 2/3 1"),
        ("(3::2 a2 b", "4/3 2/3"),
        ("[c2e2]2 [ce]/", "4 4 1/2 1/2"),
        ("(3a>bc", "1 1/3 2/3"),
        ("[L:1/16]a\nL:1/4\na", "1/2 2"),
        ("M:2/4\n(5abcde", "2/5 2/5 2/5 2/5 2/5"),
    ],
)
def test_durations(body: str, expected: str) -> None:
    assert " ".join(duration for _, duration in sounds(body)) == expected


@pytest.mark.parametrize(
    ("header", "unit"),
    [("K:C\n", "1/8"), ("M:2/4\nK:C\n", "1/16"), ("M:3/4\nK:C\n", "1/8"), ("M:2/4\nL:1/4\nK:C\n", "1/4"),
     ("M:C|\nK:C\n", "1/8"), ("M:none\nK:C\n", "1/8")],
)  # fmt: skip
def test_the_unit_length_follows_from_the_metre(header: str, unit: str) -> None:
    assert parse_tune(header + "a").notes[0].duration == Fraction(unit)


def test_a_tune_with_all_its_parts() -> None:
    text = JIG + "K:D\n|:A|d2f a3|[df]3- [df]3|1 d3 d2:|2 d3 D2|]\n"
    tune = parse_tune(text)
    assert tune.fields == (("X", "1"), ("T", "The Test"), ("R", "jig"), ("M", "6/8"), ("L", "1/8"), ("K", "D"))
    assert (tune.key, tune.tonic, tune.metre, tune.unit) == ({"F": 1, "C": 1}, 2, (6, 8), Fraction(1, 8))
    assert [bar.full for bar in tune.bars] == [False, True, True, False, False]
    assert [bar.ending for bar in tune.bars] == [0, 0, 0, 1, 2]
    assert [text[bar.begin : bar.end] for bar in tune.bars] == ["A", "d2f a3", "[df]3- [df]3", " d3 d2"[1:], "d3 D2"]
    assert [text[note.begin : note.end] for note in tune.notes][:6] == ["A", "d2", "f", "a3", "d", "f"]
    assert [note.tied for note in tune.notes] == [False] * 4 + [True, True] + [False] * 6
    assert tune.order == (0, 1, 2, 3, 0, 1, 2, 4)
    played = unroll(tune)
    assert [note.bar for note in played if note.pitch == 69] == [0, 0]
    assert [note.start for note in played if note.pitch == 69] == [0, Fraction(18, 8)]
    assert played[-1].stop == Fraction(36, 8)
    starts = [bar.start for bar in tune.bars]
    assert starts == [Fraction(eighths, 8) for eighths in (0, 1, 7, 13, 18)]


@pytest.mark.parametrize(
    ("body", "order"),
    [
        ("a|b|c|", [0, 1, 2]),
        ("|:a|b:|c|]", [0, 1, 0, 1, 2]),
        ("a|b:|c:|", [0, 1, 0, 1, 2, 2]),
        ("|:a::b:|", [0, 0, 1, 1]),
        ("|:a:|:b:|", [0, 0, 1, 1]),
        ("a||b:|", [0, 1, 1]),
        ("|:a|1 b:|2 c|d|]e|", [0, 1, 0, 2, 3, 4]),
        ("|:a [1 b :|\n[2 c|]\n|:d:|", [0, 1, 0, 2, 3, 3]),
        ("a|:b||c:|d", [0, 1, 2, 1, 2, 3]),
    ],
)
def test_repeats(body: str, order: list[int]) -> None:
    assert list(parse_tune(f"K:C\n{body}\n").order) == order


# the position of the error is that of the mark
@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ("abc ¤$", "unexpected '$'"),
        ("abc ¤\x1b[31m", r"unexpected '\x1b'"),
        ("abc ¤é", "unexpected"),
        ("¤a0 b", "length"),
        ("¤a/3", "length"),
        ("¤a9999", "length"),
        ("¤a2//2", "length"),
        ("¤c''''''''", "too high"),
        ("[ce¤c'''''''g]", "too high"),
        ("¤C,,,,,,", "too low"),
        ("a-¤b", "tie must lead"),
        ("a-|¤=A", "tie must lead"),
        ("a ¤-a", "tie must follow"),
        ("z¤-z", "tie must follow"),
        ("a-¤-a", "tie must follow"),
        ("a-¤:|", "cross a repeat"),
        ("¤>a", "broken"),
        ("a>>>¤>b", "broken"),
        ("a>b¤>c", "broken"),
        ("a>¤b2", "different lengths"),
        ("a>¤|b", "second note"),
        ("|¤>b", "broken"),
        ("(3ab¤|c|", "tuplet"),
        ("(3a¤(3bcd", "tuplet"),
        ("¤(1a", "tuplet"),
        ("¤(3:0:2ab", "tuplet"),
        ("a¤)b", "slur"),
        ("¤[]", "chord"),
        ("¤[c2e]", "same length"),
        ("[c¤|e]", "unexpected"),
        ("¤{}a", "grace"),
        ("{g¤ a", "unexpected"),
        ("{g}¤|", "followed by a note"),
        ("~¤|", "followed by a note"),
        ("¤:|a", "nothing to repeat"),
        ("|:a:| ¤:|", "nothing to repeat"),
        ("¤|1a:|2b|]", "nothing before"),
        ("|:a¤|2b|]", "without a first"),
        ("|:a|1b¤|1c:|", "another ending"),
        ("|:a|1b:|¤c|", "second ending is missing"),
        ("|:a|1b¤|]", "not closed"),
        ("|:a|1b:|2c¤:|", "second ending"),
        ("|:a|b¤|:c:|", "not closed"),
        ("|:a¤|3b:|", "endings 1 and 2"),
        ("a\n¤V:2\n", "V:"),
        ("a|¤[K:Q]b", "key"),
        ('abc ¤"Am\nd', "unexpected"),
        ("abc ¤Z4", "unexpected"),
    ],
)
def test_errors_have_a_position(marked: str, reason: str) -> None:
    text = f"{JIG}K:C\n{marked.replace('¤', '')}|\n"
    position = len(JIG) + len("K:C\n") + marked.index("¤")
    for start, whole in ((0, text), (3, "\n\n\n" + text)):
        with pytest.raises(AbcError) as raised:
            parse_tune(whole)
        error = raised.value
        assert (error.position - start, reason in error.reason) == (position, True), str(error)
        assert str(error) == f"line {text.count(chr(10), 0, position) + 1}: {error.reason}"
        assert str(error).isprintable()
        found = partial_notes(whole).error
        assert found is not None
        assert found.position == error.position


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not complete"),
        ("X:1\nT:a\n", "not complete"),
        ("X:1\nK:C\n", "no notes"),
        ("X:a\nK:C\nabc", "number"),
        ("abc|\n", "not a header field"),
        ("M:6/7\nK:C\na", "metre"),
        ("M:0/8\nK:C\na", "metre"),
        ("L:3/8\nK:C\na", "unit"),
        ("K:H\na", "key"),
        ("K:Dfoo\na", "mode"),
        ("K:G#\na", "seven sharps"),
        ("K:Fbm\na", "seven flats"),
        ("M:C\nM:C\nK:C\na", "second field"),
        ("K:C\n|:a", "not closed"),
        ("K:C\na-", "tie"),
        ("K:C\n(a", "slur"),
        ("K:C\n(3a", "tuplet"),
        ("K:C\na>", "broken"),
        ("K:C\n[ce", "not complete"),
        ("K:C\na\n\nX:2\nK:C\nb", "one by one"),
    ],
)
def test_incomplete_tunes(text: str, reason: str) -> None:
    with pytest.raises(AbcError) as raised:
        parse_tune(text)
    assert reason in str(raised.value)


def block(body: str, header: str = JIG) -> str:
    return f"{header}K:C\n{body}\n\n"


@pytest.mark.parametrize(
    "body",
    [
        "abc abc|abc abc|",
        "a|abc abc|a3 a2|",  # the last bar completes the pickup
        "|:a|abc abc|a3 a2:|",
        "|:a|abc abc|1 a2b c2:|2 a3 a2|]\n|:b|abc abc|a3 a2:|",
        "|:abc abc|1 a3 a2 b:|2 a3 a3|]",
        "abc abc|a3||a3|abc abc|",  # a bar in two halves around a double bar
        "|:a|abc a2:|:b|abc a2:|",
        "a3 a2 a|\nM:2/4\na2 a2|",
        "(3abc (3abc a2|",
    ],
)
def test_legal_bars(body: str) -> None:
    assert legality(block(body)).errors == ()


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ("abc abc|abc ab¤|abc abc|", "too short: 5/8 of 6/8"),
        ("abc abc|abc abc¤d|abc abc|", "too long"),
        ("abc abc|abc a2¤b2|abc abc|", "too long: 7/8 of 6/8"),
        ("a3|a3¤|abc abc|", "too short"),  # a plain bar line does not join two halves
        ("abc abc|a3¤|a3|abc abc|", "too short"),
        ("a¤|abc abc|abc abc|", "pickup: 1/8 of 6/8"),
        ("|:a¤|abc abc|a3 a3:|", "too short"),
        ("abc abc|abc ab¤|", "too short"),
        ("|:a|abc abc|a3 a2¤:|:ab|abc abc|a3 a2:|", "too short"),
    ],
)
def test_bars_that_are_not_full(marked: str, reason: str) -> None:
    before = block("abc abc|")
    found = legality(before + block(marked.replace("¤", "")))
    assert (found.tunes, found.legal) == (2, 1)
    (error,) = found.errors
    assert error.position == len(before) + len(JIG) + len("K:C\n") + marked.index("¤")
    assert reason in error.reason


@pytest.mark.parametrize(
    ("body", "faulty", "growing"),
    [
        ("abc abc|abc ab|abc abcd|abc abc|", {1: "too short: 5/8 of 6/8", 2: "too long: 7/8 of 6/8"}, {1, 2}),
        ("abc ab|abc abc|ab", {0: "the last bar does not complete the pickup"}, set()),  # more may come
        ("a|abc abc|a3 a2|", {}, set()),
        ("|:a|abc abc|abcd", {0: "pickup: 1/8"}, set()),  # a repeat that is not closed
        ("|:abc abc|abc ab|abc abc:|", {1: "too short: 5/8"}, {1}),
    ],
)
def test_every_faulty_bar_has_its_reason(body: str, faulty: dict[int, str], growing: set[int]) -> None:
    tune = partial_notes(block(body)[:-2]).tune
    assert set(faulty_bars(tune, growing=True)) == growing
    found = faulty_bars(tune)
    assert set(found) == set(faulty)
    assert all(faulty[bar] in reason for bar, reason in found.items())


@pytest.mark.parametrize("letter", "XTMLK")
def test_a_legal_tune_has_the_required_fields(letter: str) -> None:
    lines = [line for line in block("abc abc|").split("\n") if not line.startswith(letter)]
    found = legality("\n".join(lines))
    assert (found.tunes, found.legal) == (1, 0)
    assert letter in found.errors[0].reason or letter == "K"


def test_the_truncated_last_tune_is_not_counted() -> None:
    text = block("abc abc|") * 3
    assert legality(text)[:2] == (3, 3)
    assert legality(text[:-1])[:2] == (2, 2)
    assert legality(text + "X:4\nT:half")[:2] == (3, 3)
    assert legality("") == (0, 0, ())
    assert legality("words\n\nmore words\n\n")[:2] == (2, 0)


def test_spans_of_tunes() -> None:
    text = "\n  \nX:1\nK:C\nabc\n \t\r\n\nX:2\nK:D\nabc\n\n"
    assert [text[start:end] for start, end in tunes(text)] == ["X:1\nK:C\nabc\n", "X:2\nK:D\nabc\n"]
    for start, end in tunes(text):
        notes = parse_tune(text, start, end).notes
        assert "".join(text[note.begin : note.end] for note in notes) == "abc"


def grows_into(text: str, tune: Tune) -> None:
    """Every beginning of a tune is without error and has the notes of the tune, but for the length of the last."""
    for end in range(len(text) + 1):
        partial = partial_notes(text[:end])
        assert partial.error is None, (text[:end], partial.error)
        if partial.notes:
            last = partial.notes[-1].start
            steady = [note for note in partial.notes if note.start < last]
            assert tuple(steady) == tune.notes[: len(steady)]
            assert tune.notes[len(steady)].start == last


def test_a_tune_grows_note_by_note() -> None:
    for text in TUNES[:8]:
        grows_into(text, parse_tune(text))
    full = (
        JIG + 'K:F#m % sharp\n|:"F#m"~a>b {cd}(3:2:3cde|[K:Am][ce-]2 !trill!e- e/2c//d// (a|b)c\\\n x|1 ^^c2_d:|'
        "\nM:C|\nw:words\n[2 __e2 '|]"
    ).replace("'", "f'")
    grows_into(full, parse_tune(full))


def test_a_finished_tune_is_not_excused() -> None:
    assert partial_notes("K:C\n|:abc").error is None
    error = partial_notes("K:C\n|:abc\n\n").error
    assert error is not None
    assert error.position == 4


TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=40).map(lambda pieces: f"{JIG}K:D\n{''.join(pieces)}"),
    st.tuples(st.sampled_from(TUNES[:50]), st.integers(0, 300), st.sampled_from(PIECES)).map(
        lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
    ),
)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_any_text_is_a_tune_or_an_error(text: str) -> None:
    partial = partial_notes(text)
    counted = legality(text + "\n\n")
    assert counted.legal + len(counted.errors) == counted.tunes
    for error in (*counted.errors, *[partial.error] * (partial.error is not None)):
        assert 0 <= error.position <= len(text) + 2
        assert str(error).isprintable()
    try:
        tune = parse_tune(text)
    except AbcError as error:
        assert str(error).isprintable()
    else:
        assert partial.error is None
        assert partial.notes == tune.notes
        assert sorted(set(tune.order)) == list(range(len(tune.bars)))
        assert all(bar.start + bar.duration == other.start for bar, other in pairwise(tune.bars))
        ends = [note.stop for note in tune.notes]
        assert max(ends) == tune.bars[-1].start + tune.bars[-1].duration
        assert sum(tune.bars[index].duration for index in tune.order) == max(note.stop for note in unroll(tune))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([piece for piece in PIECES if piece != "\n\n"]), max_size=25).map("".join))
def test_whatever_parses_has_grown_without_an_error(body: str) -> None:
    text = f"K:D\n{body}"
    try:
        tune = parse_tune(text)
    except AbcError:
        return
    grows_into(text, tune)


@pytest.mark.parametrize(
    "piece",
    ["[c", "(", "(3", "^", "|:", "a-", "a>b", "|1", "a:|", '"', "!", "{", "\\ ", "\nK:D", "\n\n", "a\n\n", "[", "[K:",
     "[K:D]", "'", "/", "9", "a,", "c-c-c-[", "|a|1b:|2c|]", "%", "\n%", "|", "a |"],
)  # fmt: skip
def test_long_texts_end(piece: str) -> None:
    for text in (JIG + "K:C\n" + piece * 5_000, piece * 5_000, JIG + "K:C\na" + piece * 5_000 + "\n\n"):
        partial_notes(text)
        assert len(legality(text).errors) <= 5_001
