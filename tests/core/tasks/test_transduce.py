"""Generated pairs: the dial and its turns, batches without end, and held-out pairs that are the same for all runs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.errors import SeqError
from seqcore.folder import RunFolder
from seqcore.records import Dial
from seqcore.run import Run
from seqcore.serial import serial_model
from seqcore.tasks.transduce import Transduce

from tests.core import runs
from tests.core.tasks.pair_runs import advance, start

pytestmark = pytest.mark.usefixtures("kernels")

DIALLED = ("reverse", "sort", "duplicate")


def held_out(run: Run) -> list[tuple[str, str]]:
    data, part = run.data, run.data.validation
    return [(data.source_text(part, i), data.target_text(part.target(i))) for i in range(part.count)]


def trained_on(run: Run, step: int) -> list[tuple[str, str]]:
    """The pairs of a training batch, as text."""
    batch, V, task = run.trainer.feed.at(step), run.vocabulary.size, run.config.task
    assert isinstance(task, Transduce)
    found = []
    for inputs, targets in zip(batch.inputs.T, batch.targets.T, strict=True):
        source = inputs[(inputs >= 0) & (inputs < V)]
        target = targets[targets >= 0][:-1]
        found.append((run.vocabulary.decode(source[:: -1 if task.reverse_source else 1]), task.target.decode(target)))
    return found


RIGHT: dict[str, Any] = {
    "reverse": lambda word: word[::-1],
    "sort": lambda word: "".join(sorted(word)),
    "duplicate": lambda word: "".join(letter * 2 for letter in word),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", DIALLED)
def test_every_target_is_the_one_that_the_name_promises(name: str, reverse: bool) -> None:
    run = start(f"{name}:7", options={"reverse-source": reverse})
    pairs = held_out(run) + [pair for step in range(5) for pair in trained_on(run, step)]
    assert len(pairs) == 512 + 5 * 6
    assert {len(source) for source, _ in pairs} == set(range(1, 8))
    for source, target in pairs:
        assert target == RIGHT[name](source)


def test_a_name_without_a_dial_has_its_default() -> None:
    for name in DIALLED:
        one, other = start(name), start(f"{name}:20")
        assert one.config.task == other.config.task
        assert one.config.task.dial == Dial(name, 20, 2, 200)
        assert held_out(one) == held_out(other)


def test_dates_have_no_dial() -> None:
    run = start("dates")
    assert run.config.task.dial is None
    assert all(len(target) == 10 for _, target in held_out(run))
    with pytest.raises(SeqError, match="transduce has no dial"):
        run.turn(3)
    with pytest.raises(SeqError, match="'dates:3': dates has no dial: write dates"):
        start("dates:3")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("reverse:1", "'reverse:1': the dial of reverse goes from 2 to 200"),
        ("sort:201", "'sort:201': the dial of sort goes from 2 to 200"),
        ("duplicate:0", "the dial of duplicate goes from 2 to 200"),
    ],
)
def test_a_dial_out_of_range_is_refused_with_its_range(source: str, words: str) -> None:
    with pytest.raises(SeqError, match=words):
        start(source)


def test_what_is_no_transduction_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(SeqError, match=r"is not a transduction: give one of reverse:20, sort:20, duplicate:20, dates"):
        Transduce.start(runs.corpus(), TrainingConfig(), {})


@pytest.mark.parametrize("source", ["reverse:9", "dates"])
def test_batches_follow_from_the_seed_and_the_step_alone(source: str) -> None:
    one, other, third = start(source, seed=4), start(source, seed=4), start(source, seed=5)
    order = (3, 0, 7, 3)
    found = [one.trainer.feed.at(step) for step in order]
    again = [advance(other, 1).trainer.feed.at(step) for step in order]
    for batch, same in zip(found, again, strict=True):
        assert batch.inputs.tobytes() == same.inputs.tobytes()
        assert batch.targets.tobytes() == same.targets.tobytes()
    assert found[0].inputs.tobytes() == found[3].inputs.tobytes()
    assert len({batch.inputs.tobytes() for batch in found}) == 3
    assert third.trainer.feed.at(3).inputs.tobytes() != found[0].inputs.tobytes()


@pytest.mark.parametrize("source", ["reverse:2", "duplicate:13", "sort:200", "dates"])
def test_every_batch_has_one_of_the_announced_lengths(source: str) -> None:
    run = start(source, model={"hidden": 4, "embedding": 3}, batch=2)
    lengths = run.data.lengths(run.config.training)
    assert list(lengths) == sorted(set(lengths))
    seen = {len(run.trainer.feed.at(step).inputs) for step in range(60)}
    assert seen <= set(lengths)


@pytest.mark.parametrize("source", ["reverse:9", "duplicate:5"])
def test_tokens_are_the_timesteps_that_are_not_padding_on_average(source: str) -> None:
    run, counted = start(source, batch=64), 0
    for step in range(100):
        counted += sum(len(word) + len(target) + 1 for word, target in trained_on(run, step))
    assert run.trainer.feed.tokens(100) == pytest.approx(counted, rel=0.02)
    assert run.trainer.feed.tokens(0) == 0


def test_held_out_pairs_are_the_same_for_all_runs() -> None:
    first = held_out(start("reverse:9", seed=1))
    others = [
        start("reverse:9", seed=2, batch=3),
        start("reverse:9", model={"family": "lstm", "cross_attention": "dot"}),
        start("reverse:9", options={"reverse-source": True}),
    ]
    assert all(held_out(run) == first for run in others)
    assert len(first) == 512
    assert held_out(start("reverse:10")) != first


def test_the_dial_is_turned_within_a_run_and_the_weights_stay(tmp_path: Path) -> None:
    run = advance(start("reverse:6", tmp_path / "r"), 4)
    before, tokens = run.trainer.state(), run.trainer.tokens
    run.turn(15)
    after = run.trainer.state()
    assert all((before[name] == after[name]).all() for name in before)
    assert run.trainer.tokens == tokens
    assert run.config.task.dial == Dial("reverse", 15, 2, 200)
    assert held_out(run) == held_out(start("reverse:15"))
    assert max(len(source) for step in range(4, 12) for source, _ in trained_on(run, step)) > 6
    assert advance(run, 1).trainer.tokens > tokens
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    assert (config["corpus"]["source"], config["task"]["dial"], config["turns"]) == ("reverse:15", 15, [[4, tokens]])
    for dial in (1, 201):
        with pytest.raises(SeqError, match="the dial of reverse goes from 2 to 200"):
            run.turn(dial)
    assert run.corpus.source == "reverse:15"
    run.close()


def test_the_dial_of_attention_goes_up_to_its_context() -> None:
    run = advance(start("reverse:6", model={"family": "attention", "heads": 2}), 2)
    assert run.config.model.context == 2 + 6 + 6
    run.turn(14)
    advance(run, 2)
    line = "pairs of up to 15 symbols on a side: must not exceed the context length of the model, 14"
    with pytest.raises(SeqError, match=line):
        run.turn(15)
    assert run.corpus.source == "reverse:14"
    advance(run, 1)


def test_turned_killed_and_resumed_is_the_same_run(tmp_path: Path) -> None:
    model = {"cross_attention": "general", "bidirectional": True, "dropout": 0.2, "layers": 2}
    whole = advance(start("sort:5", tmp_path / "whole", model), 4)
    whole.turn(12)
    advance(whole, 5)
    whole.close()
    cut = advance(start("sort:5", tmp_path / "cut", model), 4)
    cut.turn(12)
    advance(cut, 2)
    cut.close()  # without saving: as after a kill
    again = Run.resume(RunFolder(tmp_path / "cut"))
    assert (again.trainer.steps, again.corpus.source) == (4, "sort:12")
    assert runs.weights(advance(again, 5)) == runs.weights(whole)
    assert again.trainer.tokens == whole.trainer.tokens
    again.close()


def test_another_dial_can_be_measured_and_another_transduction_cannot() -> None:
    run = start("reverse:6")
    data = run.config.task.test_data(read_corpus("reverse:30"), run.vocabulary, run.data)
    data.check(run.config.model)
    assert int(data.validation.source_lengths.max()) == 30
    with pytest.raises(SeqError, match="'sort:6': this run is on reverse; only its dial can change"):
        run.config.task.test_data(read_corpus("sort:6"), run.vocabulary, run.data)


def test_settings_survive_their_json_and_damaged_ones_are_refused() -> None:
    for source, options in (("reverse:9", {}), ("dates", {}), ("sort", {"reverse-source": True})):
        task, _ = Transduce.start(read_corpus(source), TrainingConfig(), options)
        assert Transduce.from_settings(json.loads(json.dumps(task.settings()))) == task
    for broken in (
        {}, {"transduction": "juggle", "dial": 3}, {"transduction": "reverse", "dial": -1}, {"transduction": 3},
        {"transduction": "reverse", "dial": 10**9}, {"transduction": "reverse", "dial": "x"},
        {"transduction": "dates", "dial": 4}, {"transduction": "reverse", "dial": 1},
    ):  # fmt: skip
        with pytest.raises(SeqError):
            Transduce.from_settings(broken)


def test_the_baselines_of_random_letters_are_about_their_entropy() -> None:
    run = start("reverse:9")
    losses = run.data.baselines(run.vocabulary).losses
    assert losses
    mean = np.mean([len(target) + 1 for _, target in held_out(run)])
    entropy = (np.log(26) * (mean - 1)) / mean  # the letters alone: the end costs more
    assert all(entropy < value < np.log(26) + 1 for value in losses.values())


def test_exact_match_counts_what_the_browser_calls_right() -> None:
    run = start("reverse:2", model={"hidden": 24, "cross_attention": "general"}, batch=24, steps=1000)
    for _ in range(30):
        measures = advance(run, 10).validate()
        assert measures is not None
        if measures["exact_match"] >= 0.3:
            break
    assert 0.3 <= measures["exact_match"] <= 0.9
    model = serial_model(run.config.model, run.trainer.parameters)
    wrong = [run.data.errs(model, number) for number in range(512)]
    assert measures["exact_match"] == 1 - sum(wrong) / 512
    assert [(band["from"], band["to"]) for band in measures["by_length"]][-1][1] == 2
    assert sum(band["count"] for band in measures["by_length"]) == 512
