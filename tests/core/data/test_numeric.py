"""Numbers from tables, with labels or as sequences, and their standardisation."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from seqcore.data.numeric import numeric_columns, numeric_labelled, numeric_sequences
from seqcore.data.standardise import Standardise
from seqcore.errors import SeqError
from seqcore.records import F64

from tests.core.data.table_texts import checked, refusal, table

PLANTS = "width,height,species\n1,0.5,rose\n2.5,-3e2,tulip\n 4 ,.5,rose\n"


def test_columns_are_read_as_numbers() -> None:
    found = numeric_columns(table(PLANTS), exclude=["species"])
    assert found.names == ("width", "height")
    np.testing.assert_array_equal(found.values, [[1, 0.5], [2.5, -300], [4, 0.5]])
    assert found.values.dtype == np.float64
    assert (found.lines.tolist(), found.rows.tolist(), found.skipped) == ([2, 3, 4], [0, 1, 2], 0)
    chosen = numeric_columns(table(PLANTS), ["height", "width"])
    assert chosen.names == ("height", "width"), "in the order in which they are given"
    np.testing.assert_array_equal(chosen.values, found.values[:, ::-1])


def test_labels_are_found_by_name_or_are_the_only_words() -> None:
    found = numeric_labelled(table(PLANTS))
    assert (found.label_column, found.labels, found.names) == (
        "species",
        ("rose", "tulip", "rose"),
        ("width", "height"),
    )
    assert numeric_labelled(table(PLANTS.replace("species", "kind"))).label_column == "kind"
    numbers = table("a,b,class\n1,2,0\n3,4,1\n5,6,0\n")
    assert numeric_labelled(numbers).classes == ("0", "1")
    other = numeric_labelled(table("a,b,c\n1,2,0\n3,4,1\n5,6,0\n"), "c", ["b"])
    assert (other.names, other.labels) == (("b",), ("0", "1", "0"))


def test_sequences_are_runs_of_one_value() -> None:
    found = numeric_sequences(table("x,ball,y\n1,a,5\n2,a,6\n\n3,b,7\n4,b,8\n5,b,9\n"), sequence_column="ball")
    assert (found.names, found.keys) == (("x", "y"), ("a", "b"))
    assert [part.tolist() for part in found.sequences] == [[[1, 5], [2, 6]], [[3, 7], [4, 8], [5, 9]]]
    assert [part.tolist() for part in found.lines] == [[2, 3], [5, 6, 7]]
    single = numeric_sequences(table("x,y\n1,5\n2,6\n"), ["y"])
    assert (single.names, single.keys, single.sequences[0].tolist()) == (("y",), ("",), [[5], [6]])


VALUES = [  # the cell, what is said of it, the reason in the remark
    ("high", "column 'y' is 'high', not a number", "with a value that is not a number"),
    ("\x1b[2J", r"column 'y' is '\x1b[2J', not a number", "with a value that is not a number"),
    ("", "column 'y' is empty", "with an empty value"),
    ("  ", "column 'y' is empty", "with an empty value"),
    ("nan", "column 'y' is 'nan', not a number", "with NaN"),
    ("-inf", "column 'y' is '-inf': give finite numbers", "with an infinite or too large value"),
    ("1e999", "column 'y' is '1e999': give finite numbers", "with an infinite or too large value"),
    ("1_000", "column 'y' is '1_000', not a number", "with a value that is not a number"),
    ("0x10", "column 'y' is '0x10', not a number", "with a value that is not a number"),
    (" -0,5", "column 'y' is ' -0,5', not a number (decimal comma): write '-0.5'", "with a value that is not a number"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "message", "reason"), VALUES)
def test_a_bad_value_is_refused_with_its_line_and_column_or_skipped(cell: str, message: str, reason: str) -> None:
    text = f"kind;x;y\na;1;2\nb;3;4\n\na;5;{cell}\na;7;8\n"
    line = refusal(lambda: numeric_columns(table(text), ["x", "y"]))
    assert line.startswith(f"'some.csv', line 5: {message}")
    assert line.endswith(" (--skip-bad-rows skips such rows)")
    read = table(text, skip=True)
    for found in (numeric_columns(read, exclude=["kind"]), numeric_labelled(read)):
        np.testing.assert_array_equal(found.values, [[1, 2], [3, 4], [7, 8]])
        assert (found.lines.tolist(), found.rows.tolist(), found.skipped) == ([2, 3, 6], [0, 1, 3], 1)
        assert found.remarks == (f"1 row skipped: 1 {reason} (line 5)",)
    assert numeric_labelled(read).labels == ("a", "b", "a")
    assert numeric_columns(table(text), ["x"]).skipped == 0, "only the columns that are read matter"


CASES = [  # text, columns, message
    ("x,y\n1,2\n3,4\n", ["x", "w"], "no column 'w' (--columns)"),
    ("x,y\n1,2\n3,4\n", ["x", "x"], "'x' occurs twice in --columns"),
    ("x,y\n1,2\n3,4\n", [], "no column left"),
    ("day,x\nmon,1\ntue,2\n", None, "line 2: column 'day' has no numbers ('mon'): choose from 'x' with --columns"),
    ("day,x\nmon,a\ntue,b\n", None, "line 2: column 'day' has no numbers ('mon'): no other column has any either"),
    ("x,y\n0.5,2\n0.50,4\n", None, "column 'x' is constant (0.5 in every row): leave it out with --columns"),
    ("x,y\n1,2\n", None, "only one usable row"),
]


@pytest.mark.parametrize(("text", "columns", "message"), CASES)
def test_columns_that_cannot_be_learnt_are_refused(text: str, columns: list[str] | None, message: str) -> None:
    for skip in (False, True):
        for read in (numeric_columns, numeric_sequences):
            line = refusal(lambda read=read, skip=skip: read(table(text, skip=skip), columns))
            assert line.startswith("'some.csv'")
            assert message in line


@pytest.mark.parametrize(
    ("text", "label", "columns", "message"),
    [
        (PLANTS, "specie", None, "no column 'specie' (--label-column): did you mean 'species'?"),
        (PLANTS, None, ["species"], "'species' is the label or sequence: leave it out of --columns"),
        ("x,y\n1,2\n3,4\n", None, None, "choose the column of the label (--label-column): one of 'x', 'y'"),
        ("x,a,b\n1,c,d\n3,d,c\n", None, None, "choose the column of the label (--label-column): one of 'x', 'a', 'b'"),
        ("x,label\n1,a\n3,a\n", None, None, "every label is 'a' (column 'label')"),
        ("x,label\n1,a\n3,b\n", None, None, "2 different labels in 2 examples"),
        ("x,label\n1,a\n3,b\n4,\n5,a\n", None, None, "line 4: the label (column 'label') is empty"),
        ("label\na\nb\n", None, None, "no column left"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(
    text: str, label: str | None, columns: list[str] | None, message: str
) -> None:
    assert message in refusal(lambda: numeric_labelled(table(text), label, columns))


def test_sequences_that_are_short_or_in_pieces_are_refused() -> None:
    pieces = "ball,x\na,1\na,2\nb,3\nb,4\na,5\na,6\n"
    for skip in (False, True):
        line = refusal(lambda skip=skip: numeric_sequences(table(pieces, skip=skip), None, "ball"))
        assert line.startswith("'some.csv', line 6: sequence 'a' began on line 2 and continues here")
        assert "sort the rows by 'ball'" in line
    short = "ball,x\na,1\na,2\nb,3\nc,4\nc,5\nc,oops\n"
    line = refusal(lambda: numeric_sequences(table(short.replace("oops", "6")), None, "ball"))
    assert line.startswith("'some.csv', line 4: sequence 'b' has only one row: give at least two")
    found = numeric_sequences(table(short, skip=True), None, "ball")
    assert found.keys == ("a", "c")
    assert found.skipped == 2
    assert "1 with a value that is not a number (line 7)" in found.remarks[0]
    assert "1 in a sequence of one row (line 4)" in found.remarks[0]
    line = refusal(lambda: numeric_sequences(table("ball,x\na,1\nb,2\n", skip=True), None, "ball"))
    assert line.startswith("'some.csv' has no usable rows: 2 rows skipped")
    constant = "ball,x\na,1\nb,2\nb,2\n"
    assert "constant" in refusal(lambda: numeric_sequences(table(constant, skip=True), None, "ball"))


@given(st.lists(st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=2), min_size=2, max_size=20))
def test_numbers_that_python_writes_are_read_without_loss(rows: list[list[float]]) -> None:
    text = "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in rows)
    try:
        found = numeric_columns(table(text))
    except SeqError as error:
        assert "is constant" in checked(error)
        assert any(len(set(column)) == 1 for column in zip(*rows, strict=True))
    else:
        np.testing.assert_array_equal(found.values, rows)


def test_standardised_columns_have_mean_0_and_deviation_1() -> None:
    values = np.random.default_rng(1).normal([5, -2], [3, 1e-3], (1000, 2))
    scale = Standardise.learnt(values[:800], ("a", "b"))
    done = scale.apply(values)
    assert np.abs(done[:800].mean(axis=0)).max() < 1e-9
    np.testing.assert_allclose(done[:800].std(axis=0), 1)
    np.testing.assert_allclose(scale.undo(done), values, rtol=1e-12)
    np.testing.assert_array_equal(scale.apply(values.reshape(10, 100, 2)), done.reshape(10, 100, 2))
    assert "'b' is constant in the training part (7)" in refusal(
        lambda: Standardise.learnt(np.array([[1.0, 7.0], [2.0, 7.0]]), ("a", "b"))
    )
    assert "has no values" in refusal(lambda: Standardise.learnt(np.zeros((0, 2)), ("a", "b")))


@given(arrays.arrays(np.float64, (5, 1), elements=st.floats(-1e300, 1e300)))
def test_any_column_that_is_not_constant_can_be_standardised(values: F64) -> None:
    if values.min() == values.max():
        return
    scale = Standardise.learnt(values, ("a",))
    done = scale.apply(values)
    assert np.isfinite(done).all()
    assert np.abs(done).max() < 3
    assert np.abs(scale.undo(done) - values).max() <= 1e-9 * np.abs(values).max()


def test_a_standardisation_survives_json_and_nothing_else_is_taken_for_one() -> None:
    values = np.random.default_rng(2).normal(size=(50, 2)) * np.array([1e-7, 1e12])
    scale = Standardise.learnt(values, ("a", "b\x1b"))
    again = Standardise.from_json(json.loads(json.dumps(scale.to_json())))
    assert again.names == scale.names
    np.testing.assert_array_equal(again.mean, scale.mean)
    np.testing.assert_array_equal(again.deviation, scale.deviation)
    good = scale.to_json()
    wrong: list[object] = [None, 3, [], "x", {}, {"names": [], "mean": [], "deviation": []}]
    for key in good:
        wrong += [{**good, key: value} for value in (None, [], ["a"], [1.0], [1.0, "x"], [1.0, None], [[1.0], [2.0]])]
    wrong += [{**good, "deviation": value} for value in ([0.0, 1.0], [-1.0, 1.0], [1.0, float("nan")])]
    wrong += [{**good, "mean": value} for value in ([float("inf"), 1.0], [10**400, 1])]
    for data in wrong:
        assert "invalid mean and standard deviation" in refusal(lambda data=data: Standardise.from_json(data))
