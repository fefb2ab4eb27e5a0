"""The dial of a diagnostic is turned while a model trains, and the run can still be resumed exactly."""

import json
from pathlib import Path

import numpy as np
import pytest
from seqcore.checkpoint import read_checkpoint
from seqcore.data.corpus import read_corpus
from seqcore.errors import SeqError
from seqcore.folder import RunFolder
from seqcore.records import Dial
from seqcore.run import Run

from tests.core.tasks.test_tasks import FAMILIES, start

pytestmark = pytest.mark.usefixtures("kernels")


def advance(run: Run, steps: int) -> Run:
    for _ in range(steps):
        assert run.advance().step.finite
    return run


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("source", "dial"), [("copy:30", 12), ("parity:9", 40), ("recall:8", 3)])
def test_turned_saved_killed_and_resumed_is_the_same_run(source: str, dial: int, family: str, tmp_path: Path) -> None:
    if family == "attention" and dial == 40:
        pytest.skip("the context has no room for it")
    whole = advance(start(source, family, tmp_path / "whole", eval_every=4), 5)
    whole.turn(dial)
    advance(whole, 6).save()
    whole.close()

    cut = advance(start(source, family, tmp_path / "cut", eval_every=4), 5)
    cut.turn(dial)
    advance(cut, 2)
    cut.close()  # without saving: as after a kill
    again = Run.resume(RunFolder(tmp_path / "cut"))
    assert again.trainer.steps == 5
    assert again.config.task.dial is not None
    assert (again.config.task.dial.value, again.corpus.source) == (dial, f"{source.split(':')[0]}:{dial}")
    advance(again, 6).save()
    again.close()
    for name in ("checkpoint-11.safetensors", "best.safetensors"):
        one, other = (read_checkpoint(tmp_path / run / name) for run in ("whole", "cut"))
        assert all((one.arrays[key] == other.arrays[key]).all() for key in one.arrays)
        assert one.numbers["steps"] == other.numbers["steps"]
    assert whole.trainer.tokens == again.trainer.tokens
    assert whole.best == again.best


def test_the_weights_and_the_optimiser_stay_and_the_folder_records_the_dial(tmp_path: Path) -> None:
    run = advance(start("copy:30", out=tmp_path / "r"), 4)
    before, tokens = run.trainer.state(), run.trainer.tokens
    run.turn(50)
    after = run.trainer.state()
    assert all((before[name] == after[name]).all() for name in before)
    assert run.trainer.tokens == tokens
    assert run.trainer.feed.lengths == (70,)
    advance(run, 1)
    assert run.trainer.tokens == tokens + 6 * 70
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    assert (config["corpus"]["source"], config["task"]["dial"], config["turns"]) == ("copy:50", 50, [[4, tokens]])
    assert config["training"]["length"] == 70
    run.close()


def test_the_best_checkpoint_of_another_dial_does_not_count(tmp_path: Path) -> None:
    run = advance(start("order:20", out=tmp_path / "r", eval_every=2), 4)
    assert run.best is not None
    run.turn(30)
    assert run.best is None
    run.close()
    again = Run.resume(RunFolder(tmp_path / "r"))
    assert again.best is None
    advance(again, 2)
    assert again.best is not None
    assert again.best.step == 6
    again.close()


def test_a_run_resumed_on_another_dial_is_turned_there(tmp_path: Path) -> None:
    run = advance(start("copy:30", out=tmp_path / "r"), 4)
    run.save()
    tokens = run.trainer.tokens
    run.close()
    again = Run.resume(RunFolder(tmp_path / "r"), read_corpus("copy:12"), changed_ok=True)
    assert (again.config.turns, again.trainer.tokens) == (((4, tokens),), tokens)
    assert again.notes == ["the dial is turned: copy:12 from step 4 on"]
    again.close()
    assert Run.resume(RunFolder(tmp_path / "r")).config.task.dial == Dial("copy", 12, 1, 2000)
    with pytest.raises(SeqError, match="only its dial can change"):
        Run.resume(RunFolder(tmp_path / "r"), read_corpus("order:12"), changed_ok=True)
    RunFolder(tmp_path / "r").lock()  # nobody holds it


def test_a_dial_that_cannot_be_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    run = advance(start("copy:9", "attention", tmp_path / "r"), 2)
    for dial, words in ((30, "the context of this model is 29"), (5000, "goes from 1 to 2,000")):
        with pytest.raises(SeqError, match=words):
            run.turn(dial)
    assert (run.corpus.source, run.config.turns) == ("copy:9", ())
    run.turn(8)
    advance(run, 1)
    run.close()


def test_a_task_without_a_dial_says_so(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("to and fro " * 200)
    with pytest.raises(SeqError, match="language has no dial"):
        start(str(text), length=8).turn(3)


def test_a_dial_steps_by_about_a_tenth_and_stops_at_its_ends() -> None:
    dial, seen = Dial("copy", 1, 1, 2000), []
    while dial.value < dial.most:
        dial = dial.stepped(1)
        seen.append(dial.value)
    assert seen == sorted(set(seen))
    assert {2, 20, 25, 50, 60, 100, 200, 250, 500, 600, 2000} <= set(seen)
    while dial.value > dial.least:
        dial = dial.stepped(-1)
        seen.pop()
        assert dial.value == (seen[-1] if seen else 1)
    assert dial.stepped(-1) == dial


@pytest.mark.parametrize("source", ["copy:9", "order:20", "parity:9", "anbn:6", "recall:4", "repeat:6"])
def test_held_out_sequences_can_be_looked_at_one_by_one(source: str) -> None:
    run = start(source)
    lengths = run.data.example_lengths
    assert lengths.size == 512
    assert run.data.held_out_steps >= lengths.sum()
    model = run.config.task
    for number in (0, 1, 511):
        example = run.data.example(run.vocabulary, number, 0)
        assert example.inputs.size == example.targets.size == example.asked.size == lengths[number]
        assert example.targets[-1] >= 0
        assert (example.targets[example.asked] >= 0).all()
        assert example.asked.any()
        assert int(example.targets.max()) < len(model.classes)
    again = run.data.example(run.vocabulary, 512, 0)
    assert (again.inputs == run.data.example(run.vocabulary, 0, 0).inputs).all()


def test_what_the_browser_calls_an_error_is_what_the_accuracy_counts() -> None:
    from seqcore.serial import serial_model

    run = advance(start("parity:9", learning_rate=0.02), 30)
    serial = serial_model(run.config.model, run.trainer.parameters)
    wrong = np.array([run.data.errs(serial, number) for number in range(512)])
    measures = run.validate()
    assert measures is not None
    assert 1 - wrong.mean() == pytest.approx(measures["accuracy"])
    probed = run.config.task.probe(
        serial, run.vocabulary, (example := run.data.example(run.vocabulary, 7, 0)).inputs, 30, known=example
    )
    assert probed.verdict is not None
    right, asked = probed.verdict.right
    assert (right == asked) is not bool(wrong[7])
