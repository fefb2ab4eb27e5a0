"""Corpora: what can be read, and one clear line about everything that cannot."""

import gzip
import hashlib
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.data import samples
from seqcore.data.corpus import Corpus, read_corpus, sample_info, sample_names, split_tokens
from seqcore.errors import SeqError


def refusal(source: object, **options: object) -> str:
    """The one line with which a corpus is refused."""
    with pytest.raises(SeqError) as caught:
        read_corpus(str(source), **options)  # type: ignore[arg-type]  # options are a test's own
    line = str(caught.value)
    assert line.isprintable()
    return line


def test_a_file_is_read_as_text_with_newlines_and_without_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    corpus = read_corpus(str(path))
    assert corpus.text == "one\ntwo\n"
    assert (corpus.name, corpus.source) == ("notes", str(path))
    assert corpus.data == path.read_bytes()
    assert corpus.digest == hashlib.sha256(corpus.data).hexdigest()


def test_the_source_of_a_relative_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("some text")
    monkeypatch.chdir(tmp_path)
    assert read_corpus("notes.txt").source == str(tmp_path / "notes.txt")
    assert read_corpus(read_corpus("notes.txt").source).digest == read_corpus("notes.txt").digest


def test_gzip_is_decompressed(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt.gz"
    path.write_bytes(gzip.compress(b"some text"))
    corpus = read_corpus(str(path))
    assert (corpus.name, corpus.data) == ("notes", b"some text")


def test_standard_input() -> None:
    corpus = read_corpus("-", stdin=io.BytesIO(b"some text"))
    assert (corpus.name, corpus.source, corpus.text) == ("stdin", "-", "some text")


def test_a_folder_is_its_text_files_in_order_joined_by_blank_lines(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("second\n")
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbffirst\r\nline\n")
    (tmp_path / ".hidden").write_text("hidden")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "deep.md.gz").write_bytes(gzip.compress(b"third"))
    (tmp_path / "c" / "loop").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to(tmp_path / "not there")
    os.mkfifo(tmp_path / "pipe")
    assert read_corpus(str(tmp_path)).text == "first\nline\n\nsecond\n\nthird\n"


def test_links_to_folders_are_not_followed_and_links_to_files_are(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "other.txt").write_text("not meant")
    folder = tmp_path / "mix"
    folder.mkdir()
    (folder / "a.txt").write_text("first")
    (folder / "deep").mkdir()
    (tmp_path / "linked.txt").write_text("second")
    (folder / "deep" / "link.txt").symlink_to(tmp_path / "linked.txt")
    assert read_corpus(str(folder)).remarks == ()
    (folder / "loop").symlink_to("..")
    found = read_corpus(str(folder))
    assert found.text == "first\n\nsecond\n"
    assert found.remarks == (f"1 link to a folder in {str(folder)!r} was not followed",)
    (folder / "deep" / "out").symlink_to(tmp_path / "outside")
    assert read_corpus(str(folder)).remarks == (f"2 links to folders in {str(folder)!r} were not followed",)
    assert read_corpus(str(folder), as_bytes=True).data == b"first\n\nsecond"
    (tmp_path / "way").symlink_to(folder)
    assert read_corpus(str(tmp_path / "way")).text == found.text, "a link that is asked for by name is followed"


def test_a_sample_wins_over_a_file_of_its_name_unless_a_path_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tales").write_text("my own tales")
    monkeypatch.chdir(tmp_path)
    assert read_corpus("tales").source == "sample:tales"
    assert read_corpus("./tales").text == "my own tales"
    assert read_corpus("sample:tales").digest == read_corpus("tales").digest


def test_the_samples_are_told() -> None:
    assert sample_names() == ("brackets", "tales", "tunes")
    for name in sample_names():
        corpus = read_corpus(name)
        info = sample_info(name)
        assert info.characters == len(corpus.text)
        assert corpus.text.isascii()
        assert info.description.isprintable()
    every = ("balls", "brackets", "phrases", "reviews", "shapes", "students", "tales", "tunes", "waves")
    assert sample_names(None) == every
    with pytest.raises(SeqError, match=", ".join(every)):
        sample_info("tails")


def test_an_installed_wheel_finds_its_samples_beside_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert samples._PLACES[0].parts[-2:] == ("seqtui", "sample_corpora")
    (tmp_path / "index.json").write_text('{"mine": {"description": "d", "characters": 9}}')
    (tmp_path / "mine.txt").write_text("some text")
    monkeypatch.setattr(samples, "_PLACES", (tmp_path, *samples._PLACES))
    assert read_corpus("mine").text == "some text"
    (tmp_path / "index.json").write_text('{"mine": 3}')
    assert "damaged" in refusal("mine")


@pytest.mark.parametrize("options", [{}, {"as_bytes": True}])
def test_an_empty_corpus_is_refused(tmp_path: Path, options: dict[str, bool]) -> None:
    (tmp_path / "empty.txt").touch()
    assert "is empty" in refusal(tmp_path / "empty.txt", **options)
    assert "is empty" in refusal("-", stdin=io.BytesIO(b""), **options)


def test_white_space_is_refused(tmp_path: Path) -> None:
    (tmp_path / "blank.txt").write_text(" \n\t\n")
    assert "white space" in refusal(tmp_path / "blank.txt")


def test_bytes_that_are_no_utf8_are_named_with_their_offset_and_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_bytes(b"first line\nca" + "fé".encode("latin-1"))
    line = refusal(path)
    assert "byte 0xe9 at offset 14 (line 2)" in line
    assert "--encoding latin-1" in line
    assert "--tokens-by byte" in line
    assert read_corpus(str(path), encoding="latin-1").text == "first line\ncafé"
    assert read_corpus(str(path), as_bytes=True).data == path.read_bytes()


@pytest.mark.parametrize("kind", ["utf-16", "utf-32"])
@pytest.mark.parametrize("order", ["le", "be"])
def test_a_byte_order_mark_says_how_to_read_a_file(tmp_path: Path, kind: str, order: str) -> None:
    path = tmp_path / "wide.txt"
    path.write_bytes("\ufeffwide text, é漢🙂\r\nand more\n".encode(f"{kind}-{order}"))
    corpus = read_corpus(str(path))
    assert corpus.text == "wide text, é漢🙂\nand more\n"
    (remark,) = corpus.remarks  # with the path, or its beginning
    assert remark.startswith(f"'{tmp_path.parents[-2]}")
    assert remark.endswith(f"' read as {kind.upper()}, by its byte order mark")
    assert read_corpus(str(path), encoding=kind).text == corpus.text
    assert read_corpus("-", stdin=io.BytesIO(path.read_bytes())).text == corpus.text
    again = read_corpus(corpus.source, encoding=corpus.encoding)
    assert (again, again.digest) == (corpus, corpus.digest)
    assert read_corpus(str(path), as_bytes=True).remarks == ()


def test_a_byte_order_mark_before_something_else_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "odd.bin"
    path.write_bytes(b"\xff\xfe\x00\xd8\x41")
    line = refusal(path)
    assert "byte order mark of UTF-16 but is not valid UTF-16" in line
    assert "--tokens-by byte" in line


def test_marked_files_of_a_folder_are_read_and_told_apart_from_binary_ones(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("plain")
    (tmp_path / "b.txt").write_text("wide é", encoding="utf-16")
    (tmp_path / "c.txt").write_bytes("\ufeffalso wide".encode("utf-16-be"))
    (tmp_path / "d.bin").write_bytes(b"\xff\xfe\x00\xd8\x41")
    corpus = read_corpus(str(tmp_path))
    assert corpus.text == "plain\n\nwide é\n\nalso wide\n"
    assert corpus.remarks == (f"2 files in {str(tmp_path)!r} read as UTF-16, by the byte order mark",)


@pytest.mark.parametrize(
    "encoding", ["no such", "hex", "", "a\0b", "\x1b[31m", "punycode", "idna", "utf-7", "\ud800", "utf\x1b8"]
)
def test_an_encoding_that_cannot_be_is_one_line(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"\xff\xe9 and +2AA-")
    refusal(path, encoding=encoding)


def test_half_characters_do_not_get_in(tmp_path: Path) -> None:
    path = tmp_path / "seven.txt"
    path.write_bytes(b"half +2AA- character")
    text = read_corpus(str(path), encoding="utf-7").text
    assert text.encode("utf-8").decode() == text


@pytest.mark.parametrize("data", [b"text\0text", b"\x7fELF\x02\x01\x01\0\0", b"\x1f\x8b\x08\x00\x00\xff"])
def test_a_binary_file_is_refused_unless_its_bytes_are_asked_for(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "thing.bin"
    path.write_bytes(data)
    assert "binary" in refusal(path)
    assert read_corpus(str(path), as_bytes=True).data == data


def test_control_characters_are_no_reason_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"\x1b[31mred\x1b[0m \x07bell\r\nend")
    assert read_corpus(str(path)).text == "\x1b[31mred\x1b[0m \x07bell\nend"


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    assert "no text" in refusal(tmp_path)
    (tmp_path / "picture").write_bytes(b"\0\1\2")
    assert "1 binary files" in refusal(tmp_path)


def test_a_file_of_a_folder_that_cannot_be_decoded_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "old.txt").write_bytes(b"caf\xe9 and more")
    line = refusal(tmp_path)
    assert "old.txt" in line
    assert "offset 3" in line


def test_an_unknown_name_brings_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes.txt").write_text("text")
    monkeypatch.chdir(tmp_path)
    assert "did you mean 'tales'?" in refusal("tails")
    assert "did you mean 'recipes.txt'?" in refusal("recipe.txt")
    assert "balls, brackets, phrases, reviews, shapes, students, tales, tunes, waves" in refusal("qqqqqq")
    assert "no folder" in refusal("nowhere/tales.txt")
    assert "no corpus" in refusal("recipes.txt/below")


@pytest.mark.parametrize(
    "source", ["", "\0", "a" * 5000, "\x1b[2J", "\udcff", "~nobody-at-all/x", "sample:", "sample:x"]
)
def test_a_name_that_cannot_be_is_one_line(source: str) -> None:
    refusal(source)


def test_links_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "cannot be read" in refusal(tmp_path / "a")


def test_what_would_hang_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "named pipe" in refusal(tmp_path / "pipe")
    assert "device" in refusal("/dev/zero")


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.txt"
    path.write_text("secret")

    allowed = Path.open

    def denied(self: Path, *arguments: Any, **named: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return allowed(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", denied)  # root, as whom tests may run, is denied nothing
    assert "permission denied" in refusal(path)


@pytest.mark.parametrize("keep", [5, 15, 40])
def test_a_damaged_gzip_file(tmp_path: Path, keep: int) -> None:
    packed = gzip.compress(os.urandom(100), mtime=0)
    (tmp_path / "short.gz").write_bytes(packed[:keep])
    assert "gzip" in refusal(tmp_path / "short.gz")
    (tmp_path / "bent.gz").write_bytes(packed[:keep] + b"\xff" * 20 + packed[keep + 20 :])
    assert "gzip" in refusal(tmp_path / "bent.gz", as_bytes=True)
    assert "gzip" in refusal(tmp_path)


def test_more_than_the_limit_is_refused_wherever_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a b " * 200)
    (tmp_path / "b.txt").write_bytes(b"a b " * 200)
    assert "larger than 1 KiB" in refusal("-", stdin=io.BytesIO(b"a b " * 400), limit=1024)
    assert read_corpus(str(tmp_path / "a.txt"), limit=1024).data
    assert "larger than" in refusal(tmp_path, limit=1024)


def test_a_gzip_bomb_is_noticed_after_one_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b" " * 50_000_000))
    unpacked = 0
    whole = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int | None = -1) -> bytes:
        nonlocal unpacked
        data = whole(self, size)
        unpacked += len(data)
        return data

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    assert "larger than" in refusal(tmp_path / "bomb.gz", limit=1 << 20)
    assert unpacked <= (1 << 20) + 1


