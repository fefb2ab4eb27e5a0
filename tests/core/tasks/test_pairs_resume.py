"""Runs on pairs: k + k steps equal 2k steps, and any number of threads gives the same run, byte for byte."""

import json
from pathlib import Path
from typing import Any

import pytest
from seqcore.folder import RunFolder
from seqcore.run import Run

from tests.core import runs
from tests.core.compare import threads
from tests.core.tasks.pair_runs import advance, start, table

pytestmark = pytest.mark.usefixtures("kernels")

RECURRENT: dict[str, Any] = {"layers": 2, "dropout": 0.2, "cross_attention": "general", "bidirectional": True}
MODELS: dict[str, dict[str, Any]] = {family: RECURRENT | {"family": family} for family in ("rnn", "gru", "lstm")}
MODELS["attention"] = {"family": "attention", "layers": 2, "dropout": 0.2, "heads": 2}
OPTIONS = {"reverse-source": True}
TAUGHT: dict[str, Any] = {"label_smoothing": 0.1, "teacher_forcing": 0.9, "final_teacher_forcing": 0.3}
SMOOTH: dict[str, Any] = {"label_smoothing": 0.1}
FED = MODELS["gru"] | {"input_feeding": True}
VARIANTS = [
    *((model, {}) for model in MODELS.values()), (FED, TAUGHT), (MODELS["lstm"], TAUGHT), (MODELS["attention"], SMOOTH)
]  # fmt: skip


def sources(tmp_path: Path) -> list[str]:
    return [table(tmp_path / "small.tsv"), "reverse:10"]


def lines(folder: Path) -> list[dict[str, Any]]:
    """The metrics of a run without its times."""
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "tokens_per_second")} for line in found]


@pytest.mark.parametrize(("model", "taught"), VARIANTS)
def test_a_run_that_is_resumed_from_its_folder_goes_on_as_if_never_stopped(
    tmp_path: Path, model: dict[str, Any], taught: dict[str, Any]
) -> None:
    for n, source in enumerate(sources(tmp_path)):
        found = []
        for name, stops in (("whole", [24]), ("cut", [11, 13])):  # crosses the end of an epoch of the table
            out = tmp_path / f"{name}-{n}"
            run = start(source, out, model, OPTIONS, steps=24, log_every=4, eval_every=6, **taught)
            for place, count in enumerate(stops):
                if place:
                    run.save()
                    run.close()
                    with threads(1):
                        run = Run.resume(RunFolder(out))
                    assert run.config.task.settings()["reverse_source"] is True
                advance(run, count)
            run.close()
            found.append((runs.weights(run), run.best, lines(out)))
        assert found[0] == found[1], source
        assert len(found[0][2]) >= 6
        assert {"validation_exact_match", "validation_token_accuracy"} <= set(found[0][2][-1])


def test_a_resumed_run_finds_a_table_that_has_changed(tmp_path: Path) -> None:
    source = table(tmp_path / "small.tsv")
    run = advance(start(source, tmp_path / "r"), 3)
    run.save()
    run.close()
    table(tmp_path / "small.tsv", [(f"the door {n}", f"la puerta {n}") for n in range(60)])
    with pytest.raises(Exception, match="has changed"):
        Run.resume(RunFolder(tmp_path / "r"))


@pytest.mark.parametrize(("model", "taught"), VARIANTS)
def test_one_two_and_three_threads_give_the_same_bytes(
    tmp_path: Path, model: dict[str, Any], taught: dict[str, Any]
) -> None:
    for source in sources(tmp_path):
        found = []
        for count in (1, 2, 3):
            with threads(count):
                run = start(source, None, model, OPTIONS, batch=7, steps=8, **taught)
                advance(run, 8)
                found.append((runs.weights(run), json.dumps(run.trainer.validate())))
        assert found[0] == found[1] == found[2], source


def test_metrics_count_the_timesteps_that_are_not_padding(tmp_path: Path) -> None:
    run = advance(start(table(tmp_path / "small.tsv"), tmp_path / "r", steps=10, log_every=5), 10)
    run.close()
    last = lines(tmp_path / "r")[-1]
    batches = [run.trainer.feed.at(step) for step in range(10)]
    asked = sum(int((batch.targets >= 0).sum()) for batch in batches)
    read = sum(int(((batch.inputs >= 0) & (batch.inputs < run.vocabulary.size)).sum()) for batch in batches)
    assert last["tokens"] == asked + read
    assert 0 <= last["validation_exact_match"] <= last["validation_token_accuracy"] <= 1
