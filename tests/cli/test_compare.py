"""compare: the numbers are those of training, n-grams and evaluation; only comparable runs share a table."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from seqcore.data import ngrams
from seqcore.data.corpus import read_corpus, split_tokens
from seqcore.folder import RunFolder

from seqtui.cli import terminal
from tests.cli.conftest import TINY, Answer, Call

COUNTED = ("uniform", "unigram", "bigram", "trigram", "4-gram", "5-gram")


def rows(answer: Answer) -> list[dict[str, Any]]:
    """The lines of --json."""
    return [json.loads(line) for line in answer.out.splitlines()]


def train(call: Call, corpus: object, *words: str) -> None:
    answer = call("train", str(corpus), *TINY, *words)
    assert answer.code == 0, answer.err


@pytest.fixture
def two(call: Call, run: Path, corpus: Path) -> tuple[str, str]:
    """An LSTM and an RNN on the same corpus."""
    train(call, corpus, "--steps", "3", "--model", "rnn")
    return run.name, "short-rnn8-1"


def test_a_run_is_told_of_as_its_metrics_tell(call: Call, run: Path) -> None:
    found = next(row for row in rows(call("compare", run.name, "--json")) if row["kind"] == "run")
    *_, last = RunFolder(run).metrics()
    assert (found["name"], found["model"], found["corpus"], found["step"]) == (run.name, "lstm 1×8", "short", 12)
    assert (found["tokens"], found["seconds"]) == (12 * 4 * 8, last["seconds"])
    assert found["tokens_per_second"] == pytest.approx(found["tokens"] / found["seconds"])
    assert found["validation_loss"] == last["validation_loss"]
    losses = [line["train_loss"] for line in RunFolder(run).metrics()]  # of two steps each
    assert found["train_loss"] == pytest.approx(sum(losses) / len(losses))
    assert found["bits_per_character"] == pytest.approx(last["validation_loss"] / math.log(2))
    V = RunFolder(run).config().vocabulary.size
    assert found["parameters"] == V * 4 + (4 + 8 + 1) * 32 + (8 + 1) * V


def test_models_that_count_do_so_on_the_same_parts(call: Call, two: tuple[str, str], corpus: Path) -> None:
    found = rows(call("compare", *two, "--json"))
    counted = {row["name"]: row for row in found if row["kind"] == "counted"}
    vocabulary = RunFolder.find(two[0]).config().vocabulary
    parts = split_tokens(vocabulary.encode(read_corpus(str(corpus)).text), 0.1)
    assert tuple(sorted(counted, key=lambda name: counted[name]["order"])) == COUNTED
    for model in ngrams.ngrams(*parts, vocabulary.size, 5):
        row = counted[model.name]
        assert (row["validation_loss"], row["parameters"]) == (model.loss, model.parameters)
        assert row["bits_per_character"] == pytest.approx(model.loss / math.log(2))
        assert row.get("tokens", 0) == (parts[0].size if model.order else 0)
    losses = [row["validation_loss"] for row in found]
    assert losses == sorted(losses), "the best is on top"


def test_the_table_tells_the_same(call: Call, two: tuple[str, str]) -> None:
    found, answer = rows(call("compare", *two, "--json")), call("compare", *two)
    assert answer.code == 0
    heading, columns, *lines = answer.out.splitlines()
    assert "short" in heading
    assert columns.split() == ["run", "model", "parameters", "tokens", "time", "tok/s", "train", "valid", "bits/char"]
    assert len(lines) == len(found)
    for line, row in zip(lines, found, strict=True):
        assert row["name"] in line
        assert f"{row['validation_loss']:.3f}" in line


def test_without_runs_the_newest_of_the_newest_corpus_are_compared(
    call: Call, two: tuple[str, str], tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("a cat sat on a mat.\n" * 60)
    train(call, other, "--steps", "1")
    found = rows(call("compare", "--json"))
    assert [row["name"] for row in found if row["kind"] == "run"] == ["other-lstm8-1"]
    (RunFolder.find(two[1]).path / "samples.txt").write_text("")  # the newest change is there now
    found = rows(call("compare", "--json"))
    assert {row["name"] for row in found if row["kind"] == "run"} == set(two)


def test_without_any_runs_a_line_says_what_to_do(call: Call) -> None:
    answer = call("compare")
    assert (answer.code, answer.out) == (0, "")
    assert "seqtui train" in answer.line


def test_tokens_of_another_kind_have_a_table_of_their_own(call: Call, run: Path, corpus: Path) -> None:
    train(call, corpus, "--steps", "2", "--tokens-by", "word", "--validation", "0.3")
    found = rows(call("compare", "--json"))
    assert [row["tokens_by"] for row in found] == ["word"] * 7 + ["char"] * 7
    assert sum(row["kind"] == "run" for row in found) == 2
    (word,) = (row for row in found if row["kind"] == "run" and row["tokens_by"] == "word")
    evaluated = json.loads(call("evaluate", word["name"], "--json").out)
    assert word["bits_per_character"] == pytest.approx(evaluated["bits_per_character"])
    text = call("compare").out
    assert text.count("nats per word") == text.count("nats per character") == 1
    assert text.count("trigram") == 2


def test_other_parts_of_the_corpus_are_not_compared_as_if_they_were_the_same(
    call: Call, run: Path, corpus: Path
) -> None:
    train(call, corpus, "--steps", "2", "--validation", "0.4")
    assert [row["name"] for row in rows(call("compare", "--json"))].count("trigram") == 2


@pytest.mark.parametrize("damage", ["config.json", "checkpoints", "missing"])
def test_a_damaged_run_is_told_of_and_the_others_are_compared(call: Call, two: tuple[str, str], damage: str) -> None:
    folder = RunFolder.find(two[1]).path
    if damage == "config.json":
        (folder / "config.json").write_text("{")
    elif damage == "checkpoints":
        for path in folder.glob("checkpoint-*"):
            path.write_bytes(path.read_bytes()[:-9])
    else:
        for path in folder.iterdir():
            path.unlink()
    answer = call("compare", *two, "--json")
    assert answer.code == 1
    assert f"{two[1]} is left out" in answer.line
    assert [row["name"] for row in rows(answer) if row["kind"] == "run"] == [two[0]]


def test_numbers_that_are_none_are_absent(call: Call, run: Path) -> None:
    lines = [
        {"step": 12, "seconds": "long", "train_loss": math.nan, "validation_loss": [1]},
        {"step": 99, "seconds": 1},
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "{half a li")
    found = next(row for row in rows(call("compare", run.name, "--json")) if row["kind"] == "run")
    assert not {"seconds", "tokens_per_second", "train_loss"} & found.keys()
    evaluated = json.loads(call("evaluate", run.name, "--json").out)
    assert found["validation_loss"] == pytest.approx(evaluated["loss"]), "what training did not measure is measured"
    assert call("compare", run.name).code == 0


def test_a_speed_beyond_all_numbers_is_absent(call: Call, run: Path) -> None:
    lines = [{"step": 1, "seconds": 1, "train_loss": 9e299}, {"step": 12, "seconds": 1e-320, "train_loss": 9e299}]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    answer = call("compare", run.name, "--json")
    assert "Infinity" not in answer.out
    found = next(row for row in rows(answer) if row["kind"] == "run")
    assert "tokens_per_second" not in found
    assert "inf" not in call("compare", run.name).out


def test_a_corpus_that_is_gone_leaves_what_the_run_knows(call: Call, two: tuple[str, str], corpus: Path) -> None:
    corpus.unlink()
    answer = call("compare", *two, "--json")
    assert answer.code == 0
    assert "no n-gram baselines for short: the corpus of short-lstm8-1 is no longer at" in answer.line
    assert {row["name"] for row in rows(answer)} == set(two)
    assert "validation_loss" in rows(answer)[0]


def test_counting_on_a_part_is_said(call: Call, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "counted on" not in call("compare", run.name).out
    monkeypatch.setattr(ngrams, "MOST", 500)
    monkeypatch.setattr(ngrams, "MEASURED", 40)
    assert "counted on the last 500 tokens, measured on the first 40" in call("compare", run.name).out
    row = rows(call("compare", run.name, "--json"))[0]
    assert (row["references_counted"], row["references_measured"]) == (500, 40)


def test_reach_is_told_by_lag(call: Call, two: tuple[str, str], corpus: Path) -> None:
    train(call, corpus, "--steps", "2", "--model", "feedforward", "--context", "3")
    words = ["compare", *two, "short-feedforward8-1", "--reach"]
    found = {row["name"]: row for row in rows(call(*words, "--json")) if row["kind"] == "run"}
    assert all(row["reach"]["1"] == row["reach_mean"]["1"] == 1 for row in found.values())
    assert found["short-feedforward8-1"]["reach"]["5"] == 0 < found[two[0]]["reach"]["5"]
    assert found == {row["name"]: row for row in rows(call(*words, "--json")) if row["kind"] == "run"}
    table = call(*words).out.rpartition("\n\n")[2]
    assert f"{found[two[0]]['reach']['40']:.2g}" in table


def test_brackets_are_judged_as_written_and_as_asked(call: Call) -> None:
    train(call, "brackets", "--steps", "3")
    words = ["compare", "brackets-lstm8-1", "--brackets", "2000", "--seed", "4"]
    (found,) = (row for row in rows(call(*words, "--json")) if row["kind"] == "run")
    assert found == next(row for row in rows(call(*words, "--json")) if row["kind"] == "run")
    for key in ("brackets_written", "brackets_asked"):
        for distance in ("1-9", "10-29", "30+"):
            assert 0 <= found[key][distance]["wrong"] <= found[key][distance]["closings"]
    assert found["brackets_asked"]["1-9"]["closings"] > 100
    assert found["brackets_asked"]["1-9"]["wrong"] > 0
    shown = found["brackets_asked"]["1-9"]
    assert f"{shown['wrong'] / shown['closings']:.0%} of {shown['closings']}" in call(*words).out


def test_brackets_are_asked_for_where_there_are_some(call: Call, run: Path) -> None:
    answer = call("compare", run.name, "--brackets", "100")
    assert answer.code == 0
    assert "no labelled brackets in the held-out part" in answer.line


def test_names_are_drawn_and_not_obeyed(call: Call, run: Path) -> None:
    name = "[red]x[bold]\x1b[31m"
    run.rename(run.with_name(name))
    answer = call("compare", "--reach")
    assert "[red]x[bold]␛[31m" in answer.out
    assert "\x1b" not in answer.out


@pytest.mark.parametrize("width", [80, 60, 120])
def test_on_a_terminal_it_fits(call: Call, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(terminal, "on_terminal", lambda screen: True)
    monkeypatch.setenv("COLUMNS", str(width))
    long = RunFolder.find(two[0]).path
    long.rename(long.with_name("a-name-as-long-as-people-make-them-when-they-try-much"))
    answer = call("compare", "--reach")
    assert max(cell_len(line) for line in answer.out.splitlines()) <= width
    for row in rows(call("compare", "--json")):
        assert f"{row['validation_loss']:.3f}" in answer.out
    assert ("no room for tok/s" in answer.out) == (width < 120)
