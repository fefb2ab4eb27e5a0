"""`seqtui inspect --cell` prints the equations of one unit with its numbers, and its chain rule."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from seqcore.cellwork.records import FUNCTIONS
from seqcore.config import FAMILIES

from tests.cli.conftest import TINY, Call
from tests.core.tasks.pair_runs import table
from tests.core.tasks.picture_runs import arrays
from tests.core.tasks.test_tasks import reviews, swings

TEXT = "7 birds"


def found(call: Call, *words: str) -> Any:
    answer = call("inspect", *words, "--json")
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def check(made: Any) -> None:
    """Every sum and every product of the JSON gives the number that is printed with it."""
    cell = made["cell"]
    for one in (*cell["quantities"], *(cell["end"]["outputs"] if cell["end"] else ())):
        before = math.fsum(term["weight"] * term["value"] for term in one["terms"])
        assert before == pytest.approx(one["before"], abs=1e-9)
        assert FUNCTIONS[one["function"]](before) == pytest.approx(one["value"], rel=1e-5, abs=1e-5)
    for one in made.get("backward", {}).get("gradients", ()):
        if one["factors"]:
            product = math.prod(factor["value"] for factor in one["factors"])
        else:
            product = math.fsum(term["weight"] * term["value"] for term in one["terms"])
        assert product == pytest.approx(one["value"], rel=1e-4, abs=1e-6)


def test_json_has_every_term(call: Call, run: Path) -> None:
    made = found(call, str(run), "--text", TEXT, "--cell", "0:3:5", "--backward")
    check(made)
    cell = made["cell"]
    assert (cell["family"], cell["layer"], cell["t"], cell["unit"], cell["symbol"]) == ("lstm", 0, 3, 5, "i")
    assert [one["name"] for one in cell["quantities"]] == ["i_t", "f_t", "g_t", "o_t", "c_t", "h_t"]
    assert [len(one["terms"]) for one in cell["quantities"]] == [4 + 8 + 1] * 4 + [2, 1]
    whole = json.loads(call("inspect", str(run), "--text", TEXT, "--json").out)
    values = {stave["name"]: stave["values"][3][5] for stave in whole["staves"]}
    assert [one["value"] for one in cell["quantities"]] == [
        values[name] for name in ("input", "forget", "cell", "output", "c", "h")
    ]
    assert cell["end"]["target_name"] == "r"
    assert cell["end"]["loss"] == pytest.approx(whole["loss"][4], rel=1e-5)
    assert [step["t"] for step in made["backward"]["path"]] == list(range(7))
    assert made["step"] == 12
    assert "backward" not in found(call, str(run), "--text", TEXT, "--cell", "0:3")


def test_text_shows_the_largest_terms_and_the_rest(call: Call, run: Path) -> None:
    out = call("inspect", str(run), "--text", TEXT, "--cell", "0:1:5", "--terms", "3").out
    lines = out.splitlines()
    assert lines[0] == "lstm, layer 0, unit 5, timestep 1 ␣"
    (at,) = (k for k, line in enumerate(lines) if line.startswith("f_t = σ(W_xf x_t + W_hf h_{t-1} + b_f) = σ("))
    assert lines[at].endswith("forget gate")
    rows = [line.split() for line in lines[at + 2 : at + 6]]
    assert rows[-1][1:] == ["10", "others"]
    total = sum(float(row[0]) for row in rows)
    assert f"σ({total:+.3f}"[:-1] in lines[at].replace("= σ(", "=σ(").split("=")[2]
    sizes = [abs(float(row[0])) for row in rows[:-1]]
    assert sizes == sorted(sizes, reverse=True)
    for words in ("c_t = f_t · c_{t-1} + i_t · g_t", "p_t = softmax", "L_t = -log p(b) = "):
        assert words in out


def test_text_of_the_backward_pass_names_every_factor(call: Call, run: Path) -> None:
    words = ("inspect", str(run), "--text", TEXT, "--cell", "0:2:5")
    out = call(*words, "--backward").out
    for line in (
        "L: the sum of the loss at every timestep with a target",
        "dL/dz_f = dL/dc_t · c_{t-1} · f_t (1 - f_t) = ",
        "dL/dc_t = dL/dh_t · o_t (1 - tanh(c_t)²) + dL/dc_{t+1} · f_{t+1} = ",
        "keep = f_t",
    ):
        assert line in out, line
    assert sum(line.startswith(">  2") for line in out.splitlines()) == 1
    assert "L: the loss at timestep 5" in call(*words, "--loss", "5").out


def test_controls_of_a_text_do_not_reach_the_terminal(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "controls.txt"
    path.write_text("\x1b\x07[bold]" * 200)
    assert call("train", str(path), *TINY, "--embedding", "one-hot", "--steps", "2").code == 0
    answer = call("inspect", "controls-lstm8-1", "--text", "\x1b\x07[", "--cell", "0:1", "--backward")
    assert answer.code == 0
    assert not set(answer.out) & {"\x1b", "\x07"}
    names = {
        term["name"]
        for term in found(call, "controls-lstm8-1", "--text", "\x1b\x07[", "--cell", "0:1")["cell"]["quantities"][0][
            "terms"
        ]
    }
    assert "\x07" in names, "raw in JSON, which escapes it"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--cell", "0:7"), "timestep 7: the sequence has timesteps 0 to 6"),
        (("--cell", "1:0"), "layer 1: this model has layer 0 only"),
        (("--cell", "0:0:8"), "unit 8: this model has units 0 to 7"),
        (("--cell", "5"), "give LAYER:TIMESTEP or LAYER:TIMESTEP:UNIT"),
        (("--cell", "a:b"), "for instance --cell 0:5:17"),
        (("--cell", "0:1", "--second-direction"), "reads in one direction only"),
        (("--cell", "0:1", "--loss", "9"), "loss 9"),
        (("--cell", "0:1", "--unit", "3"), "--cell LAYER:TIMESTEP:UNIT"),
        (("--backward",), "need --cell LAYER:TIMESTEP"),
        (("--cell", "0:1", "--terms", "0"), "--terms"),
    ],
)
def test_a_wrong_place_gives_one_line(call: Call, run: Path, words: tuple[str, ...], line: str) -> None:
    answer = call("inspect", str(run), "--text", TEXT, *words)
    assert answer.code == 2
    assert line in answer.line


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_explained(call: Call, corpus: Path, runs_dir: Path, tmp_path: Path, family: str) -> None:
    out = str(tmp_path / family)
    small = ["--hidden", "8", "--batch", "2", "--length", "6", "--steps", "3", "--eval-every", "0", "--quiet"]
    assert call("train", str(corpus), "--model", family, *small, "--out", out).code == 0
    check(found(call, out, "--text", TEXT, "--cell", "0:4", "--backward"))
    for words in ((), ("--backward",)):
        answer = call("inspect", out, "--text", TEXT, "--cell", "0:4:3", *words)
        assert answer.code == 0, answer.err
        assert answer.out.startswith(f"{family}, layer 0, unit 3")


def test_a_classifier_is_explained(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    path = tmp_path / "small.tsv"
    path.write_text(reviews(120))
    assert call("train", str(path), *TINY[:6], "--model", "gru", "--steps", "4", "--quiet").code == 0
    made = found(call, "small-gru8-1", "--text", "it was not good", "--cell", "0:2", "--backward")
    check(made)
    assert {one["label"] for one in made["cell"]["end"]["outputs"]} == {"down", "up"}
    assert made["cell"]["end"]["loss"] is None
    assert made["backward"]["losses"] == "the loss of the likeliest symbol at timestep 3"


def test_a_forecast_is_explained(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    path = tmp_path / "swings.csv"
    path.write_text(swings())
    assert call("train", str(path), "--hidden", "8", "--batch", "6", "--steps", "4", "--quiet").code == 0
    made = found(call, "swings-lstm8-1", "--text", "1000,0.01;1100,0.005;1200,0", "--cell", "0:1", "--backward")
    check(made)
    inputs = [term["name"] for term in made["cell"]["quantities"][0]["terms"] if term["source"] == "x"]
    assert set(inputs) == {"x", "y"}
    assert [one["label"] for one in made["cell"]["end"]["outputs"]] == ["x", "y"]
    assert len(made["cell"]["end"]["wanted"]) == 2
    assert "squared error" in made["backward"]["losses"]
    assert "mean of (y - target)²" in call("inspect", "swings-lstm8-1", "--text", "1,1;2,2", "--cell", "0:0").out


def test_a_translator_is_explained_on_both_sides(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    small = ("--model", "gru", "--hidden", "8", "--embedding", "4", "--batch", "6", "--quiet", "--steps", "4")
    source = table(tmp_path / "small.tsv")
    answer = call("train", source, *small, "--cross-attention", "general", "--bidirectional")
    assert answer.code == 0, answer.err
    name, text = "small-gru8-1", ("--text", "the red house")
    for words in (("0:1",), ("0:1", "--second-direction"), ("0:3",), ("0:3", "--position", "1")):
        made = found(call, name, *text, "--cell", *words, "--backward")
        check(made)
        assert made["cell"]["part"] == (
            "decoder" if words[0] == "0:3" else "encoder ←" if len(words) > 1 else "encoder"
        )
    assert made["cell"]["position"] == 1
    names = [choice["name"] for choice in made["cell"]["attention"]["choices"]]
    assert sorted(name.strip() for name in names) == ["house", "red", "the"]
    assert "attention over the source" in call("inspect", name, *text, "--cell", "0:3").out


@pytest.mark.parametrize("words", [("--model", "gru", "--input-feeding"), ("--model", "attention", "--heads", "2")])
def test_every_translator_is_explained(call: Call, tmp_path: Path, runs_dir: Path, words: tuple[str, ...]) -> None:
    source, out = table(tmp_path / "small.tsv"), str(tmp_path / "out")
    answer = call("train", source, *words, "--hidden", "8", "--batch", "6", "--quiet", "--steps", "4", "--out", out)
    assert answer.code == 0, answer.err
    look = (out, "--text", "the red house", "--cell")
    for place in ("0:1", "0:4"):
        made = found(call, *look, place, "--backward")
        check(made)
    printed = call("inspect", *look, "0:4").out
    assert printed.count("softmax over s of") == 1, "the weights stand once, after their score"
    assert "W_feed_n h̃_{t-1}" in printed or "e_ts = q'_t · k'_s / √d" in printed
    if "attention" in words:
        printed = call("inspect", *look, "0:4", "--position", "4").out
        assert "softmax over s ≤ t of q_t · k_s / √d" in printed
        assert "over the source" in printed


def test_a_model_that_reads_pictures_is_explained(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    source, out = arrays(tmp_path / "mine.npz"), str(tmp_path / "out")
    small = ("--model", "lstm", "--hidden", "8", "--layers", "2", "--batch", "6", "--quiet", "--steps", "4")
    answer = call("train", source, *small, "--out", out)
    assert answer.code == 0, answer.err
    look = (out, "--text", f"{source}:7", "--cell")
    for place, part, cell in (("0:2", "encoder", "patches"), ("1:15", "decoder", "lstm")):
        made = found(call, *look, place, "--backward")
        check(made)
        assert (made["cell"]["part"], made["cell"]["cell"]) == (part, cell)
    assert made["cell"]["quantities"][0]["name"] == "ā"
    assert "a_t = tanh(W x_t + e_t) = tanh(" in call("inspect", *look, "0:2").out
    assert "layer 1: the encoder has layer 0 only" in call("inspect", *look, "1:2").line
