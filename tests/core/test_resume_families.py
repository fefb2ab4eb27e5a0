"""k + k steps equal 2k steps, byte for byte, for every family and option, resumed from a state or from a run folder."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqcore.config import ModelConfig, TrainingConfig
from seqcore.folder import RunFolder
from seqcore.run import Run
from seqcore.tasks.language import TokenData
from seqcore.trainer import Trainer

from tests.core import runs
from tests.core.cases import ALL
from tests.core.compare import threads

pytestmark = pytest.mark.usefixtures("kernels")

TOKENS = np.random.default_rng(0).integers(0, 13, 600).astype(np.int32)  # with streams an epoch has 17 steps
FAMILIES: list[dict[str, Any]] = [
    {"family": "rnn", "activation": "relu"},
    {"family": "gru", "layers": 2},
    {"family": "attention", "hidden": 12, "heads": 2, "layers": 2, "context": 7, "positions": "rotary"},
    {"family": "feedforward", "context": 5},
]


def trainer(config: ModelConfig, sampling: str) -> Trainer:
    training = TrainingConfig(batch=5, length=7, sampling=sampling, seed=3, weight_decay=0.1, learning_rate=0.01)
    return Trainer(config, training, TokenData(TOKENS, TOKENS[:100]))


def told(run: Trainer) -> dict[str, bytes]:
    """Everything the next step depends on, and the current validation loss."""
    arrays = {name: array.tobytes() for name, array in run.state().items()}
    numbers = {name: value for name, value in run.numbers().items() if name != "seconds"}
    return arrays | {"numbers": repr(numbers).encode(), "validation": np.float64(run.validate()["loss"]).tobytes()}


@pytest.mark.parametrize("sampling", ["streams", "windows"])
@pytest.mark.parametrize("label", ALL)
def test_k_and_k_steps_are_2k_steps(label: str, sampling: str) -> None:
    config, k = dataclasses.replace(ALL[label], dropout=0.2), 11  # crosses the end of an epoch
    whole = trainer(config, sampling)
    losses = [whole.step().loss for _ in range(2 * k)]
    first = trainer(config, sampling)
    for _ in range(k):
        first.step()
    kept = {name: array.copy() for name, array in first.state().items()}
    numbers = dict(first.numbers())
    first.step()  # a further step must not change the saved state
    with threads(1):
        second = trainer(config, sampling)
        second.restore(kept, numbers)
        assert second.steps == k
        assert [second.step().loss for _ in range(k)] == losses[k:]
        assert told(second) == told(whole)


@pytest.mark.parametrize("label", ALL)
def test_a_state_lacking_anything_is_refused_and_changes_nothing(label: str) -> None:
    run = trainer(ALL[label], "streams")
    run.step()
    state, before = run.state(), told(run)
    for name in state:
        with pytest.raises(Exception, match=name.replace(".", r"\.")):
            run.restore({key: value for key, value in state.items() if key != name}, run.numbers())
    assert told(run) == before


@pytest.mark.parametrize("model", FAMILIES, ids=lambda model: model["family"])
def test_a_run_that_is_resumed_from_its_folder_goes_on_as_if_never_stopped(tmp_path: Path, model: Any) -> None:
    given = {"layers": 1} | model
    found = []
    for name, stops in (("whole", [20]), ("cut", [9, 11])):
        run = runs.start(tmp_path / name, given, steps=20)
        for n, count in enumerate(stops):
            if n:
                run.save()
                run.close()
                run = Run.resume(RunFolder(tmp_path / name))
            for _ in range(count):
                assert run.advance().step.finite
        found.append(runs.weights(run))
    assert found[0] == found[1]


@pytest.mark.parametrize("model", FAMILIES, ids=lambda model: model["family"])
def test_training_learns(model: Any) -> None:
    run = runs.start(None, {"layers": 1, "dropout": 0.0} | model | {"hidden": 32}, steps=200, learning_rate=0.01)
    for _ in range(200):
        assert run.advance().step.finite
    history = run.history.record()
    assert history.train_loss[-20:].mean() < 0.6 * history.train_loss[:5].mean()
