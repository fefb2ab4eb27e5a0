"""Damaged checkpoints, a full disk, a diverging training: what is good stays, and one line says where it is."""

import json
import os
import resource
from pathlib import Path

import numpy as np
import pytest
from seqcore.checkpoint import read_checkpoint

from tests.cli.conftest import TINY, Call


def _newest(run: Path) -> Path:
    return run / "checkpoint-12.safetensors"


def test_a_checkpoint_cut_anywhere_gives_way_to_the_one_before(call: Call, run: Path) -> None:
    whole = _newest(run).read_bytes()
    for part in range(16):
        _newest(run).write_bytes(whole[: len(whole) * part // 16])
        answer = call("generate", str(run), "--length", "3")
        assert answer.code == 0
        assert "checkpoint-12.safetensors" in answer.line
        assert "step 8" in answer.line


def test_a_flipped_bit_anywhere_gives_way_to_the_one_before(call: Call, run: Path) -> None:
    whole = _newest(run).read_bytes()
    draw = np.random.default_rng(0)
    for place in [*range(8), *draw.integers(8, len(whole), 40).tolist()]:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(draw.integers(8))
        _newest(run).write_bytes(flipped)
        answer = call("generate", str(run), "--length", "1")
        assert answer.code == 0
        assert "step 8" in answer.line, place
        assert _newest(run).read_bytes() == flipped  # nothing is mended or removed behind one's back


def test_a_foreign_checkpoint_gives_way_to_the_one_before(call: Call, run: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"weight": np.ones((2, 2), np.float32)}, _newest(run))
    answer = call("evaluate", str(run), "--json")
    assert answer.code == 0
    assert "not a seqtui checkpoint" in answer.line
    assert json.loads(answer.out)["step"] == 8


def test_resuming_falls_back_and_ends_where_it_would_have(call: Call, run: Path) -> None:
    good = read_checkpoint(_newest(run)).arrays
    _newest(run).write_bytes(b"damaged")
    answer = call("train", "--resume", "--out", run.name)
    assert answer.code == 0
    assert "continuing from step 8" in answer.line
    again = read_checkpoint(_newest(run)).arrays
    assert all(good[name].tobytes() == again[name].tobytes() for name in good)


def test_no_checkpoint_that_loads_is_one_line(call: Call, run: Path) -> None:
    for path in run.glob("checkpoint-*"):
        path.write_bytes(b"damaged")
    for words in (["generate", str(run)], ["evaluate", str(run)], ["train", "--resume", "--out", str(run)]):
        answer = call(*words)
        assert answer.code == 1
        assert "no checkpoint that loads" in answer.line
    assert len(list(run.glob("checkpoint-*"))) == 4


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "other"}', b'{"format": "seqtui-run-1"}', b"\xff"])
def test_a_damaged_config_is_one_line(call: Call, run: Path, content: bytes) -> None:
    (run / "config.json").write_bytes(content)
    for words in (["generate", str(run)], ["train", "--resume", "--out", str(run)]):
        answer = call(*words)
        assert answer.code == 1
        assert "config.json" in answer.line
    assert "damaged" in call("runs").out


@pytest.mark.parametrize(
    ("part", "key", "value", "said"),
    [
        ("model", None, 3, "its model is not a JSON object"),
        ("model", None, ["hidden"], "its model is not a JSON object"),
        ("model", "family", ["lstm"], "its model has a value of the wrong type"),
        ("model", "hidden", "8", "hidden '8'"),
        ("model", "depth", 1, "depth"),
        ("training", None, None, "its training is not a JSON object"),
        ("training", "clip", -1, "clip -1"),
        ("training", "schedule", {}, "schedule {}"),
        ("corpus", "source", 7, "its corpus has no source"),
        ("vocabulary", "symbols", ["a", "a"], "a symbol twice"),
        ("vocabulary", "kind", [], "kind must be one of"),
    ],
)
def test_a_config_with_a_wrong_value_is_named_and_told_in_our_words(
    call: Call, run: Path, part: str, key: str | None, value: object, said: str
) -> None:
    config = json.loads((run / "config.json").read_text())
    config.update({part: value} if key is None else {part: config[part] | {key: value}})
    (run / "config.json").write_text(json.dumps(config))
    for words in (["generate", str(run)], ["train", "--resume", "--out", str(run)]):
        line = call(*words).line
        assert f"{run / 'config.json'} is damaged: " in line
        assert said in line
        assert not any(python in line for python in ("object is", "hashable", "argument", "'dict'", "NoneType"))


def test_a_config_of_another_shape_is_one_line(call: Call, run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["model"]["hidden"] = 9
    (run / "config.json").write_text(json.dumps(config))
    for words in (["generate", str(run)], ["train", "--resume", "--out", str(run)]):
        assert call(*words).code == 1
        assert call(*words).line


def test_a_disk_that_fills_up_keeps_the_older_checkpoints(
    call: Call, corpus: Path, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.fsync, []

    def refuse(descriptor: int) -> None:
        calls.append(descriptor)
        if (
            len(calls) > 11
        ):  # config.json with both folders above it, four checkpoints (one the best) with theirs went well
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        answer = call("train", str(corpus), *TINY, "--steps", "40", "--checkpoint-every", "3", "--quiet")
    assert answer.code == 1
    assert "No space left on device" in answer.line
    assert "newest checkpoint is from step 6" in answer.line
    (folder,) = runs_dir.iterdir()
    assert sorted(path.name for path in folder.glob("*checkpoint*")) == [
        "checkpoint-0.safetensors",
        "checkpoint-3.safetensors",
        "checkpoint-6.safetensors",
    ]
    assert call("train", "--resume", "--out", folder.name, "--steps", "8").code == 0


def test_a_file_that_may_not_grow_is_one_line(spawn: Call, corpus: Path, runs_dir: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    answer = spawn("train", str(corpus), *TINY, "--steps", "20", "--quiet", preexec_fn=limit)
    assert answer.code == 1
    assert "checkpoint-0.safetensors cannot be written" in answer.line
    assert not list(runs_dir.glob("*/.*.part"))


def test_divergence_is_code_3_and_keeps_a_checkpoint(call: Call, corpus: Path, runs_dir: Path) -> None:
    wild = ["--lr", "100", "--weight-decay", "10", "--warmup-steps", "0", "--clip", "0"]
    answer = call("train", str(corpus), *TINY, *wild, "--steps", "400", "--quiet")
    assert answer.code == 3
    assert "diverged in step" in answer.line
    assert "--lr" in answer.line
    (folder,) = runs_dir.iterdir()
    (path,) = folder.glob("checkpoint-*")
    assert f"{path.stem} is kept" in answer.line
    arrays = read_checkpoint(path).arrays
    assert all(np.isfinite(array).all() for array in arrays.values())
