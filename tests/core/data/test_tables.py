"""Tables from CSV, TSV and JSON Lines: what is read, and the line of everything that is not."""

import csv
import gzip
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqcore.data import row_lines
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.data.labelled import labelled_texts
from seqcore.data.numeric import numeric_columns, numeric_labelled, numeric_sequences
from seqcore.data.tables import KINDS, is_table, read_table
from seqcore.errors import SeqError

from tests.core.data.table_texts import checked, refusal, table


def test_a_table_keeps_its_cells_as_they_are_and_the_lines_on_which_rows_start() -> None:
    found = table('text,label\n"two\nlines, and ""quotes""",a\n" plain\t",b\n\n\x1b[31m,c\n')
    assert found.columns == ("text", "label")
    assert found.rows == (('two\nlines, and "quotes"', "a"), (" plain\t", "b"), ("\x1b[31m", "c"))
    assert found.lines.tolist() == [2, 4, 6]
    assert found.lines.dtype == np.int32
    assert (found.skipped, found.remarks) == (0, ())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,y\n1,2\n"),
        ("a.CSV", "x;y\n1;2\n"),
        ("a.csv", b"\xef\xbb\xbfx,y\r\n1,2\r\n"),
        ("a.csv", "\ufeffx,y\n1,2\n".encode("utf-16-le")),
        ("a.csv", "x,y\r1,2\r"),
        ("a.csv", "x,y\r\r\n1,2\r\r\n"),
        ("a.csv", "\n\nx , y\n\n1,2"),
        ("a.csv", "x,y\n1,2\n   \n\n\n"),
        ("a.csv", "x,,y,\n1,,2,\n"),
        ("a.tsv", "x\ty\n1\t2\n"),
        ("a.jsonl", '{"x": 1, "y": "2"}\n\n'),
        ("a.ndjson", '\r\n{"x": "1", "y": 2}\r\n'),
    ],
)
def test_every_way_to_write_one_row(name: str, text: str | bytes) -> None:
    found = table(text, name)
    assert found.columns == ("x", "y")
    assert found.rows == (("1", "2"),)


def test_a_gzip_file_and_a_stream_are_tables_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"x,y\n1,2\n"))
    assert read_table(read_corpus(str(tmp_path / "a.csv.gz"))).rows == (("1", "2"),)
    stream = read_corpus("-", stdin=io.BytesIO(b"x\ty\n1\t2\n"))
    assert read_table(stream, kind="tsv").rows == (("1", "2"),)
    assert ".jsonl" in refusal(lambda: read_table(stream))
    assert ".jsonl" in refusal(lambda: read_table(stream, kind="xlsx"))
    assert [is_table(name) for name in ("/a/b.csv", "b.TSV.gz", "b.jsonl", "b.txt", "csv", "-")] == [True] * 3 + [
        False
    ] * 3


def test_the_delimiter_is_the_one_that_gives_more_names() -> None:
    assert table('"a;b",c\n1,2\n').columns == ("a;b", "c")
    assert table("price;amount, net\n1,5;2\n").columns == ("price;amount", "net"), "the comma where both give as many"
    assert table("a;b;c, d\n1;2;3\n").columns == ("a", "b", "c, d")
    assert table("one\n1\n").columns == ("one",)


def test_json_values_are_kept_as_written() -> None:
    first = '{"a": 1.50, "b": true, "c": null, "d": "\\u00e9\\n", "e": 1E5, "f": NaN}'
    found = table(first + '\n{"f": 1, "e": 2, "d": "", "c": 3, "b": false, "a": -0}', "a.jsonl")
    assert found.columns == tuple("abcdef")
    assert found.rows == (("1.50", "true", "", "é\n", "1E5", "NaN"), ("-0", "false", "3", "", "2", "1"))
    assert found.lines.tolist() == [1, 2]


HEAD = "text,label\n"
STRUCTURE = [  # file name, text, where, what is said of it
    ("a.csv", "", "'a.csv' is empty", "names of its columns"),
    ("a.csv", "\n\n", "'a.csv' is empty", "names of its columns"),
    ("a.csv", HEAD, "'a.csv' has no usable rows", "at least two"),
    ("a.csv", "\n,,\n1,2,3\n", "'a.csv', line 2: ", "no names of columns"),
    ("a.csv", "text,label,text \nx,y,z\n", "'a.csv', line 1: ", "two columns have the name 'text'"),
    ("a.csv", "0.1,5.0\n0.2,4.9\n", "'a.csv', line 1: ", "header"),
    ("a.csv", "I loved it,1\nI did not,0\n", "'a.csv', line 1: ", "header"),
    ("a.csv", "text\tlabel\nx\ty\n", "'a.csv', line 1: ", ".tsv"),
    ("a.csv", '"text,label\nx,y\n', "'a.csv', line 1: ", "never closed"),
    ("a.csv", '"text"s,label\nx,y\n', "'a.csv', line 1: ", 'as ""'),
    ("a.csv", HEAD + 'x,y\n"two\nlines",z\n"open,z\nx,y\n', "'a.csv', line 5: ", "never closed"),
    ("a.csv", HEAD + "x,y\n" + '"' + "x" * 140_000 + "\n", "'a.csv', line 3: ", "131,072 characters"),
    ("a.jsonl", '\n[{"a": 1},\n{"a": 2}]\n', "'a.jsonl', line 2: ", "JSON array"),
    ("a.jsonl", "  \n", "'a.jsonl' is empty", "table"),
]


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(("name", "text", "where", "what"), STRUCTURE)
def test_what_no_skipping_repairs_is_refused(name: str, text: str, where: str, what: str, skip: bool) -> None:
    line = refusal(lambda: table(text, name, skip=skip))
    assert line.startswith(where)
    assert what in line
    assert "--skip-bad-rows" not in line


