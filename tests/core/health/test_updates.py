"""The sizes of updates are those of the step, and measuring them changes nothing of the training."""

import json
from pathlib import Path

import numpy as np
import pytest
from seqcore import run as run_module
from seqcore import update_sizes as sizes_module
from seqcore.folder import RunFolder
from seqcore.history import HistoryLog, sizes_line
from seqcore.run import Run
from seqcore.trainer import Trainer
from seqcore.update_sizes import UpdateSize

from tests.core import runs

pytestmark = pytest.mark.usefixtures("kernels")


@pytest.mark.parametrize("family", ["lstm", "attention"])
def test_they_are_the_norms_of_what_changed(family: str) -> None:
    shape = {"family": family} | ({"heads": 1, "embedding": 0, "context": 8} if family == "attention" else {})
    run = runs.start(None, shape, weight_decay=0.1, learning_rate=0.01, clip=0.3)
    for _ in range(4):
        before = run.trainer.parameters.copy()
        step = run.advance().step
        found = run.trainer.update_sizes(step)
    matrices = [name for name, view in run.trainer.parameters.items() if view.ndim > 1]
    assert list(found) == matrices
    for name, view in run.trainer.parameters.items():
        if view.ndim < 2:
            continue
        change = view.astype(np.float64) - before[name]
        assert found[name].update_ratio == pytest.approx(np.linalg.norm(change) / np.linalg.norm(view), rel=2e-3)
        gradient = run.trainer.model.gradient[name].astype(np.float64)
        assert found[name].gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    total = np.linalg.norm([size.gradient_norm for size in found.values()])
    assert total <= step.gradient_norm * (1 + 1e-6)


def test_measuring_changes_no_bit_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = runs.start(None, steps=30, log_every=1)
    for _ in range(30):
        measured.advance()
    monkeypatch.setattr(Trainer, "update_sizes", lambda self, step: {})
    plain = runs.start(None, steps=30, log_every=1)
    for _ in range(30):
        plain.advance()
    assert runs.weights(measured) == runs.weights(plain)
    assert len(measured.history.updates().step) == 30
    assert len(plain.history.updates().step) == 0


def test_it_costs_one_kernel_call_per_metrics_line(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, kernel = [], sizes_module.sum_sizes
    monkeypatch.setattr(sizes_module, "sum_sizes", lambda *arguments: (calls.append(1), kernel(*arguments)))
    run = runs.start(None, steps=60, log_every=20)
    for _ in range(60):
        run.advance()
    assert len(calls) == 3


def test_a_resumed_run_writes_the_same_lines(tmp_path: Path) -> None:
    settings = {"steps": 40, "log_every": 5, "checkpoint_every": 20}
    whole = runs.start(tmp_path / "whole", **settings)
    for _ in range(40):
        whole.advance()
    first = runs.start(tmp_path / "cut", **settings)
    for _ in range(27):  # seven steps and a line beyond the checkpoint
        first.advance()
    first.close()
    with open(tmp_path / "cut" / "updates.jsonl", "a") as file:
        file.write('{"step": 30, "upd')  # a truncated line
    again = Run.resume(RunFolder(tmp_path / "cut"))
    assert again.history.updates().step.tolist() == [5, 10, 15, 20]
    for _ in range(20):
        again.advance()
    one, other = ((tmp_path / name / "updates.jsonl").read_bytes() for name in ("whole", "cut"))
    assert one == other
    found, same = (run.history.updates() for run in (whole, again))
    assert found.names == same.names == tuple(json.loads(one.splitlines()[0])["updates"])
    assert found.step.tolist() == same.step.tolist() == list(range(5, 41, 5))
    assert found.update_ratio == pytest.approx(same.update_ratio, rel=1e-3)
    assert found.gradient_norm.shape == (8, len(found.names))


def test_a_run_folder_without_them_is_resumed(tmp_path: Path) -> None:
    run = runs.start(tmp_path / "old", steps=20, log_every=5, checkpoint_every=10)
    for _ in range(10):
        run.advance()
    run.close()
    (tmp_path / "old" / "updates.jsonl").unlink()
    again = Run.resume(RunFolder(tmp_path / "old"))
    assert again.history.updates().step.size == 0
    assert not (tmp_path / "old" / "updates.jsonl").exists()
    for _ in range(10):
        again.advance()
    assert again.history.updates().step.tolist() == [15, 20]


def test_untrusted_lines_are_read_as_far_as_they_are_valid() -> None:
    lines = [
        sizes_line(1, {"a": UpdateSize(0.123456, 1e-3), "b": UpdateSize(1, 2)}),
        {"step": 2, "updates": {"a": [1, "x"], "b": [3, 4]}},
        {"step": 3, "updates": [1]},
        {"step": 4},
        {"step": 5, "updates": {"b": [-1, 2], "c": [1e400, 1], "a": [True, 1]}},
    ]
    found = HistoryLog.of([], json.loads(json.dumps(lines))).updates()
    assert found.names == ("a", "b")
    assert found.step.tolist() == [1, 2]
    assert found.gradient_norm[:, 1].tolist() == [1, 3]
    assert found.gradient_norm[0, 0] == np.float32(0.1235)
    assert np.isnan(found.update_ratio[1, 0])
    assert run_module.sizes_line is sizes_line
