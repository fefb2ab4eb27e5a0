"""Each error in labelled brackets is found once, with its distance."""

import pytest
from seqcore.data.brackets import bracket_errors, closings
from seqcore.data.corpus import read_corpus


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("(c [a a] <f {b b} f> c)\n", []),
        ("(c [a b] c)\n", [(6, 3)]),  # wrong label
        ("(c [a a) c)\n", [(6, 3)]),  # wrong kind; the enclosing brackets are not errors
        ("(c [a a] d)\n", [(9, 9)]),
        ("a)\n", [(0, 0)]),  # nothing open
        ("(a [b\n", [(5, 2), (5, 5)]),  # still open at the end of the line
        ("(a\n(b b)\n", [(2, 2)]),  # each line is separate
        ("(a [b", []),  # cut off
        ("(a [b b", []),  # cut off within a closing
        ("(a x a)\n", [(3, 0)]),  # not part of any bracket
        ("(z z)\n", [(0, 0), (1, 0), (3, 0), (4, 0)]),
        ("", []),
        ("(a a)\n(b b)\n", []),
    ],
)
def test_errors_have_a_position_and_a_distance(text: str, errors: list[tuple[int, int]]) -> None:
    assert bracket_errors(text) == errors


def test_the_sample_corpus_has_no_error_and_distances_from_near_to_far() -> None:
    found = closings(read_corpus("brackets").text)
    assert all(closing.right for closing in found)
    distances = [closing.distance for closing in found]
    assert min(distances) == 3
    for far in (10, 30, 100, 300):
        assert sum(distance > far for distance in distances) > 1000 * 10 / far


def test_one_changed_label_in_the_sample_is_one_error() -> None:
    text = read_corpus("brackets").text[:20_000]
    closing = max(closings(text), key=lambda closing: closing.distance)
    wrong = "a" if text[closing.position] != "a" else "b"
    changed = text[: closing.position] + wrong + text[closing.position + 1 :]
    assert bracket_errors(changed) == [(closing.position, closing.distance)]
