"""generate, evaluate, inspect, runs, corpora, warmup, doctor: their output is correct."""

import json
import math
from pathlib import Path

import pytest
from seqcore.config import FAMILIES
from seqcore.data import ngrams
from seqcore.data.corpus import read_corpus
from seqcore.folder import RunFolder

from tests.cli.conftest import TINY, Call


def test_the_same_seed_writes_the_same_text(call: Call, run: Path) -> None:
    words = ["generate", str(run), "--prompt", "3 birds", "--length", "40"]
    first = call(*words, "--seed", "5")
    assert first.code == 0
    assert first.out == call(*words, "--seed", "5").out
    assert first.out != call(*words, "--seed", "6").out
    assert first.out.startswith("3 birds")
    assert len(first.out) == len("3 birds") + 40 + 1


def test_count_writes_several_and_temperature_0_writes_the_likeliest(call: Call, run: Path) -> None:
    words = ["generate", str(run), "--prompt", "3", "--length", "10"]
    both = call(*words, "--count", "2", "--seed", "5").out
    assert both == call(*words, "--seed", "5").out + call(*words, "--seed", "6").out
    sure = call(*words, "--temperature", "0").out
    assert sure == call(*words, "--temperature", "0", "--seed", "9").out == call(*words, "--top-k", "1").out