OBJECT = '{"a": 1, "b": "x"}\n'
ROWS = [  # file name, text with a bad row between two good ones, its line, rows it counts for, message, reason
    ("a.csv", HEAD + "x,y\nx\nx,y\n", 3, 1, "1 field instead of 2: the columns are 'text', 'label'", "too few"),
    ("a.csv", HEAD + '"x\n\n",y\nx,y,z\nx,y\n', 5, 1, "3 fields instead of 2", "too many"),
    ("a.csv", HEAD + 'x,y\n"x" y,z\nx,y\n', 3, 1, 'write a quote in a text as ""', "a broken quote"),
    ("a.csv", HEAD + 'x,y\n"x\ny" y,z\nx,y\n', 3, 2, "(on line 4)", "a broken quote"),
    ("a.csv", HEAD + "x,y\nx\ry,z\nx,y\n", 3, 1, "carriage return", "carriage return"),
    ("a.tsv", "text\tlabel\nx\ty\nx y\nx\ty\n", 3, 1, "1 field instead of 2", "too few"),
    ("a.jsonl", OBJECT + '{"a": 1, b: 2}\n' + OBJECT, 2, 1, "at column 10", "invalid JSON"),
    ("a.jsonl", OBJECT + "\n7\n" + OBJECT, 3, 1, "not a JSON object", "without an object"),
    ("a.jsonl", OBJECT + "[1, 2]\n" + OBJECT, 2, 1, "not a JSON object", "without an object"),
    ("a.jsonl", OBJECT + "{}\n" + OBJECT, 2, 1, "empty object", "empty object"),
    ("a.jsonl", OBJECT + '{"a": 1}\n' + OBJECT, 2, 1, "the key 'b' is missing", "missing keys"),
    ("a.jsonl", OBJECT + '{"a": 1, "b": 2, "c\\u001b": 3}\n' + OBJECT, 2, 1, r"key 'c\x1b'", "unexpected keys"),
    ("a.jsonl", OBJECT + '{"a": 1, "b": [2]}\n' + OBJECT, 2, 1, "the value of 'b' is nested", "nested"),
    ("a.jsonl", OBJECT + '{"a": 1, "b": {"c": 2}}\n' + OBJECT, 2, 1, "the value of 'b' is nested", "nested"),
    ("a.jsonl", OBJECT + "[" * 100_000 + "\n" + OBJECT, 2, 1, "deeply nested", "nested"),
    ("a.jsonl", OBJECT + '{"a": 1, "a": 2, "b": 3}\n' + OBJECT, 2, 1, "the key 'a' occurs twice", "repeated key"),
    ("a.jsonl", '{"a": 1, "b": [2]}\n' + OBJECT + OBJECT, 1, 1, "nested", "nested"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "at", "count", "what", "reason"), ROWS)
def test_a_bad_row_is_refused_with_its_line_or_skipped_and_counted(
    name: str, text: str, at: int, count: int, what: str, reason: str
) -> None:
    line = refusal(lambda: table(text, name))
    assert line.startswith(f"{name!r}, line {at}: ")
    assert line.endswith(" (--skip-bad-rows skips such rows)")
    assert what in line
    found = table(text, name, skip=True)
    assert len(found.rows) == 2
    assert len(set(found.rows[0])) == 2
    assert found.skipped == count
    (remark,) = found.remarks
    assert remark.startswith(f"{count} row{'s' if count > 1 else ''} skipped: {count} ")
    assert reason in remark
    assert f"line {at}" in remark


def test_the_remark_counts_reasons() -> None:
    found = table(HEAD + "x\nx,y\nx,y,z\nx,y,z\n" + 'x,"y"z\n', skip=True)
    expected = "2 with too many fields (first: line 4), 1 with too few fields (line 2), 1 with a broken quote (line 6)"
    assert found.remarks == (f"4 rows skipped: {expected}",)
    line = refusal(lambda: table(HEAD + "x\nx,y,z\n", skip=True))
    assert line.startswith("'some.csv' has no usable rows: 2 rows skipped: 1 with too few fields (line 2)")
    assert "usable rows: 1 row skipped" in refusal(lambda: table("7\n", "a.jsonl", skip=True))


def test_a_column_without_a_name_is_left_out_with_a_remark() -> None:
    assert table(",x\n0,1\n").remarks == ("'some.csv': 1 column without a name left out",)


