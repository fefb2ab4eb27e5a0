"""Texts with labels from tables and folders: what is guessed, and the line of everything that cannot be learnt."""

import gzip
from pathlib import Path

import pytest
from seqcore.data.labelled import labelled_texts
from seqcore.data.labelled_folder import labelled_folder

from tests.core.data.table_texts import refusal, table


def test_texts_labels_and_groups_keep_their_lines() -> None:
    found = labelled_texts(
        table('id,review,negated,sentiment\n1,"so\n\x1b[1m good",no, pos\n2,bad,yes,neg\n3, odd ,no,pos\n')
    )
    assert found.texts == ("so\n\x1b[1m good", "bad", " odd "), "texts are kept as they are"
    assert found.labels == ("pos", "neg", "pos")
    assert found.classes == ("neg", "pos")
    assert (found.text_column, found.label_column) == ("review", "sentiment")
    assert found.extra == {"id": ("1", "2", "3"), "negated": ("no", "yes", "no")}
    assert found.lines.tolist() == [2, 4, 5]
    assert (found.skipped, found.remarks) == (0, ())


@pytest.mark.parametrize(
    ("text", "options", "columns"),
    [
        ("label,text\na,x\nb,y\na,z\n", (None, None), ("text", "label")),
        ("Class,Sentence,text\na,x,1\nb,y,2\na,z,3\n", (None, None), ("text", "Class")),
        ("text,author\na,x\nb,y\nc,x\n", (None, None), ("text", "author")),
        ("author,label\na,x\nb,y\nc,x\n", (None, None), ("author", "label")),
        ("label,text,mood\nx,a,y\ny,b,z\nz,c,y\n", (None, "mood"), ("text", "mood")),
        ("label,title,words\na,x,1\nb,y,2\nb,y,3\n", ("words", None), ("words", "label")),
        ("label,title\na,a\nb,b\na,c\n", ("title", "label"), ("title", "label")),
        ("mood,label\na,a\na,b\nb,c\n", ("label", None), ("label", "mood")),
    ],
)
def test_columns_are_found_by_name(text: str, options: tuple[str | None, str | None], columns: tuple[str, str]) -> None:
    found = labelled_texts(table(text), *options)
    assert (found.text_column, found.label_column) == columns
    assert found.remarks == ()


def test_of_two_unknown_columns_the_label_has_fewer_values() -> None:
    for text in ("words,mood\na,x\nb,y\nc,x\n", "mood,words\nx,a\ny,b\nx,c\n"):
        found = labelled_texts(table(text))
        assert (found.text_column, found.label_column) == ("words", "mood")
        assert found.remarks == ("'some.csv': column 'mood' is taken as the label (--label-column changes it)",)


def test_labels_are_ordered_as_numbers_if_they_all_are() -> None:
    assert labelled_texts(table("text,label\na,10\nb,9\nc,10\n")).classes == ("9", "10")
    assert labelled_texts(table("text,label\na,10\nb,9\nc,x\nd,x\n")).classes == ("10", "9", "x")


MANY = "".join(f"t{at},{at % 1001}\n" for at in range(5000))
HALF = "".join(f"t{at},{at % 30}\n" for at in range(50))
CASES = [  # text, options, message
    (
        "a,b,c\n1,2,3\n",
        (None, None),
        "choose the column of the text (--text-column) and label (--label-column): one of 'a'",
    ),
    ("text,b,c\n1,2,3\n", (None, None), "choose the column of the label (--label-column): one of 'text', 'b', 'c'"),
    ("label,b,c\n1,2,3\n", (None, None), "choose the column of the text (--text-column): one of 'label', 'b', 'c'"),
    ("text\nx\n", (None, None), "choose the column of the label"),
    ("a,b\nx,y\n", (None, None), "which column is the label? Choose one of 'a', 'b' with --label-column"),
    (
        "good film,pos\nbad film,neg\nfine film,pos\nold film,neg\n",
        (None, None),
        "names of the columns in the first line",
    ),
    ("text,label\nx,y\n", ("test", None), "no column 'test' (--text-column): did you mean 'text'?"),
    ("text,label\nx,y\n", (None, "lable"), "no column 'lable' (--label-column): did you mean 'label'?"),
    ("text,label\nx,y\n", ("text", "text"), "'text' cannot be both text and label"),
    ("text,label\na,x\nb, x\n", (None, None), "every label is 'x' (column 'label'): a classifier needs at least two"),
    ("text,label\na,x\nb,y\nc,z\n", (None, None), "3 different labels in 3 examples (column 'label')"),
    ("text,label\n" + HALF, (None, None), "30 different labels in 50 examples"),
    ("text,label\n" + MANY, (None, None), "1,001 different labels (column 'label'), more than 1,000"),
]


@pytest.mark.parametrize(("text", "options", "message"), CASES)
def test_what_cannot_be_learnt_is_refused(text: str, options: tuple[str | None, str | None], message: str) -> None:
    for skip in (False, True):
        line = refusal(lambda skip=skip: labelled_texts(table(text, skip=skip), *options))
        assert line.startswith("'some.csv'")
        assert message in line


