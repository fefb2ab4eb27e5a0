"""Every wrong corpus, prompt and place: one clear line, the right code, nothing lost."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from seqcore import memory

from tests.cli.conftest import TINY, Call, without_permission


def _file(name: str, content: bytes) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / name).write_bytes(content)
        return str(folder / name)

    return make


def _folder(**files: bytes) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        (folder / "corpus").mkdir()
        for name, content in files.items():
            (folder / "corpus" / name).write_bytes(content)
        return str(folder / "corpus")

    return make


BAD = {
    "empty": (_file("a.txt", b""), "empty"),
    "white": (_file("a.txt", b" \n\n"), "white space"),
    "short": (_file("a.txt", b"too short a text"), "--batch"),
    "latin": (_file("a.txt", b"caf\xe9 au lait " * 20), "offset 3"),
    "utf-16": (_file("a.txt", b"\xff\xfe\x00\xd8\x41"), "not valid UTF-16"),
    "binary": (_file("a.txt", bytes(range(256)) * 8), "binary"),
    "folder without text": (_folder(a=b"\0\1\2" * 50), "no text"),
    "empty folder": (_folder(), "no text"),
    "missing": (lambda folder: str(folder / "none.txt"), "there is no corpus"),
    "one character": (_file("a.txt", b"aaaaaaaaaa" * 100), "one distinct character"),
    "bad gzip": (_file("a.txt.gz", b"no gzip at all"), "gzip"),
    "escape in the name": (lambda folder: "\x1b[31mred\n", "there is no corpus"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_corpus_is_one_line_and_leaves_nothing_behind(
    call: Call, tmp_path: Path, runs_dir: Path, name: str
) -> None:
    make, named = BAD[name]
    answer = call("train", make(tmp_path), *TINY)
    assert answer.code == 1
    assert named in answer.line
    assert answer.out == ""
    assert "\x1b" not in answer.err
    assert not runs_dir.exists()


def test_the_nearest_file_is_suggested(call: Call, corpus: Path) -> None:
    answer = call("train", str(corpus.with_name("shrot.txt")))
    assert answer.code == 1
    assert "did you mean 'short.txt'?" in answer.line


def test_sizes_that_would_work_do_work(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "small.txt"
    path.write_text("a small text of a few words, not more. " * 5)
    told = call("train", str(path)).line
    sizes = told.partition("; ")[2].partition(" would work")[0].split()
    assert sizes[0] == "--batch"
    assert call("train", str(path), *TINY, *sizes, "--steps", "2").code == 0


def test_another_encoding_is_read(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(("Élan vital, café, thé. " * 40).encode("latin-1"))
    assert call("train", str(path), *TINY, "--steps", "2", "--encoding", "latin-1").code == 0
    answer = call("train", str(path), *TINY, "--encoding", "klingon")
    assert answer.code == 1
    assert "klingon" in answer.line


def test_control_characters_of_a_corpus_never_reach_a_line(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "evil.txt"
    path.write_text("\x1b[2J\x1b]0;title\x07 red \x9b31m \u202e text [bold]x[/bold]\r" * 30)
    answer = call("train", str(path), *TINY, "--steps", "4")
    assert answer.code == 0, answer.err
    for words in (["corpora", str(path)], ["inspect", "evil-lstm8-1", "--text", "\x1b[2J red [bold]"], ["runs"]):
        shown = call(*words)
        assert shown.code == 0, shown.err
        assert not {c for c in shown.out + shown.err + answer.out if c in "\x1b\x07\x9b\r\u202e"}


def test_a_run_that_does_not_exist_gets_the_nearest(call: Call, run: Path) -> None:
    for words in (["generate"], ["evaluate"], ["inspect", "--text", "x"], ["train", "--resume", "--out"]):
        answer = call(*words, "short-lstm8-2")
        assert answer.code == 1
        assert "did you mean short-lstm8-1?" in answer.line


def test_unknown_characters_of_a_prompt_are_named(call: Call, run: Path) -> None:
    answer = call("generate", str(run), "--prompt", "birds é", "--length", "5")
    assert answer.code == 0
    assert "'é'" in answer.line
    answer = call("generate", str(run), "--prompt", "é\x1b")
    assert answer.code == 1
    assert "nothing is left" in answer.line
    assert "\x1b" not in answer.line


def test_unknown_words_are_read_as_unk(call: Call, corpus: Path) -> None:
    assert call("train", str(corpus), *TINY, "--tokens-by", "word", "--steps", "2").code == 0
    answer = call("generate", "short-lstm8-1", "--prompt", "birds zebra", "--length", "5")
    assert answer.code == 0
    assert "zebra" in answer.line
    assert "<unk>" in answer.line


@pytest.mark.skipif(without_permission(), reason="nothing is forbidden to root")
def test_out_that_cannot_be_written(call: Call, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    answer = call("train", str(corpus), *TINY, "--out", str(tmp_path / "locked" / "run"))
    assert answer.code == 1
    assert "cannot be made" in answer.line


def test_out_below_a_file_or_in_use(call: Call, corpus: Path, tmp_path: Path) -> None:
    for out in (corpus, corpus / "run", Path("/proc/nowhere/run")):
        answer = call("train", str(corpus), *TINY, "--out", str(out))
        assert answer.code == 1
        assert "--out" in answer.line
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep me")
    answer = call("train", str(corpus), *TINY, "--out", str(tmp_path / "full"))
    assert answer.code == 1
    assert os.listdir(tmp_path / "full") == ["mine.txt"]


def test_a_model_that_cannot_fit_is_refused_before_it_is_made(call: Call, corpus: Path, runs_dir: Path) -> None:
    answer = call("train", str(corpus), "--hidden", "8192", "--batch", "4096", "--length", "8192")
    assert answer.code == 1
    assert "GB of memory" in answer.line
    assert not runs_dir.exists()


def test_logits_of_many_words_count_and_a_run_gone_on_with_is_looked_at_too(
    call: Call, tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "words.txt"
    path.write_text(" ".join(f"word{n}" for n in range(3000)) * 2)
    words = ["train", str(path), "--hidden", "4", "--embedding", "4", "--batch", "64", "--length", "64"]
    monkeypatch.setattr(memory, "memory_free", lambda: 50_000_000)
    assert call(*words, "--steps", "1").code == 0
    assert "would fit" in call(*words, "--tokens-by", "word").line
    monkeypatch.setattr(memory, "memory_free", lambda: 1000)
    answer = call("train", "--resume", "--out", str(run), "--steps", "20")
    assert answer.code == 1
    assert "of memory" in answer.line
