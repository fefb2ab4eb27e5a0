"""`seqtui inspect --unrolled` prints every timestep with its loss, and the gradient on its way back."""

import json
import math
from pathlib import Path

import pytest

from seqtui.tui.widgets.numbers import significant
from tests.cli.conftest import Call

TEXT = "7 birds"


def test_json_agrees_with_the_probe_and_the_table(call: Call, run: Path) -> None:
    made = json.loads(call("inspect", str(run), "--text", TEXT, "--unrolled", "--json").out)["unrolled"]
    whole = json.loads(call("inspect", str(run), "--text", TEXT, "--json").out)
    losses = [one["loss"] for one in made["outputs"]]
    assert losses[:-1] == pytest.approx(whole["loss"][1:], rel=1e-5)
    assert losses[-1] is None, "what follows the text is not known"
    assert made["total"] == pytest.approx(math.fsum(losses[:-1]))
    strand = made["strands"][0]
    assert strand["states"][3] == pytest.approx(
        next(stave["values"][3] for stave in whole["staves"] if stave["name"] == "h")
    )
    out = call("inspect", str(run), "--text", TEXT, "--unrolled").out
    for size in strand["gradient"]:
        assert significant(size) in out
    assert made["matrices"]["layers.0.W_hh"] == [8, 32]


def test_a_cut_and_one_loss(call: Call, run: Path) -> None:
    words = ("inspect", str(run), "--text", TEXT, "--unrolled", "--json", "--loss", "4")
    whole = json.loads(call(*words).out)["unrolled"]["strands"][0]["gradient"]
    cut = json.loads(call(*words, "--cut", "3").out)["unrolled"]["strands"][0]["gradient"]
    assert min(whole[:5]) > 0
    assert cut[:3] == [0.0] * 3
    assert cut[3:5] == whole[3:5]
    assert "multiple of 3" in call(*words[:-3], "--cut", "3").out


def test_what_does_not_fit_is_refused_in_one_line(call: Call, run: Path) -> None:
    for words, said in (
        (("--cut", "3"), "--cut needs --unrolled"),
        (("--unrolled", "--unit", "1"), "--unrolled is about all layers"),
        (("--unrolled", "--loss", "99"), "the sequence has timesteps 0 to 6"),
    ):
        answer = call("inspect", str(run), "--text", TEXT, *words)
        assert answer.code == 2
        assert said in answer.err
        assert "Traceback" not in answer.err
