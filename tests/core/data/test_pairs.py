"""Pairs of texts from tables: which columns are taken, and the line of everything that cannot be."""

import pytest
from seqcore.data.corpus import Corpus
from seqcore.data.pairs import TextPairs, read_pairs

from tests.core.data.table_texts import refusal

Options = tuple[str | None, str | None]


def pairs(text: str, options: Options = (None, None), *, skip: bool = False) -> TextPairs:
    return read_pairs(Corpus("some", "/folder/some.csv", text.encode()), *options, skip_bad_rows=skip)


def test_pairs_keep_their_lines_and_lose_white_space_around_them() -> None:
    found = pairs('id,english,french\n1, Go. ,"Va !\nVas-y."\n2,Run!,Cours !\n')
    assert found.sources == ("Go.", "Run!")
    assert found.targets == ("Va !\nVas-y.", "Cours !")
    assert found.lines.tolist() == [2, 4]
    assert (found.source_column, found.target_column) == ("english", "french")
    assert (found.skipped, found.remarks, found.name) == (0, (), "'some.csv'")


@pytest.mark.parametrize(
    ("header", "options", "columns"),
    [
        ("target,source", (None, None), ("source", "target")),
        ("id,TGT,Src", (None, None), ("Src", "TGT")),
        ("id,source,answer,question", (None, None), ("question", "answer")),
        ("id,source,answer", (None, None), ("source", "answer")),
        ("german,english", (None, None), ("english", "german")),
        ("klingon,en", (None, None), ("en", "klingon")),
        ("es,elvish", (None, None), ("elvish", "es")),
        ("en,fr,de", ("fr", None), ("fr", "de")),
        ("en,fr,de", (None, "DE"), ("en", "de")),
        ("en,fr", ("fr", None), ("fr", "en")),
        ("en,fr", (None, "en"), ("fr", "en")),
        ("one,two", ("two", None), ("two", "one")),
        ("one,two,three", ("three", "one"), ("three", "one")),
    ],
)
def test_columns_are_found_by_name(header: str, options: Options, columns: tuple[str, str]) -> None:
    width = header.count(",") + 1
    found = pairs(f"{header}\n" + ",".join("abcd"[:width]) + "\n", options)
    assert (found.source_column, found.target_column) == columns
    names = header.split(",")
    assert found.sources == ("abcd"[names.index(columns[0])],)
    assert found.targets == ("abcd"[names.index(columns[1])],)
    assert found.remarks == ()


def test_of_two_unknown_columns_the_first_is_the_source() -> None:
    for first, second in (("elvish", "klingon"), ("german", "french"), ("french", "german")):
        found = pairs(f"{first},{second}\na,b\n")
        assert (found.source_column, found.target_column) == (first, second)
        assert found.remarks == (f"'some.csv': column '{first}' is taken as the source (--source-column changes it)",)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b,c\n1,2,3\n", (None, None), "choose the column of the source (--source-column) and target (--target-colu"),
        ("en,b,c\nx,y,z\n", (None, None), "the target (--target-column): one of 'en', 'b', 'c'"),
        ("a,fr,c\nx,y,z\n", (None, None), "the source (--source-column): one of 'a', 'fr', 'c'"),
        ("en\nx\n", (None, None), "choose the column of the target"),
        ("en,fr\nx,y\n", ("eng", None), "no column 'eng' (--source-column): did you mean 'en'?"),
        ("en,fr\nx,y\n", (None, "rf"), "no column 'rf' (--target-column): the columns are 'en', 'fr'"),
        ("en,fr\nx,y\n", ("fr", "fr"), "'fr' cannot be both source and target: choose another --target-column"),
    ],
)
def test_columns_that_cannot_be_taken_are_refused(text: str, options: Options, message: str) -> None:
    line = refusal(lambda: pairs(text, options))
    assert line.startswith("'some.csv'")
    assert message in line


def test_a_blank_text_is_refused_with_its_line_or_skipped() -> None:
    text = 'en,fr\n"two\nlines",x\n'
    for row, side, column in ((" ,y\n", "source", "en"), ("y,\t\n", "target", "fr")):
        line = refusal(lambda row=row: pairs(text + row + "z,z\n"))
        said = f"the {side} (column '{column}') is empty"
        assert line == f"'some.csv', line 4: {said} (--skip-bad-rows skips such rows)"
        found = pairs(text + row + "z,z\n", skip=True)
        assert found.sources == ("two\nlines", "z")
        assert found.lines.tolist() == [2, 5]
        assert found.skipped == 1
        assert found.remarks == (f"1 row skipped: 1 with an empty {side} (line 4)",)
    assert "has no usable rows: 1 row" in refusal(lambda: pairs("en,fr\n,x\n", skip=True))


def test_a_text_is_no_table_of_pairs() -> None:
    message = refusal(lambda: read_pairs(Corpus("some", "/folder/some.txt", b"a\tb\n"), None, None))
    assert "not known to be a table" in message
