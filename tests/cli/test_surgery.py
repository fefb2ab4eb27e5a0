"""`--silence` and `--context`: the loss beside the untouched model's, as text and as JSON; other commands cut, too."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.checkpoint import checkpoint_bytes, read_checkpoint
from seqcore.folder import RunFolder

from tests.cli.conftest import Call

TEXT = "7 birds sat on a wall"


def seen(call: Call, run: Path, *words: str) -> Any:
    answer = call("inspect", str(run), "--text", TEXT, "--json", *words)
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


@pytest.fixture
def heads(call: Call, corpus: Path, tmp_path: Path) -> Path:
    out = tmp_path / "heads"
    small = [
        "--hidden",
        "8",
        "--heads",
        "2",
        "--layers",
        "2",
        "--batch",
        "2",
        "--length",
        "24",
        "--steps",
        "8",
        "--quiet",
    ]
    assert call("train", str(corpus), "--model", "attention", *small, "--out", str(out)).code == 0
    return out


def test_a_silenced_unit_is_zero_and_stands_beside_the_untouched_model(call: Call, run: Path) -> None:
    whole, cut = seen(call, run), seen(call, run, "--silence", "0.3")
    h = next(stave["values"] for stave in cut["staves"] if stave["name"] == "h")
    assert [row[3] for row in h] == [0.0] * len(TEXT)
    assert any(row[2] for row in h)
    assert cut["cuts"] == ["0.3"]
    assert cut["untouched"]["loss"] == whole["loss"]
    assert cut["untouched"]["top_symbols"] == whole["top_symbols"]
    assert cut["loss"] != whole["loss"]
    assert cut["compared"] == len(TEXT) - 1
    assert cut["mean_loss"] == pytest.approx(np.mean(cut["loss"][1:]), rel=1e-5)
    assert cut["untouched_mean_loss"] == pytest.approx(np.mean(whole["loss"][1:]), rel=1e-5)


def test_silencing_a_head_equals_a_checkpoint_without_its_weights(call: Call, heads: Path) -> None:
    cut = seen(call, heads, "--silence", "1.head.1")
    folder = RunFolder.find(str(heads))
    path = next(heads.glob("checkpoint-*.safetensors"))
    kept = read_checkpoint(path)
    kept.arrays["parameters.layers.1.W_o"][4:] = 0
    path.write_bytes(checkpoint_bytes(kept))
    assert folder.checkpoint("last")[2] == []
    by_hand = seen(call, heads)
    for name in ("loss", "top_probability", "staves", "reach_hidden", "reach_input", "attention"):
        assert cut[name] == by_hand[name], name


def test_the_table_has_both_losses_and_a_line_with_their_means(call: Call, run: Path) -> None:
    answer = call("inspect", str(run), "--text", TEXT, "--silence", "0.forget", "--silence", "0:2=0.5")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split()[:5] == ["t", "token", "loss", "untouched", "change"]
    cut = seen(call, run, "--silence", "0.forget", "--silence", "0:2=0.5")
    t, token, loss, before, change = lines[6].split()[:5]
    assert (t, token) == ("5", cut["symbols"][5])
    assert (loss, before) == (f"{cut['loss'][5]:.3f}", f"{cut['untouched']['loss'][5]:.3f}")
    assert change == f"{cut['loss'][5] - cut['untouched']['loss'][5]:+.3f}"
    mean, was = cut["mean_loss"], cut["untouched_mean_loss"]
    assert f"{mean:.4f}, untouched {was:.4f}, change {mean - was:+.4f}" in lines[-1]
    assert cut["cuts"] == ["0.forget", "0.2=0.5"]


def test_the_context_is_cut(call: Call, run: Path) -> None:
    whole, cut = seen(call, run), seen(call, run, "--context", "reset:7")
    assert cut["symbols"] == whole["symbols"][7:]
    assert cut["loss"][0] is None
    assert cut["untouched_timestep"] == list(range(7, len(TEXT)))
    assert cut["compared"] == len(TEXT) - 8
    shuffled = seen(call, run, "--context", "shuffle:7", "--silence", "0.1")
    assert sorted(shuffled["symbols"][:7]) == sorted(TEXT[:7])
    assert shuffled["symbols"][7:] == list(TEXT[7:])
    assert shuffled["untouched_timestep"][0] is None
    assert "compared timesteps" in call("inspect", str(run), "--text", TEXT, "--context", "keep:6").out


def test_evaluate_generate_and_health_use_the_cut_model(call: Call, run: Path) -> None:
    whole = json.loads(call("evaluate", str(run), "--json").out)
    cut = json.loads(call("evaluate", str(run), "--silence", "0.h", "--json").out)
    assert cut["cuts"] == ["0.h"]
    assert cut["loss"] != whole["loss"]
    assert "cut: 0.h" in call("evaluate", str(run), "--silence", "0.h").out
    texts = [call("generate", str(run), "--length", "40", *words).out for words in ([], ["--silence", "0.h"])]
    assert texts[0] != texts[1]
    dead = json.loads(call("inspect", str(run), "--health", "--silence", "0.3", "--json").out)["dead"]
    assert [0, 3] in [[unit["layer"], unit["unit"]] if isinstance(unit, dict) else list(unit) for unit in dead]


@pytest.mark.parametrize(("words", "says"), [
    (["--silence", "7"], "give LAYER.UNIT"), (["--silence", "1.0"], "this model has layers 0 to 0"),
    (["--silence", "0.8"], "numbered from 0 to 7"), (["--silence", "0.head.1"], "layer 0 has no head"),
    (["--silence", "0.3=2"], "from -0.76 to 0.76"), (["--context", "reset:99"], "from 1 to 20"),
    (["--context", "all"], "give reset:T"),
])  # fmt: skip
def test_a_wrong_cut_is_one_line(call: Call, run: Path, words: list[str], says: str) -> None:
    answer = call("inspect", str(run), "--text", TEXT, *words)
    assert answer.code == 2
    assert says in answer.line


def test_a_translator_is_cut_on_one_side(call: Call, tmp_path: Path) -> None:
    out = tmp_path / "reverse"
    small = ["--hidden", "8", "--embedding", "4", "--batch", "4", "--steps", "4", "--quiet", "--out", str(out)]
    assert call("train", "reverse:4", "--model", "gru", *small).code == 0
    answer = call("inspect", str(out), "--text", "abcd", "--silence", "encoder.0.3", "--json")
    assert answer.code == 0, answer.err
    found = json.loads(answer.out)
    h = np.array(next(stave["values"] for stave in found["staves"] if stave["name"] == "h"), float)
    bar = 4
    assert found["compared"] == len(found["symbols"]) - bar - 1
    assert found["symbols"] == found["untouched"]["symbols"], "both are given what the untouched model writes"
    assert (
        found["untouched"]["symbols"][:-1]
        == json.loads(call("inspect", str(out), "--text", "abcd", "--json").out)["symbols"][: len(found["symbols"]) - 1]
    )
    assert not h[:bar, 3].any()
    assert h[bar + 1 :, 3].any()
