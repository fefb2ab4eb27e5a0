"""The loss by position is that of windows read from nothing, and looking at it changes nothing in the training."""

from pathlib import Path

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import read_corpus
from seqcore.run import Run
from seqcore.serial import serial_model

from seqtui.live.positions import PositionLoss

LENGTH, ROWS = 12, 4


@pytest.fixture
def run(tmp_path: Path) -> Run:
    path = tmp_path / "corpus.txt"
    path.write_text("a bee sees a cab; a cab sees a bee. " * 60, encoding="utf-8")
    training = TrainingConfig(batch=2 * ROWS, length=LENGTH, learning_rate=0.02)
    return Run.start({"hidden": 16}, training, read_corpus(str(path)), keep=False)


def test_it_is_the_mean_over_windows_that_are_read_from_nothing(run: Run) -> None:
    for _ in range(30):
        run.advance()
    seen = PositionLoss(run)
    places = np.random.default_rng(run.config.training.seed).integers(0, run.data.validation.size - LENGTH, ROWS)
    seen.look()
    model, losses = serial_model(run.config.model, run.trainer.parameters), []
    for place in places:
        window = run.data.validation[place : place + LENGTH + 1]
        logits = model.look(window[:-1]).logits.astype(np.float64)
        chosen = logits[np.arange(LENGTH), window[1:]]
        losses.append(np.log(np.exp(logits).sum(axis=1)) - chosen)
    assert np.allclose(seen.mean, np.mean(losses, axis=0), atol=1e-4)


def test_a_trained_model_loses_less_where_there_is_context(run: Run) -> None:
    for _ in range(150):
        run.advance()
    seen = PositionLoss(run)
    seen.look()
    assert seen.mean[0] > 2 * seen.mean[-4:].mean()


def test_looking_changes_nothing_that_is_trained(run: Run, tmp_path: Path) -> None:
    other = Run.start({"hidden": 16}, run.config.training, run.corpus, keep=False)
    for _ in range(5):
        run.advance()
        other.advance()
        PositionLoss(run).look()
    assert np.array_equal(run.trainer.parameters.flat, other.trainer.parameters.flat)


def test_a_second_look_at_once_is_not_taken(run: Run) -> None:
    seen = PositionLoss(run)
    assert seen.mean.size == 0
    seen.look()
    first = seen.mean
    seen.look()
    assert seen.mean is first
