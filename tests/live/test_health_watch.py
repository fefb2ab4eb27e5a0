"""Whether a model is well, under observation: examined on a thread of its own, the sizes of updates as they come."""

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus
from seqcore.health.examine import TIMESTEPS, examine
from seqcore.neurons.passage import held_out_passage
from seqcore.run import Run
from seqcore.serial import serial_model

from seqtui.live.health_watch import HealthSeen, HealthWatch
from seqtui.live.lookers import Scene
from seqtui.live.seen import Weights
from tests.core.neurons.passages import written

HANGS = 120


@pytest.fixture
def run() -> Iterator[Run]:
    corpus = Corpus("text", "-", written(12_000).encode(), "utf-8")
    training = TrainingConfig(batch=4, steps=40, log_every=2)
    made = Run.start({"family": "gru", "hidden": 12, "embedding": 8}, training, corpus, keep=False)
    yield made
    made.close()


def scene_of(run: Run, gone: Callable[[], bool] = lambda: False) -> Scene:
    model, flat = serial_model(run.config.model), run.trainer.parameters.flat.copy()
    model.load(flat)
    return Scene(Weights(run, run.trainer.steps, flat), model, run.data.example(run.vocabulary, 0, 20), None, gone)


def looked(watch: HealthWatch, scene: Scene, done: Callable[[HealthSeen], object]) -> HealthSeen:
    """Look again and again, until what is known is enough."""
    until = time.monotonic() + HANGS
    while time.monotonic() < until:
        found = watch.look(scene, None)
        if found is not None and done(found):
            return found
        time.sleep(0.01)
    pytest.fail("looked in vain")


def test_the_health_is_that_of_the_engine_and_updates_follow_the_training(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqtui.live.health_watch.PAUSE", 0.0)
    for _ in range(4):
        run.advance()
    watch, scene = HealthWatch(run), scene_of(run)
    first = watch.look(scene, None)
    assert first is not None
    assert first.health is None
    assert first.updates.step.tolist() == [2, 4]
    found = looked(watch, scene, lambda seen: seen.health is not None)
    passage = held_out_passage(run.config.task, run.data, run.vocabulary, scene.model, TIMESTEPS)
    alone = examine(scene.model, passage, run.history.record(), run.history.updates())
    assert alone is not None
    assert found.health is not None
    assert (found.step, found.percent) == (4, None)
    assert (found.health.dead, found.health.singular) == (alone.dead, alone.singular)
    for one, other in zip(found.health.saturation, alone.saturation, strict=True):
        assert one[:2] == other[:2]
        assert np.array_equal(one.left, other.left)
        assert np.array_equal(one.right, other.right)
    assert watch.look(scene, None) is None, "nothing is new"
    run.advance()
    run.advance()
    assert looked(watch, scene, lambda seen: seen.updates.step.size == 3).health is found.health


def test_an_examination_that_was_left_begins_anew(run: Run) -> None:
    run.advance()
    watch, scene = HealthWatch(run), scene_of(run)
    first = watch.look(scene, None)
    assert first is not None
    assert first.percent is not None, "it has begun"
    watch.rest()
    watch.rest()
    assert looked(watch, scene, lambda seen: seen.health is not None).step == 1
    watch.rest()
    assert watch.look(scene, None) is None, "what was found is kept"


def test_an_examination_ends_when_the_observer_leaves_the_run(run: Run) -> None:
    left = threading.Event()
    left.set()
    watch = HealthWatch(run)
    found = looked(watch, scene_of(run, left.is_set), lambda seen: seen.percent is None)
    assert found.health is None
