"""Every task: the same bytes for any number of threads, exact resume, and settings that survive their JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.config import TASKS as NAMES
from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.errors import SeqError
from seqcore.folder import RunFolder
from seqcore.presets import with_defaults
from seqcore.run import Run
from seqcore.tasks.table import TASKS, as_json, guessed, stored_task

from tests.core import runs
from tests.core.compare import threads

pytestmark = pytest.mark.usefixtures("kernels")

FAMILIES = ("rnn", "gru", "lstm", "attention", "feedforward")
SCALE = {"names": ["x"], "mean": [0.0], "deviation": [1.0]}
GOOD, BAD = ("good", "fine", "great"), ("bad", "dull", "poor")


def reviews(count: int = 300) -> str:
    """Small reviews as a table: "not" turns the word after it; a third column says whether there is one."""
    draw, lines = np.random.default_rng(5), ["text\tlabel\tnegated"]
    for _ in range(count):
        good, negated = draw.integers(0, 2, 2)
        word = draw.choice(GOOD if good != negated else BAD)
        start = " ".join(["the film was long ."] * int(draw.integers(0, 4)))
        lines.append(f"{start} it was {'not ' if negated else ''}{word}\t{'up' if good else 'down'}\t{negated}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "small.tsv"
    path.write_text(reviews())
    return path


def start(source: str, family: str = "lstm", out: Path | None = None, **training: Any) -> Run:
    """A small run of the task that the corpus is for."""
    task = guessed(source)
    given = {"batch": 6, "eval_every": 0, "checkpoint_every": 0, "seed": 3, "learning_rate": 0.01} | training
    given = {key: value for key, value in given.items() if key not in task.fixed}
    shape = {"family": family, "hidden": 12, "layers": 1}
    shape |= {"embedding": 6} if family != "attention" else {"heads": 2}
    model, fields = with_defaults(shape, task.defaults(source) | given)
    return Run.start(model, TrainingConfig(**fields), read_corpus(source), out, keep=bool(out), task=task)


def pupils(count: int = 200) -> str:
    """A table of two numbers and a label that a weighted sum of them decides, with some chance."""
    draw = np.random.default_rng(6)
    x = draw.normal((5, -200), (2, 80), (count, 2))
    passed = x @ (1.0, 0.02) + 0.3 * draw.standard_normal(count) > 1
    return "hours,points,passed\n" + "".join(
        f"{row[0]:.3f},{row[1]:.2f},{'yes' if yes else 'no'}\n" for row, yes in zip(x, passed, strict=True)
    )


def swings(count: int = 40) -> str:
    """Sequences of 7 to 20 rows: a point on a circle, large numbers in one column and small ones in the other."""
    draw, lines = np.random.default_rng(7), ["swing,x,y"]
    for n in range(count):
        start = draw.uniform(0, 6)
        for t in range(int(draw.integers(7, 21))):
            lines.append(f"{n},{1000 + 300 * np.cos(start + t / 2):.3f},{0.01 * np.sin(start + t / 2):.6f}")
    return "\n".join(lines) + "\n"


def sources(table: Path) -> list[str]:
    tables = {"pupils.csv": pupils(), "swings.csv": swings()}
    for name, text in tables.items():
        table.with_name(name).write_text(text)
    return [str(table), "copy:9", "parity:11", "anbn:6", "adding:9", *(str(table.with_name(name)) for name in tables)]


def test_the_table_of_tasks_and_the_names_of_the_configuration_agree() -> None:
    assert tuple(TASKS) == NAMES


def test_the_task_is_guessed_from_the_corpus(table: Path, tmp_path: Path) -> None:
    assert [guessed(source).name for source in (*sources(table), "tales", "-", "book.txt", "balls", "students")] == [
        "classify", "diagnose", "diagnose", "diagnose", "diagnose", "classify-rows", "forecast", "language", "language",
        "language", "forecast", "classify-rows",
    ]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_one_and_two_threads_give_the_same_bytes(table: Path, family: str) -> None:
    for source in sources(table):
        found = []
        for count in (1, 2):
            with threads(count):
                run = start(source, family)
                for _ in range(12):
                    assert run.advance().step.finite
                found.append((runs.weights(run), json.dumps(run.trainer.validate())))
        assert found[0] == found[1], source


@pytest.mark.parametrize("family", ["lstm", "attention"])
def test_a_run_that_is_resumed_goes_on_as_if_never_stopped(table: Path, tmp_path: Path, family: str) -> None:
    for n, source in enumerate(sources(table)):
        found = []
        for name, stops in (("whole", [60]), ("cut", [23, 37])):  # crosses the end of an epoch of the table
            run = start(source, family, tmp_path / f"{name}-{n}", steps=60, log_every=7)
            for place, count in enumerate(stops):
                if place:
                    run.save()
                    run.close()
                    run = Run.resume(RunFolder(tmp_path / f"{name}-{n}"))
                for _ in range(count):
                    assert run.advance().step.finite
            run.close()
            lines = [json.loads(line) for line in (tmp_path / f"{name}-{n}" / "metrics.jsonl").read_text().splitlines()]
            times = ("seconds", "tokens_per_second")
            found.append((runs.weights(run), [{k: v for k, v in line.items() if k not in times} for line in lines]))
        assert found[0] == found[1], source


def test_a_classifier_learns_what_the_order_of_words_means(table: Path) -> None:
    run = start(str(table), "gru", steps=300, learning_rate=0.02)
    for _ in range(300):
        done = run.advance()
    assert done.validation is not None
    assert done.validation["accuracy"] == 1.0
    assert done.validation["accuracy_by_group"]["negated"]["1"]["accuracy"] == 1.0
    report = run.data.report(done.validation, run.vocabulary)
    assert report["classes"] == ["down", "up"]
    assert report["bag_of_words_accuracy"] < 0.8
    losses = run.data.baselines(run.vocabulary).losses
    assert set(losses) == {"class frequencies", "bag of words"}
    assert done.validation["loss"] < 0.2 * losses["bag of words"]


def test_metrics_lines_carry_the_measures_and_count_what_is_not_padding(table: Path, tmp_path: Path) -> None:
    run = start(str(table), "rnn", tmp_path / "run", steps=10, log_every=5, eval_every=5)
    for _ in range(10):
        run.advance()
    run.close()
    first, last = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert 0 <= last["validation_accuracy"] <= 1
    batches = [run.trainer.feed.at(step) for step in range(10)]
    examples = run.data.train
    assert last["tokens"] == sum(int(examples.lengths[batch.which].sum()) for batch in batches)
    assert last["tokens"] < sum(batch.inputs.size for batch in batches)
    assert first["tokens"] < last["tokens"]


def test_held_out_examples_do_not_depend_on_the_seed(table: Path) -> None:
    one, other = start(str(table), seed=1), start(str(table), seed=2)
    assert one.data.held == other.data.held
    assert len(one.data.held) == 30
    assert not set(one.data.held) & {i for i in range(300) if i not in one.data.held}


def test_settings_survive_their_json(table: Path) -> None:
    for source in (*sources(table), "tales"):
        task, _ = guessed(source).start(read_corpus(source), TrainingConfig(tokens_by="word"), {})
        assert stored_task(json.loads(json.dumps(as_json(task)))) == task


@pytest.mark.parametrize(
    "stored",
    [
        [], {}, {"name": 3}, {"name": "juggle"}, {"name": "diagnose"},
        {"name": "diagnose", "diagnostic": "copy", "dial": -1},
        {"name": "diagnose", "diagnostic": "copy", "dial": 10**9}, {"name": "classify"},
        {"name": "classify", "classes": ["a"], "text_column": "t", "label_column": "l"},
        {"name": "classify", "classes": ["a", 2], "text_column": "t", "label_column": "l"},
        {"name": "classify-rows", "classes": ["a", "b"], "label_column": "l"},
        {"name": "classify-rows", "classes": ["a"], "label_column": "l", "scale": SCALE},
        {"name": "classify-rows", "classes": ["a", "b"], "label_column": 1, "scale": SCALE},
        {"name": "forecast"}, {"name": "forecast", "scale": SCALE, "sequence_column": 3},
        {"name": "forecast", "scale": SCALE | {"deviation": [0.0]}},
    ],
)  # fmt: skip
def test_damaged_settings_are_refused(stored: Any) -> None:
    with pytest.raises(SeqError):
        stored_task(stored)


def test_another_table_is_measured_as_a_whole_and_an_unknown_label_is_named_with_its_line(table: Path) -> None:
    run = start(str(table))
    other = Corpus("other", "/other.csv", b"label,text\nup,it was good\ndown,it was strange\n")
    data = run.config.task.test_data(other, run.vocabulary, run.data)
    assert (data.train.count, data.validation.count) == (0, 2)
    assert data.baselines(run.vocabulary).losses.keys() == {"class frequencies", "bag of words"}
    wrong = Corpus("other", "/other.csv", b"label,text\nup,good\ndown,bad\nsideways,so so\n")
    with pytest.raises(SeqError, match=r"line 4: unknown label 'sideways'; the labels are .*down.*up"):
        run.config.task.test_data(wrong, run.vocabulary, run.data)


def test_a_longer_dial_than_the_context_of_attention_is_refused() -> None:
    run = start("copy:9", "attention")
    data = run.config.task.test_data(read_corpus("copy:30"), run.vocabulary, None)
    with pytest.raises(SeqError, match="--context 50 is needed"):
        data.check(run.config.model)


def test_long_texts_are_cut_and_counted(table: Path) -> None:
    run = start(str(table), length=6)
    assert any("were cut at 6 words" in line for line in run.notes)
    assert int(run.data.train.lengths.max()) == 6
