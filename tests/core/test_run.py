"""A run depends only on its seed and settings, not on threads, pauses or interruptions."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from seqcore import team
from seqcore.config import TrainingConfig
from seqcore.errors import SeqError
from seqcore.evaluation import measured
from seqcore.folder import RunFolder
from seqcore.history import HistoryLog
from seqcore.records import History
from seqcore.run import Run
from seqcore.tasks.language import TokenData

from tests.core import runs, twin

pytestmark = pytest.mark.usefixtures("kernels")

SETTINGS = [
    {},
    {"sampling": "windows"},
    {"schedule": "cosine", "warmup_steps": 5, "weight_decay": 0.1, "log_every": 3},
    {"batch": 1, "length": 1},
]


def advance(run: Run, steps: int) -> None:
    for _ in range(steps):
        assert run.advance().step.finite


@pytest.mark.parametrize("settings", SETTINGS)
def test_one_and_two_threads_give_the_same_bytes(settings: dict[str, object]) -> None:
    found = []
    for threads in (1, 2):
        team.set_threads(threads)
        run = runs.start(None, steps=40, **settings)
        advance(run, 40)
        found.append(runs.weights(run))
    assert found[0] == found[1]


def test_another_seed_gives_other_weights() -> None:
    found = [runs.start(None, steps=3, seed=seed) for seed in (1, 2)]
    for run in found:
        advance(run, 3)
    assert runs.weights(found[0]) != runs.weights(found[1])


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("cut", [1, 17, 50])
def test_k_and_k_steps_are_2k_steps_byte_for_byte(tmp_path: Path, settings: dict[str, object], cut: int) -> None:
    """Mid-epoch and across the end of an epoch, which has about 180 steps of length 35, or 6,000 of length 1."""
    whole = runs.start(tmp_path / "whole", steps=2 * cut, **settings)
    advance(whole, 2 * cut)
    first = runs.start(tmp_path / "cut", steps=2 * cut, **settings)
    advance(first, cut)
    first.save()
    first.close()
    second = Run.resume(RunFolder(tmp_path / "cut"))
    assert second.trainer.steps == cut
    advance(second, cut)
    assert runs.weights(second) == runs.weights(whole)
    lines = [
        [{k: v for k, v in line.items() if k not in ("seconds", "tokens_per_second")} for line in run.folder.metrics()]
        for run in (whole, second)
        if run.folder
    ]
    assert lines[0] == lines[1]
    assert lines[0]


def test_resume_is_exact_across_the_end_of_an_epoch(tmp_path: Path) -> None:
    whole = runs.start(tmp_path / "whole", length=40, steps=80)
    epoch = whole.trainer.feed.steps_per_epoch
    assert 10 < epoch < 40, "the run must pass the end of an epoch"
    advance(whole, 2 * epoch + 3)
    first = runs.start(tmp_path / "cut", length=40, steps=80)
    advance(first, epoch - 1)
    first.save()
    first.close()
    second = Run.resume(RunFolder(tmp_path / "cut"))
    advance(second, epoch + 4)
    assert runs.weights(second) == runs.weights(whole)


def test_a_learning_rate_changed_by_hand_survives_a_resume(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run")
    advance(run, 30)
    run.trainer.rate_scale = 0.25
    rate = run.trainer.learning_rate
    run.save()
    run.close()
    assert Run.resume(RunFolder(tmp_path / "run")).trainer.learning_rate == rate


def test_metrics_have_the_names_and_kinds_of_the_contract(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run", steps=30, eval_every=20, log_every=10)
    said: list[dict[str, object]] = []
    run.log = said.append
    advance(run, 30)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines == said
    assert [line["step"] for line in lines] == [10, 20, 30]
    always = {"step", "tokens", "seconds", "train_loss", "learning_rate", "gradient_norm", "tokens_per_second"}
    assert [set(line) - always for line in lines] == [set(), {"validation_loss"}, {"validation_loss"}]
    assert [line["tokens"] for line in lines] == [350, 700, 1050]
    assert all(value is not None and math.isfinite(value) for line in lines for value in line.values())


def test_a_step_that_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run")
    advance(run, 5)
    run.trainer.parameters["layers.1.W_hh"][3, 4] = np.float32("inf")
    before = runs.weights(run)
    lines = list(run.folder.metrics()) if run.folder else []
    step = run.advance().step
    assert not step.finite
    assert runs.weights(run) == before
    assert run.trainer.steps == 5
    assert run.trainer.optimizer.updates == 5
    assert list(run.folder.metrics() if run.folder else []) == lines


def test_a_diverged_run_goes_back_to_its_checkpoint_at_half_the_rate(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run")
    advance(run, 25)
    good = runs.weights(run)
    run.save()
    advance(run, 4)
    rate = run.trainer.learning_rate
    run.trainer.parameters.flat[:] = np.float32("nan")
    assert not run.advance().step.finite
    assert run.recover() == 25
    assert runs.weights(run) == good
    assert run.trainer.learning_rate == pytest.approx(rate / 2)
    assert run.advance().step.finite


def test_validation_reads_every_token_once_with_the_state_carried_through() -> None:
    """Compare with a float64 loop over the whole held-out part in one piece."""
    run = runs.start(None, {"dropout": 0.0, "layers": 1}, validation=0.2, steps=60)
    advance(run, 60)
    tokens = run.data.validation
    named = twin.doubles(run.trainer.parameters)
    whole = _plain_loss(named, tokens[:-1], tokens[1:])
    assert run.trainer.validate()["loss"] == pytest.approx(whole, rel=2e-3)  # every piece is warmed up on 128 tokens
    few = tokens[:300]  # a single piece, so exact
    measured_few = measured(run.config.model, run.trainer.parameters, TokenData(few[:0], few))
    assert measured_few["loss"] == pytest.approx(_plain_loss(named, few[:-1], few[1:]), rel=1e-5)


def _plain_loss(p: dict[str, np.ndarray], tokens: np.ndarray, targets: np.ndarray) -> float:
    H = p["layers.0.W_hh"].shape[0]
    h = c = np.zeros(H)
    total = 0.0
    for token, target in zip(tokens, targets, strict=True):
        z = p["embedding.E"][token] @ p["layers.0.W_xh"] + h @ p["layers.0.W_hh"] + p["layers.0.b"]
        i, f, o = (1 / (1 + np.exp(-z[n * H : (n + 1) * H])) for n in (0, 1, 3))
        c = f * c + i * np.tanh(z[2 * H : 3 * H])
        h = o * np.tanh(c)
        logits = h @ p["head.W_hy"] + p["head.b_y"]
        total += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[target]
    return total / len(tokens)


def test_training_learns(tmp_path: Path) -> None:
    run = runs.start(None, {"hidden": 32, "dropout": 0.0, "layers": 1}, steps=300, learning_rate=0.01)
    advance(run, 300)
    history = run.history.record()
    assert history.train_loss[-20:].mean() < 0.5 * history.train_loss[:5].mean()
    assert history.step.tolist() == list(range(1, 301))


@pytest.mark.parametrize("settings", [{"batch": 4000, "length": 7}, {"batch": 8, "length": 8000}])
def test_a_corpus_too_short_names_sizes_that_work(settings: dict[str, int]) -> None:
    with pytest.raises(SeqError, match=r"--batch \d+ --length \d+ would work") as error:
        runs.start(None, **settings)
    advice = str(error.value).split("; ")[-1].split()
    batch, length = int(advice[1]), int(advice[3])
    assert runs.start(None, batch=batch, length=length, steps=1).advance().step.finite


def test_settings_that_make_no_sense_are_refused_in_one_line() -> None:
    for wrong in (
        {"batch": 0},
        {"length": 2.5},
        {"learning_rate": math.nan},
        {"schedule": "cosine"},
        {"sampling": "dice"},
        {"validation": 1.0},
        {"steps": -1},
        {"seed": "one"},
    ):
        with pytest.raises(SeqError) as error:
            TrainingConfig(**wrong)  # type: ignore[arg-type]  # invalid on purpose
        assert "\n" not in str(error.value)
        assert next(iter(wrong)).replace("_", " ") in str(error.value)


def test_a_corpus_that_changed_is_told_from_the_one_the_run_is_on(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run", steps=2)
    advance(run, 2)
    kept = tmp_path / "run" / "corpus.txt"
    assert kept.read_text() == runs.TEXT
    kept.write_text(runs.TEXT + "more")
    run.close()
    with pytest.raises(SeqError, match="has changed"):
        Run.resume(RunFolder(tmp_path / "run"))


def test_out_that_is_taken_is_refused_and_untouched(tmp_path: Path) -> None:
    runs.start(tmp_path / "run", steps=1)
    before = (tmp_path / "run" / "config.json").read_bytes()
    with pytest.raises(SeqError, match="holds another run"):
        runs.start(tmp_path / "run")
    assert (tmp_path / "run" / "config.json").read_bytes() == before
    (tmp_path / "file").write_text("x")
    with pytest.raises(SeqError, match="is a file"):
        runs.start(tmp_path / "file")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(SeqError, match="not empty"):
        runs.start(tmp_path / "mine")
    if os.geteuid() == 0:
        blocked = Path("/proc/nothing")  # root can write anywhere else
    else:
        blocked = tmp_path / "closed" / "run"
        blocked.parent.mkdir(mode=0o500)
    with pytest.raises(SeqError, match="cannot be created"):
        runs.start(blocked)


def test_a_run_that_is_being_trained_is_not_touched_by_another(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run", log_every=1)
    advance(run, 3)
    before = (tmp_path / "run" / "metrics.jsonl").read_bytes()
    with pytest.raises(SeqError, match="being trained by another process"):
        Run.resume(RunFolder(tmp_path / "run"))
    assert (tmp_path / "run" / "metrics.jsonl").read_bytes() == before
    run.close()
    assert Run.resume(RunFolder(tmp_path / "run")).trainer.steps == 0


def test_what_is_not_finite_is_never_saved(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run")
    advance(run, 2)
    run.save()
    run.trainer.optimizer.v[5] = np.inf
    with pytest.raises(SeqError, match=r"v\..* is not finite"):
        run.save()
    run.close()
    assert Run.resume(RunFolder(tmp_path / "run")).trainer.steps == 2


def test_going_back_again_and_again_lowers_the_rate_each_time(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run")
    advance(run, 3)
    run.save()
    scales = []
    for _ in range(3):
        run.recover()
        scales.append(run.trainer.rate_scale)
    assert scales == [0.5, 0.25, 0.125]


@pytest.mark.parametrize(
    "line",
    [
        '{"step": null}',
        '{"step": -1}',
        '{"step": 1e9}',
        "[]",
        '{"step": ' + "9" * 400 + "}",
        '{"step": true}',
        "\x00",
        "{",
    ],
)
def test_metrics_that_make_no_sense_are_left_out(tmp_path: Path, line: str) -> None:
    run = runs.start(tmp_path / "run", log_every=1)
    advance(run, 2)
    run.save()
    run.close()
    path = tmp_path / "run" / "metrics.jsonl"
    bad = '{"step": 2, "train_loss": "low", "learning_rate": 1, "gradient_norm": 1, "validation_loss": 1e400}'
    path.write_text(f"{path.read_text()}{line}\n{bad}\n")
    again = Run.resume(RunFolder(tmp_path / "run"))
    assert again.history.record().step.tolist() == [1, 2]
    assert again.history.record().validation_loss.size == 0


def test_every_step_knows_its_tokens_and_its_time_also_after_a_resume(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "run", log_every=3)
    advance(run, 7)
    per_step = run.config.training.batch * run.config.training.length
    told = run.history.record()
    tokens = told.along("tokens")
    assert tokens is not None
    assert tokens.tolist() == [per_step * n for n in range(1, 8)]
    assert told.seconds[-1] == run.trainer.seconds
    run.save()
    run.close()
    again = Run.resume(RunFolder(tmp_path / "run"))
    advance(again, 2)
    told = again.history.record()
    assert told.step.tolist() == [3, 6, 8, 9]
    assert told.along("tokens").tolist() == [per_step * n for n in (3, 6, 8, 9)]  # type: ignore[union-attr]  # known
    assert (np.diff(told.along("time")) > 0).all()  # type: ignore[arg-type]  # known


@pytest.mark.parametrize("field", ['"tokens": 5, ', '"tokens": "x", "seconds": 3, ', '"tokens": 1e400, "seconds": 9, '])
def test_an_axis_that_is_not_known_of_every_step_is_not_offered(field: str) -> None:
    start = '{"train_loss": 1, "learning_rate": 1, "gradient_norm": 1, '
    lines = [start + '"step": 1, "tokens": 7, "seconds": 2}', f'{start}{field}"step": 2}}']
    told = HistoryLog.of(map(json.loads, lines)).record()
    assert told.step.tolist() == [1, 2]
    assert told.along("tokens") is None  # missing, or fewer than before
    assert (told.along("time") is None) == ("seconds" not in field)
    assert History.empty().along("tokens") is None


def test_curves_told_once_do_not_change_when_the_run_goes_on(tmp_path: Path) -> None:
    run = runs.start(None)
    advance(run, 3)
    told = run.history.record()
    before = told.train_loss.copy()
    advance(run, 3)
    assert told.step.tolist() == [1, 2, 3]
    assert (told.train_loss == before).all()
    with pytest.raises(ValueError, match="read-only"):
        told.train_loss[0] = 0


def test_a_run_that_cannot_be_saved_at_its_start_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SeqError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", full)
        with pytest.raises(SeqError, match="full"):
            runs.start(tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert runs.start(tmp_path / "run").saved_step == 0