def test_text_elsewhere_than_on_a_terminal_is_raw(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "controls.txt"
    path.write_text("\x1b\x07" * 400)
    assert call("train", str(path), *TINY, "--steps", "2").code == 0
    written = call("generate", "controls-lstm8-1", "--length", "20").out
    assert set(written) == {"\x1b", "\x07", "\n"}


def test_evaluating_finds_the_loss_that_training_found(call: Call, run: Path) -> None:
    found = json.loads(call("evaluate", str(run), "--json").out)
    last = list(RunFolder(run).metrics())[-1]
    assert found["loss"] == pytest.approx(last["validation_loss"], rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(found["loss"]))
    assert found["bits_per_character"] == pytest.approx(found["loss"] / math.log(2))
    assert found["step"] == 12
    assert set(found["references"]) == {"uniform", "unigram", "bigram", "trigram"}
    assert "bits per character" in call("evaluate", str(run)).out


def test_evaluating_another_corpus(call: Call, run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("5 birds flew away.\n" * 9)
    found = json.loads(call("evaluate", str(run), str(other), "--json").out)
    assert found["tokens"] == 9 * 19 - 1
    other.write_text("5 zebras flew away! Quickly!\n" * 9)
    answer = call("evaluate", str(run), str(other))
    assert answer.code == 1
    assert "'z'" in answer.line


def test_words_are_measured_honestly(call: Call, corpus: Path, tmp_path: Path) -> None:
    words = ["--tokens-by", "word", "--validation", "0.3"]
    assert call("train", str(corpus), *TINY, *words, "--steps", "2").code == 0
    found = json.loads(call("evaluate", "short-lstm8-1", "--json").out)
    assert found["bits_per_character"] < found["bits_per_token"]
    held = RunFolder.find("short-lstm8-1")
    text = read_corpus(str(corpus)).text
    tokens = held.config().vocabulary.encode(text)
    cut = len(tokens) - round(len(tokens) * 0.3)
    characters = len(held.config().vocabulary.decode(tokens[cut + 1 :]))
    assert found["bits_per_character"] * characters == pytest.approx(found["bits_per_token"] * found["tokens"])
    other = tmp_path / "other.txt"
    other.write_text("some zebras flew away.\n" * 9)
    answer = call("evaluate", "short-lstm8-1", str(other), "--json")
    assert answer.code == 0
    assert "zebras" in answer.line
    found = json.loads(answer.out)
    assert found["unknown"] > 0
    assert "bits_per_character" not in found  # nobody predicted which word it was


def test_inspect_tells_every_array(call: Call, run: Path) -> None:
    text = "7 birds sat"
    found = json.loads(call("inspect", str(run), "--text", text, "--json").out)
    T = len(text)
    assert "".join(found["symbols"]) == text
    assert found["loss"][0] is None
    assert all(isinstance(value, float) for value in found["loss"][1:])
    assert [(stave["name"], stave["layer"]) for stave in found["staves"]] == [
        (name, 0) for name in ("input", "forget", "cell", "output", "c", "h")
    ]
    assert all(len(stave["values"]) == T and len(stave["values"][0]) == 8 for stave in found["staves"])
    reach = found["reach_hidden"][0]
    assert all((reach[t][s] is None) == (s >= t) for t in range(T) for s in range(T))
    assert len(found["reach_input"]) == T
    assert found["top_symbols"][0] == []
    unit = json.loads(call("inspect", str(run), "--text", text, "--json", "--unit", "3").out)
    assert unit["staves"][0]["values"] == [row[3] for row in found["staves"][0]["values"]]


def test_inspect_draws_a_line_a_timestep(call: Call, run: Path) -> None:
    lines = call("inspect", str(run), "--text", "7 birds").out.splitlines()
    assert len(lines) == 1 + 7
    assert "␣" in lines[2]
    assert "%" in lines[2]
    assert len(call("inspect", str(run), "--text", "7 birds", "--unit", "2").out.splitlines()) == 1 + 7
    for words in (["--layer", "1"], ["--unit", "8"]):
        answer = call("inspect", str(run), "--text", "7", *words)
        assert answer.code == 2
        assert "this model has" in answer.line


def test_inspect_refuses_an_endless_text(call: Call, run: Path) -> None:
    answer = call("inspect", str(run), "--text", "7" * 5000)
    assert answer.code == 1
    assert "2,000" in answer.line


def test_runs_are_listed(call: Call, run: Path) -> None:
    (entry,) = (json.loads(line) for line in call("runs", "--json").out.splitlines())
    losses = [line["validation_loss"] for line in RunFolder(run).metrics() if "validation_loss" in line]
    assert entry["name"] == "short-lstm8-1"
    assert (entry["corpus"], entry["model"], entry["step"]) == ("short", "lstm 1×8", 12)
    assert entry["best_validation_loss"] == min(losses)
    assert entry["bytes"] == sum(path.stat().st_size for path in run.iterdir())
    assert "short-lstm8-1" in call("runs").out


def test_no_runs_yet_says_what_makes_one(call: Call) -> None:
    answer = call("runs")
    assert answer.code == 0
    assert "seqtui train" in answer.err
    assert call("runs", "--json").out == ""


def test_corpora_are_listed_and_told_of(call: Call, corpus: Path) -> None:
    names = [json.loads(line)["name"] for line in call("corpora", "--json").out.splitlines()]
    assert {"tales", "brackets"} <= set(names)
    text = corpus.read_text()
    found = json.loads(call("corpora", str(corpus), "--json").out)
    assert found["characters"] == len(text)
    assert found["distinct_characters"] == len(set(text))
    assert found["lines"] == text.count("\n")
    assert found["references"]["uniform"] == pytest.approx(math.log(len(set(text))))
    assert "birds sat on a wall" in call("corpora", str(corpus)).out
    answer = call("corpora", "talse")
    assert answer.code == 1
    assert "'tales'" in answer.line


def test_counting_is_bounded_and_says_so(call: Call, corpus: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [["train", str(corpus), *TINY, "--steps", "1"], ["corpora", str(corpus)], ["evaluate", str(run)]]
    for words in commands:
        assert "counted on" not in call(*words).out
    monkeypatch.setattr(ngrams, "MOST", 500)
    monkeypatch.setattr(ngrams, "MEASURED", 40)
    for words in commands:
        assert "counted on 500 tokens, measured on 40" in call(*words).out
    found = json.loads(call("evaluate", str(run), "--json").out)
    assert (found["references_counted"], found["references_measured"]) == (500, 40)
    assert "references_counted" in json.loads(call("corpora", str(corpus), "--json").out)


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}, {"FORCE_COLOR": "1", "TERM": "dumb"}])
def test_tables_elsewhere_than_on_a_terminal_are_not_cut(
    call: Call, run: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    name = "a-run-with-" + "-".join(["a", "very", "long", "name"] * 6)
    run.rename(run.with_name(name))
    monkeypatch.setenv("COLUMNS", "40")
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    answer = call("runs")
    (line,) = [line for line in answer.out.splitlines() if name in line]
    for cell in ("lstm 1×8", "kB", "just now"):
        assert cell in line
    assert name in call("evaluate", name).out
    assert answer.out.count("\n") == 2


def test_warmup_says_where_kernels_are_kept(call: Call) -> None:
    from seqcore import jit

    answer = call("warmup")
    assert answer.code == 0
    assert str(jit.CACHE_FOLDER) in answer.out


def test_doctor_tells_and_hints(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = call("doctor")
    assert answer.code == 0
    for name in ("python", "numba", "textual", "threads", "vectors", "cache folder", "runs folder"):
        assert f"\n{name}" in f"\n{answer.out}"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQTUI_RUNS_DIR", str(tmp_path / "file"))
    assert "! cannot be written" in call("doctor").out


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_trained_inspected_and_writes(
    call: Call, corpus: Path, runs_dir: Path, tmp_path: Path, family: str
) -> None:
    out = str(tmp_path / family)
    small = ["--hidden", "8", "--batch", "2", "--length", "6", "--steps", "3", "--eval-every", "0", "--quiet"]
    assert call("train", str(corpus), "--model", family, *small, "--out", out).code == 0
    assert call("generate", out, "--prompt", "7 b", "--length", "20").out.startswith("7 b")
    assert math.isfinite(json.loads(call("evaluate", out, "--json").out)["loss"])
    answer = call("inspect", out, "--text", "7 bir")
    assert len(answer.out.splitlines()) == 1 + 5
    assert len(call("inspect", out, "--text", "7 bir", "--unit", "0").out.splitlines()) == 1 + 5
    found = json.loads(call("inspect", out, "--text", "7 bir", "--json").out)
    assert all(found["reach_input"][t][t - 1] > 0 for t in range(1, 5))
    assert ("attention" in found) == (family == "attention")
    if family == "attention":
        assert all(sum(row[: t + 1]) == pytest.approx(1) for t, row in enumerate(found["attention"][0][0]))
