"""`seqtui fork` begins a run with a checkpoint of another one."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.cli.conftest import TINY, Call


@pytest.fixture
def parent(call: Call, tmp_path: Path) -> Path:
    out = tmp_path / "runs" / "parent"
    words = ("--steps", "8", "--checkpoint-every", "2", "--out", str(out), "--quiet")
    assert call("train", "tales", *TINY, *words).code == 0
    return out


def weights(path: Path) -> dict[str, bytes]:
    return {name: np.ascontiguousarray(array).tobytes() for name, array in load_file(path).items()}


def test_a_fork_without_changes_ends_with_the_parents_bytes(call: Call, parent: Path, tmp_path: Path) -> None:
    answer = call("fork", "parent", "--at", "4", "--out", str(tmp_path / "runs" / "child"))
    assert answer.code == 0, answer.err
    assert "parent" in answer.out
    assert "step 4" in answer.out
    child = tmp_path / "runs" / "child"
    assert weights(child / "checkpoint-8.safetensors") == weights(parent / "checkpoint-8.safetensors")
    mine, theirs = ((path / "metrics.jsonl").read_text().splitlines() for path in (child, parent))
    for one, other in zip(map(json.loads, mine), map(json.loads, theirs), strict=True):
        assert (one["step"], one["train_loss"], one["tokens"]) == (other["step"], other["train_loss"], other["tokens"])


def test_the_family_is_told(call: Call, parent: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "runs" / "child")
    assert call("fork", "parent", "--at", "4", "--lr", "0.001", "--steps", "6", "--out", out, "--quiet").code == 0
    child = json.loads(call("runs", "child", "--json").out)
    assert child["parent"] == {"run": "parent", "step": 4}
    assert child["training"]["learning_rate"] == 0.001
    assert (child["step"], child["finished"]) == (6, True)
    above = json.loads(call("runs", "parent", "--json").out)
    assert above["forks"] == [{"run": "child", "step": 4}]
    assert "child at 4" in call("runs", "parent").out
    assert "parent, step 4" in call("runs", "child").out
    listed = [json.loads(line) for line in call("runs", "--json").out.splitlines()]
    assert {one["name"]: one.get("parent") for one in listed}["child"] == {"run": "parent", "step": 4}


def test_another_text_is_read_with_the_parents_vocabulary(call: Call, parent: Path, tmp_path: Path) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("a goose and a fox and an owl went home. " * 60)
    out = tmp_path / "runs" / "child"
    answer = call("fork", "parent", str(text), "--steps", "10", "--out", str(out), "--quiet")
    assert answer.code == 0, answer.err
    config, before = (json.loads((path / "config.json").read_text()) for path in (out, parent))
    assert config["vocabulary"] == before["vocabulary"]
    assert config["corpus"]["source"] == str(text)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("parent", "--at", "3"), 1, "no checkpoint of step 3"),
        (("paren",), 1, "did you mean parent?"),
        (("parent", "--lr", "-1"), 2, "--lr -1"),
        (("parent", "--out", "."), 1, "--out"),
    ],
)
def test_what_cannot_be_is_one_line(call: Call, parent: Path, words: tuple[str, ...], code: int, said: str) -> None:
    answer = call("fork", *words)
    assert answer.code == code, answer.err
    assert said in answer.line


def test_a_fork_of_the_end_has_nothing_to_do_and_says_so(call: Call, parent: Path) -> None:
    answer = call("fork", "parent")
    assert answer.code == 0
    assert "step 8 is the end of this run" in answer.out
