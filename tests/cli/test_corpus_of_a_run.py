"""The corpus of a run may move, and may change if the user says so."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from seqcore.checkpoint import checkpoint_path
from seqcore.data.corpus import read_corpus
from seqcore.folder import RunFolder

from tests.cli.conftest import TINY, Call

RESUME = ["train", "--resume", "--quiet", "--out"]


@pytest.fixture
def halfway(call: Call, corpus: Path, tmp_path: Path) -> Path:
    """A run that was stopped after 8 of 12 steps."""
    out = tmp_path / "halfway"
    assert call("train", str(corpus), *TINY, "--steps", "8", "--out", str(out)).code == 0
    return out


def weights(folder: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in load_file(checkpoint_path(folder, 12)).items()}


def test_a_corpus_that_moved_is_accepted_at_its_new_path_and_remembered(
    call: Call, halfway: Path, corpus: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    assert call("train", str(corpus), *TINY, "--steps", "12", "--out", str(whole)).code == 0
    new = corpus.rename(tmp_path / "moved.txt")
    answer = call(*RESUME, str(halfway), "--steps", "12")
    assert answer.code == 1
    assert f"the corpus of halfway is no longer at '{corpus}'"[:60] in answer.line
    assert "give its new path as CORPUS" in answer.line

    answer = call("train", str(new), *RESUME[1:], str(halfway), "--steps", "12")
    assert answer.code == 0
    assert f"the corpus is now read from '{new}'" in answer.err
    assert weights(halfway) == weights(whole)
    assert RunFolder(halfway).config().corpus.source == str(new)
    again = call("evaluate", str(halfway), "--json")
    assert again.code == 0, "it is remembered"
    assert json.loads(again.out)["corpus"].endswith("short"), "under its old name"


def test_a_corpus_from_standard_input_may_be_the_moved_one(call: Call, halfway: Path, corpus: Path) -> None:
    content = corpus.read_bytes()
    corpus.unlink()
    answer = call("train", "-", *RESUME[1:], str(halfway), "--steps", "12", stdin=content)
    assert answer.code == 0, answer.err
    assert call(*RESUME, str(halfway), "--steps", "16").code == 0, "a copy of it is kept"


def test_a_corpus_that_changed_is_told_with_both_sizes_and_what_can_be_done(
    call: Call, halfway: Path, corpus: Path
) -> None:
    before = corpus.stat().st_size
    with corpus.open("a") as file:
        file.write("and then one more line\n")
    after = corpus.stat().st_size
    told = f"has changed since this run began ({before:,} bytes then, {after:,} bytes now): start a new run, or add"
    for words, code in ((RESUME, 1), (["train", str(corpus), *RESUME[1:]], 2)):
        answer = call(*words, str(halfway), "--steps", "12")
        assert answer.code == code
        assert told in answer.line
        assert "--corpus-changed-ok" in answer.line
    measured = call("evaluate", str(halfway))
    assert measured.code == 1
    assert measured.line.endswith(f"{after:,} bytes now): give a CORPUS to evaluate on")


def test_a_changed_corpus_is_accepted_with_the_vocabulary_of_the_run(call: Call, halfway: Path, corpus: Path) -> None:
    symbols = RunFolder(halfway).config().vocabulary.symbols
    with corpus.open("a") as file:
        file.write("birds sat on a Ω\n")
    answer = call(*RESUME, str(halfway), "--steps", "12", "--corpus-changed-ok")
    assert answer.code == 0
    assert "the corpus has changed: continuing with the vocabulary of this run" in answer.err
    assert "not in the vocabulary and left out: 'Ω'" in answer.err
    config = RunFolder(halfway).config()
    assert config.vocabulary.symbols == symbols
    assert (config.corpus.digest, config.corpus.size) == (read_corpus(str(corpus)).digest, corpus.stat().st_size)
    # It is the run's corpus from now on, with the character that is left out.
    for words in ([*RESUME, str(halfway), "--steps", "16"], ["evaluate", str(halfway)], ["compare", str(halfway)]):
        answer = call(*words)
        assert answer.code == 0, answer.err


def test_another_corpus_is_refused_unless_it_is_meant(call: Call, halfway: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("the fox met the owl and they spoke of the weather. " * 60)
    words = ["train", str(other), *RESUME[1:], str(halfway), "--steps", "12"]
    answer = call(*words)
    assert answer.code == 2
    assert "is not the corpus of this run, which is" in answer.line
    assert f"({other.stat().st_size:,} bytes instead of " in answer.line
    assert call(*words, "--corpus-changed-ok").code == 0
    assert RunFolder(halfway).config().corpus.source == str(other)


def test_a_run_folder_without_a_size_is_still_read(call: Call, halfway: Path, corpus: Path) -> None:
    config = json.loads((halfway / "config.json").read_text())
    del config["corpus"]["size"]
    (halfway / "config.json").write_text(json.dumps(config))
    corpus.write_text(corpus.read_text() * 2)
    answer = call(*RESUME, str(halfway), "--steps", "12")
    assert f"has changed since this run began ({corpus.stat().st_size:,} bytes now)" in answer.line


@pytest.mark.parametrize("command", ["train", "evaluate", "corpora", "import"])
def test_what_was_skipped_or_guessed_in_a_corpus_is_told(call: Call, run: Path, tmp_path: Path, command: str) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    text = RunFolder(run).corpus(RunFolder(run).config()).text
    (folder / "a.txt").write_text(text, encoding="utf-16")
    (folder / "way").symlink_to(tmp_path)
    words = {
        "train": ["train", str(folder), *TINY, "--steps", "1"],
        "evaluate": ["evaluate", str(run), str(folder)],
        "corpora": ["corpora", str(folder)],
        "import": ["import", str(tmp_path / "w.npz"), "--corpus", str(folder), "--batch", "4", "--length", "8"],
    }[command]
    if command == "import":
        assert call("export", str(run), str(tmp_path / "w.npz")).code == 0
    answer = call(*words)
    assert answer.code == 0, answer.err
    assert "seqtui: 1 link to a folder in" in answer.err
    assert "read as UTF-16, by the byte order mark" in answer.err
