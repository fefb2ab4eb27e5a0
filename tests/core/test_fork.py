"""A fork goes on as its parent would have, or as it is told to."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.checkpoint import checkpoint_steps
from seqcore.data.corpus import read_corpus
from seqcore.errors import SeqError
from seqcore.folder import RunFolder
from seqcore.fork import fork
from seqcore.run import Run

from tests.core import runs

pytestmark = pytest.mark.usefixtures("kernels")


@pytest.fixture
def parent(tmp_path: Path) -> Run:
    made = runs.start(tmp_path / "parent", checkpoint_every=2, log_every=1, eval_every=2)
    for _ in range(8):
        made.advance()
    return made


def folder_of(run: Run) -> RunFolder:
    assert run.folder is not None
    return RunFolder(run.folder.path)


def weights(run: Run) -> bytes:
    return run.trainer.parameters.flat.tobytes()


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def test_without_changes_every_step_is_that_of_the_parent_byte_for_byte(parent: Run, tmp_path: Path) -> None:
    before = contents(folder_of(parent).path)
    child = fork(folder_of(parent), 4, out=tmp_path / "child")
    assert contents(folder_of(parent).path) == before, "the parent's folder is as it was"
    again = Run.resume(folder_of(parent)) if parent.close() is None else parent  # the parent itself, from its end on
    assert child.trainer.steps == 4
    losses = parent.history.record()
    for _ in range(6):
        step = child.advance().step
        if step.step <= 8:
            at = losses.step.tolist().index(step.step)
            assert np.float32(step.loss).tobytes() == losses.train_loss[at].tobytes()
    for _ in range(2):
        again.advance()
    assert runs.weights(child) == runs.weights(again)
    assert child.trainer.tokens == again.trainer.tokens
    mine, theirs = child.history.record(), again.history.record()
    assert mine.train_loss.tobytes() == theirs.train_loss.tobytes()
    again.close()
    child.close()


def test_it_is_a_run_of_its_own_that_names_its_parent_and_resumes(parent: Run, tmp_path: Path) -> None:
    child = fork(folder_of(parent), 4, out=tmp_path / "child", learning_rate=0.001)
    child.advance()
    child.save()
    child.close()
    resumed = Run.resume(RunFolder(tmp_path / "child"))
    assert resumed.config.parent == ("parent", 4)
    assert resumed.trainer.steps == 5
    assert resumed.config.training.learning_rate == 0.001
    lines = [line["step"] for line in resumed.folder.metrics()] if resumed.folder else []
    assert lines == [1, 2, 3, 4, 5]
    assert checkpoint_steps(tmp_path / "child") == [5, 4]
    resumed.close()


@pytest.mark.parametrize("changes", [{"learning_rate": 0.05}, {"clip": 0.01}, {"length": 4}, {"batch": 2}, {"seed": 7}])
def test_other_settings_hold_from_the_fork_on(parent: Run, tmp_path: Path, changes: dict[str, Any]) -> None:
    same = fork(folder_of(parent), 4, out=tmp_path / "same")
    other = fork(folder_of(parent), 4, out=tmp_path / "other", **changes)
    assert weights(other) == weights(same)
    before = other.trainer.tokens
    assert before == same.trainer.tokens, "what was trained on is not counted anew"
    for _ in range(2):
        same.advance()
        other.advance()
    assert weights(other) != weights(same)
    training = other.config.training
    assert other.trainer.tokens == before + 2 * training.batch * training.length
    other.save()
    other.close()
    resumed = Run.resume(RunFolder(tmp_path / "other"))
    assert resumed.trainer.tokens == other.trainer.tokens
    resumed.advance()
    other_again = fork(folder_of(parent), 4, out=tmp_path / "again", **changes)
    for _ in range(3):
        other_again.advance()
    assert runs.weights(resumed) == runs.weights(other_again), "a resumed fork goes on exactly"
    for run in (same, resumed, other_again):
        run.close()


def test_another_corpus_is_read_with_the_parents_vocabulary(parent: Run, tmp_path: Path) -> None:
    text = tmp_path / "other.txt"
    text.write_text("the geese come back in spring, and then they leave again. " * 40)
    child = fork(folder_of(parent), "last", read_corpus(str(text)), tmp_path / "child")
    assert child.vocabulary.to_json() == parent.vocabulary.to_json()
    assert child.config.corpus.source == str(text)
    for name, state in child.trainer.state().items():
        if name.startswith("state."):
            assert not state.any(), "the carried state belongs to another text"
    assert child.advance().step.finite
    assert child.best is None or child.best.step > 8
    child.close()


def test_what_cannot_be_is_refused_and_leaves_nothing(parent: Run, tmp_path: Path) -> None:
    for at, changes, said in (
        (3, {}, "no checkpoint of step 3"),
        (4, {"tokens_by": "byte"}, "tokens by: a fork cannot change it"),
        (4, {"length": 5000}, "5"),
    ):
        with pytest.raises(SeqError, match=said):
            fork(folder_of(parent), at, out=tmp_path / "none", **changes)
        assert not (tmp_path / "none").exists()


def test_a_damaged_parent_in_a_config_is_named(parent: Run) -> None:
    content = parent.config.to_dict() | {"parent": {"run": 3}}
    with pytest.raises(SeqError, match="its parent is not"):
        type(parent.config).from_dict(content, "config.json")