GOOD = "text,label\na,x\nb,y\n"


@pytest.mark.parametrize(
    ("row", "message", "reason"),
    [
        (",x\n", "the text (column 'text') is empty", "1 with an empty text (line 6)"),
        ('" \n\t",x\n', "the text (column 'text') is empty", "1 with an empty text (line 6)"),
        ("c,  \n", "the label (column 'label') is empty", "1 with an empty label (line 6)"),
    ],
)
def test_an_empty_value_is_refused_with_its_line_or_skipped(row: str, message: str, reason: str) -> None:
    text = GOOD + '"two\nlines",x\n' + row + "d,y\n"
    line = refusal(lambda: labelled_texts(table(text)))
    assert line == f"'some.csv', line 6: {message} (--skip-bad-rows skips such rows)"
    found = labelled_texts(table(text, skip=True))
    assert found.labels == ("x", "y", "x", "y")
    assert found.skipped == 1
    assert found.remarks == (f"1 row skipped: {reason}",)


def test_one_remark_counts_malformed_rows_and_empty_values() -> None:
    read = table(GOOD + ",x\nc\n ,y\nd,\n" + GOOD[11:], skip=True)
    found = labelled_texts(read)
    expected = "2 with an empty text (first: line 4), 1 with too few fields (line 5), 1 with an empty label (line 7)"
    assert found.remarks == (f"4 rows skipped: {expected}",)
    assert found.skipped == 4
    assert read.skipped == 1, "the table itself is not changed"
    assert labelled_texts(read).skipped == 4
    assert "has no usable rows: 2 rows" in refusal(lambda: labelled_texts(table("text,label\n,x\ny,\n", skip=True)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two labels, a deeper file, a compressed one, and things that are left out."""
    base = tmp_path / "reviews"
    for name, text in {
        "pos/1.txt": "good\r\n",
        "pos/deep/2.txt": "fine",
        "neg/1.txt": "bad\n",
        "neg/.hidden": "no",
    }.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_bytes(text.encode())
    (base / "neg" / "2.txt.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfpoor"))
    (base / "none").mkdir()
    return base


def test_a_folder_has_a_sub_folder_for_each_label(folder: Path) -> None:
    found = labelled_folder(folder)
    assert found.files == ("neg/1.txt", "neg/2.txt.gz", "pos/1.txt", "pos/deep/2.txt")
    assert found.texts == ("bad\n", "poor", "good\n", "fine")
    assert found.labels == ("neg", "neg", "pos", "pos")
    assert found.classes == ("neg", "pos")
    assert found.lines.tolist() == [1, 1, 1, 1]
    assert (found.skipped, found.remarks, found.extra) == (0, (), {})


def test_what_is_left_out_of_a_folder_is_counted(folder: Path) -> None:
    (folder / "readme.txt").write_text("about")
    (folder / "urls.txt").write_text("http")
    (folder / "pos" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (folder / "other").symlink_to(folder / "pos")
    found = labelled_folder(folder)
    assert len(found.texts) == 4
    name = repr(str(folder)) if len(str(folder)) <= 80 else repr(str(folder)[:79] + "…")
    assert found.remarks == (
        f"{name}: 2 files beside the sub-folders left out",
        f"{name}: 1 binary file left out",
        f"{name}: 1 link to folders not followed",
    )


def test_an_empty_file_and_another_encoding_are_refused_or_skipped(folder: Path) -> None:
    (folder / "neg" / "0.txt").write_text(" \n")
    line = refusal(lambda: labelled_folder(folder))
    assert line.endswith(", 'neg/0.txt': the file is empty: remove it (--skip-bad-rows skips such files)")
    (folder / "neg" / "0.txt").write_bytes(b"one\ncaf\xe9")
    assert "'neg/0.txt' is not utf-8: byte 0xe9 at offset 7 (line 2)" in refusal(lambda: labelled_folder(folder))
    assert "café" in labelled_folder(folder, "latin-1").texts[0]
    (folder / "pos" / "0.txt").touch()
    found = labelled_folder(folder, skip_bad_rows=True)
    assert len(found.texts) == found.labels.count("pos") + 2 == 4
    assert found.remarks == ("2 files skipped: 1 in another encoding ('neg/0.txt'), 1 without text ('pos/0.txt')",)
    assert found.skipped == 2


def test_a_folder_that_cannot_be_learnt_is_refused(folder: Path, tmp_path: Path) -> None:
    assert "is not a folder" in refusal(lambda: labelled_folder(folder / "pos" / "1.txt"))
    assert "more than 10 bytes" in refusal(lambda: labelled_folder(folder, limit=10))
    assert "one sub-folder for each label" in refusal(lambda: labelled_folder(folder / "none"))
    line = refusal(lambda: labelled_folder(folder / "pos"))
    assert "only one sub-folder with text ('deep')" in line
    for at in range(3):
        (tmp_path / "single" / f"{at}").mkdir(parents=True)
        (tmp_path / "single" / f"{at}" / "text").write_text("some")
    assert "put several texts into each sub-folder" in refusal(lambda: labelled_folder(tmp_path / "single"))
