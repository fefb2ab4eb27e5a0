"""The units of a run under observation: the search on a thread of its own, and where else a selection is on."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from seqcore.config import TrainingConfig
from seqcore.data.corpus import Corpus, read_corpus
from seqcore.neurons.passage import held_out_passage
from seqcore.neurons.recording import record
from seqcore.neurons.search import search
from seqcore.run import Run
from seqcore.serial import serial_model
from seqcore.tasks.table import guessed

from seqtui.live.lookers import Scene
from seqtui.live.neurons_watch import NeuronsAsked, NeuronsSeen, NeuronsWatch
from seqtui.live.seen import Weights
from seqtui.live.selected import place_of
from tests.core.neurons.passages import written

READ = NeuronsAsked(1500)
HANGS = 120


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    corpus = Corpus("text", "-", written(12_000).encode(), "utf-8")
    made = Run.start(
        {"family": "lstm", "hidden": 12, "embedding": 8}, TrainingConfig(batch=4, steps=1), corpus, keep=False
    )
    yield made
    made.close()


def scene_of(run: Run, gone: Callable[[], bool] = lambda: False, step: int = 0) -> Scene:
    """What the observer gives to a looker for a passage of 40 tokens."""
    model, flat = serial_model(run.config.model), run.trainer.parameters.flat.copy()
    model.load(flat)
    example = run.data.example(run.vocabulary, 3, 40)
    probe = None
    if model.states:
        probe = run.config.task.probe(model, run.vocabulary, example.inputs, step, "", example)
    return Scene(Weights(run, step, flat), model, example, probe, gone)


def looked(
    watch: NeuronsWatch, scene: Scene, asked: NeuronsAsked, done: Callable[[NeuronsSeen], object]
) -> NeuronsSeen:
    """Look again and again, until what is known is enough."""
    until = time.monotonic() + HANGS
    while time.monotonic() < until:
        found = watch.look(scene, asked)
        if found is not None and done(found):
            return found
        time.sleep(0.01)
    pytest.fail("looked in vain")


def test_the_values_are_there_at_once_and_then_what_the_search_finds(run: Run) -> None:
    watch, scene = NeuronsWatch(run), scene_of(run)
    first = watch.look(scene, READ)
    assert first is not None
    assert first.searched is None
    model = scene.model
    (own,) = model.record(scene.example.inputs, model.initial_state(), "c")
    assert first.values is not None
    assert first.values.tobytes() == own.tobytes()
    found = looked(watch, scene, READ, lambda seen: seen.searched is not None).searched
    passage = held_out_passage(run.config.task, run.data, run.vocabulary, model, 1500)
    alone = search(model, passage)
    assert found is not None
    assert alone is not None
    assert (found.findings, found.best, found.missing) == (alone.findings, alone.best, alone.missing)
    assert found.best
    assert watch.look(scene, READ) is None, "nothing is new"
    later = Scene(Weights(run, 7, scene.weights.flat), model, scene.example, scene.probe)
    assert watch.look(later, READ) is None, "it searches again only when it is asked to"
    again = looked(watch, later, READ._replace(search=1), lambda seen: seen.searched is not found).searched
    assert again is not None
    assert (again.step, again.best) == (7, found.best)


def test_the_units_of_a_selection_are_on_in_every_place_that_is_found(run: Run) -> None:
    watch, scene = NeuronsWatch(run), scene_of(run)
    asked = READ._replace(stretch=(10, 13), threshold=0.0)
    matched = looked(watch, scene, asked, lambda seen: seen.matched is not None).matched
    assert matched is not None
    assert (matched.stretch, matched.state) == ((10, 13), "h")
    model = scene.model
    passage = held_out_passage(run.config.task, run.data, run.vocabulary, model, 1500)
    recording = record(model, passage, "h")
    text = model.record(scene.example.inputs, model.initial_state(), "h")[0][:, 0].astype(np.float16)
    assert recording is not None
    on = np.all(text[10:13] >= 0, axis=0)
    if matched.bounded:
        on &= (text[9] < 0) & (text[13] < 0)
    assert [unit.unit for unit in matched.units] == np.flatnonzero(on).tolist() != []
    assert matched.places
    for one in matched.places:
        span = slice(one.first, one.first + len(one.inside))
        both = np.all(recording.values[span] >= 0, axis=0)
        shared = int(np.count_nonzero(both & on))
        assert shared >= max(1, on.sum() / 2)
        assert one.likeness == shared / (on.sum() + np.count_nonzero(both & ~on))
        assert one.inside == tuple(passage.symbol(t) for t in range(span.start, span.stop))
    other = looked(watch, scene, asked._replace(threshold=0.99), lambda seen: seen.matched is not matched).matched
    assert other is not None
    assert (other.units, other.places) == ((), ())
    assert looked(watch, scene, READ, lambda seen: seen.matched is None)


def test_a_selection_after_a_rest_is_read_again_and_finds_the_same(run: Run) -> None:
    watch, scene = NeuronsWatch(run), scene_of(run)
    asked = READ._replace(stretch=(10, 13), threshold=0.0)
    before = looked(watch, scene, asked, lambda seen: seen.matched is not None).matched
    assert looked(watch, scene, READ, lambda seen: seen.matched is None)
    watch.rest()
    after = looked(watch, scene, asked, lambda seen: seen.matched is not None).matched
    assert before is not None
    assert after is not None
    assert after is not before
    assert (after.units, after.places) == (before.units, before.places)


def test_a_search_that_ends_while_nobody_looks_keeps_no_recording(run: Run) -> None:
    watch, scene = NeuronsWatch(run), scene_of(run)
    watch.look(scene, READ)
    search = watch._search
    assert search is not None
    until = time.monotonic() + HANGS
    while search.running and time.monotonic() < until:
        time.sleep(0.01)
    watch.rest()
    assert watch._read is not None, "what it found is known"
    assert watch._read.recording is None
    seen = watch.look(scene, READ)
    assert seen is not None
    assert seen.searched is not None


def test_the_selection_itself_is_no_place_elsewhere() -> None:
    passage = np.array([1, 2, 3, 1, 2, 4, 5], np.int32)
    assert place_of(np.array([1, 2, 4], np.int32), passage) == 3
    assert place_of(np.array([2, 5], np.int32), passage) is None
    assert place_of(np.arange(9, dtype=np.int32), passage) is None
    assert place_of(np.array([[3.0], [1.0]]), np.array([[2.0], [3.0], [1.0]])) == 1


def test_a_search_ends_when_the_observer_leaves_the_run(run: Run) -> None:
    left = threading.Event()
    watch, scene = NeuronsWatch(run), scene_of(run, left.is_set)
    left.set()
    found = looked(watch, scene, READ, lambda seen: seen.percent is None)
    assert found.searched is None


def test_a_model_that_diverged_is_said_to_have(run: Run) -> None:
    watch, scene = NeuronsWatch(run), scene_of(run)
    broken = Weights(run, 5, np.full_like(scene.weights.flat, np.nan))
    scene = Scene(broken, scene.model, scene.example, scene.probe)
    assert "diverged" in looked(watch, scene, READ, lambda seen: seen.problem).problem


def test_a_pair_has_no_units_to_search(tmp_path: Path) -> None:
    task = guessed("reverse:4")
    training = TrainingConfig(**(task.defaults("reverse:4") | {"batch": 4, "steps": 1}))
    model = {"family": "gru", "hidden": 8}
    run = Run.start(model, training, read_corpus("reverse:4"), tmp_path / "run", task=task)
    watch, scene = NeuronsWatch(run), scene_of(run)
    found = watch.look(scene, READ)
    assert found is not None
    assert "its encoder and decoder read different sequences" in found.problem
    assert watch.look(scene, READ) is None
    run.close()
