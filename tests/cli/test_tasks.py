"""The command line with other tasks than language modelling: train, evaluate, inspect, runs, compare, export."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.core.tasks.test_tasks import reviews

SMALL = ("--hidden", "12", "--embedding", "6", "--batch", "6", "--seed", "3", "--quiet")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "small.tsv"
    path.write_text(reviews(120))
    return path


@pytest.fixture
def classifier(call: Call, table: Path, runs_dir: Path) -> str:
    """A small classifier, trained for 60 steps."""
    answer = call("train", str(table), *SMALL, "--model", "gru", "--steps", "60", "--lr", "0.02")
    assert answer.code == 0, answer.err
    return "small-gru12-1"


def test_train_names_the_task_its_classes_and_its_baselines(call: Call, table: Path) -> None:
    answer = call("train", str(table), *SMALL[:-1], "--steps", "20", "--eval-every", "10")
    assert answer.code == 0, answer.err
    assert "108 texts, 12 held out · 2 classes · vocabulary of " in answer.out
    assert "20 steps of 6 × 8 to 24 words" in answer.out
    assert "baselines: class frequencies 0." in answer.out
    assert "accuracy " in answer.out.splitlines()[-1]
    assert "seqtui evaluate small-lstm12-1" in answer.out.splitlines()[-1]


def test_evaluate_prints_accuracy_confusion_groups_and_lengths(call: Call, classifier: str) -> None:
    out = call("evaluate", classifier).out
    for words in (
        "the held-out 10% of small · 12 examples", "accuracy", "f1", "bag of words accuracy", "→ down", "→ up",
        "negated", "class frequencies",
    ):  # fmt: skip
        assert words in out, words
    found = json.loads(call("evaluate", classifier, "--json").out)
    assert found["classes"] == ["down", "up"]
    assert sum(map(sum, found["confusion"])) == found["examples"] == 12
    assert found["accuracy"] == sum(found["confusion"][k][k] for k in range(2)) / 12
    assert set(found["accuracy_by_group"]["negated"]) <= {"0", "1"}
    assert sum(band["count"] for band in found["by_length"]) == 12
    assert set(found["references"]) == {"class frequencies", "bag of words"}


def test_evaluate_on_another_table(call: Call, classifier: str, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("label,text\nup,it was good\ndown,it was not good\n")
    assert json.loads(call("evaluate", classifier, str(other), "--json").out)["examples"] == 2
    other.write_text("label,text\nup,it was good\nsideways,it was so so\n")
    assert "line 3: unknown label 'sideways'" in call("evaluate", classifier, str(other)).line


def test_inspect_gives_the_verdict_after_every_word(call: Call, classifier: str) -> None:
    lines = call("inspect", classifier, "--text", "it was not good").out.splitlines()
    assert [line.split()[1] for line in lines[1:]] == ["it", "was", "not", "good"]
    assert all("up " in line and "down " in line for line in lines[1:])
    found = json.loads(call("inspect", classifier, "--text", "it was not good", "--json").out)
    assert found["loss"] == [None] * 4
    assert sorted(found["top_symbols"][3]) == ["down", "up"]
    assert sum(found["top_probability"][3]) == pytest.approx(1, abs=1e-5)
    assert found["reach_input"][3][3] > 0


def test_generate_says_what_to_use_instead(call: Call, classifier: str) -> None:
    answer = call("generate", classifier)
    assert answer.code == 1
    assert "generates no text, its task is classify: use seqtui inspect small-gru12-1 --text TEXT" in answer.line


def test_runs_shows_the_task_and_only_what_can_be_done(call: Call, classifier: str) -> None:
    out = call("runs", classifier).out
    assert "classify, many to one · text column text · label column label" in out
    assert "nats per example" in out
    assert "generate" not in out
    assert "reopen" not in out
    found = json.loads(call("runs", classifier, "--json").out)
    assert found["task"]["classes"] == ["down", "up"]


def test_compare_lists_accuracy_and_the_baselines_of_the_task(call: Call, classifier: str, table: Path) -> None:
    assert call("train", str(table), *SMALL, "--model", "rnn", "--steps", "10").code == 0
    out = call("compare", classifier, "small-rnn12-1").out
    assert "nats per example" in out
    assert "accuracy" in out
    assert "bag of words" in out
    rows = [json.loads(line) for line in call("compare", classifier, "small-rnn12-1", "--json").out.splitlines()]
    assert {row["name"] for row in rows} == {classifier, "small-rnn12-1", "class frequencies", "bag of words"}
    assert all(0 <= row["validation_accuracy"] <= 1 for row in rows if row["kind"] == "run")


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_an_exported_classifier_comes_back_as_one(call: Call, classifier: str, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"it.{ending}"
    assert call("export", classifier, str(file)).code == 0
    assert call("import", str(file), "--name", "again").code == 0
    there, here = (
        json.loads(call("inspect", name, "--text", "it was not dull", "--json").out) for name in (classifier, "again")
    )
    for key in ("top_symbols", "top_probability", "reach_input"):
        assert there[key] == here[key]


def test_a_folder_with_a_sub_folder_for_each_label(call: Call, tmp_path: Path, runs_dir: Path) -> None:
    for label, word in (("up", "good"), ("down", "bad")):
        for n in range(30):
            file = tmp_path / "letters" / label / f"{n}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"it was {word} number {n % 7}\n")
    folder = str(tmp_path / "letters")
    answer = call("train", folder, "--task", "classify", *SMALL[:-1], "--steps", "60", "--lr", "0.02")
    assert answer.code == 0, answer.err
    assert "54 texts, 6 held out · 2 classes" in answer.out
    assert json.loads(call("evaluate", "letters-lstm12-1", "--json").out)["classes"] == ["down", "up"]
    assert call("train", "--resume", "--out", "letters-lstm12-1", "--steps", "70", "--quiet").code == 0
    (tmp_path / "more" / "sideways").mkdir(parents=True)
    (tmp_path / "more" / "up").mkdir()
    for label in ("sideways", "up"):
        for n in range(3):
            (tmp_path / "more" / label / f"{n}.txt").write_text(f"so {n}\n")
    line = call("evaluate", "letters-lstm12-1", str(tmp_path / "more")).line
    assert "'sideways/0.txt': unknown label 'sideways'" in line


def test_a_diagnostic_trains_and_is_measured_at_another_dial(call: Call) -> None:
    answer = call("train", "parity:6", *SMALL, "--model", "rnn", "--steps", "30", "--eval-every", "15")
    assert answer.code == 0, answer.err
    assert "accuracy" in answer.err
    found = json.loads(call("evaluate", "parity-6-rnn12-1", "--json").out)
    assert found["references"].keys() == {"no memory"}
    assert "held-out sequences of parity-6" in call("evaluate", "parity-6-rnn12-1").out
    longer = json.loads(call("evaluate", "parity-6-rnn12-1", "parity:12", "--json").out)
    assert longer["by_length"][-1]["to"] == 12
    assert "only its dial can change" in call("evaluate", "parity-6-rnn12-1", "copy:12").line


def test_a_diagnostic_whose_answers_are_read_at_different_times_has_accuracy_by_lag(call: Call) -> None:
    assert call("train", "recall:4", *SMALL, "--model", "rnn", "--steps", "10", "--quiet").code == 0
    found = json.loads(call("evaluate", "recall-4-rnn12-1", "--json").out)["by_lag"]
    assert (found[0]["from"], found[-1]["to"]) == (1, 10)
    assert sum(band["count"] for band in found) == 4 * 512
    assert re.search(r"lag +answers +accuracy\n", call("evaluate", "recall-4-rnn12-1").out)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("copy:5", "--length", "9"), "--length 9: the task decides it; leave it out"),
        (("recall:40",), "the dial of recall goes from 1 to 26"),
        (("tales", "--task", "classify"), "is not known to be a table"),
        (("tales", "--task", "diagnose"), "is not a diagnostic: give one of adding:100"),
        (("copy:5", "--model", "rnn", "--forget-bias", "1"), "forget-bias means something for lstm, gru"),
        (("copy:5", "--forget-bias", "much"), "--forget-bias 'much': must be"),
        (("copy:5", "--model", "gru", "--init", "identity"), "init means something for rnn"),
    ],
)
def test_calls_that_make_no_sense_get_one_line(call: Call, words: tuple[str, ...], line: str) -> None:
    answer = call("train", *words, "--steps", "1")
    assert answer.code in (1, 2)
    assert line in answer.line


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("text,label\ngood,up\nbad\n", "line 3: 1 field instead of 2"),
        ("text,label\ngood,up\n,down\nbad,down\n", "line 3: the text (column 'text') is empty"),
        ("text,label\ngood,up\nfine,up\n", "every label is 'up'"),
        ("text,text\ngood,up\n", "two columns have the name 'text'"),
        ("a,b,c\nx,y,z\nu,v,w\n", "choose the column of the text (--text-column) and label (--label-column)"),
        ("a,b,c\n1,2,3\n4,5,6\n", "2 rows are too few to train on and to hold out 0.1 of them"),
        ("a,b,passed\n1,2,yes\n4,nan,no\n3,1,yes\n", "line 3: column 'b' is 'nan', not a number"),
        ("a,b,passed\n1,2,yes\n4,2,no\n3,2,yes\n", "column 'b' is constant"),
    ],
)
def test_a_bad_table_gets_one_line_with_its_place(call: Call, tmp_path: Path, content: str, line: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    answer = call("train", str(path), *SMALL, "--steps", "1")
    assert answer.code == 1
    assert line in answer.line


def test_bad_rows_are_skipped_and_counted_if_asked(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(reviews(80) + "only one field\n")
    answer = call("train", str(path), *SMALL, "--steps", "2", "--skip-bad-rows")
    assert answer.code == 0, answer.err
    assert "1 row skipped" in answer.err
    resumed = call("train", "--resume", "--out", "bad-lstm12-1", "--steps", "4", "--quiet")
    assert resumed.code == 0, resumed.err


def test_columns_can_be_chosen(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    lines = [line.split("\t") for line in reviews(60).splitlines()[1:]]
    path.write_text("id,said,meant\n" + "".join(f"{n},{text},{label}\n" for n, (text, label, _) in enumerate(lines)))
    columns = ("--text-column", "said", "--label-column", "meant")
    assert call("train", str(path), *SMALL, *columns, "--steps", "2").code == 0
    wrong = call("train", str(path), *SMALL, "--text-column", "sayd", "--label-column", "meant", "--steps", "2")
    assert "no column 'sayd' (--text-column): did you mean 'said'?" in wrong.line


def test_the_screen_opens_runs_of_every_task(call: Call, classifier: str, table: Path) -> None:
    from seqtui.live.opening import Opening, task_of
    from seqtui.live.snapshot import ModelChoice

    reopened = Opening("", ModelChoice(), classifier, "utf-8", None, 1, True, False).first_run()
    reopened.close()
    assert (reopened.trainer.steps, task_of(reopened).classes) == (60, ("down", "up"))
    new = Opening("copy:9", ModelChoice(hidden=8, batch=4), None, "utf-8", None, 1, False, False).first_run()
    assert (task_of(new).pane, new.config.training.length, new.config.training.batch) == ("verdict", 29, 4)


@pytest.mark.parametrize("source", ["recall:1", "anbn:1", "repeat:2", "copy:1", "order:10", "parity:1", "adding:2"])
def test_every_dial_trains_at_its_least(call: Call, source: str) -> None:
    answer = call("train", source, *SMALL, "--model", "rnn", "--steps", "2", "--eval-every", "1", "--quiet")
    assert answer.code == 0, answer.err


def test_a_number_that_is_too_large_for_the_model_is_named(call: Call, tmp_path: Path) -> None:
    table = tmp_path / "far.csv"
    table.write_text("x,y\n" + "".join(f"{n % 7},{n % 5}\n" for n in range(200)) + "1e300,2\n3,3\n")
    line = call("train", str(table), *SMALL, "--steps", "2").line
    assert "1e+300 in column 'x' is too large" in line


def test_asked_columns_are_not_guessed_to_name_the_sequence(call: Call, tmp_path: Path) -> None:
    table = tmp_path / "monthly.csv"
    table.write_text("year,month,temp\n" + "".join(f"{2000 + n // 12},{n % 12},{n % 17}\n" for n in range(240)))
    answer = call("train", str(table), *SMALL, "--columns", "year,temp", "--steps", "2", "--batch", "1", "--quiet")
    assert answer.code == 0, answer.err


def test_the_screen_keeps_the_columns_and_the_encoding_of_a_table(tmp_path: Path) -> None:
    from seqtui.live.opening import Opening
    from seqtui.live.snapshot import ModelChoice

    table = tmp_path / "dated.csv"
    table.write_text("day,a,b,c\n" + "".join(f"2020-01-{n},{n % 7},{n % 5},{n % 3}\n" for n in range(200)))
    choice, columns = ModelChoice(hidden=8, batch=1), {"columns": "a,b"}
    opening = Opening(str(table), choice, None, "utf-8", None, 1, False, False, "forecast", columns)
    first = opening.new_run(str(table), choice, None)
    second = opening.new_run(str(table), ModelChoice("gru", hidden=8, batch=1), first)
    assert [run.config.task.settings()["scale"]["names"] for run in (first, second)] == [["a", "b"]] * 2
    latin = tmp_path / "latin.csv"
    rows = "".join(f"{n % 7},{n % 5},{'oui' if n % 7 > 3 else 'non'}\n" for n in range(200))
    latin.write_bytes(f"esp\u00e8ce,largeur,vu\n{rows}".encode("latin-1"))
    kept = Opening(str(latin), choice, None, "latin-1", None, 1, False, False)
    assert kept.new_run(str(latin), choice, None).config.task.name == "classify-rows"


def test_a_text_without_a_known_symbol_is_named_by_its_line(call: Call, table: Path, tmp_path: Path) -> None:
    assert call("train", str(table), *SMALL, "--tokens-by", "char", "--steps", "2", "--quiet").code == 0
    foreign = tmp_path / "foreign.tsv"
    foreign.write_text("text\tlabel\nsome\tup\n\u4e2d\u6587\tdown\n")
    line = call("evaluate", "small-lstm12-1", str(foreign)).line
    assert "foreign, line 3: nothing is left" in line
