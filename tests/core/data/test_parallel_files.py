"""Pairs from two parallel text files: their lines stay together, and every line that cannot is named."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from seqcore.data.corpus import read_corpus
from seqcore.data.pairs import TextPairs, is_parallel, read_pairs

from tests.core.data.table_texts import refusal


def folder(base: Path, **files: str | bytes) -> Path:
    """A folder with files of these names; __ stands for a dot."""
    base = base / "corpus"
    base.mkdir()
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (base / name.replace("__", ".")).write_bytes(data)
    return base


def pairs(base: Path, *options: str | None, **more: Any) -> TextPairs:
    source, target = options or (None, None)
    return read_pairs(read_corpus(str(base)), source, target, **more)


def test_lines_of_two_files_are_pairs(tmp_path: Path) -> None:
    base = folder(tmp_path, train__fr="Va !\r\n\n Cours\u2028! \n", train__en="Go.\n \nRun!", __hidden="x\n")
    found = pairs(base)
    assert found.sources == ("Go.", "Run!")
    assert found.targets == ("Va !", "Cours\u2028!"), "only a newline ends a line"
    assert found.lines.tolist() == [1, 3], "a line that is blank in both is left out"
    assert (found.source_column, found.target_column) == ("en", "fr")
    assert found.skipped == 0
    assert found.remarks == (f"{found.name}: file 'en' is taken as the source (--source-column changes it)",)
    for options in (("fr", None), (None, "en"), ("fr", "en"), ("FR", None)):
        turned = pairs(base, *options)
        assert (turned.source_column, turned.target_column) == ("fr", "en")
        assert (turned.sources, turned.targets, turned.remarks) == (found.targets, found.sources, ())
    assert "no column 'de' (--source-column): the columns are 'en', 'fr'" in refusal(lambda: pairs(base, "de", None))
    assert "cannot be both source and target" in refusal(lambda: pairs(base, "en", "en"))


def test_columns_have_the_names_of_files_with_different_stems(tmp_path: Path) -> None:
    base = folder(tmp_path, verses__txt="a\n", proverbs__txt__gz=gzip.compress(b"b\n"), picture__png=b"\x89PNG\0\0")
    found = pairs(base)
    assert (found.source_column, found.target_column) == ("proverbs.txt.gz", "verses.txt")
    assert (found.sources, found.targets) == (("b",), ("a",))
    assert found.remarks[0].endswith(": 1 binary file left out")


def test_columns_have_the_endings_before_a_common_txt(tmp_path: Path) -> None:
    found = pairs(folder(tmp_path, train__en__txt="a\n", train__de__txt="b\n"))
    assert (found.source_column, found.target_column) == ("de", "en")


def test_a_line_that_is_blank_in_one_file_is_refused_or_skipped(tmp_path: Path) -> None:
    base = folder(tmp_path, train__en="one\n\nthree\n", train__fr="un\ndeux\ntrois\n")
    line = refusal(lambda: pairs(base))
    said = "'train.en', line 2: the line is blank, but not that of 'train.fr' (--skip-bad-rows skips such lines)"
    assert line.endswith(f", {said}")
    found = pairs(base, skip_bad_rows=True)
    assert found.lines.tolist() == [1, 3]
    assert found.skipped == 1
    assert found.remarks[-1] == "1 line skipped: 1 blank in one file ('train.en', line 2)"


def test_files_that_are_not_parallel_are_refused(tmp_path: Path) -> None:
    base = folder(tmp_path, train__en="one\ntwo\n", train__fr="un\ndeux\ntrois\n")
    assert "'train.en' has 2 lines and 'train.fr' 3: line i of one" in refusal(lambda: pairs(base))
    (base / "train.fr").write_bytes(b"")
    assert "'train.en' has 2 lines and 'train.fr' 0" in refusal(lambda: pairs(base))
    (base / "train.de").write_text("eins\n")
    assert "holds 3 text files ('train.de', 'train.en', 'train.fr')" in refusal(lambda: pairs(base))
    (base / "train.de").unlink()
    (base / "train.fr").unlink()
    assert "holds only 'train.en': give a folder with exactly two" in refusal(lambda: pairs(base))
    corpus = read_corpus(str(base))
    (base / "train.fr").write_bytes(b"un\ncaf\xe9\n")
    for skip in (False, True):
        line = refusal(lambda skip=skip: read_pairs(corpus, None, None, skip_bad_rows=skip))
        assert "'train.fr' is not utf-8: byte 0xe9 at offset 6 (line 2)" in line
    assert read_pairs(read_corpus(str(base), encoding="latin-1"), None, None).targets == ("un", "café")


@pytest.mark.parametrize(
    ("names", "parallel"),
    [
        (("train.en", "train.fr"), True),
        (("train.en", "train.pt-BR"), True),
        (("europarl.de-en.de.gz", "europarl.de-en.en.gz"), True),
        (("train.en.txt", "train.fr.txt"), True),
        (("train.src", "train.tgt"), True),
        (("train.en", "train.fr", ".hidden"), True),
        (("one.txt", "two.txt"), False),
        (("book.one.txt", "book.two.txt"), False),
        (("chapter.1", "chapter.2"), False),
        (("notes.txt", "notes.md"), False),
        (("program.c", "program.h"), False),
        (("tune.abc", "tune.en"), False),
        (("train.en", "test.fr"), False),
        (("train.en", "train.fr", "train.de"), False),
        (("train.en",), False),
        (("train", "test"), False),
        ((".en", ".fr"), False),
        (("good/1.en", "bad/1.fr"), False),
    ],
)
def test_which_folders_are_parallel(tmp_path: Path, names: tuple[str, ...], parallel: bool) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(gzip.compress(b"text\n") if name.endswith(".gz") else b"text\n")
    assert is_parallel(str(tmp_path)) == parallel


def test_what_is_not_a_folder_of_texts_is_not_parallel(tmp_path: Path) -> None:
    for source in ("-", "tales", "", "a\0b", "x" * 5000, str(tmp_path / "absent")):
        assert not is_parallel(source)
    assert not is_parallel(str(folder(tmp_path, it__jpg=b"\xff\xd8\0", it__png=b"\x89PNG\0")))
