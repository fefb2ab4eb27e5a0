"""The command line with pictures: train, evaluate, generate, inspect, export."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Call
from tests.core.tasks.picture_runs import arrays

SMALL = ("--model", "gru", "--hidden", "12", "--embedding", "6", "--batch", "6", "--seed", "3", "--quiet")


@pytest.fixture
def source(tmp_path: Path) -> str:
    return arrays(tmp_path / "mine.npz")


def test_a_captioner_is_trained_measured_asked_and_exported(
    call: Call, source: str, tmp_path: Path, runs_dir: Path
) -> None:
    answer = call("train", source, *SMALL[:-1], "--patch", "3", "--steps", "12", "--eval-every", "6")
    assert answer.code == 0, answer.err
    assert "caption, one to many" in answer.out
    assert "54 pictures of 6x4, 6 held out · 4x2 patches of 3x3" in answer.out
    assert "exact match " in answer.out.splitlines()[-1]
    found = json.loads(call("evaluate", "mine-gru12-1", "--json").out)
    assert found["examples"] == 6
    assert {band["count"] for band in found["by_length"]} <= set(range(7))
    written = call("generate", "mine-gru12-1", "--input", f"{source}:3", "--beam", "4", "--count", "2")
    assert written.code == 0, written.err
    assert written.out.count("\n") == 2
    seen = json.loads(call("inspect", "mine-gru12-1", "--text", f"{source}:3", "--json").out)
    assert seen["symbols"][:9] == ["r1c1", "r1c2", "r1c3", "r1c4", "r2c1", "r2c2", "r2c3", "r2c4", "‖"]
    assert seen["loss"][:9] == [None] * 9
    assert all(value > 0 for value in seen["reach_input"][-1][:8])
    assert call("inspect", "mine-gru12-1", "--text", f"{source}:3").code == 0
    assert call("export", "mine-gru12-1", str(tmp_path / "w.npz"), "--to", "npz").code == 0
    with np.load(tmp_path / "w.npz", allow_pickle=False) as weights:
        assert weights["patches.W"].shape == (27, 12)
    again = call("import", str(tmp_path / "w.npz"), "--out", str(tmp_path / "again"), "--corpus", source)
    assert again.code == 0, again.err
    assert call("generate", str(tmp_path / "again"), "--input", f"{source}:3", "--beam", "4", "--count", "2").out == (
        written.out
    )


def test_a_captioner_is_cut_and_its_context_read_as_a_whole(call: Call, source: str, runs_dir: Path) -> None:
    assert call("train", source, *SMALL[:-1], "--patch", "3", "--steps", "6").code == 0
    words = "inspect", "mine-gru12-1", "--text", f"{source}:3"
    silenced = json.loads(call(*words, "--silence", "encoder.0.5=0.25", "--json").out)
    h = next(stave["values"] for stave in silenced["staves"] if stave["name"] == "h")
    assert [row[5] for row in h[:8]] == pytest.approx([0.25] * 8)
    shuffled = json.loads(call(*words, "--context", "shuffle:8", "--json").out)
    assert shuffled["compared"] == len(shuffled["symbols"]) - 9
    assert shuffled["loss"] != shuffled["untouched"]["loss"]
    assert "read as a whole" in call(*words, "--context", "reset:3").line


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("train", "SOURCE", "--reverse-source"), 2, "--reverse-source is for translate, transduce"),
        (("train", "SOURCE", "--bidirectional"), 2, "--bidirectional yes: the task decides it"),
        (("train", "SOURCE", "--patch", "9"), 1, "--patch 9: must be from 1 to 4"),
        (("train", "tales", "--patch", "4"), 2, "--patch is for caption"),
        (("train", "SOURCE", "--task", "language"), 1, "is binary, not text"),
        (("train", "tales", "--task", "caption"), 1, "has no pictures"),
    ],
)
def test_a_wrong_call_is_one_line(
    call: Call, source: str, runs_dir: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    answer = call(*(source if word == "SOURCE" else word for word in words), "--steps", "1")
    assert answer.code == code, answer.err
    assert said in answer.line


def test_the_samples_list_pictures(call: Call) -> None:
    listed = [json.loads(line) for line in call("corpora", "--json").out.splitlines()]
    assert next(one for one in listed if one["name"] == "shapes")["task"] == "caption"