def test_a_row_without_end_is_refused_early() -> None:
    text = HEAD + '"x\n' + '","\n' * 2_000_000  # every line closes a quote and opens another
    assert refusal(lambda: table(text, skip=True)).startswith("'some.csv', line 2: this row has more than 4,194,304")
    assert "4,194,304" in refusal(lambda: table("," * 5_000_000))
    assert "line 2" in refusal(lambda: table(OBJECT + " " * 5_000_000, "a.jsonl", skip=True))


def test_the_limit_is_for_one_row_not_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_lines, "_LONGEST_ROW", 30)
    assert len(table(HEAD + "some text,some label\n" * 10).rows) == 10
    assert len(table(OBJECT * 10, "a.jsonl").rows) == 10
    text = HEAD + "x,y\n" + '"two\nlines, which are too long",y\n'
    assert refusal(lambda: table(text)).startswith("'some.csv', line 3: this row has more than 30")


def test_an_unknown_column_is_refused_with_the_closest_name() -> None:
    found = table("Text,label\nx,y\n")
    assert found.index("text", "--text-column") == 0
    line = refusal(lambda: found.index("labels", "--label-column"))
    assert line == "'some.csv' has no column 'labels' (--label-column): did you mean 'label'?"
    assert "the columns are 'Text', 'label'" in refusal(lambda: found.index("\x1b", "--text-column"))


NAMES = ("text", "label", "Größe", "a b", "x,y", 'with "quotes"', "new\nline", "\x1b[0m")
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12)


@given(data=st.data(), delimiter=st.sampled_from(",\t"), end=st.sampled_from(["\n", "\r\n"]))
def test_what_the_csv_module_writes_is_read_back(data: st.DataObject, delimiter: str, end: str) -> None:
    columns = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    rows = data.draw(st.lists(st.tuples(*[cells] * len(columns)), min_size=1, max_size=8))
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end)
    writer.writerows([columns, *rows])
    found = table(written.getvalue(), "a.csv" if delimiter == "," else "a.tsv")
    assert found.columns == tuple(columns)
    assert list(found.rows) == rows
    lines = written.getvalue().replace("\r\n", "\n").split("\n")
    for line, row in zip(found.lines, rows, strict=True):
        assert row[0].split("\n")[0].replace('"', '""') in lines[line - 1]
    assert found.lines[0] == 2 + sum(name.count("\n") for name in columns)


@given(data=st.data())
def test_what_the_json_module_writes_is_read_back(data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    scalars = st.one_of(cells, st.integers(), st.floats(), st.booleans(), st.none())
    rows = data.draw(st.lists(st.tuples(*[scalars] * len(columns)), min_size=1, max_size=8))
    found = table("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows), "a.jsonl")
    assert found.columns == tuple(columns)
    assert found.lines.tolist() == list(range(1, len(rows) + 1))
    for got, row in zip(found.rows, rows, strict=True):
        for text, value in zip(got, row, strict=True):
            assert text == ("" if value is None else value if isinstance(value, str) else json.dumps(value))


tables = st.one_of(
    st.binary(max_size=100),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet='ab1,;\t"\n\r\x1b\u202e\U000e0041\\.-', max_size=80).map(str.encode),
    st.text(alphabet='{}[]":,ab1\n \\u', max_size=60).map(str.encode),
    st.lists(st.sampled_from(["text", "label", "1", "0.5", "nan", "1e999", "1,5", '"', "a", ""]), max_size=20).map(
        lambda words: ("text,label,x\n" + "\n".join(map(",".join, zip(*[iter(words)] * 3, strict=False)))).encode()
    ),
)


@settings(max_examples=400)
@given(data=tables, kind=st.sampled_from(KINDS), skip=st.booleans())
@example(b"\\" * 40 + b",\\\\\\\\\n" + b"x\n", "csv", False)
@example(b",".join(b"\\" * 40 + bytes([97 + at]) for at in range(9)) + b"\nx\n", "csv", False)
@example(("\U000e0041" * 90 + ",b\n" + "\U000e0041" * 90 + "\n").encode(), "csv", True)
@example(b'{"\\ud800": "\\ud800"}\n{"\\ud800": "\\u0000"}', "jsonl", False)
def test_any_bytes_are_a_table_or_refused_in_one_line(data: bytes, kind: str, skip: bool) -> None:
    def tried(call: object) -> None:
        try:
            remarks = call().remarks  # type: ignore[operator]
        except SeqError as error:
            checked(error)
        else:
            assert all(remark.isprintable() and len(remark) < 300 for remark in remarks)

    try:
        found = read_table(Corpus("a", "/" + "\U000e0041" * 90 + ".csv", data), kind=kind, skip_bad_rows=skip)
    except SeqError as error:
        checked(error)
        return
    assert found.lines.shape == (len(found.rows),)
    assert {len(row) for row in found.rows} == {len(found.columns)}
    assert "".join(found.columns).encode()
    assert found.skipped == 0 or skip
    tried(lambda: found)
    tried(lambda: labelled_texts(found))
    tried(lambda: numeric_columns(found))
    tried(lambda: numeric_labelled(found))
    tried(lambda: numeric_sequences(found, sequence_column=found.columns[0]))
