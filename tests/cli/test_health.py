"""`seqtui inspect --health`, and the verdict of a run."""

import json
from pathlib import Path

import pytest
from seqcore.health.sentences import GOOD

from tests.cli.conftest import TINY, Call


def test_health_as_json_has_every_measure(call: Call, run: Path) -> None:
    answer = call("inspect", str(run), "--health", "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    assert (found["run"], found["step"], found["units"], found["dead"]) == (run.name, 12, 8, [])
    assert [one["gate"] for one in found["saturation"]] == ["input", "forget", "output"]
    assert all(len(one["left"]) == len(one["right"]) == 8 for one in found["saturation"])
    assert [one["gate"] for one in found["singular"]] == ["input", "forget", "cell", "output"]
    assert found["updates"]["step"] == [2, 4, 6, 8, 10, 12]
    assert found["updates"]["names"] == ["embedding.E", "layers.0.W_xh", "layers.0.W_hh", "head.W_hy"]
    assert all(0 < ratio < 1 for row in found["updates"]["update_ratio"] for ratio in row)
    assert found["good"] == GOOD
    assert "entropy" not in found
    earlier = json.loads(call("inspect", str(run), "--health", "--at", "8", "--json").out)
    assert earlier["updates"]["step"] == [2, 4, 6, 8]


def test_health_is_printed_with_a_sentence_for_each_measure(call: Call, run: Path) -> None:
    answer = call("inspect", str(run), "--health")
    assert answer.code == 0
    for name in ("saturation", "singular", "dead", "updates", "loss"):
        assert GOOD[name] in answer.out
    assert "not yet below" in answer.out
    assert "layers.0.W_hh" in answer.out


def test_attention_has_the_entropy_of_its_heads(call: Call, corpus: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "heads")
    small = ["--hidden", "8", "--heads", "2", "--batch", "2", "--length", "6", "--steps", "3", "--quiet"]
    assert call("train", str(corpus), "--model", "attention", *small, "--out", out).code == 0
    found = json.loads(call("inspect", out, "--health", "--json").out)
    assert all(0 <= share <= 1 for row in found["entropy"] for share in row)
    assert "head 1" in call("inspect", out, "--health").out


def test_without_a_held_out_part_the_weights_are_still_judged(call: Call, corpus: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "all")
    assert call("train", str(corpus), *TINY, "--steps", "4", "--validation", "0", "--out", out).code == 0
    answer = call("inspect", out, "--health", "--json")
    assert answer.code == 0
    assert "no held-out part" in answer.line
    found = json.loads(answer.out)
    assert found["saturation"] == []
    assert len(found["singular"]) == 4


@pytest.mark.parametrize("words", [[], ["--health", "--text", "7 birds"], ["--health", "--unit", "1"]])
def test_either_a_text_or_health(call: Call, run: Path, words: list[str]) -> None:
    answer = call("inspect", str(run), *words)
    assert answer.code == 2
    assert "--health" in answer.line


def test_a_run_and_the_end_of_a_training_have_a_verdict(call: Call, corpus: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "judged")
    answer = call("train", str(corpus), *TINY, "--steps", "120", "--log-every", "2", "--lr", "0.02", "--out", out)
    assert answer.code == 0
    verdict = json.loads(call("runs", out, "--json").out)["verdict"]
    assert verdict
    assert f"verdict          {verdict}" in call("runs", out).out
    last = answer.out.splitlines()[-1]
    assert last.startswith("done: step 120")
    assert any(word in last for word in ("falling", "flat", "rising"))