def test_a_corpus_of_bytes_that_are_no_text_says_so_when_asked_for_text() -> None:
    with pytest.raises(SeqError, match="not utf-8"):
        _ = Corpus("x", "-", b"caf\xe9 and more").text


def test_the_last_part_validates() -> None:
    tokens = np.arange(100, dtype=np.int32)
    train, validation = split_tokens(tokens, 0.1)
    assert train.tolist() == list(range(90))
    assert validation.tolist() == list(range(90, 100))
    assert len(split_tokens(tokens, 0)[1]) == 0


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(SeqError, match="validation share"):
        split_tokens(np.arange(100, dtype=np.int32), share)


def test_a_corpus_too_short_to_split_is_refused() -> None:
    with pytest.raises(SeqError, match="3 tokens"):
        split_tokens(np.arange(3, dtype=np.int32), 0.1)


def _file(folder: Path, encoding: str) -> Path:
    path = folder / "text.txt"
    path.write_bytes(TEXT.encode(encoding))
    return path


def _gzip(folder: Path, encoding: str) -> Path:
    path = folder / "text.txt.gz"
    path.write_bytes(gzip.compress(TEXT.encode(encoding)))
    return path


def _folder(folder: Path, encoding: str) -> Path:
    inner = folder / "texts"
    inner.mkdir()
    _file(inner, encoding)
    _gzip(inner, encoding)
    return inner


