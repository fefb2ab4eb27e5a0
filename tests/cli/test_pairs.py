"""The command line with pairs of sequences: train, evaluate, generate, inspect."""

import itertools
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.core.tasks.pair_runs import table

SMALL = ("--model", "gru", "--hidden", "12", "--embedding", "6", "--batch", "6", "--seed", "3", "--quiet")
ATTENDING = ("--cross-attention", "general", "--bidirectional")


@pytest.fixture
def translator(call: Call, tmp_path: Path, runs_dir: Path) -> str:
    """A small translator, trained for 40 steps."""
    source = table(tmp_path / "small.tsv")
    answer = call("train", source, *SMALL, *ATTENDING, "--steps", "40", "--lr", "0.02")
    assert answer.code == 0, answer.err
    return "small-gru12-1"


@pytest.fixture
def reverser(call: Call, runs_dir: Path) -> str:
    """A small model of reverse:4, trained for 20 steps."""
    answer = call("train", "reverse:4", *SMALL, "--steps", "20")
    assert answer.code == 0, answer.err
    return "reverse-4-gru12-1"


def test_the_sample_trains_and_is_answered_for(call: Call, runs_dir: Path) -> None:
    answer = call("train", "phrases", *SMALL[:-1], *ATTENDING, "--steps", "2", "--eval-every", "0")
    assert answer.code == 0, answer.err
    assert "translate, many to many, unequal" in answer.out
    assert "pairs, " in answer.out
    assert call("generate", "phrases-gru12-1", "--input", "the old house is red .").code == 0


def test_attention_trains_on_pairs_is_evaluated_and_answers(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    small = ("--model", "attention", "--hidden", "16", "--heads", "2", "--batch", "6", "--steps", "6")
    answer = call("train", table(tmp_path / "small.tsv"), *small, "--context", "5")
    assert answer.code == 0, answer.err
    assert "pairs longer than 5 words left out" in answer.err
    assert json.loads(call("evaluate", "small-attention16x2-1", "--json").out)["loss"] > 0
    answer = call("train", "reverse:4", *small)
    assert answer.code == 0, answer.err
    assert "transduce, many to many, unequal" in answer.out
    assert call("generate", "reverse-4-attention16x2-1", "--input", "abc", "--beam", "4", "--count", "2").code == 0
    answer = call("generate", "reverse-4-attention16x2-1", "--input", "abcdefghijklmnop")
    assert answer.code != 0
    assert "a source of 16 symbols: must not exceed the context length of the model, 10" in answer.line
    assert "context 10" in call("runs", "reverse-4-attention16x2-1").out
    assert "‖" in call("inspect", "reverse-4-attention16x2-1", "--text", "abc").out
    assert call("export", "reverse-4-attention16x2-1", str(tmp_path / "x.npz"), "--to", "npz").code == 0


def test_train_names_the_task_and_prints_its_measures(call: Call, tmp_path: Path) -> None:
    source = table(tmp_path / "small.tsv")
    answer = call("train", source, *SMALL[:-1], "--steps", "10", "--eval-every", "5")
    assert answer.code == 0, answer.err
    assert "108 pairs, 12 held out · vocabularies of " in answer.out
    assert "exact match " in answer.out.splitlines()[-1]
    assert "token accuracy " in answer.out.splitlines()[-1]
    metrics = (tmp_path / "runs" / "small-gru12-1" / "metrics.jsonl").read_text().splitlines()
    last = json.loads(metrics[-1])
    assert {"validation_loss", "validation_exact_match", "validation_token_accuracy"} <= set(last)
    bands = last["validation_by_length"]
    assert sum(band["count"] * band["exact_match"] for band in bands) / sum(band["count"] for band in bands) == (
        pytest.approx(last["validation_exact_match"])
    )


@pytest.mark.parametrize("which", ["translator", "reverser"])
def test_evaluate_has_the_measures_in_all_and_by_length(call: Call, which: str, request: pytest.FixtureRequest) -> None:
    run = request.getfixturevalue(which)
    found = json.loads(call("evaluate", run, "--json").out)
    assert found["loss"] > 0
    assert 0 <= found["exact_match"] <= found["token_accuracy"] <= 1
    assert found["examples"] == (12 if which == "translator" else 512)
    bands = found["by_length"]
    assert sum(band["count"] for band in bands) == found["examples"]
    for band in bands:
        assert set(band) == {"from", "to", "count", "loss", "exact_match", "token_accuracy"}
        assert band["from"] <= band["to"]
    assert all(one["to"] < other["from"] for one, other in itertools.pairwise(bands))
    mean = sum(band["count"] * band["exact_match"] for band in bands) / found["examples"]
    assert mean == pytest.approx(found["exact_match"])
    assert found["references"]
    assert all(value > 0 for value in found["references"].values())
    out = call("evaluate", run).out
    for words in ("exact match", "token accuracy", "examples", "baseline"):
        assert words in out, words


def test_evaluate_on_another_table_and_at_another_dial(
    call: Call, translator: str, reverser: str, tmp_path: Path
) -> None:
    other = table(tmp_path / "other.tsv", [("the red door", "puerta roja"), ("old house", "casa vieja")])
    assert json.loads(call("evaluate", translator, other, "--json").out)["examples"] == 2
    (tmp_path / "other.tsv").write_text("source\ttarget\nthe red door\tpuerta roja\nold house\n")
    answer = call("evaluate", translator, other)
    assert answer.code == 1
    assert "other.tsv" in answer.line
    assert "line 3: 1 field instead of 2" in answer.line
    found = json.loads(call("evaluate", reverser, "reverse:9", "--json").out)
    assert found["by_length"][-1]["to"] == 9
    assert "only its dial can change" in call("evaluate", reverser, "sort:4").line


def test_generate_writes_the_likeliest_targets_a_line_each(call: Call, translator: str) -> None:
    words = ("generate", translator, "--input", "the old house is red")
    one = call(*words)
    assert (one.code, one.err) == (0, "")
    assert one.out.endswith("\n")
    assert one.out.count("\n") == 1
    assert "<end>" not in one.out
    assert call(*words, "--beam", "1").out == one.out
    assert call(*words, "--seed", "9").out == one.out, "nothing is drawn at random"
    three = call(*words, "--beam", "4", "--count", "3", "--length-penalty", "0.6")
    assert three.code == 0, three.err
    lines = three.out.splitlines()
    assert len(lines) == len(set(lines)) == 3
    assert call(*words, "--beam", "4", "--length-penalty", "0.6").out.splitlines() == lines[:1]
    assert len(call(*words, "--count", "2").out.splitlines()) == 2, "the beam is as wide as the count"


def test_generate_warns_of_words_that_are_not_in_the_vocabulary(call: Call, translator: str) -> None:
    answer = call("generate", translator, "--input", "the zebra opens")
    assert answer.code == 0
    assert answer.out.count("\n") == 1
    assert "zebra" in answer.line


def test_inspect_shows_the_source_and_then_what_is_written(call: Call, translator: str) -> None:
    lines = call("inspect", translator, "--text", "the red house").out.splitlines()
    assert [line.split()[1] for line in lines[1:5]] == ["the", "red", "house", "‖"]
    assert lines[-1].split()[1] == "<end>"
    found = json.loads(call("inspect", translator, "--text", "the red house", "--json").out)
    assert [symbol.strip() for symbol in found["symbols"][:4]] == ["the", "red", "house", "‖"]
    written = call("generate", translator, "--input", "the red house", "--beam", "4").out
    assert "".join(found["symbols"][4:-1]).strip() == written.strip()
    assert found["loss"][:4] == [None] * 4
    assert all(loss > 0 for loss in found["loss"][4:])
    T = len(found["symbols"])
    assert len(found["reach_input"]) == len(found["top_symbols"]) == T
    assert all(value > 0 for value in found["reach_input"][T - 1][:3]), "reach crosses the bar"


def test_a_source_that_is_read_backwards_is_shown_so(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    source = table(tmp_path / "small.tsv")
    assert call("train", source, *SMALL, "--reverse-source", "--steps", "5").code == 0
    found = json.loads(call("inspect", "small-gru12-1", "--text", "the red house", "--json").out)
    assert [symbol.strip() for symbol in found["symbols"][:3]] == ["house", "red", "the"]
    task = json.loads((runs_dir / "small-gru12-1" / "config.json").read_text())["task"]
    assert task["reverse_source"] is True


def test_columns_are_chosen_by_option_and_kept_for_a_resume(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    source = table(tmp_path / "odd.tsv", head="said\tmeant")
    columns = ("--task", "translate", "--source-column", "meant", "--target-column", "said")
    assert call("train", source, *SMALL, *columns, "--steps", "3").code == 0
    resumed = call("train", "--resume", "--out", "odd-gru12-1", "--steps", "6", "--quiet")
    assert resumed.code == 0, resumed.err
    config = json.loads((runs_dir / "odd-gru12-1" / "config.json").read_text())
    assert (config["task"]["source_column"], config["task"]["target_column"]) == ("meant", "said")
    assert call("evaluate", "odd-gru12-1", "--json").code == 0
    wrong = call("train", source, *SMALL, *columns[:2], "--source-column", "mean", "--steps", "1")
    assert wrong.code == 1
    assert "no column 'mean' (--source-column): did you mean 'meant'?" in wrong.line


def test_how_a_decoder_is_taught_is_kept_shown_and_resumed(call: Call, runs_dir: Path) -> None:
    taught = (
        "--input-feeding",
        "--teacher-forcing",
        "0.9",
        "--final-teacher-forcing",
        "0.5",
        "--label-smoothing",
        "0.1",
    )
    assert call("train", "reverse:4", *SMALL, *taught, "--steps", "4").code == 0
    config = json.loads((runs_dir / "reverse-4-gru12-1" / "config.json").read_text())
    assert config["model"]["input_feeding"] is True
    settings = config["training"]
    assert (settings["teacher_forcing"], settings["final_teacher_forcing"]) == (0.9, 0.5)
    shown = " ".join(call("runs", "reverse-4-gru12-1").out.split())
    assert "input feeding" in shown
    assert "label smoothing 0.1" in shown
    assert "teacher forcing 0.9 to 0.5" in shown
    assert call("train", "--resume", "--out", "reverse-4-gru12-1", "--steps", "6", "--quiet").code == 0
    refused = call("train", "--resume", "--out", "reverse-4-gru12-1", "--teacher-forcing", "0.5", "--steps", "8")
    assert "--teacher-forcing 0.5: this run has 0.9, and --resume cannot change it" in refused.line
    assert call("generate", "reverse-4-gru12-1", "--input", "abcd", "--beam", "3").code == 0
    assert call("inspect", "reverse-4-gru12-1", "--text", "abcd", "--json").code == 0
    assert call("evaluate", "reverse-4-gru12-1").code == 0
    assert call("export", "reverse-4-gru12-1", str(runs_dir / "w.npz"), "--to", "npz").code == 0


def test_the_train_help_has_the_options_of_the_decoder(call: Call) -> None:
    text = " ".join(call("train", "--help").out.split())
    for option in ("--input-feeding", "--teacher-forcing X", "--final-teacher-forcing X", "--label-smoothing X"):
        assert option in text
    assert "losses are reported without it" in text


def test_columns_that_are_taken_in_order_are_named(call: Call, tmp_path: Path) -> None:
    source = table(tmp_path / "odd.tsv", head="said\tmeant")
    answer = call("train", source, *SMALL[:-1], "--task", "translate", "--steps", "1")
    assert answer.code == 0, answer.err
    assert "column 'said' is taken as the source (--source-column changes it)" in answer.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("tales", "--cross-attention", "general"), "cross-attention"),
        (("tales", "--bidirectional"), "bidirectional"),
        (
            ("tales", "--reverse-source"),
            "--reverse-source is for translate, transduce; the task of this corpus is language",
        ),
        (("reverse:5", "--cross-attention", "dot", "--bidirectional"), "general or additive for a bidirectional"),
        (("reverse:5", "--cross-attention", "much"), "much"),
        (("reverse:5", "--cross-attention", "none", "--input-feeding"), "--input-feeding True: feeds attention back"),
        (("reverse:5", "--teacher-forcing", "1.5"), "--teacher-forcing 1.5: must be a number from 0 to 1"),
        (("reverse:5", "--label-smoothing", "1"), "--label-smoothing 1.0: must be a number from 0 to 0.9"),
        (
            ("tales", "--teacher-forcing", "0.5"),
            "--teacher-forcing 0.5: only the decoder of a recurrent encoder-decoder",
        ),
        (("tales", "--final-teacher-forcing", "0.5"), "--final-teacher-forcing 0.5: only the decoder"),
        (("waves", "--label-smoothing", "0.1"), "--label-smoothing 0.1: smooths the probabilities of symbols"),
        (("adding:20", "--label-smoothing", "0.1"), "--label-smoothing 0.1: smooths the probabilities of symbols"),
        (("tales", "--source-column", "a"), "--source-column is for translate; the task of this corpus is language"),
        (
            ("reverse:5", "--target-column", "a"),
            "--target-column is for translate; the task of this corpus is transduce",
        ),
        (("phrases", "--text-column", "a"), "--text-column is for classify; the task of this corpus is translate"),
        (("reverse:5", "--model", "attention", "--cross-attention", "none"), "not for --model attention"),
        (("reverse:5", "--model", "attention", "--bidirectional"), "not for --model attention"),
        (("reverse:5", "--model", "attention", "--context", "4"), "up to 5 symbols on a side: must not exceed"),
        (("reverse:5", "--model", "feedforward"), "feedforward"),
        (("reverse:5", "--length", "9"), "--length 9: the task decides it; leave it out"),
        (("reverse:1",), "the dial of reverse goes from 2 to 200"),
        (("dates:4",), "dates has no dial: write dates"),
        (("tales", "--task", "transduce"), "is not a transduction: give one of reverse:20"),
    ],
)
def test_calls_of_train_that_make_no_sense_get_one_line(call: Call, words: tuple[str, ...], line: str) -> None:
    answer = call("train", *words, "--steps", "1")
    assert answer.code in (1, 2)
    assert line in answer.line
    assert answer.out == ""


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "--input"),
        (("--input", "   "), "the text is empty"),
        (("--input", "the door", "--count", "3", "--beam", "2"), "--count 3: a beam of 2 has no more than 2 results"),
        (("--input", "the door", "--beam", "0"), "--beam"),
        (("--input", "the door", "--beam", "65"), "--beam"),
        (("--input", "the door", "--count", "65"), "65"),
        (("--input", "the door", "--length-penalty", "-1"), "--length-penalty"),
        (("--input", "the door", "--length-penalty", "nan"), "penalty"),
        (("--input", "the door", "--prompt", "the"), "--prompt"),
    ],
)
def test_calls_of_generate_that_make_no_sense_get_one_line(
    call: Call, translator: str, words: tuple[str, ...], line: str
) -> None:
    answer = call("generate", translator, *words)
    assert answer.code in (1, 2)
    assert line in answer.line
    assert answer.out == ""


@pytest.mark.parametrize("words", [("--input", "a bird"), ("--beam", "2"), ("--length-penalty", "0.5")])
def test_options_for_pairs_are_refused_for_a_language_run(call: Call, run: Path, words: tuple[str, ...]) -> None:
    answer = call("generate", str(run), *words)
    assert answer.code == 2
    assert (
        "--input, --beam and --length-penalty are for pairs and pictures; the task of this run is language"
        in answer.line
    )
    assert answer.out == ""