TEXT = "Élan vital, café au lait, thé.\r\nUn autre été.\n"


@pytest.mark.parametrize("as_bytes", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "cp1252"])
@pytest.mark.parametrize("make", [_file, _gzip, _folder])
def test_source_and_encoding_read_the_very_same_corpus_again(
    tmp_path: Path, make: Callable[[Path, str], Path], encoding: str, as_bytes: bool
) -> None:
    corpus = read_corpus(str(make(tmp_path, encoding)), encoding=encoding, as_bytes=as_bytes)
    again = read_corpus(corpus.source, encoding=corpus.encoding, as_bytes=as_bytes)
    assert corpus.encoding == encoding
    assert (again, again.digest) == (corpus, corpus.digest)
    if not as_bytes:
        assert again.text == corpus.text
        assert "café au lait, thé.\nUn autre été." in again.text
    assert replace(corpus, name="another", source="-").digest == corpus.digest


def test_a_sample_and_standard_input_read_the_very_same_corpus_again() -> None:
    sample = read_corpus("brackets", encoding="latin-1")  # the samples are what they are
    assert read_corpus(sample.source, encoding=sample.encoding) == sample
    stream = TEXT.encode("latin-1")
    given = read_corpus("-", encoding="latin-1", stdin=io.BytesIO(stream))
    assert given.data == stream
    assert read_corpus("-", encoding=given.encoding, stdin=io.BytesIO(given.data)) == given
